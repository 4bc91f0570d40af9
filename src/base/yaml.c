/* Reading a loaded document: nodes by position, maps by tables of keys. */
#include "base/yaml_priv.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

/* --- nodes ------------------------------------------------------------------ */

const ef_yaml_node *ef_yaml_root(const ef_yaml *yaml)
{
    return yaml->root;
}

ef_yaml_kind ef_yaml_node_kind(const ef_yaml_node *node)
{
    return node->kind;
}

ef_place ef_yaml_place(const ef_yaml_node *node)
{
    return node->place;
}

size_t ef_yaml_length(const ef_yaml_node *node)
{
    return node->kind == EF_YAML_MAP ? node->n_items / 2 : node->n_items;
}

const ef_yaml_node *ef_yaml_item(const ef_yaml_node *list, size_t index)
{
    return list->items[index];
}

const char *ef_yaml_map_key(const ef_yaml_node *map, size_t index)
{
    return map->items[2 * index]->text;
}

const ef_yaml_node *ef_yaml_map_value(const ef_yaml_node *map, size_t index)
{
    return map->items[2 * index + 1];
}

const ef_yaml_node *ef_yaml_find(const ef_yaml_node *map, const char *key)
{
    if (map->kind != EF_YAML_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < ef_yaml_length(map); i++) {
        if (strcmp(ef_yaml_map_key(map, i), key) == 0) {
            return ef_yaml_map_value(map, i);
        }
    }
    return NULL;
}

const char *ef_yaml_text(const ef_yaml_node *node)
{
    return node->text;
}

/* --- values by type --------------------------------------------------------- */

static int is_bounded(const ef_yaml_key *row)
{
    return row->min != 0 || row->max != 0;
}

/* 2^64 and 2^63 are the first doubles that the types cannot hold. */
static uint64_t clamp_u64(double bound)
{
    return bound <= 0 ? 0 : bound >= 0x1p64 ? UINT64_MAX : (uint64_t)bound;
}

static int64_t clamp_i64(double bound)
{
    return bound <= -0x1p63 ? INT64_MIN : bound >= 0x1p63 ? INT64_MAX : (int64_t)bound;
}

typedef ef_status read_value(const char *text, const ef_yaml_key *row, void *value,
                             ef_error *err);

static ef_status read_u64(const char *text, const ef_yaml_key *row, void *value,
                          ef_error *err)
{
    uint64_t max = is_bounded(row) ? clamp_u64(row->max) : UINT64_MAX;
    return ef_parse_u64(text, clamp_u64(row->min), max, value, err);
}

static ef_status read_count(const char *text, const ef_yaml_key *row, void *value,
                            ef_error *err)
{
    uint64_t max = is_bounded(row) ? clamp_u64(row->max) : UINT64_MAX;
    return ef_parse_count(text, clamp_u64(row->min), max, value, err);
}

static ef_status read_i64(const char *text, const ef_yaml_key *row, void *value,
                          ef_error *err)
{
    int64_t min = is_bounded(row) ? clamp_i64(row->min) : INT64_MIN;
    int64_t max = is_bounded(row) ? clamp_i64(row->max) : INT64_MAX;
    return ef_parse_i64(text, min, max, value, err);
}

static ef_status read_f64(const char *text, const ef_yaml_key *row, void *value,
                          ef_error *err)
{
    double min = is_bounded(row) ? row->min : -DBL_MAX;
    double max = is_bounded(row) ? row->max : DBL_MAX;
    return ef_parse_f64(text, min, max, value, err);
}

static ef_status read_quantity(const char *text, const ef_yaml_key *row, void *value,
                               ef_error *err)
{
    double min = is_bounded(row) ? row->min : -DBL_MAX;
    double max = is_bounded(row) ? row->max : DBL_MAX;
    return ef_parse_quantity(text, row->unit, min, max, value, err);
}

static ef_status read_bool(const char *text, const ef_yaml_key *row, void *value,
                           ef_error *err)
{
    (void)row;
    return ef_parse_bool(text, value, err);
}

static ef_status read_choice(const char *text, const ef_yaml_key *row, void *value,
                             ef_error *err)
{
    size_t n = 0;
    while (row->names[n]) {
        n++;
    }
    return ef_parse_choice(text, row->names, n, value, err);
}

static ef_status read_text(const char *text, const ef_yaml_key *row, void *value,
                           ef_error *err)
{
    (void)row;
    (void)err;
    memcpy(value, &text, sizeof text);
    return EF_OK;
}

static read_value *const readers[] = {
    [EF_YAML_U64] = read_u64,       [EF_YAML_COUNT] = read_count,
    [EF_YAML_I64] = read_i64,       [EF_YAML_F64] = read_f64,
    [EF_YAML_BOOL] = read_bool,     [EF_YAML_QUANTITY] = read_quantity,
    [EF_YAML_CHOICE] = read_choice, [EF_YAML_TEXT] = read_text,
};

static ef_status check_scalar(const ef_yaml_node *node, const char *what, ef_error *err)
{
    static const char *const found[] = {[EF_YAML_SCALAR] = "nothing",
                                        [EF_YAML_LIST] = "a list",
                                        [EF_YAML_MAP] = "a map"};
    if (node->kind == EF_YAML_SCALAR && (*node->text || node->quoted)) {
        return EF_OK;
    }
    return ef_error_at(err, EF_ERR_INPUT, node->place, "%s: expected a value, found %s",
                       what, found[node->kind]);
}

/* What base/parse.h said of a value, with its place and name in front. */
static ef_status add_place(const ef_yaml_node *node, const char *what,
                           const ef_error *inner, ef_error *err)
{
    return ef_error_at(err, inner->status, node->place, "%s: %s", what, inner->text);
}

/* --- maps by table ---------------------------------------------------------- */

static ef_status read_entry(const ef_yaml_node *value, const ef_yaml_key *row,
                            void *field, ef_error *err)
{
    if (row->type == EF_YAML_NODE) {
        memcpy(field, &value, sizeof value);
        return EF_OK;
    }
    ef_status status = check_scalar(value, row->name, err);
    if (status) {
        return status;
    }
    ef_error inner;
    ef_error_clear(&inner);
    status = readers[row->type](value->text, row, field, &inner);
    return status ? add_place(value, row->name, &inner, err) : EF_OK;
}

static const ef_yaml_key *find_row(const ef_yaml_key *keys, size_t n_keys,
                                   const char *name)
{
    for (size_t i = 0; i < n_keys; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static ef_status refuse_key(const ef_yaml_node *key, const char *what,
                            const ef_yaml_key *keys, size_t n_keys, ef_error *err)
{
    char known[EF_ERROR_TEXT / 2] = "";
    for (size_t i = 0; i < n_keys; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                 keys[i].name);
    }
    return ef_error_at(err, EF_ERR_INPUT, key->place,
                       "unknown key '%s' in %s; known are %s", key->text, what, known);
}

/* All that can be wrong is found here, so that a failure leaves `into` untouched. */
static ef_status check_map(const ef_yaml_node *map, const char *what,
                           const ef_yaml_key *keys, size_t n_keys, ef_error *err)
{
    if (map->kind != EF_YAML_MAP) {
        return ef_error_at(err, EF_ERR_INPUT, map->place,
                           "expected the keys of %s, found %s", what,
                           map->kind == EF_YAML_LIST ? "a list" : "a single value");
    }
    for (size_t i = 0; i < ef_yaml_length(map); i++) {
        const ef_yaml_key *row = find_row(keys, n_keys, ef_yaml_map_key(map, i));
        if (!row) {
            return refuse_key(map->items[2 * i], what, keys, n_keys, err);
        }
        union {
            uint64_t number;
            double real;
            const void *pointer;
        } scratch;
        ef_status status = read_entry(ef_yaml_map_value(map, i), row, &scratch, err);
        if (status) {
            return status;
        }
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (keys[i].required && !ef_yaml_find(map, keys[i].name)) {
            return ef_error_at(err, EF_ERR_INPUT, map->place, "%s lacks the key '%s'",
                               what, keys[i].name);
        }
    }
    return EF_OK;
}

ef_status ef_yaml_read_map(const ef_yaml_node *map, const char *what,
                           const ef_yaml_key *keys, size_t n_keys, void *into,
                           ef_error *err)
{
    ef_status status = check_map(map, what, keys, n_keys, err);
    for (size_t i = 0; !status && i < n_keys; i++) {
        const ef_yaml_node *value = ef_yaml_find(map, keys[i].name);
        if (value) {
            status = read_entry(value, &keys[i], (char *)into + keys[i].offset, err);
        }
    }
    return status;
}

/* --- lists of whole numbers ------------------------------------------------- */

ef_status ef_yaml_read_u64s(const ef_yaml_node *node, const char *what, uint64_t min,
                            uint64_t max, uint64_t *values, size_t room, size_t *n,
                            ef_error *err)
{
    int is_list = node->kind == EF_YAML_LIST;
    size_t count = is_list ? node->n_items : 1;
    if (count > room) {
        return ef_error_at(err, EF_ERR_INPUT, node->place,
                           "%s: at most %zu numbers, found %zu", what, room, count);
    }
    for (size_t i = 0; i < count; i++) {
        const ef_yaml_node *item = is_list ? node->items[i] : node;
        ef_status status = check_scalar(item, what, err);
        if (status) {
            return status;
        }
        ef_error inner;
        ef_error_clear(&inner);
        status = ef_parse_u64(item->text, min, max, &values[i], &inner);
        if (status) {
            return add_place(item, what, &inner, err);
        }
    }
    *n = count;
    return EF_OK;
}
