/* Which channels belong together, on graphs small enough to say by hand. */
#include "net/channels.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_yaml.h"

static ef_error err;
static ef_topology *topology;
static ef_channels channels;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err.text);
}

static void read(const char *text)
{
    must(ef_topology_parse(&topology, "test", text, strlen(text), &err));
    must(ef_channels_init(&channels, topology, &err));
}

static void end(void)
{
    ef_channels_clear(&channels);
    ef_topology_destroy(topology);
}

static size_t at(const char *name)
{
    size_t index = ef_topology_find(topology, name);
    cr_assert_neq(index, SIZE_MAX, "%s", name);
    return index;
}

static uint32_t group(const char *name)
{
    uint32_t g = ef_channels_group(&channels, at(name));
    cr_assert_neq(g, UINT32_MAX, "%s is several runs", name);
    return g;
}

static int fixed(const char *name)
{
    return (int)channels.groups[group(name)].fixed;
}

Test(channels_init, an_add_ties_what_it_joins)
{
    read("input: [3, 8, 8]\n"
         "nodes:\n"
         "  - {conv: 16, kernel: 3, pad: same, name: stem}\n"
         "  - {relu, name: first}\n"
         "  - {conv: 24, kernel: 1, name: inside}\n"
         "  - {conv: 16, kernel: 3, pad: same, name: back}\n"
         "  - {batchnorm, name: norm}\n"
         "  - {add: first, name: sum}\n"
         "  - {globalavg, name: average}\n"
         "  - flatten\n"
         "  - {dense: 10, name: last}\n");
    cr_assert_eq(group("stem"), group("back"));
    cr_assert_eq(group("stem"), group("average"));
    cr_assert_neq(group("stem"), group("inside"));
    cr_assert(!fixed("stem") && !fixed("inside"));
    cr_assert(fixed("last") && fixed("input"));
    cr_assert_eq(channels.groups[group("inside")].channels, 24);
    cr_assert_eq(channels.n_groups, 4);
    end();
}

Test(channels_init, depthwise_convolutions_pass_channels_on_and_others_make_them)
{
    read("input: [4, 8, 8]\n"
         "nodes:\n"
         "  - {conv: 12, kernel: 1, name: point}\n"
         "  - {conv: 12, kernel: 3, groups: 12, name: depth}\n"
         "  - {conv: 12, kernel: 3, groups: 4, name: grouped}\n"
         "  - {conv: 8, kernel: 1, name: free}\n"
         "  - {conv: 8, kernel: 1, groups: 2, name: last}\n");
    cr_assert_eq(group("point"), group("depth"));
    cr_assert_neq(group("depth"), group("grouped"));
    /* a grouped convolution fixes what it reads and what it makes */
    cr_assert(fixed("point") && fixed("grouped") && fixed("free"));
    cr_assert(ef_conv_is_depthwise(topology, at("depth")));
    cr_assert(!ef_conv_is_depthwise(topology, at("grouped")));
    cr_assert(!ef_channels_is_producer(topology, at("depth")));
    cr_assert(ef_channels_is_producer(topology, at("grouped")));
    end();
}

Test(channels_init, a_concat_is_a_row_of_runs_and_a_flatten_widens_them)
{
    read("input: [1, 6, 5]\n"
         "nodes:\n"
         "  - {conv: 8, kernel: 1, name: a}\n"
         "  - {conv: 16, kernel: 1, from: input, name: b}\n"
         "  - {concat: [a, b, a], name: c}\n"
         "  - {maxpool: 2, name: p}\n"
         "  - {flatten, name: f}\n"
         "  - {dense: 10}\n");
    size_t n;
    const ef_channel_run *runs = ef_channels_runs(&channels, at("f"), &n);
    cr_assert_eq(n, 3);
    cr_assert(runs[0].group == group("a") && runs[1].group == group("b"));
    cr_assert(runs[2].group == group("a") && runs[1].channels == 16);
    cr_assert(runs[0].span == 3 * 2 && runs[1].span == 3 * 2);
    cr_assert(!fixed("a") && !fixed("b"));
    end();
}

Test(channels_init, whatever_mixes_channels_fixes_them)
{
    read("input: [1, 6, 5]\n"
         "nodes:\n"
         "  - {conv: 8, kernel: 1, name: a}\n"
         "  - {softmax, axis: 2, name: rows}\n"
         "  - {conv: 8, kernel: 1, name: b}\n"
         "  - {softmax, name: channels}\n"
         "  - {conv: 8, kernel: 1, name: c}\n"
         "  - {reshape: [8, 5, 6], name: same}\n"
         "  - {conv: 8, kernel: 1, name: d}\n"
         "  - {conv: 8, kernel: 1, from: same, name: e}\n"
         "  - {div: d, name: f}\n"
         "  - {conv: 8, kernel: 1, name: last}\n");
    cr_assert_eq(group("a"), group("rows"));
    cr_assert_not(fixed("a"));
    cr_assert(fixed("b") && fixed("c") && fixed("d") && fixed("e"));
    cr_assert_neq(group("b"), group("channels"));
    cr_assert_neq(group("c"), group("same"));
    cr_assert_neq(group("d"), group("f"));
    end();
}

Test(channels_init, an_add_of_different_rows_fixes_all_of_them)
{
    read("input: [1, 6, 5]\n"
         "nodes:\n"
         "  - {conv: 8, kernel: 1, name: a}\n"
         "  - {conv: 8, kernel: 1, from: input, name: b}\n"
         "  - {concat: [a, b], name: c}\n"
         "  - {conv: 16, kernel: 1, from: input, name: d}\n"
         "  - {add: c, name: sum}\n"
         "  - {conv: 4, kernel: 1}\n");
    cr_assert(fixed("a") && fixed("b") && fixed("d"));
    end();
}

Test(channels_init, adds_of_equal_rows_tie_run_by_run)
{
    read("input: [1, 6, 5]\n"
         "nodes:\n"
         "  - {conv: 8, kernel: 1, name: a}\n"
         "  - {conv: 4, kernel: 1, from: input, name: b}\n"
         "  - {concat: [a, b], name: c}\n"
         "  - {conv: 8, kernel: 1, from: input, name: d}\n"
         "  - {conv: 4, kernel: 1, from: input, name: e}\n"
         "  - {concat: [d, e], name: f}\n"
         "  - {add: c, name: sum}\n"
         "  - {conv: 4, kernel: 1}\n");
    cr_assert_eq(group("a"), group("d"));
    cr_assert_eq(group("b"), group("e"));
    cr_assert_neq(group("a"), group("b"));
    cr_assert(!fixed("a") && !fixed("b"));
    end();
}

Test(channels_init, moved_channels_are_fixed_and_moved_places_are_not)
{
    read("input: [1, 8, 8]\n"
         "nodes:\n"
         "  - {conv: 8, kernel: 1, name: a}\n"
         "  - {slice, height: [0, 8, 2], name: rows}\n"
         "  - {slice, channels: [0, 8, 2], name: half}\n"
         "  - {conv: 8, kernel: 1, name: b}\n"
         "  - {pad: 1, name: border}\n"
         "  - {pad: 0, channels: 2, name: more}\n"
         "  - {conv: 8, kernel: 1, name: c}\n"
         "  - {transpose: [0, 2, 1], name: turned}\n"
         "  - {conv: 8, kernel: 1, name: d}\n"
         "  - {transpose: [2, 0, 1], name: mixed}\n"
         "  - {conv: 3, kernel: 1}\n");
    cr_assert_eq(group("a"), group("rows"));
    cr_assert_neq(group("a"), group("half"));
    cr_assert_eq(group("b"), group("border"));
    cr_assert_neq(group("b"), group("more"));
    cr_assert_eq(group("c"), group("turned"));
    cr_assert(fixed("a") && fixed("b") && !fixed("c") && fixed("d"));
    end();
}

/* ResNet-20 (He et al., 2016, section 4.2): three stages of three blocks; the inner
 * convolution of each block is free, all others of a stage are tied by its adds. */
Test(channels_init, resnet20_has_a_group_per_stage_and_per_block)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/data/topologies/resnet20.yaml",
             getenv("EF_SRCDIR"));
    must(ef_topology_load(&topology, path, &err));
    must(ef_channels_init(&channels, topology, &err));
    size_t n_free = 0;
    for (size_t i = 0; i < channels.n_groups; i++) {
        n_free += !channels.groups[i].fixed;
    }
    cr_assert_geq(n_free, 9);
    end();
}

Test(channels_init, memory_may_run_out_at_any_moment)
{
    read("input: [1, 6, 5]\nnodes:\n  - {conv: 8, kernel: 1, name: a}\n"
         "  - {concat: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a], name: b}\n"
         "  - {conv: 4, kernel: 1}\n");
    ef_channels_clear(&channels);
    ef_status status = EF_ERR_MEMORY;
    for (long k = 0; status == EF_ERR_MEMORY; k++) {
        ef_mem_fail_after(k);
        status = ef_channels_init(&channels, topology, NULL);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && !channels.runs));
    }
    end();
}
