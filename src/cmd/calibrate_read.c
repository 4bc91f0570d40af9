/* evoflip calibrate: what was measured, as CSV. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/sum.h"
#include "cmd/calibrate_priv.h"
#include "cmd/model.h"

const char *const ef_quantity_names[] = {
#define X(quantity, name, unit, what, example) name,
    EF_QUANTITY_LIST(X)
#undef X
        NULL};

const char *const ef_quantity_units[] = {
#define X(quantity, name, unit, what, example) unit,
    EF_QUANTITY_LIST(X)
#undef X
};

static const char *const kinds[] = {
#define X(quantity, name, unit, what, example) what,
    EF_QUANTITY_LIST(X)
#undef X
};

static const char *const examples[] = {
#define X(quantity, name, unit, what, example) example,
    EF_QUANTITY_LIST(X)
#undef X
};

#define NO_COLUMN SIZE_MAX
#define UNIT_SIZE 16

typedef struct reading {
    ef_measurements *into;
    const char *path;
    ef_quantity wanted; /* EF_QUANTITY_COUNT: any */
    const ef_format *format;
    size_t n_columns; /* 0: the header has not come yet */
    size_t topology_column, format_column, value_column;
    char column[64];      /* name of value_column */
    char unit[UNIT_SIZE]; /* that its name says, "" for none */
} reading;

/* --- the header --- */

/* Whether a column holds a quantity: by its name alone, or with a unit behind `_`. */
static int is_column_of(const char *name, ef_quantity quantity, char *unit)
{
    size_t n = strlen(ef_quantity_names[quantity]);
    if (strncmp(name, ef_quantity_names[quantity], n) != 0) {
        return 0;
    }
    unit[0] = '\0';
    if (name[n] == '\0') {
        return 1;
    }
    char text[UNIT_SIZE + 4];
    double one;
    if (name[n] != '_' || strlen(name + n + 1) >= UNIT_SIZE) {
        return 0;
    }
    snprintf(text, sizeof text, "1 %s", name + n + 1);
    if (ef_parse_quantity(text, ef_quantity_units[quantity], 0, DBL_MAX, &one, NULL)) {
        return 0;
    }
    snprintf(unit, UNIT_SIZE, "%s", name + n + 1);
    return 1;
}

/* A column that is there at most once. */
static ef_status find_column(const ef_csv_row *row, const char *name, size_t *column,
                             ef_error *err)
{
    *column = NO_COLUMN;
    for (size_t i = 0; i < row->n; i++) {
        if (strcmp(row->fields[i], name) != 0) {
            continue;
        }
        if (*column != NO_COLUMN) {
            return ef_error_at(err, EF_ERR_INPUT, row->place,
                               "column '%s' stands there twice", name);
        }
        *column = i;
    }
    return EF_OK;
}

/* A column that begins as a quantity's does and says another unit than one of it. */
static ef_status refuse_header(const reading *r, const ef_csv_row *row, ef_error *err)
{
    for (size_t i = 0; i < row->n; i++) {
        for (size_t q = 0; q < EF_QUANTITY_COUNT; q++) {
            size_t n = strlen(ef_quantity_names[q]);
            int is_like = strncmp(row->fields[i], ef_quantity_names[q], n) == 0;
            if (is_like && (r->wanted == EF_QUANTITY_COUNT || r->wanted == q)) {
                return ef_error_at(err, EF_ERR_INPUT, row->place,
                                   "column '%s': expected a unit of %s behind '%s_', "
                                   "as in %s_%s",
                                   row->fields[i], kinds[q], ef_quantity_names[q],
                                   ef_quantity_names[q], examples[q]);
            }
        }
    }
    int any = r->wanted == EF_QUANTITY_COUNT;
    return ef_error_at(err, EF_ERR_INPUT, row->place,
                       "the first row names no column %s",
                       any ? "latency or energy" : ef_quantity_names[r->wanted]);
}

static ef_status find_value(reading *r, const ef_csv_row *row, ef_error *err)
{
    r->value_column = NO_COLUMN;
    for (size_t q = 0; q < EF_QUANTITY_COUNT; q++) {
        for (size_t i = 0; i < row->n; i++) {
            char unit[UNIT_SIZE];
            int matches = (r->wanted == EF_QUANTITY_COUNT || r->wanted == q) &&
                          is_column_of(row->fields[i], (ef_quantity)q, unit);
            if (matches && r->value_column != NO_COLUMN && r->into->quantity != q) {
                return ef_error_set(err, EF_ERR_USAGE,
                                    "%s has latency and energy: --quantity says which "
                                    "is meant",
                                    r->path);
            }
            if (matches && r->value_column != NO_COLUMN) {
                return ef_error_at(err, EF_ERR_INPUT, row->place,
                                   "columns '%s' and '%s' both hold the %s", r->column,
                                   row->fields[i], ef_quantity_names[q]);
            }
            if (matches) {
                r->value_column = i;
                r->into->quantity = (ef_quantity)q;
                snprintf(r->column, sizeof r->column, "%s", row->fields[i]);
                memcpy(r->unit, unit, sizeof unit);
            }
        }
    }
    return r->value_column == NO_COLUMN ? refuse_header(r, row, err) : EF_OK;
}

static ef_status read_header(reading *r, const ef_csv_row *row, ef_error *err)
{
    r->n_columns = row->n;
    ef_status status = find_column(row, "topology", &r->topology_column, err);
    if (!status && r->topology_column == NO_COLUMN) {
        status = ef_error_at(err, EF_ERR_INPUT, row->place,
                             "the first row names no column topology");
    }
    status = status ? status : find_column(row, "format", &r->format_column, err);
    return status ? status : find_value(r, row, err);
}

/* --- rows --- */

static ef_status read_value(const reading *r, const ef_csv_row *row, double *value,
                            ef_error *err)
{
    const char *text = row->fields[r->value_column];
    const char *unit = ef_quantity_units[r->into->quantity];
    ef_error inner = {0};
    ef_status status;
    if (r->unit[0]) {
        /* A unit of its own beside the column's is refused as no number. */
        status = ef_parse_f64(text, -DBL_MAX, DBL_MAX, value, &inner);
        char with_unit[128];
        int n = snprintf(with_unit, sizeof with_unit, "%s %s", text, r->unit);
        if (!status && n > 0 && (size_t)n < sizeof with_unit) {
            status =
                ef_parse_quantity(with_unit, unit, -DBL_MAX, DBL_MAX, value, &inner);
        }
    } else {
        status = ef_parse_quantity(text, unit, -DBL_MAX, DBL_MAX, value, &inner);
    }
    if (status) {
        return ef_error_at(err, status, row->place, "%s: %s", r->column, inner.text);
    }
    if (*value < DBL_MIN) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "%s: expected more than 0, found '%s'", r->column, text);
    }
    return EF_OK;
}

static ef_status read_format(const reading *r, const ef_csv_row *row, ef_format *format,
                             ef_error *err)
{
    *format = *r->format;
    if (r->format_column == NO_COLUMN || !row->fields[r->format_column][0]) {
        return EF_OK;
    }
    ef_error inner = {0};
    ef_status status = ef_format_parse(row->fields[r->format_column], format, &inner);
    return status ? ef_error_at(err, status, row->place, "format: %s", inner.text)
                  : EF_OK;
}

/* A relative name counts from the folder of the CSV file. */
static ef_status load_topology(const reading *r, const ef_csv_row *row,
                               ef_topology **topology, ef_error *err)
{
    const char *name = row->fields[r->topology_column];
    const char *slash = strrchr(r->path, '/');
    if (!name[0]) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "topology: expected the name of a file, found nothing");
    }
    size_t n_folder = slash && name[0] != '/' ? (size_t)(slash - r->path) + 1 : 0;
    char *path = ef_calloc(n_folder + strlen(name) + 1, 1);
    if (!path) {
        return ef_error_memory(err);
    }
    memcpy(path, r->path, n_folder);
    strcpy(path + n_folder, name);
    ef_error inner = {0};
    ef_status status = ef_model_load_topology(topology, path, &inner);
    ef_free(path);
    return status ? ef_error_at(err, status, row->place, "topology: %s", inner.text)
                  : EF_OK;
}

/* The index of a topology, which is taken, among those that are there. */
static ef_status place_topology(ef_measurements *m, const char *name,
                                ef_topology *topology, const ef_format *format,
                                size_t *index, ef_error *err)
{
    for (size_t i = 0; i < m->n; i++) {
        char a[EF_FORMAT_NAME], b[EF_FORMAT_NAME];
        ef_format_name(&m->items[i].format, a);
        ef_format_name(format, b);
        if (strcmp(a, b) == 0 &&
            ef_topology_hash(m->items[i].topology) == ef_topology_hash(topology)) {
            ef_topology_destroy(topology);
            *index = i;
            return EF_OK;
        }
    }
    if (m->n == m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 32;
        ef_measured *items = ef_realloc(m->items, capacity, sizeof *items);
        m->items = items ? items : m->items;
        m->capacity = items ? capacity : m->capacity;
    }
    char *copy = m->n < m->capacity ? ef_strdup(name) : NULL;
    if (!copy) {
        ef_topology_destroy(topology);
        return ef_error_memory(err);
    }
    *index = m->n;
    m->items[m->n++] = (ef_measured){copy, topology, *format, 0};
    return EF_OK;
}

static ef_status add_value(ef_measurements *m, double value, size_t of, ef_error *err)
{
    if (m->n_rows == m->row_capacity) {
        size_t capacity = m->row_capacity ? 2 * m->row_capacity : 64;
        double *values = ef_realloc(m->values, capacity, sizeof *values);
        m->values = values ? values : m->values;
        size_t *ofs = values ? ef_realloc(m->of, capacity, sizeof *ofs) : NULL;
        m->of = ofs ? ofs : m->of;
        if (!ofs) {
            return ef_error_memory(err);
        }
        m->row_capacity = capacity;
    }
    m->values[m->n_rows] = value;
    m->of[m->n_rows++] = of;
    return EF_OK;
}

static ef_status read_row(void *context, const ef_csv_row *row, ef_error *err)
{
    reading *r = context;
    if (r->n_columns == 0) {
        return read_header(r, row, err);
    }
    if (row->n != r->n_columns) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "expected %zu fields, as the first row has, found %zu",
                           r->n_columns, row->n);
    }
    double value = 0;
    ef_format format;
    ef_topology *topology = NULL;
    size_t index = 0;
    ef_status status = read_value(r, row, &value, err);
    status = status ? status : read_format(r, row, &format, err);
    status = status ? status : load_topology(r, row, &topology, err);
    status = status ? status
                    : place_topology(r->into, row->fields[r->topology_column], topology,
                                     &format, &index, err);
    return status ? status : add_value(r->into, value, index, err);
}

/* --- the whole --- */

static ef_status take_medians(ef_measurements *m, ef_error *err)
{
    double *some = ef_calloc(m->n_rows, 2 * sizeof *some);
    if (!some) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < m->n; i++) {
        size_t n = 0;
        for (size_t k = 0; k < m->n_rows; k++) {
            if (m->of[k] == i) {
                some[n++] = m->values[k];
            }
        }
        m->items[i].value = ef_median(some, n, some + m->n_rows);
    }
    ef_free(some);
    return EF_OK;
}

ef_status ef_measurements_load(ef_measurements *measurements, const char *path,
                               ef_quantity quantity, const ef_format *format,
                               ef_error *err)
{
    reading r = {
        .into = measurements, .path = path, .wanted = quantity, .format = format};
    ef_csv_handler handler = {.on_row = read_row, .context = &r};
    ef_status status = ef_csv_read(path, &handler, err);
    if (!status && measurements->n < 2) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s: expected at least 2 different topologies, found %zu",
                              path, measurements->n);
    }
    return status ? status : take_medians(measurements, err);
}

void ef_measurements_clear(ef_measurements *measurements)
{
    for (size_t i = 0; i < measurements->n; i++) {
        ef_free(measurements->items[i].name);
        ef_topology_destroy(measurements->items[i].topology);
    }
    ef_free(measurements->items);
    ef_free(measurements->values);
    ef_free(measurements->of);
    memset(measurements, 0, sizeof *measurements);
}
