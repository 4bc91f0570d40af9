/* From bytes to a tree, by libyaml's events: what a person cannot mean (anchors,
 * tags, a second document) and what would exhaust the machine ends at its place. */
#include "base/yaml_priv.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/mem.h"

enum {
    MAX_DEPTH = 64,
    MAX_NODES =
        1000000, /* about 150 MB; the bytes alone would allow eight times that */
    MAX_BYTES = 16 << 20
};

typedef struct builder {
    ef_yaml *yaml;
    ef_yaml_node *open[MAX_DEPTH];
    size_t depth;
    size_t n_nodes;
    int n_documents;
    ef_error *err;
} builder;

static void free_node(ef_yaml_node *node)
{
    if (!node) {
        return;
    }
    for (size_t i = 0; i < node->n_items; i++) {
        free_node(node->items[i]); /* at most MAX_DEPTH deep */
    }
    ef_free(node->items);
    ef_free(node->text);
    ef_free(node);
}

static ef_place place_of(const builder *b, yaml_mark_t mark)
{
    ef_place place = {b->yaml->name, mark.line + 1, mark.column + 1};
    return place;
}

static ef_status refuse(builder *b, ef_place place, const char *what)
{
    return ef_error_at(b->err, EF_ERR_INPUT, place, "%s", what);
}

/* Hangs a node below the innermost open one, which then owns it. */
static ef_status attach(builder *b, ef_yaml_node *node)
{
    if (b->depth == 0) {
        b->yaml->root = node;
        return EF_OK;
    }
    ef_yaml_node *parent = b->open[b->depth - 1];
    if (parent->n_items == parent->capacity) {
        size_t capacity = parent->capacity ? 2 * parent->capacity : 4;
        ef_yaml_node **items =
            ef_realloc(parent->items, capacity, sizeof *parent->items);
        if (!items) {
            free_node(node);
            return ef_error_memory(b->err);
        }
        parent->items = items;
        parent->capacity = capacity;
    }
    parent->items[parent->n_items++] = node;
    return EF_OK;
}

static ef_status add_node(builder *b, ef_yaml_kind kind, ef_place place,
                          ef_yaml_node **added)
{
    if (++b->n_nodes > MAX_NODES) {
        return refuse(b, place, "more than 1000000 values in one file");
    }
    const ef_yaml_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
    if (parent && parent->kind == EF_YAML_MAP && parent->n_items % 2 == 0 &&
        kind != EF_YAML_SCALAR) {
        return refuse(b, place, "a key must be a text, found a list or a map");
    }
    ef_yaml_node *node = ef_calloc(1, sizeof *node);
    if (!node) {
        return ef_error_memory(b->err);
    }
    node->kind = kind;
    node->place = place;
    *added = node;
    return attach(b, node);
}

static ef_status add_scalar(builder *b, const yaml_event_t *event, ef_place place)
{
    size_t length = event->data.scalar.length;
    const char *value = (const char *)event->data.scalar.value;
    if (memchr(value, '\0', length)) {
        return refuse(b, place, "a text must not hold a NUL");
    }
    ef_yaml_node *node;
    ef_status status = add_node(b, EF_YAML_SCALAR, place, &node);
    if (status) {
        return status;
    }
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = ef_strdup(value);
    return node->text ? EF_OK : ef_error_memory(b->err);
}

static ef_status open_node(builder *b, ef_yaml_kind kind, ef_place place)
{
    if (b->depth == MAX_DEPTH) {
        return refuse(b, place, "nested more than 64 deep");
    }
    ef_yaml_node *node;
    ef_status status = add_node(b, kind, place, &node);
    if (!status) {
        b->open[b->depth++] = node;
    }
    return status;
}

static int compare_places(ef_place a, ef_place b)
{
    int lines = (a.line > b.line) - (a.line < b.line);
    return lines ? lines : (a.column > b.column) - (a.column < b.column);
}

static int compare_keys(const void *a, const void *b)
{
    const ef_yaml_node *x = *(ef_yaml_node *const *)a, *y = *(ef_yaml_node *const *)b;
    int texts = strcmp(x->text, y->text);
    return texts ? texts : compare_places(x->place, y->place);
}

/* Sorted, equal keys stand side by side; the first repetition in the file counts. */
static const ef_yaml_node *find_repeated(ef_yaml_node **keys, size_t n)
{
    const ef_yaml_node *first = NULL;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0 &&
            (!first || compare_places(keys[i]->place, first->place) < 0)) {
            first = keys[i];
        }
    }
    return first;
}

static ef_status close_node(builder *b)
{
    ef_yaml_node *node = b->open[--b->depth];
    size_t n = node->n_items / 2;
    if (node->kind != EF_YAML_MAP || n < 2) {
        return EF_OK;
    }
    ef_yaml_node **keys = ef_calloc(n, sizeof *keys);
    if (!keys) {
        return ef_error_memory(b->err);
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = node->items[2 * i];
    }
    const ef_yaml_node *repeated = find_repeated(keys, n);
    ef_free(keys);
    if (repeated) {
        return ef_error_at(b->err, EF_ERR_INPUT, repeated->place,
                           "the key '%s' stands here for the second time",
                           repeated->text);
    }
    return EF_OK;
}

static ef_status check_properties(builder *b, const unsigned char *anchor,
                                  const unsigned char *tag, ef_place place)
{
    if (anchor) {
        return refuse(b, place, "anchors (&name) are not supported");
    }
    return tag ? refuse(b, place, "tags (!name) are not supported") : EF_OK;
}

static ef_status on_scalar(builder *b, const yaml_event_t *event, ef_place place)
{
    ef_status status =
        check_properties(b, event->data.scalar.anchor, event->data.scalar.tag, place);
    return status ? status : add_scalar(b, event, place);
}

static ef_status on_list(builder *b, const yaml_event_t *event, ef_place place)
{
    ef_status status = check_properties(b, event->data.sequence_start.anchor,
                                        event->data.sequence_start.tag, place);
    return status ? status : open_node(b, EF_YAML_LIST, place);
}

static ef_status on_map(builder *b, const yaml_event_t *event, ef_place place)
{
    ef_status status = check_properties(b, event->data.mapping_start.anchor,
                                        event->data.mapping_start.tag, place);
    return status ? status : open_node(b, EF_YAML_MAP, place);
}

static ef_status on_event(builder *b, const yaml_event_t *event)
{
    ef_place place = place_of(b, event->start_mark);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->n_documents++ == 0
                   ? EF_OK
                   : refuse(b, place, "more than one document in one file");
    case YAML_ALIAS_EVENT:
        return refuse(b, place, "aliases (*name) are not supported");
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event, place);
    case YAML_SEQUENCE_START_EVENT:
        return on_list(b, event, place);
    case YAML_MAPPING_START_EVENT:
        return on_map(b, event, place);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_node(b);
    default:
        return EF_OK;
    }
}

static ef_status refuse_syntax(builder *b, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return ef_error_memory(b->err);
    }
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_READER_ERROR) {
        ef_place file = {b->yaml->name, 0, 0};
        return ef_error_at(b->err, EF_ERR_INPUT, file, "%s at byte %zu", problem,
                           parser->problem_offset);
    }
    return refuse(b, place_of(b, parser->problem_mark), problem);
}

static ef_status build(builder *b, yaml_parser_t *parser)
{
    for (int ended = 0; !ended;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return refuse_syntax(b, parser);
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        ef_status status = on_event(b, &event);
        yaml_event_delete(&event);
        if (status) {
            return status;
        }
    }
    const ef_yaml_node *root = b->yaml->root;
    if (!root || (root->kind == EF_YAML_SCALAR && !root->quoted && !*root->text)) {
        ef_place file = {b->yaml->name, 1, 0};
        return refuse(b, file, "the document is empty");
    }
    return EF_OK;
}

ef_status ef_yaml_parse(ef_yaml **yaml, const char *name, const char *text, size_t size,
                        ef_error *err)
{
    if (size > MAX_BYTES) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: longer than 16 MiB", name);
    }
    ef_yaml *loaded = ef_calloc(1, sizeof *loaded);
    if (!loaded || !(loaded->name = ef_strdup(name))) {
        ef_yaml_destroy(loaded);
        return ef_error_memory(err);
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        ef_yaml_destroy(loaded);
        return ef_error_memory(err);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    builder b = {.yaml = loaded, .err = err};
    ef_status status = build(&b, &parser);
    yaml_parser_delete(&parser);
    if (status) {
        ef_yaml_destroy(loaded);
        return status;
    }
    *yaml = loaded;
    return EF_OK;
}

ef_status ef_yaml_load(ef_yaml **yaml, const char *path, ef_error *err)
{
    unsigned char *bytes;
    size_t size;
    ef_status status = ef_file_read(path, MAX_BYTES, &bytes, &size, err);
    if (status) {
        return status;
    }
    status = ef_yaml_parse(yaml, path, (const char *)bytes, size, err);
    ef_free(bytes);
    return status;
}

void ef_yaml_destroy(ef_yaml *yaml)
{
    if (yaml) {
        free_node(yaml->root);
        ef_free(yaml->name);
        ef_free(yaml);
    }
}
