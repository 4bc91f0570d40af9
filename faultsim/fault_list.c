#include "faultsim/fault_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/parse.h"
#include "faultsim/selection.h"

/* name, whether a list needs it */
#define COLUMN_LIST(X)                                                                 \
    X(FAULT, "fault", 1)                                                               \
    X(TARGET, "target", 1)                                                             \
    X(TENSOR, "tensor", 1)                                                             \
    X(INDEX, "index", 1)                                                               \
    X(BIT, "bit", 1)                                                                   \
    X(KIND, "kind", 1)                                                                 \
    X(IMAGE, "image", 0)                                                               \
    X(STEP, "step", 0)                                                                 \
    X(MEMBER, "member", 0)

enum {
#define X(column, name, needed) COLUMN_##column,
    COLUMN_LIST(X)
#undef X
        N_COLUMNS
};

static const struct {
    const char *name;
    int is_needed;
} columns[] = {
#define X(column, name, needed) {name, needed},
    COLUMN_LIST(X)
#undef X
};

/* --- writing ----------------------------------------------------------------- */

/* Quoted by RFC 4180 where that is needed, and where space around it would be lost. */
static void write_field(ef_text *text, const char *field)
{
    size_t n = strlen(field);
    if (n > 0 && !strpbrk(field, ",\"\r\n") && field[0] != ' ' && field[0] != '\t' &&
        field[n - 1] != ' ' && field[n - 1] != '\t') {
        ef_text_add_bytes(text, field, n);
        return;
    }
    ef_text_add_bytes(text, "\"", 1);
    for (; *field; field++) {
        ef_text_add_bytes(text, *field == '"' ? "\"\"" : field, *field == '"' ? 2 : 1);
    }
    ef_text_add_bytes(text, "\"", 1);
}

void ef_fault_list_write_head(ef_text *text)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        ef_text_add(text, c > 0 ? ",%s" : "%s", columns[c].name);
    }
    ef_text_add(text, "\n");
}

static void write_word(ef_text *text, const char *word)
{
    ef_text_add_bytes(text, word, strlen(word));
    ef_text_add_bytes(text, ",", 1);
}

/* By hand: lists have millions of rows, and printf would take most of their time. */
static void write_number(ef_text *text, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = ',';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    ef_text_add_bytes(text, digits + at, sizeof digits - at);
}

static void write_bit(ef_text *text, uint64_t number, const ef_flip *flip,
                      const ef_site *site, unsigned bit)
{
    write_number(text, number);
    write_word(text, ef_target_names[site->target]);
    write_field(text, site->name);
    ef_text_add_bytes(text, ",", 1);
    write_number(text, ef_layout_to_file(&site->layout, flip->index));
    write_number(text, bit);
    write_word(text, ef_fault_kind_names[flip->kind]);
    if (flip->image >= 0) {
        write_number(text, (uint64_t)flip->image);
    } else {
        ef_text_add_bytes(text, ",", 1);
    }
    if (site->target == EF_TARGET_ACCUMULATORS) {
        write_number(text, flip->moment);
    } else {
        ef_text_add_bytes(text, ",", 1);
    }
    ef_text_add_bytes(text, "\n", 1);
}

void ef_fault_list_write(ef_text *text, uint64_t number, const ef_fault *fault,
                         const ef_site *sites)
{
    if (fault->n == 0) {
        ef_text_add(text, "%llu,,,,,,,,\n", (unsigned long long)number);
    }
    for (size_t i = 0; i < fault->n; i++) {
        const ef_flip *flip = &fault->flips[i];
        for (unsigned bit = 0; bit < 64; bit++) {
            if (flip->mask >> bit & 1) {
                write_bit(text, number, flip, &sites[flip->site], bit);
            }
        }
    }
}

/* --- reading rows ------------------------------------------------------------ */

typedef struct row {
    uint64_t fault;
    ef_flip flip; /* of one bit; of none: the fault strikes nothing */
    size_t line;
} row;

typedef struct reader {
    const ef_site **sites; /* (n_sites) by target and name */
    const ef_site *first;  /* of them as they were given */
    size_t n_sites;
    uint64_t n_images;
    int has_head;
    size_t at[N_COLUMNS]; /* field of each column; SIZE_MAX: not there */
    size_t n_fields;
    row *rows;
    size_t n, capacity;
} reader;

static ef_status take_head(reader *r, const ef_csv_row *in, ef_error *err)
{
    memset(r->at, 0xff, sizeof r->at);
    for (size_t i = 0; i < in->n; i++) {
        size_t c = 0;
        while (c < N_COLUMNS && strcmp(columns[c].name, in->fields[i]) != 0) {
            c++;
        }
        if (c == N_COLUMNS || r->at[c] != SIZE_MAX) {
            return ef_error_at(err, EF_ERR_INPUT, in->place,
                               c == N_COLUMNS ? "a fault list has no column '%.80s'"
                                              : "two columns are called '%.80s'",
                               in->fields[i]);
        }
        r->at[c] = i;
    }
    for (size_t c = 0; c < N_COLUMNS; c++) {
        if (columns[c].is_needed && r->at[c] == SIZE_MAX) {
            return ef_error_at(err, EF_ERR_INPUT, in->place, "no column is called '%s'",
                               columns[c].name);
        }
    }
    r->has_head = 1;
    r->n_fields = in->n;
    return EF_OK;
}

static const char *field(const reader *r, const ef_csv_row *in, size_t column)
{
    return r->at[column] == SIZE_MAX ? "" : in->fields[r->at[column]];
}

static ef_status refuse(const ef_csv_row *in, size_t column, const ef_error *why,
                        ef_error *err)
{
    return ef_error_at(err, EF_ERR_INPUT, in->place, "%s: %s", columns[column].name,
                       why->text);
}

/* A number of a column in [0, limit). */
static ef_status take_number(const reader *r, const ef_csv_row *in, size_t column,
                             uint64_t limit, uint64_t *number, ef_error *err)
{
    ef_error why = {EF_OK, ""};
    if (ef_parse_u64(field(r, in, column), 0, limit - 1, number, &why)) {
        return refuse(in, column, &why, err);
    }
    return EF_OK;
}

static ef_status take_choice(const reader *r, const ef_csv_row *in, size_t column,
                             const char *const *names, size_t n_names, size_t *choice,
                             ef_error *err)
{
    ef_error why = {EF_OK, ""};
    if (ef_parse_choice(field(r, in, column), names, n_names, choice, &why)) {
        return refuse(in, column, &why, err);
    }
    return EF_OK;
}

static int compare_names(const ef_site *a, const ef_site *b)
{
    return a->target != b->target ? (a->target > b->target ? 1 : -1)
                                  : strcmp(a->name, b->name);
}

static int compare_sites(const void *a, const void *b)
{
    return compare_names(*(const ef_site *const *)a, *(const ef_site *const *)b);
}

/* The first names that would do, since those of fused layers are not obvious. */
#define NAMES_SHOWN 4

static ef_status refuse_tensor(const reader *r, const ef_csv_row *in,
                               const ef_site *wanted, ef_error *err)
{
    ef_text names = {0};
    size_t n = 0;
    for (size_t i = 0; i < r->n_sites; i++) {
        if (r->sites[i]->target == wanted->target && n++ < NAMES_SHOWN) {
            ef_text_add(&names, "%s%.100s", n == 1 ? "; there are " : ", ",
                        r->sites[i]->name);
        }
    }
    ef_text_add(&names, "%s", n > NAMES_SHOWN ? " ..." : "");
    ef_status status =
        names.failed
            ? ef_error_memory(err)
            : ef_error_at(err, EF_ERR_INPUT, in->place,
                          "the network stores no %s called '%.200s'%s",
                          ef_target_names[wanted->target], wanted->name, names.bytes);
    ef_text_clear(&names);
    return status;
}

static ef_status take_site(const reader *r, const ef_csv_row *in, uint32_t *site,
                           ef_error *err)
{
    size_t target = 0, low = 0, high = r->n_sites;
    ef_status status = take_choice(r, in, COLUMN_TARGET, ef_target_names,
                                   EF_TARGET_COUNT, &target, err);
    if (status) {
        return status;
    }
    ef_site key = {.target = (ef_target)target, .name = field(r, in, COLUMN_TENSOR)};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(r->sites[middle], &key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t n = 0;
    while (low + n < r->n_sites && compare_names(r->sites[low + n], &key) == 0) {
        n++;
    }
    if (n == 0) {
        return refuse_tensor(r, in, &key, err);
    }
    if (n > 1) {
        return ef_error_at(err, EF_ERR_INPUT, in->place,
                           "several %s are called '%.200s'", ef_target_names[target],
                           key.name);
    }
    *site = (uint32_t)(r->sites[low] - r->first);
    return EF_OK;
}

static ef_status take_image(const reader *r, const ef_csv_row *in, int64_t *image,
                            ef_error *err)
{
    uint64_t number = 0;
    *image = -1;
    if (field(r, in, COLUMN_IMAGE)[0] == '\0') {
        return EF_OK;
    }
    ef_status status = take_number(r, in, COLUMN_IMAGE, r->n_images, &number, err);
    *image = status ? -1 : (int64_t)number;
    return status;
}

/* Of a running sum; no other element has one. */
static ef_status take_moment(const reader *r, const ef_csv_row *in, const ef_site *site,
                             uint64_t *moment, ef_error *err)
{
    *moment = 0;
    if (site->target == EF_TARGET_ACCUMULATORS) {
        return take_number(r, in, COLUMN_STEP, site->n_moments, moment, err);
    }
    if (field(r, in, COLUMN_STEP)[0] != '\0') {
        return ef_error_at(err, EF_ERR_INPUT, in->place,
                           "step: only faults in accumulators have one");
    }
    return EF_OK;
}

/* No ensemble is struck. */
static ef_status check_member(const reader *r, const ef_csv_row *in, ef_error *err)
{
    if (field(r, in, COLUMN_MEMBER)[0] != '\0') {
        return ef_error_at(err, EF_ERR_INPUT, in->place,
                           "member: the network is no ensemble");
    }
    return EF_OK;
}

static ef_status take_flip(const reader *r, const ef_csv_row *in, ef_flip *flip,
                           ef_error *err)
{
    size_t kind = 0;
    uint64_t bit = 0;
    ef_status status = take_site(r, in, &flip->site, err);
    const ef_site *site = &r->first[flip->site];
    if (!status) {
        status = take_number(r, in, COLUMN_INDEX, site->count, &flip->index, err);
    }
    if (!status) {
        status = take_number(r, in, COLUMN_BIT, site->bits, &bit, err);
    }
    if (!status) {
        status = take_choice(r, in, COLUMN_KIND, ef_fault_kind_names,
                             EF_FAULT_KIND_COUNT, &kind, err);
    }
    if (!status) {
        status = take_image(r, in, &flip->image, err);
    }
    if (!status) {
        status = take_moment(r, in, site, &flip->moment, err);
    }
    if (!status) {
        status = check_member(r, in, err);
    }
    if (!status) {
        flip->index = ef_layout_from_file(&site->layout, flip->index);
    }
    flip->kind = (ef_fault_kind)kind;
    flip->mask = UINT64_C(1) << bit;
    return status;
}

static int is_bare(const reader *r, const ef_csv_row *in)
{
    size_t length = 0;
    for (size_t c = COLUMN_TARGET; c < N_COLUMNS; c++) {
        length += strlen(field(r, in, c));
    }
    return length == 0;
}

static ef_status keep_row(reader *r, const row *read, ef_error *err)
{
    if (r->n == r->capacity) {
        size_t capacity = r->capacity > 0 ? 2 * r->capacity : 64;
        row *rows = ef_realloc(r->rows, capacity, sizeof *rows);
        if (!rows) {
            return ef_error_memory(err);
        }
        r->rows = rows;
        r->capacity = capacity;
    }
    r->rows[r->n++] = *read;
    return EF_OK;
}

static ef_status on_row(void *context, const ef_csv_row *in, ef_error *err)
{
    reader *r = context;
    if (!r->has_head) {
        return take_head(r, in, err);
    }
    if (in->n != r->n_fields) {
        return ef_error_at(err, EF_ERR_INPUT, in->place,
                           "expected %zu fields, found %zu", r->n_fields, in->n);
    }
    row read = {.line = in->place.line, .flip = {.image = -1}};
    ef_status status = take_number(r, in, COLUMN_FAULT, INT64_MAX, &read.fault, err);
    if (!status && !is_bare(r, in)) {
        status = take_flip(r, in, &read.flip, err);
    }
    return status ? status : keep_row(r, &read, err);
}

/* --- rows into faults -------------------------------------------------------- */

#define COMPARE(a, b)                                                                  \
    if ((a) != (b)) {                                                                  \
        return (a) < (b) ? -1 : 1;                                                     \
    }

/* Rows of one fault and element stand together, by kind; without bits before all. */
static int compare_rows(const void *a, const void *b)
{
    const row *x = a, *y = b;
    COMPARE(x->fault, y->fault)
    COMPARE(x->flip.mask > 0, y->flip.mask > 0)
    COMPARE(x->flip.site, y->flip.site)
    COMPARE(x->flip.image, y->flip.image)
    COMPARE(x->flip.index, y->flip.index)
    COMPARE(x->flip.moment, y->flip.moment)
    COMPARE(x->flip.kind, y->flip.kind)
    COMPARE(x->line, y->line)
    return 0;
}

static int same_element(const row *a, const row *b)
{
    return a->fault == b->fault && a->flip.mask > 0 && b->flip.mask > 0 &&
           a->flip.site == b->flip.site && a->flip.image == b->flip.image &&
           a->flip.index == b->flip.index && a->flip.moment == b->flip.moment;
}

/* The error names the later line of the two. */
static ef_status refuse_bit(const char *path, const row *a, const row *b, ef_error *err)
{
    size_t first = a->line < b->line ? a->line : b->line;
    ef_place place = {path, a->line + b->line - first, 0};
    return ef_error_at(err, EF_ERR_INPUT, place,
                       "the bit is struck by line %zu already", first);
}

/* The first row that does not stand before key, or r->n. */
static size_t find_row(const reader *r, const row *key)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_rows(&r->rows[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* A bit that is struck in every image is not struck again in one. */
static ef_status check_everywhere(const reader *r, const char *path, const row *at,
                                  ef_error *err)
{
    row key = *at;
    key.flip.image = -1;
    key.flip.kind = 0;
    key.line = 0;
    for (size_t i = find_row(r, &key); i < r->n && same_element(&r->rows[i], &key);
         i++) {
        if (r->rows[i].flip.mask == at->flip.mask) {
            return refuse_bit(path, &r->rows[i], at, err);
        }
    }
    return EF_OK;
}

static ef_status check_bits(const reader *r, const char *path, ef_error *err)
{
    uint64_t seen = 0;
    size_t begin = 0;
    ef_status status = EF_OK;
    for (size_t i = 0; i < r->n && !status; i++) {
        const row *at = &r->rows[i];
        if (i == 0 || !same_element(at - 1, at)) {
            seen = 0;
            begin = i;
        }
        for (size_t k = begin; k < i && seen & at->flip.mask; k++) {
            if (r->rows[k].flip.mask == at->flip.mask) {
                return refuse_bit(path, &r->rows[k], at, err);
            }
        }
        seen |= at->flip.mask;
        status = at->flip.mask > 0 && at->flip.image >= 0
                     ? check_everywhere(r, path, at, err)
                     : EF_OK;
    }
    return status;
}

static void gather(const reader *r, ef_fault_list *list)
{
    for (size_t i = 0; i < r->n; i++) {
        const row *at = &r->rows[i];
        int is_new = list->n == 0 || list->numbers[list->n - 1] != at->fault;
        if (is_new) {
            list->numbers[list->n] = at->fault;
            list->faults[list->n++] = (ef_fault){&list->flips[list->n_flips], 0};
        }
        ef_fault *fault = &list->faults[list->n - 1];
        if (!is_new && same_element(at - 1, at) && at[-1].flip.kind == at->flip.kind) {
            list->flips[list->n_flips - 1].mask |= at->flip.mask;
        } else if (at->flip.mask > 0) {
            list->flips[list->n_flips++] = at->flip;
            fault->n++;
        }
    }
}

static ef_status make_list(reader *r, const char *path, ef_fault_list *list,
                           ef_error *err)
{
    if (r->n > 0) {
        qsort(r->rows, r->n, sizeof *r->rows, compare_rows);
    }
    ef_status status = check_bits(r, path, err);
    if (!status && !r->has_head) {
        ef_place place = {path, 0, 0};
        status = ef_error_at(err, EF_ERR_INPUT, place, "holds no line of column names");
    }
    if (status) {
        return status;
    }
    ef_fault_list made = {.numbers = ef_calloc(r->n, sizeof *made.numbers),
                          .faults = ef_calloc(r->n, sizeof *made.faults),
                          .flips = ef_calloc(r->n, sizeof *made.flips)};
    if (!made.numbers || !made.faults || !made.flips) {
        ef_fault_list_clear(&made);
        return ef_error_memory(err);
    }
    gather(r, &made);
    *list = made;
    return EF_OK;
}

ef_status ef_fault_list_read(ef_fault_list *list, const char *path,
                             const ef_site *sites, size_t n_sites, uint64_t n_images,
                             ef_error *err)
{
    reader r = {.first = sites, .n_sites = n_sites, .n_images = n_images};
    ef_csv_handler handler = {0, on_row, NULL, &r};
    r.sites = ef_calloc(n_sites, sizeof *r.sites);
    ef_status status = r.sites ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; i < n_sites && !status; i++) {
        r.sites[i] = &sites[i];
    }
    if (!status) {
        qsort(r.sites, n_sites, sizeof *r.sites, compare_sites);
        status = ef_csv_read(path, &handler, err);
    }
    if (!status) {
        status = make_list(&r, path, list, err);
    }
    ef_free(r.sites);
    ef_free(r.rows);
    return status;
}

void ef_fault_list_clear(ef_fault_list *list)
{
    ef_free(list->numbers);
    ef_free(list->faults);
    ef_free(list->flips);
    *list = (ef_fault_list){NULL, NULL, 0, NULL, 0};
}
