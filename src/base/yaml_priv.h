/* The tree behind a YAML document, shared by loading and reading. */
#ifndef EF_BASE_YAML_PRIV_H
#define EF_BASE_YAML_PRIV_H

#include <stddef.h>

#include "base/status.h"
#include "base/yaml.h"

struct ef_yaml_node {
    ef_yaml_kind kind;
    ef_place place;
    int quoted;                  /* scalar: '' and "" are texts, nothing is not */
    char *text;                  /* scalar */
    struct ef_yaml_node **items; /* list: values; map: key, value, key, value ... */
    size_t n_items, capacity;
};

struct ef_yaml {
    char *name;
    ef_yaml_node *root;
};

#endif
