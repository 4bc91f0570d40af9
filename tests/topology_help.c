#include "topology_help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/topology_yaml.h"

ef_topology *parse_topology(const char *text)
{
    ef_topology *topology = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_parse(&topology, "net", text, strlen(text), &err), EF_OK,
                 "%s", err.text);
    return topology;
}

ef_topology *load_topology(const char *name)
{
    ef_topology *topology = NULL;
    ef_error err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/data/topologies/%s.yaml", getenv("EF_SRCDIR"),
             name);
    cr_assert_eq(ef_topology_load(&topology, path, &err), EF_OK, "%s", err.text);
    return topology;
}
