/* CSV: a row is an image, its columns the raw values in NCHW order, the label, and
 * perhaps a group. */
#include <float.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/stream.h"
#include "net/csv_header_priv.h"
#include "net/dataset_priv.h"

#define NO_COLUMN SIZE_MAX

typedef struct loader {
    ef_dataset *set;
    const char *path;
    const ef_dataset_options *options;
    ef_csv_header header;
    size_t n_columns; /* 0 before the first row */
    size_t first_line;
    size_t label_column, group_column;
    size_t n_pixels;
    int has_range;
    double low, high; /* as declared, else as seen */
    size_t n_classes; /* as declared; 0: by the greatest label */
    size_t capacity;  /* images there is room for */
    uint64_t *group_keys;
} loader;

static ef_setting setting_of(const loader *load, const char *option, const char *text,
                             ef_csv_header_key key)
{
    return text ? (ef_setting){.text = text, .option = option}
                : load->header.settings[key];
}

/* --- columns ---------------------------------------------------------------- */

/* names: the row of names, NULL where the file has none. */
static ef_status find_column(const ef_setting *setting, const ef_csv_row *row,
                             int has_names, size_t *column, ef_error *err)
{
    uint64_t number = 0;
    if (strcmp(setting->text, "first") == 0) {
        *column = 0;
        return EF_OK;
    }
    if (strcmp(setting->text, "last") == 0) {
        *column = row->n - 1;
        return EF_OK;
    }
    if (!ef_parse_u64(setting->text, 1, row->n, &number, NULL)) {
        *column = (size_t)number - 1;
        return EF_OK;
    }
    for (size_t i = 0; has_names && i < row->n; i++) {
        if (strcmp(setting->text, row->fields[i]) == 0) {
            *column = i;
            return EF_OK;
        }
    }
    return ef_setting_error(
        setting, err, "expected first, last, a number from 1 to %zu%s, found '%s'",
        row->n, has_names ? " or the name of a column" : "", setting->text);
}

static ef_status find_label(loader *load, const ef_csv_row *row, int has_names,
                            ef_error *err)
{
    ef_setting label =
        setting_of(load, "--label", load->options->label, EF_CSV_HEADER_LABEL);
    ef_setting usual = {.text = "label"};
    if (label.text) {
        return find_column(&label, row, has_names, &load->label_column, err);
    }
    if (!has_names || find_column(&usual, row, has_names, &load->label_column, NULL)) {
        return ef_error_at(err, EF_ERR_USAGE, (ef_place){.file = load->path},
                           "which column is the label? Say it with --label first, "
                           "last, a number or a name, or at the head of the file with "
                           "`# label: last`");
    }
    return EF_OK;
}

static ef_status find_group(loader *load, const ef_csv_row *row, int has_names,
                            ef_error *err)
{
    ef_setting group =
        setting_of(load, "--group", load->options->group, EF_CSV_HEADER_GROUP);
    load->group_column = NO_COLUMN;
    if (!group.text || strcmp(group.text, "none") == 0) {
        return EF_OK;
    }
    ef_status status = find_column(&group, row, has_names, &load->group_column, err);
    if (!status && load->group_column == load->label_column) {
        status = ef_setting_error(&group, err, "column %zu is the label",
                                  load->label_column + 1);
    }
    return status;
}

static size_t square_root(size_t n)
{
    size_t root = 0;
    while ((root + 1) * (root + 1) <= n) {
        root++;
    }
    return root;
}

/* Without a shape, a square image of one channel, or a line of values. */
static ef_status find_shape(loader *load, ef_place place, ef_error *err)
{
    ef_dataset *set = load->set;
    ef_setting shape =
        setting_of(load, "--shape", load->options->shape, EF_CSV_HEADER_SHAPE);
    if (!shape.text) {
        size_t side = square_root(load->n_pixels);
        int is_square = side * side == load->n_pixels;
        set->channels = 1;
        set->height = is_square ? side : 1;
        set->width = is_square ? side : load->n_pixels;
        return EF_OK;
    }
    ef_status status =
        ef_setting_shape(&shape, &set->channels, &set->height, &set->width, err);
    if (!status && ef_dataset_image_size(set) != load->n_pixels) {
        status = ef_error_at(err, EF_ERR_INPUT, place,
                             "the shape %s needs %zu values a row beside the label%s, "
                             "found %zu",
                             shape.text, ef_dataset_image_size(set),
                             load->group_column == NO_COLUMN ? "" : " and the group",
                             load->n_pixels);
    }
    return status;
}

static ef_status find_bounds(loader *load, ef_error *err)
{
    const ef_setting *range = &load->header.settings[EF_CSV_HEADER_RANGE];
    const ef_setting *classes = &load->header.settings[EF_CSV_HEADER_CLASSES];
    load->has_range = range->text != NULL;
    load->low = DBL_MAX;
    load->high = -DBL_MAX;
    ef_status status = EF_OK;
    if (load->has_range) {
        status = ef_setting_range(range, &load->low, &load->high, err);
    }
    uint64_t n = 0;
    if (!status && classes->text &&
        ef_parse_u64(classes->text, 1, EF_DATASET_CLASSES_MAX, &n, NULL)) {
        status = ef_setting_error(
            classes, err, "expected a number of classes from 1 to %d, found '%s'",
            EF_DATASET_CLASSES_MAX, classes->text);
    }
    load->n_classes = (size_t)n;
    return status;
}

static int is_number(const char *text)
{
    double value = 0;
    return ef_parse_f64(text, -DBL_MAX, DBL_MAX, &value, NULL) == EF_OK;
}

/* A row in which nothing is a number names the columns. */
static int names_columns(const ef_csv_row *row)
{
    size_t n_numbers = 0;
    for (size_t i = 0; i < row->n; i++) {
        n_numbers += is_number(row->fields[i]) != 0;
    }
    return n_numbers == 0;
}

static ef_status lay_out(loader *load, const ef_csv_row *row, int has_names,
                         ef_error *err)
{
    load->n_columns = row->n;
    load->first_line = row->place.line;
    ef_status status = find_label(load, row, has_names, err);
    if (!status) {
        status = find_group(load, row, has_names, err);
    }
    if (status) {
        return status;
    }
    size_t n_others = load->group_column == NO_COLUMN ? 1 : 2;
    if (row->n <= n_others) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "%zu columns leave none for an image", row->n);
    }
    load->n_pixels = row->n - n_others;
    status = find_shape(load, row->place, err);
    return status ? status : find_bounds(load, err);
}

/* --- values ----------------------------------------------------------------- */

/* Room for one more image: rows are doubled, so memory follows the file's length. */
static ef_status reserve_image(loader *load, ef_error *err)
{
    ef_dataset *set = load->set;
    if (set->n < load->capacity) {
        return EF_OK;
    }
    size_t capacity = load->capacity ? 2 * load->capacity : 64;
    ef_status status = EF_OK;
    if (set->values) {
        float *values =
            ef_realloc(set->values, capacity, load->n_pixels * sizeof *values);
        uint16_t *labels =
            values ? ef_realloc(set->labels, capacity, sizeof *labels) : NULL;
        set->values = values ? values : set->values;
        set->labels = labels ? labels : set->labels;
        status = labels ? EF_OK : ef_error_memory(err);
    } else {
        status = ef_dataset_grow(set, capacity, err);
    }
    if (!status && load->group_column != NO_COLUMN) {
        uint64_t *keys = ef_realloc(load->group_keys, capacity, sizeof *keys);
        load->group_keys = keys ? keys : load->group_keys;
        status = keys ? EF_OK : ef_error_memory(err);
    }
    load->capacity = status ? load->capacity : capacity;
    return status;
}

/* The first value that is no byte turns all that came before into float32. */
static ef_status widen(loader *load, size_t n_done, ef_error *err)
{
    ef_dataset *set = load->set;
    float *values = ef_calloc(load->capacity, load->n_pixels * sizeof *values);
    if (!values) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n_done; i++) {
        values[i] = set->bytes[i];
    }
    ef_free(set->bytes);
    set->bytes = NULL;
    set->values = values;
    return EF_OK;
}

/* One to three digits, the common case, without a general parser. */
static int read_short(const char *text, double *value)
{
    int number = 0;
    const char *at = text;
    while (*at >= '0' && *at <= '9' && at < text + 3) {
        number = 10 * number + (*at++ - '0');
    }
    *value = number;
    return at > text && !*at;
}

static ef_status refuse_value(const ef_csv_row *row, size_t column, ef_error *err)
{
    double value = 0;
    ef_error cause = {0};
    ef_status status =
        ef_parse_f64(row->fields[column], -FLT_MAX, FLT_MAX, &value, &cause);
    return ef_error_at(err, status, row->place, "column %zu: %s", column + 1,
                       cause.text);
}

static ef_status read_value(const ef_csv_row *row, size_t column, double *value,
                            ef_error *err)
{
    const char *text = row->fields[column];
    if (read_short(text, value) ||
        ef_parse_f64(text, -FLT_MAX, FLT_MAX, value, NULL) == EF_OK) {
        return EF_OK;
    }
    return refuse_value(row, column, err);
}

static ef_status store_pixel(loader *load, size_t at, double value, ef_error *err)
{
    ef_dataset *set = load->set;
    int is_byte = value >= 0 && value <= 255 && value == (double)(int)value;
    if (!is_byte && !set->values) {
        ef_status status = widen(load, at, err);
        if (status) {
            return status;
        }
    }
    if (set->values) {
        set->values[at] = (float)value;
    } else {
        set->bytes[at] = (unsigned char)value;
    }
    return EF_OK;
}

static ef_status take_pixel(loader *load, const ef_csv_row *row, size_t column,
                            size_t at, ef_error *err)
{
    double value = 0;
    ef_status status = read_value(row, column, &value, err);
    if (status) {
        return status;
    }
    if (load->has_range && (value < load->low || value > load->high)) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "column %zu: %s lies outside the range %s of the header",
                           column + 1, row->fields[column],
                           load->header.texts[EF_CSV_HEADER_RANGE]);
    }
    if (!load->has_range) {
        load->low = value < load->low ? value : load->low;
        load->high = value > load->high ? value : load->high;
    }
    return store_pixel(load, at, value, err);
}

static ef_status take_label(loader *load, const ef_csv_row *row, ef_error *err)
{
    double value = 0;
    ef_status status = read_value(row, load->label_column, &value, err);
    if (status) {
        return status;
    }
    size_t limit = load->n_classes ? load->n_classes : EF_DATASET_CLASSES_MAX;
    if (value < 0 || value >= (double)limit || value != (double)(int)value) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "column %zu: expected a label from 0 to %zu, found '%s'",
                           load->label_column + 1, limit - 1,
                           row->fields[load->label_column]);
    }
    load->set->labels[load->set->n] = (uint16_t)value;
    return EF_OK;
}

static ef_status take_image(loader *load, const ef_csv_row *row, ef_error *err)
{
    ef_status status = reserve_image(load, err);
    if (!status) {
        status = take_label(load, row, err);
    }
    size_t at = load->set->n * load->n_pixels;
    for (size_t column = 0; !status && column < row->n; column++) {
        if (column == load->group_column) {
            const char *text = row->fields[column];
            load->group_keys[load->set->n] = ef_hash_bytes(0, text, strlen(text));
        } else if (column != load->label_column) {
            status = take_pixel(load, row, column, at++, err);
        }
    }
    load->set->n += !status;
    return status;
}

static ef_status on_row(void *context, const ef_csv_row *row, ef_error *err)
{
    loader *load = context;
    if (load->n_columns == 0) {
        int has_names = names_columns(row);
        ef_status status = lay_out(load, row, has_names, err);
        if (status || has_names) {
            return status;
        }
    }
    if (row->n != load->n_columns) {
        return ef_error_at(err, EF_ERR_INPUT, row->place,
                           "%zu columns, where line %zu has %zu", row->n,
                           load->first_line, load->n_columns);
    }
    return take_image(load, row, err);
}

static ef_status on_comment(void *context, const char *text, ef_place place,
                            ef_error *err)
{
    loader *load = context;
    return ef_csv_header_add(&load->header, text, place, err);
}

/* --- the whole -------------------------------------------------------------- */

/* Splits names in place: "zero,one" becomes two texts. */
static ef_status name_classes(loader *load, ef_error *err)
{
    const ef_setting *setting = &load->header.settings[EF_CSV_HEADER_NAMES];
    char *text = load->header.texts[EF_CSV_HEADER_NAMES];
    if (!text) {
        return EF_OK;
    }
    size_t n = 1;
    for (const char *at = text; (at = strchr(at, ',')); at++) {
        n++;
    }
    if (n != load->set->n_classes) {
        return ef_setting_error(setting, err, "%zu classes, but names for %zu",
                                load->set->n_classes, n);
    }
    const char **names = ef_calloc(n, sizeof *names);
    if (!names) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = text;
        text += strcspn(text, ",");
        *text++ = '\0';
    }
    ef_status status = ef_dataset_name_classes(load->set, names, n, err);
    ef_free(names);
    return status;
}

static ef_status finish(loader *load, ef_error *err)
{
    ef_dataset *set = load->set;
    if (set->n == 0) {
        return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = load->path},
                           "holds no images");
    }
    int is_bytes = set->bytes != NULL && !load->has_range;
    set->low = is_bytes ? 0 : load->low;
    set->high = is_bytes ? 255 : load->high;
    set->first_test = set->n;
    ef_dataset_count_classes(set);
    if (load->n_classes) {
        set->n_classes = load->n_classes;
    }
    ef_status status = name_classes(load, err);
    if (!status && load->group_keys) {
        status = ef_dataset_group(set, load->group_keys, err);
    }
    return status;
}

static ef_status load_csv(ef_dataset *set, const char *path,
                          const ef_dataset_options *options, ef_error *err)
{
    loader load = {.set = set, .path = path, .options = options};
    ef_csv_handler handler = {0, on_row, on_comment, &load};
    ef_status status = ef_csv_read(path, &handler, err);
    if (!status) {
        status = finish(&load, err);
    }
    ef_csv_header_clear(&load.header);
    ef_free(load.group_keys);
    return status;
}

static ef_status probe_csv(const ef_dataset_probe *probe, int *fits, ef_error *err)
{
    (void)err;
    *fits = !probe->is_folder;
    return EF_OK;
}

const ef_dataset_reader ef_dataset_csv = {
    .format = "CSV",
    .takes_columns = 1,
    .takes_shape = 1,
    .probe = probe_csv,
    .load = load_csv,
};
