#include "report/severity.h"

#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/parse.h"

#define PER_WEIGHT 1000 /* units of a weight of 1 before they are shortened */
#define UNSAID UINT32_MAX
#define EXPECTED_HEAD                                                                  \
    "expected the names from,to,weight, or an empty field and the classes of a matrix"

typedef struct loader {
    ef_severity *to;
    char *const *names;
    int has_head, is_matrix;
    size_t *columns; /* (n_columns) classes of a matrix */
    size_t n_columns;
} loader;

/* By name before number: names may be numbers of their own. */
static ef_status find_class(const loader *load, const char *text, ef_place place,
                            size_t *class, ef_error *err)
{
    size_t n = load->to->n_classes;
    for (size_t i = 0; load->names && i < n; i++) {
        if (strcmp(load->names[i], text) == 0) {
            *class = i;
            return EF_OK;
        }
    }
    uint64_t number = 0;
    if (ef_parse_u64(text, 0, n - 1, &number, NULL)) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "no class \"%s\": expected %s0 to %zu", text,
                           load->names ? "a name of the data or " : "", n - 1);
    }
    *class = (size_t)number;
    return EF_OK;
}

static ef_status set_weight(const loader *load, size_t from, size_t to,
                            const char *text, ef_place place, ef_error *err)
{
    uint32_t *units = &load->to->units[from * load->to->n_classes + to];
    ef_error why = {EF_OK, ""};
    double weight = 0;
    ef_status status = ef_parse_f64(text, 0, EF_SEVERITY_WEIGHT_MAX, &weight, &why);
    if (status) {
        return ef_error_at(err, status, place, "weight: %s", why.text);
    }
    double whole = nearbyint(weight * PER_WEIGHT);
    if (fabs(weight * PER_WEIGHT - whole) > 1e-6) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "weight: expected at most three decimals, found %s", text);
    }
    if (*units != UNSAID) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "the weight of this pair of classes is there twice");
    }
    *units = (uint32_t)whole;
    return EF_OK;
}

/* --- rows -------------------------------------------------------------------- */

static ef_status read_pair(const loader *load, const ef_csv_row *row, ef_error *err)
{
    size_t from = 0, to = 0;
    if (row->n != 3) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "expected from,to,weight, found %zu fields", row->n);
    }
    ef_status status = find_class(load, row->fields[0], row->place, &from, err);
    status = status ? status : find_class(load, row->fields[1], row->place, &to, err);
    if (status) {
        return status;
    }
    return from == to ? ef_error_at(err, EF_ERR_INPUT, row->place,
                                    "class \"%s\" does not change", row->fields[0])
                      : set_weight(load, from, to, row->fields[2], row->place, err);
}

static ef_status read_line(const loader *load, const ef_csv_row *row, ef_error *err)
{
    size_t from = 0;
    if (row->n != load->n_columns + 1) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "expected a class and %zu weights, found %zu fields",
                           load->n_columns, row->n);
    }
    ef_status status = find_class(load, row->fields[0], row->place, &from, err);
    for (size_t i = 0; i < load->n_columns && !status; i++) {
        const char *text = row->fields[i + 1];
        if (load->columns[i] != from && text[0]) {
            status = set_weight(load, from, load->columns[i], text, row->place, err);
        }
    }
    return status;
}

static ef_status read_head(loader *load, const ef_csv_row *row, ef_error *err)
{
    const char *const *fields = row->fields;
    int is_from = strcmp(fields[0], "from") == 0;
    load->has_head = 1;
    if (is_from && row->n == 3 && strcmp(fields[1], "to") == 0 &&
        strcmp(fields[2], "weight") == 0) {
        return EF_OK;
    }
    if ((fields[0][0] && !is_from) || row->n < 2) {
        return ef_error_at(err, EF_ERR_INPUT, row->place, EXPECTED_HEAD);
    }
    load->is_matrix = 1;
    load->n_columns = row->n - 1;
    load->columns = ef_calloc(load->n_columns, sizeof *load->columns);
    ef_status status = load->columns ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; i < load->n_columns && !status; i++) {
        status = find_class(load, fields[i + 1], row->place, &load->columns[i], err);
    }
    return status;
}

static ef_status on_row(void *context, const ef_csv_row *row, ef_error *err)
{
    loader *load = context;
    if (!load->has_head) {
        return read_head(load, row, err);
    }
    return load->is_matrix ? read_line(load, row, err) : read_pair(load, row, err);
}

/* --- the whole --------------------------------------------------------------- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b > 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What was not said weighs 1; then the largest units that all weights are whole of. */
static ef_status shorten(ef_severity *s, const char *path, ef_error *err)
{
    size_t n = s->n_classes;
    uint32_t divisor = 0;
    for (size_t i = 0; i < n * n; i++) {
        uint32_t said = s->units[i] == UNSAID ? PER_WEIGHT : s->units[i];
        s->units[i] = i / n == i % n ? 0 : said;
        divisor = common_divisor(s->units[i], divisor);
    }
    if (divisor == 0) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){path, 0, 0},
                           "no change of classes has a weight above 0");
    }
    for (size_t i = 0; i < n * n; i++) {
        s->units[i] /= divisor;
        s->greatest = s->units[i] > s->greatest ? s->units[i] : s->greatest;
    }
    s->unit = (double)divisor / PER_WEIGHT;
    return EF_OK;
}

static ef_status read_table(ef_severity *s, const char *path, char *const *names,
                            ef_error *err)
{
    loader load = {.to = s, .names = names};
    const ef_csv_handler handler = {.on_row = on_row, .context = &load};
    memset(s->units, 0xff, s->n_classes * s->n_classes * sizeof *s->units);
    ef_status status = ef_csv_read(path, &handler, err);
    ef_free(load.columns);
    if (!status && !load.has_head) {
        status = ef_error_at(err, EF_ERR_INPUT, (ef_place){path, 0, 0}, EXPECTED_HEAD);
    }
    return status ? status : shorten(s, path, err);
}

ef_status ef_severity_load(ef_severity *severity, const char *path, size_t n_classes,
                           char *const *names, ef_error *err)
{
    if (n_classes > EF_SEVERITY_CLASSES_MAX) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){path, 0, 0},
                           "weights are of at most %d classes, these are %zu",
                           EF_SEVERITY_CLASSES_MAX, n_classes);
    }
    ef_severity made = {.n_classes = n_classes};
    made.units = ef_calloc(n_classes * n_classes, sizeof *made.units);
    ef_status status =
        made.units ? read_table(&made, path, names, err) : ef_error_memory(err);
    if (status) {
        ef_severity_clear(&made);
        return status;
    }
    *severity = made;
    return EF_OK;
}

void ef_severity_clear(ef_severity *severity)
{
    ef_free(severity->units);
    *severity = (ef_severity){0};
}

uint64_t ef_severity_units(const ef_severity *severity, const uint16_t *from,
                           const uint16_t *to, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += severity->units[(size_t)from[i] * severity->n_classes + to[i]];
    }
    return sum;
}
