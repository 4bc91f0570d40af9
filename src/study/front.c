#include "study/front.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evolve/knee.h"
#include "evolve/sort.h"
#include "study/search_config.h"

/* --- loading ------------------------------------------------------------------- */

typedef struct loader {
    ef_front *front;
    size_t capacity;
} loader;

static ef_status reserve_row(loader *load)
{
    ef_front *front = load->front;
    if (front->n < load->capacity) {
        return EF_OK;
    }
    size_t capacity = load->capacity ? 2 * load->capacity : 256;
    ef_front_row *rows = ef_realloc(front->rows, capacity, sizeof *rows);
    if (!rows) {
        return EF_ERR_MEMORY;
    }
    front->rows = rows;
    double *objectives = ef_realloc(front->objectives, capacity,
                                    front->n_objectives * sizeof *objectives);
    if (!objectives) {
        return EF_ERR_MEMORY;
    }
    front->objectives = objectives;
    load->capacity = capacity;
    return EF_OK;
}

static ef_status take_record(void *context, const ef_record *record, ef_error *err)
{
    loader *load = context;
    if (record->status == EF_RECORD_PENDING) {
        return EF_OK;
    }
    if (reserve_row(load)) {
        return ef_error_memory(err);
    }
    ef_front *front = load->front;
    ef_front_row *row = &front->rows[front->n];
    *row = (ef_front_row){.id = record->id,
                          .generation = record->generation,
                          .parent_a = record->parent_a,
                          .parent_b = record->parent_b,
                          .status = record->status,
                          .hash = record->hash,
                          .violation = record->violation,
                          .test_error = record->test_error,
                          .loss = record->loss};
    snprintf(row->operator_name, sizeof row->operator_name, "%s",
             record->operator_name);
    memcpy(front->objectives + front->n * front->n_objectives, record->objectives,
           front->n_objectives * sizeof *record->objectives);
    front->n++;
    return EF_OK;
}

/* --- the front ------------------------------------------------------------------- */

static int is_candidate(const ef_front *front, size_t i)
{
    const ef_front_row *row = &front->rows[i];
    return row->status == EF_RECORD_TRAINED && row->violation == 0;
}

/* Points of the candidates with every objective minimised, shape (*n, n_objectives),
 * and the rows they come from. */
static void gather(const ef_front *front, const ef_store *store, double *points,
                   size_t *rows, size_t *n)
{
    size_t m = front->n_objectives;
    *n = 0;
    for (size_t i = 0; i < front->n; i++) {
        if (!is_candidate(front, i)) {
            continue;
        }
        for (size_t k = 0; k < m; k++) {
            double value = front->objectives[i * m + k];
            points[*n * m + k] =
                ef_store_objective_maximised(store, k) ? -value : value;
        }
        rows[(*n)++] = i;
    }
}

typedef struct member {
    const double *point;
    size_t n_objectives;
    double loss;
    size_t row;
} member;

static int by_objectives(const void *a, const void *b)
{
    const member *p = a;
    const member *q = b;
    for (size_t k = 0; k < p->n_objectives; k++) {
        if (p->point[k] != q->point[k]) {
            return p->point[k] < q->point[k] ? -1 : 1;
        }
    }
    return (p->row > q->row) - (p->row < q->row);
}

static ef_status order_members(ef_front *front, member *members, ef_error *err)
{
    size_t m = front->n_objectives;
    qsort(members, front->n_front, sizeof *members, by_objectives);
    front->order = ef_calloc(front->n_front, sizeof *front->order);
    double *points = ef_calloc(front->n_front, m * sizeof *points);
    if (!front->order || !points) {
        ef_free(points);
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < front->n_front; i++) {
        front->order[i] = members[i].row;
        front->rows[members[i].row].in_front = 1;
        memcpy(points + i * m, members[i].point, m * sizeof *points);
    }
    size_t knee = 0;
    ef_status status = EF_OK;
    if (front->n_front) {
        status = ef_knee(points, front->n_front, m, &knee, err);
    }
    front->knee = front->n_front ? front->order[knee] : front->n;
    ef_free(points);
    return status;
}

static ef_status mark_front(ef_front *front, const ef_store *store, ef_error *err)
{
    size_t m = front->n_objectives;
    double *points = ef_calloc(front->n, m * sizeof *points);
    size_t *rows = ef_calloc(front->n, sizeof *rows);
    uint32_t *ranks = ef_calloc(front->n, sizeof *ranks);
    member *members = ef_calloc(front->n, sizeof *members);
    ef_sort *sort = NULL;
    ef_status status = EF_ERR_MEMORY;
    size_t n = 0;
    if (points && rows && ranks && members) {
        gather(front, store, points, rows, &n);
        status = ef_sort_create(&sort, n, m, NULL);
    }
    if (!status) {
        ef_sort_run(sort, points, NULL, n, ranks);
    }
    for (size_t i = 0; !status && i < n; i++) {
        if (ranks[i] == 0) {
            members[front->n_front++] =
                (member){points + i * m, m, front->rows[rows[i]].loss, rows[i]};
        }
    }
    status = status ? ef_error_memory(err) : order_members(front, members, err);
    ef_sort_destroy(sort);
    ef_free(members);
    ef_free(ranks);
    ef_free(rows);
    ef_free(points);
    return status;
}

ef_status ef_front_load(ef_front *front, ef_store *store, ef_error *err)
{
    ef_front loaded = {.n_objectives = ef_store_n_objectives(store)};
    loader load = {.front = &loaded};
    ef_status status = ef_store_each_record(store, take_record, &load, err);
    if (!status) {
        status = mark_front(&loaded, store, err);
    }
    if (status) {
        ef_front_clear(&loaded);
        return status;
    }
    *front = loaded;
    return EF_OK;
}

void ef_front_clear(ef_front *front)
{
    ef_free(front->rows);
    ef_free(front->objectives);
    ef_free(front->order);
    memset(front, 0, sizeof *front);
}

size_t ef_front_best(const ef_front *front)
{
    if (front->n_front == 0) {
        return front->n;
    }
    size_t m = front->n_objectives;
    size_t best = front->order[0];
    for (size_t i = 1; i < front->n_front; i++) {
        size_t row = front->order[i];
        if (front->objectives[row * m] != front->objectives[best * m]) {
            break;
        }
        if (front->rows[row].loss < front->rows[best].loss) {
            best = row;
        }
    }
    return best;
}

/* --- CSV ---------------------------------------------------------------------------
 */

static void add_number(ef_text *text, double value)
{
    ef_text_add(text, ",");
    if (!isnan(value)) {
        ef_text_add_double(text, value);
    }
}

static void add_id(ef_text *text, uint64_t id)
{
    ef_text_add(text, ",");
    if (id) {
        ef_text_add(text, "%" PRIu64, id);
    }
}

static void write_row(const ef_front *front, size_t i, ef_text *text)
{
    const ef_front_row *row = &front->rows[i];
    ef_text_add(text, "%" PRIu64 ",%" PRIu64, row->id, row->generation);
    add_id(text, row->parent_a);
    add_id(text, row->parent_b);
    ef_text_add(text, ",%s,%s", row->operator_name, ef_record_status_name(row->status));
    for (size_t k = 0; k < front->n_objectives; k++) {
        add_number(text, front->objectives[i * front->n_objectives + k]);
    }
    add_number(text, row->violation);
    add_number(text, row->test_error);
    add_number(text, row->loss);
    ef_text_add(text, ",%d,%d,%016" PRIx64 "\n", row->in_front, i == front->knee,
                row->hash);
}

void ef_front_write_csv(const ef_front *front, const ef_store *store, int all,
                        ef_text *text)
{
    ef_text_add(text, "id,generation,parent_a,parent_b,operator,status");
    for (size_t k = 0; k < front->n_objectives; k++) {
        ef_text_add(text, ",%s", ef_store_objective_name(store, k));
    }
    ef_text_add(text, ",violation,test_error,loss,front,knee,hash\n");
    size_t n = all ? front->n : front->n_front;
    for (size_t i = 0; i < n; i++) {
        write_row(front, all ? i : front->order[i], text);
    }
}

/* --- for people ------------------------------------------------------------------ */

#define HEAD 160 /* characters of the head of a column */

/* From which value on a prefix stands in for digits, small ones only with a unit. */
static const struct {
    double from, by;
    const char *prefix;
} prefixes[] = {{1e9, 1e-9, "G"}, {1e6, 1e-6, "M"}, {1e4, 1e-3, "k"}, {1e-2, 1, ""},
                {1e-3, 1e3, "m"}, {1e-6, 1e6, "u"}, {1e-9, 1e9, "n"}, {0, 1e12, "p"}};

/* 1234567 as 1.235M, 0.0000042 J as 4.2u: four significant digits. */
static void add_short(ef_text *text, double value, const char *unit, int width)
{
    char cell[32];
    size_t i = 0, last = sizeof prefixes / sizeof *prefixes - 1;
    while (i < last && fabs(value) < prefixes[i].from) {
        i++;
    }
    if (isnan(value)) {
        snprintf(cell, sizeof cell, "-");
    } else if (strcmp(unit, "share") == 0) {
        snprintf(cell, sizeof cell, "%.2f %%", 100 * value);
    } else if (value == 0 || (prefixes[i].by > 1 && !unit[0])) {
        snprintf(cell, sizeof cell, "%.4g", value);
    } else {
        snprintf(cell, sizeof cell, "%.4g%s", value * prefixes[i].by,
                 prefixes[i].prefix);
    }
    ef_text_add(text, "  %*s", width, cell);
}

/* "energy (J)"; shares say it themselves, in per cent. */
static int write_head(const ef_store *store, size_t k, char *head, size_t room)
{
    const char *unit = ef_store_objective_unit(store, k);
    int is_said = unit[0] && strcmp(unit, "share") != 0;
    int width = snprintf(head, room, "%s%s%s%s", ef_store_objective_name(store, k),
                         is_said ? " (" : "", is_said ? unit : "", is_said ? ")" : "");
    return width > 10 ? width : 10;
}

static void print_row(const ef_front *front, const ef_store *store, size_t i,
                      ef_text *text)
{
    const ef_front_row *row = &front->rows[i];
    char head[HEAD];
    ef_text_add(text, "%s%6" PRIu64, i == front->knee ? "*" : " ", row->id);
    for (size_t k = 0; k < front->n_objectives; k++) {
        add_short(text, front->objectives[i * front->n_objectives + k],
                  ef_store_objective_unit(store, k),
                  write_head(store, k, head, sizeof head));
    }
    add_short(text, row->test_error, "share", 10);
    ef_text_add(text, "  %s\n", row->operator_name);
}

/* Of n rows, `most` evenly spread ones, first and last among them. */
static int is_shown(size_t position, size_t n, size_t most)
{
    if (n <= most) {
        return 1;
    }
    for (size_t s = 0; s < most; s++) {
        if (position == s * (n - 1) / (most - 1)) {
            return 1;
        }
    }
    return 0;
}

void ef_front_print(const ef_front *front, const ef_store *store, size_t most,
                    ef_text *text)
{
    char head[HEAD];
    ef_text_add(text, " %6s", "id");
    for (size_t k = 0; k < front->n_objectives; k++) {
        int width = write_head(store, k, head, sizeof head);
        ef_text_add(text, "  %*s", width, head);
    }
    ef_text_add(text, "  %10s  made by\n", "test error");
    size_t n_shown = 0;
    for (size_t i = 0; i < front->n_front; i++) {
        size_t row = front->order[i];
        if (is_shown(i, front->n_front, most) || row == front->knee) {
            print_row(front, store, row, text);
            n_shown++;
        }
    }
    if (n_shown < front->n_front) {
        ef_text_add(text, "%zu of %zu members shown; * is the knee.\n", n_shown,
                    front->n_front);
    } else if (front->n_front) {
        ef_text_add(text, "* is the knee.\n");
    }
}
