/* Search spaces: their text, what they hold, and the networks drawn from them. */
#include "net/space.h"
#include "net/topology_yaml.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static ef_error err;

static void must(ef_status status)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err.text);
}

static ef_space *parse(const char *text)
{
    ef_space *space = NULL;
    must(ef_space_parse(&space, "test", text, strlen(text), &err));
    return space;
}

static ef_space *load(const char *name)
{
    char path[4096];
    ef_space *space = NULL;
    snprintf(path, sizeof path, "%s/data/spaces/%s", getenv("EF_SRCDIR"), name);
    must(ef_space_load(&space, path, &err));
    return space;
}

static char *text_of(const ef_space *space)
{
    ef_text text;
    ef_text_init(&text);
    ef_space_write(space, &text);
    cr_assert(!text.failed);
    return text.bytes;
}

Test(space_default, equals_the_file_that_explains_it)
{
    ef_space *built_in = NULL, *file = load("default.yaml");
    must(ef_space_default(&built_in, &err));
    char *a = text_of(built_in), *b = text_of(file);
    cr_assert_str_eq(a, b);
    ef_free(a);
    ef_free(b);
    ef_space_destroy(built_in);
    ef_space_destroy(file);
}

Test(space_write, reads_back_as_the_same_space)
{
    static const char *const texts[] = {
        "depth: {min: 3}\n",
        "width: {min: 6, max: 18, step: 3}\nkernels: [3]\nstrides: [1, 2, 3]\n",
        "pools: [avg]\nskips: []\nheads: [flatten]\nactivation: relu6\n",
        "separable: no\nhidden-dense: off\nnodes: 33\n",
        "crossover: 0.12345678901234567\nnoise: 1e-3\noperators: {widen: 0.1}\n",
        "limits: [\"a \\\"b\\\\\", 'size <= 64KiB']\n",
        "limits: []\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ef_space *space = parse(texts[i]);
        char *text = text_of(space);
        ef_space *again = parse(text);
        char *same = text_of(again);
        cr_assert_str_eq(text, same);
        ef_free(text);
        ef_free(same);
        ef_space_destroy(space);
        ef_space_destroy(again);
    }
}

Test(space_parse, changes_what_it_names_and_keeps_the_rest)
{
    ef_space *space = parse("width: {max: 128}\nkernels: 5\nskips: [concat]\n"
                            "operators: {prune: 0, stride: 2.5}\nlimits:\n"
                            "  - params <= 1k\n  - size<=4KiB\n");
    cr_assert_eq(space->width_min, 8);
    cr_assert_eq(space->width_max, 128);
    cr_assert_eq(space->width_step, 8);
    cr_assert_eq(space->depth_max, 12);
    cr_assert(space->n_kernels == 1 && space->kernels[0] == 5);
    cr_assert(!space->add_skip && space->concat_skip);
    cr_assert_eq(space->weights[EF_OPERATOR_PRUNE], 0);
    cr_assert_eq(space->weights[EF_OPERATOR_STRIDE], 2.5);
    cr_assert_eq(space->weights[EF_OPERATOR_WIDEN], 3);
    cr_assert_eq(space->n_limits, 2);
    cr_assert_str_eq(space->limits[1].text, "size<=4KiB");
    cr_assert(space->limits[1].line == 7 && space->limits[1].column == 5);
    cr_assert_str_eq(space->name, "test");
    ef_space_destroy(space);
}

typedef struct bad_row {
    char name[32];
    char text[96];
    char said[160];
} bad_row;

ParameterizedTestParameters(space_parse, refuses_with_the_place)
{
    static bad_row rows[] = {
        {"unknown key", "depth: {min: 1}\nwidht: 3\n", "test:2:1: unknown key 'widht'"},
        {"unknown inner key", "depth: {least: 1}\n", "test:1:9: unknown key 'least'"},
        {"no number", "nodes: 3x\n", "test:1:8: nodes: "},
        {"too small", "depth: {min: 0}\n", "test:1:14: min: "},
        {"min above max", "depth: {min: 13}\n",
         "test:1:8: depth: min 13 is above max 12"},
        {"no multiple", "width: {min: 12}\n",
         "test:1:8: width: min 12 and max 64 must be multiples of step 8"},
        {"even kernel", "kernels: [1, 4]\n", "test:1:10: kernels: 4 is even"},
        {"kernels descend", "kernels: [3, 1]\n", "test:1:10: kernels: expected"},
        {"no kernel", "kernels: []\n", "test:1:10: kernels: expected at least one"},
        {"kernel too large", "kernels: [33]\n", "test:1:11: kernels: "},
        {"no stride 1", "strides: [2]\n", "test:1:10: strides: 1 is not among them"},
        {"unknown pool", "pools: [max, min]\n",
         "test:1:14: pools: expected max or avg, found min"},
        {"pool in a map", "pools: {max: yes}\n", "test:1:8: pools: expected a list"},
        {"skip in a list", "skips: [[add]]\n",
         "test:1:9: skips: expected add or concat, found a list or map"},
        {"no head", "heads: []\n", "test:1:8: heads: expected a list"},
        {"activation", "activation: tanh\n", "test:1:13: activation: "},
        {"crossover", "crossover: 1.5\n", "test:1:12: crossover: "},
        {"operator", "operators:\n  widden: 1\n",
         "test:2:3: unknown key 'widden' in operators"},
        {"negative weight", "operators: {widen: -1}\n", "test:1:20: widen: "},
        {"empty limit", "limits: ['']\n", "test:1:10: limits: expected a limit"},
        {"limit in a map", "limits: [{a: b}]\n", "test:1:10: limits: expected"},
        {"limit alone", "limits: params <= 3\n", "test:1:9: limits: expected a list"},
        {"two lines", "limits: [\"a\\nb\"]\n", "test:1:10: limits: expected a limit"},
        {"empty", "", "test"},
        {"list", "- depth\n", "test:1:1: "},
    };
    return cr_make_param_array(bad_row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(bad_row *row, space_parse, refuses_with_the_place)
{
    ef_space *space = NULL;
    ef_error_clear(&err);
    ef_status status =
        ef_space_parse(&space, "test", row->text, strlen(row->text), &err);
    cr_expect_eq(status, EF_ERR_INPUT, "%s", row->name);
    cr_expect_null(space, "%s", row->name);
    cr_expect_eq(strncmp(err.text, row->said, strlen(row->said)), 0, "%s: %s",
                 row->name, err.text);
}

Test(space_parse, refuses_a_space_whose_operators_all_have_weight_0)
{
    ef_text text;
    ef_space *space = NULL;
    ef_text_init(&text);
    ef_text_add(&text, "operators: {");
#define X(id, function, name, keeps, weight, meaning) ef_text_add(&text, name ": 0, ");
    EF_OPERATOR_LIST(X)
#undef X
    ef_text_add(&text, "}\n");
    ef_error_clear(&err);
    cr_assert_eq(ef_space_parse(&space, "test", text.bytes, text.size, &err),
                 EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "test:1:12: operators: all have the weight 0");
    ef_text_clear(&text);
}

Test(space_load, reports_a_file_that_is_not_there)
{
    ef_space *space = NULL;
    cr_assert_eq(ef_space_load(&space, "no/such/space.yaml", &err), EF_ERR_IO);
    cr_assert_null(space);
}

Test(space_parse, memory_may_run_out_at_any_moment)
{
    static const char text[] = "depth: {max: 5}\nlimits: [params <= 3, macs <= 4]\n";
    ef_status status = EF_ERR_MEMORY;
    for (long k = 0; status == EF_ERR_MEMORY; k++) {
        ef_space *space = NULL;
        ef_mem_fail_after(k);
        status = ef_space_parse(&space, "test", text, sizeof text - 1, NULL);
        ef_mem_fail_after(-1);
        cr_assert((status == EF_OK) == (space != NULL));
        ef_space_destroy(space);
    }
    must(status);
}

/* --- the man page --------------------------------------------------------------- */

static char *read_page(void)
{
    char path[4096];
    unsigned char *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/man/evoflip-space.5", getenv("EF_SRCDIR"));
    must(ef_file_read(path, 1 << 20, &bytes, &size, &err));
    return (char *)bytes;
}

Test(space_man, has_examples_that_parse)
{
    static const char begin[] = ".Bd -literal -offset indent\n";
    char *page = read_page();
    size_t n = 0;
    for (const char *at = strstr(page, begin); at; at = strstr(at, begin), n++) {
        at += strlen(begin);
        const char *end = strstr(at, ".Ed\n");
        cr_assert_not_null(end);
        ef_space *space = NULL;
        must(ef_space_parse(&space, "example", at, (size_t)(end - at), &err));
        ef_space_destroy(space);
    }
    cr_assert_eq(n, 3);
    ef_free(page);
}

Test(space_man, explains_every_operator_with_its_weight)
{
    char *page = read_page(), item[128];
#define X(id, function, name, keeps, weight, meaning)                                  \
    snprintf(item, sizeof item, ".It Ic %s No [%g]\n", name, (double)weight);          \
    cr_expect_not_null(strstr(page, item), "%s", item);
    EF_OPERATOR_LIST(X)
#undef X
    ef_free(page);
}

/* --- what it holds ---------------------------------------------------------------- */

static const ef_task digits = {{1, 8, 8, 4}, 10, NULL, NULL};

/* Networks of one space in another: which reasons come up. */
static void expect_reason(const char *from, const char *in, const char *reason)
{
    ef_space *source = parse(from), *space = parse(in);
    int found = 0;
    for (uint64_t seed = 0; seed < 200 && !found; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
        ef_net *net = NULL;
        must(ef_space_random(&rng, source, &digits, &net, &err));
        must(ef_space_allows(source, net->topology, &err));
        ef_error why = {0};
        if (ef_space_allows(space, net->topology, &why)) {
            cr_assert_eq(why.status, EF_ERR_TOPOLOGY);
            found = strstr(why.text, reason) != NULL;
        }
        ef_net_destroy(net);
    }
    cr_expect(found, "no network was refused because %s", reason);
    ef_space_destroy(source);
    ef_space_destroy(space);
}

Test(space_allows, gives_the_reason)
{
    static const char all[] = "nodes: 100\n";
    expect_reason(all, "width: {max: 16}\n",
                  "channels are none of its widths, 8 to 16");
    expect_reason(all, "depth: {max: 4}\n",
                  "convolutions and dense layers are not from 2 to 4");
    expect_reason(all, "nodes: 10\n", "nodes are more than its 10");
    expect_reason(all, "kernels: [3]\n", "the kernel 5 x 5 is none of its kernels");
    expect_reason(all, "strides: [1]\n", "the stride 2 x 2 is none of its strides");
    expect_reason(all, "separable: no\n", "groups is not in it");
    expect_reason(all, "pools: [max]\n", "avgpool is not in it");
    expect_reason(all, "pools: [avg]\n", "maxpool is not in it");
    expect_reason(all, "skips: [concat]\n", "add is not in it");
    expect_reason(all, "skips: [add]\n", "concat is not in it");
    expect_reason(all, "heads: [average]\n", "it has no head that flattens");
    expect_reason(all, "heads: [flatten]\n", "globalavg is not in it");
    expect_reason(all, "hidden-dense: no\n", "it has no hidden dense layers");
    expect_reason(all, "activation: relu6\n", "its activation is another than relu6");
}

/* --- drawn networks ------------------------------------------------------------- */

static const ef_task tasks[] = {
    {{1, 8, 8, 4}, 10, NULL, NULL},   {{1, 28, 28, 4}, 10, NULL, NULL},
    {{3, 32, 32, 4}, 10, NULL, NULL}, {{3, 224, 200, 4}, 1000, NULL, NULL},
    {{1, 1, 30, 4}, 3, NULL, NULL},   {{13, 1, 1, 4}, 3, NULL, NULL}};

Test(space_sample, holds_all_tasks_and_the_spaces_in_data)
{
    static const char *const names[] = {"default.yaml", "residual.yaml", "mobile.yaml"};
    for (size_t s = 0; s < sizeof names / sizeof names[0]; s++) {
        ef_space *space = load(names[s]);
        for (uint64_t seed = 0; seed < 60; seed++) {
            const ef_task *task = &tasks[seed % (sizeof tasks / sizeof tasks[0])];
            ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, s, 0, 0);
            ef_net *start = NULL, *any = NULL;
            must(ef_space_sample(&rng, space, task, &start, &err));
            must(ef_space_random(&rng, space, task, &any, &err));
            must(ef_space_allows(space, start->topology, &err));
            must(ef_space_allows(space, any->topology, &err));
            ef_net_destroy(start);
            ef_net_destroy(any);
        }
        ef_space_destroy(space);
    }
}

Test(space_sample, starts_small_and_differently)
{
    ef_space *space = NULL;
    must(ef_space_default(&space, &err));
    uint64_t least = UINT64_MAX, most = 0, most_macs = 0, hashes[100];
    size_t n_different = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
        ef_net *net = NULL;
        must(ef_space_sample(&rng, space, &digits, &net, &err));
        uint64_t params = ef_topology_params(net->topology);
        uint64_t macs = ef_topology_macs(net->topology);
        least = params < least ? params : least;
        most = params > most ? params : most;
        most_macs = macs > most_macs ? macs : most_macs;
        hashes[seed] = ef_topology_hash(net->topology);
        size_t i = 0;
        while (hashes[i] != hashes[seed]) {
            i++;
        }
        n_different += i == seed;
        ef_net_destroy(net);
    }
    cr_expect_gt(n_different, 80, "%zu", n_different);
    cr_expect_lt(least, 500, "%zu", (size_t)least);
    cr_expect_gt(most, 8000, "%zu", (size_t)most);
    cr_expect_lt(most, 60000, "%zu", (size_t)most);
    cr_expect_lt(most_macs, 3000000, "%zu", (size_t)most_macs);
    ef_space_destroy(space);
}

Test(space_sample, images_become_small_enough_for_sensible_costs)
{
    ef_space *space = NULL;
    must(ef_space_default(&space, &err));
    for (uint64_t seed = 0; seed < 100; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
        ef_net *net = NULL;
        must(ef_space_sample(&rng, space, &tasks[2], &net, &err));
        cr_expect_lt(ef_topology_macs(net->topology), 12000000);
        for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
            const ef_node *node = ef_topology_node(net->topology, i);
            if (node->op == EF_OP_FLATTEN) {
                ef_shape in = ef_topology_shape(net->topology, node->inputs[0]);
                cr_expect(in.height <= 8 && in.width <= 8);
            }
        }
        ef_net_destroy(net);
    }
    ef_space_destroy(space);
}

Test(space_random, reaches_the_bounds_of_depth_and_width)
{
    ef_space *space = NULL;
    must(ef_space_default(&space, &err));
    size_t least = SIZE_MAX, most = 0;
    uint32_t widest = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
        ef_net *net = NULL;
        must(ef_space_random(&rng, space, &digits, &net, &err));
        size_t depth = ef_topology_depth(net->topology);
        least = depth < least ? depth : least;
        most = depth > most ? depth : most;
        for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
            if (ef_topology_node(net->topology, i)->op == EF_OP_CONV) {
                uint32_t width = ef_topology_shape(net->topology, i).channels;
                widest = width > widest ? width : widest;
            }
        }
        ef_net_destroy(net);
    }
    cr_expect_eq(least, 2);
    cr_expect_eq(most, 12);
    cr_expect_geq(widest, 64);
    ef_space_destroy(space);
}

Test(space_sample, memory_may_run_out_at_any_moment)
{
    ef_space *space = NULL;
    must(ef_space_default(&space, &err));
    for (size_t whole = 0; whole < 2; whole++) {
        ef_status status = EF_ERR_MEMORY;
        for (long k = 0; status == EF_ERR_MEMORY; k++) {
            ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
            ef_net *net = NULL;
            ef_mem_fail_after(k);
            status = (whole ? ef_space_random : ef_space_sample)(&rng, space, &digits,
                                                                 &net, NULL);
            ef_mem_fail_after(-1);
            cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && !net));
            ef_net_destroy(net);
        }
    }
    ef_space_destroy(space);
}

/* What no space makes, of a network that it keeps: 4 x 4 kernels of stride 3, 7
 * channels, groups, tanh, a gate; more convolutions and nodes than the space has. */
Test(space_keep, holds_what_a_kept_topology_is_and_no_more)
{
    static const char kept[] = "name: kept\ninput: [1, 12, 12]\nnodes:\n"
                               "  - {conv: 7, kernel: 4, stride: 3, name: odd}\n"
                               "  - {tanh, name: t}\n"
                               "  - {conv: 14, kernel: 3, groups: 7, name: g}\n"
                               "  - {globalavg}\n  - {flatten}\n"
                               "  - {dense: 10, name: d}\n";
    static const struct {
        const char *from, *to; /* in the text above */
        const char *words;     /* NULL: held */
    } rows[] = {
        {"odd", "odd", NULL},
        {"groups: 7", "groups: 1", NULL},
        {"conv: 14", "conv: 21", "node g: 21 channels"},
        {"kernel: 4", "kernel: 3", NULL},
        {"kernel: 4", "kernel: 6", "node odd: the kernel 6 x 6"},
        {"stride: 3", "stride: 4", "node odd: the stride 4 x 4"},
        {"name: odd", "name: other", "node other: the kernel 4 x 4"},
        {"tanh", "sigmoid", "node t: its activation"},
    };
    ef_topology *topology = NULL;
    cr_assert_eq(ef_topology_parse(&topology, "x", kept, strlen(kept), &err), EF_OK);
    const ef_topology *list[] = {topology};
    ef_space *space = parse("depth: {max: 2}\nnodes: 4\nwidth: {max: 16}\n");
    cr_expect_eq(ef_space_allows(space, topology, &err), EF_ERR_TOPOLOGY);
    ef_space_keep(space, list, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        const char *at = strstr(kept, rows[i].from);
        ef_topology *changed = NULL;
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - kept), kept, rows[i].to,
                 at + strlen(rows[i].from));
        cr_assert_eq(ef_topology_parse(&changed, "x", text, strlen(text), &err), EF_OK,
                     "%s", err.text);
        ef_error_clear(&err);
        ef_status status = ef_space_allows(space, changed, &err);
        cr_expect_eq(status, rows[i].words ? EF_ERR_TOPOLOGY : EF_OK, "%s: %s",
                     rows[i].to, err.text);
        cr_expect(!rows[i].words || strstr(err.text, rows[i].words), "%s: %s",
                  rows[i].to, err.text);
        ef_topology_destroy(changed);
    }
    ef_space_destroy(space);
    ef_topology_destroy(topology);
}
