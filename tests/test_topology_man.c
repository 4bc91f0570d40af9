/* evoflip-topology(5): its examples parse, and it explains every operation. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/topology_yaml.h"

static char *read_page(void)
{
    char path[4096];
    unsigned char *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/man/evoflip-topology.5", getenv("EF_SRCDIR"));
    cr_assert_eq(ef_file_read(path, 1 << 20, &bytes, &size, NULL), EF_OK);
    return (char *)bytes;
}

Test(topology_man, has_examples_that_parse)
{
    static const char begin[] = ".Bd -literal -offset indent\n";
    char *page = read_page();
    size_t n = 0;
    for (const char *at = strstr(page, begin); at; at = strstr(at, begin)) {
        at += strlen(begin);
        const char *end = strstr(at, ".Ed\n");
        cr_assert_not_null(end);
        ef_topology *topology = NULL;
        ef_error err = {0};
        ef_status status =
            ef_topology_parse(&topology, "example", at, (size_t)(end - at), &err);
        cr_expect_eq(status, EF_OK, "%s\n%.*s", err.text, (int)(end - at), at);
        ef_topology_destroy(topology);
        n++;
    }
    cr_expect_eq(n, 6);
    ef_free(page);
}

/* The reader's own list of operations, out of the sentence that refuses another. */
Test(topology_man, explains_every_operation)
{
    static const char text[] = "input: [1]\nnodes: [nonsense]\n";
    ef_topology *topology = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_parse(&topology, "t", text, strlen(text), &err),
                 EF_ERR_INPUT);
    char *page = read_page(), *list = strstr(err.text, "one of ");
    cr_assert_not_null(list);
    size_t n = 0;
    for (char *word = strtok(list + 7, ", "); word; word = strtok(NULL, ", ")) {
        char items[3][64];
        snprintf(items[0], sizeof items[0], ".It Ic %s", word);
        snprintf(items[1], sizeof items[1], ", %s", word);
        snprintf(items[2], sizeof items[2], ", Ic %s", word);
        cr_expect(strstr(page, items[0]) || strstr(page, items[1]) ||
                      strstr(page, items[2]),
                  "%s is not in the page", word);
        n++;
    }
    cr_expect_eq(n, 28);
    ef_free(page);
}
