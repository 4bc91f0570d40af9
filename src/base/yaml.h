/* YAML that people write, read by tables of keys; errors name file, line, column.
 *
 * A document is loaded into a tree that keeps the place of every node; maps are
 * read by a table: one row a key, with its type, range and whether it is required.
 * Unknown and repeated keys, a missing required key, a scalar that does not parse
 * whole, an empty document: each is one clear EF_ERR_INPUT. */
#ifndef EF_BASE_YAML_H
#define EF_BASE_YAML_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct ef_yaml ef_yaml;           /* a loaded document */
typedef struct ef_yaml_node ef_yaml_node; /* a node of it, borrowed */

typedef enum ef_yaml_kind { EF_YAML_SCALAR, EF_YAML_LIST, EF_YAML_MAP } ef_yaml_kind;

typedef enum ef_yaml_type {
    EF_YAML_U64,      /* uint64_t */
    EF_YAML_COUNT,    /* uint64_t, with k, M, G */
    EF_YAML_I64,      /* int64_t */
    EF_YAML_F64,      /* double */
    EF_YAML_BOOL,     /* int */
    EF_YAML_QUANTITY, /* double; unit from the row */
    EF_YAML_CHOICE,   /* size_t, index into the row's names */
    EF_YAML_TEXT,     /* const char *, borrowed from the document */
    EF_YAML_NODE      /* const ef_yaml_node *, for lists, maps and unions */
} ef_yaml_type;

typedef struct ef_yaml_key {
    const char *name;
    ef_yaml_type type;
    size_t offset; /* of the field in the struct that is filled */
    int required;
    double min, max;          /* for numbers; both 0: no bound */
    const char *unit;         /* for EF_YAML_QUANTITY */
    const char *const *names; /* for EF_YAML_CHOICE, NULL at the end */
} ef_yaml_key;

/* EF_ERR_IO, EF_ERR_INPUT, EF_ERR_MEMORY.  Anchors and several documents are
 * refused; nesting is bounded at 64, the size at 16 MiB. */
EF_NODISCARD ef_status ef_yaml_load(ef_yaml **yaml, const char *path, ef_error *err);
/* The same from memory; name stands in for the path in errors. */
EF_NODISCARD ef_status ef_yaml_parse(ef_yaml **yaml, const char *name, const char *text,
                                     size_t size, ef_error *err);
void ef_yaml_destroy(ef_yaml *yaml);

const ef_yaml_node *ef_yaml_root(const ef_yaml *yaml);
ef_yaml_kind ef_yaml_node_kind(const ef_yaml_node *node);
ef_place ef_yaml_place(const ef_yaml_node *node);

/* Fills the fields of into that the map names; the others keep what they hold, so
 * defaults are set before.  what ("conv node") is for the error texts. */
EF_NODISCARD ef_status ef_yaml_read_map(const ef_yaml_node *map, const char *what,
                                        const ef_yaml_key *keys, size_t n_keys,
                                        void *into, ef_error *err);

/* Lists and maps by position; length of a scalar is 0. */
size_t ef_yaml_length(const ef_yaml_node *node);
const ef_yaml_node *ef_yaml_item(const ef_yaml_node *list, size_t index);
const char *ef_yaml_map_key(const ef_yaml_node *map, size_t index);
const ef_yaml_node *ef_yaml_map_value(const ef_yaml_node *map, size_t index);
/* NULL where the map has no such key. */
const ef_yaml_node *ef_yaml_find(const ef_yaml_node *map, const char *key);

/* The text of a scalar, NULL for others. */
const char *ef_yaml_text(const ef_yaml_node *node);
/* A scalar as a whole number, or a list of them: shape (*n) out of room max. */
EF_NODISCARD ef_status ef_yaml_read_u64s(const ef_yaml_node *node, const char *what,
                                         uint64_t min, uint64_t max, uint64_t *values,
                                         size_t room, size_t *n, ef_error *err);

#endif
