/* Networks adapted to data: their normalisation, their last layer. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "net/adapt.h"
#include "topology_help.h"

static const char plain[] = "name: plain\n"
                            "input: [2, 3, 3]\n"
                            "nodes:\n"
                            "  - {conv: 4, kernel: 3, name: c1}\n"
                            "  - {relu, name: r1}\n"
                            "  - {flatten, name: f}\n"
                            "  - {dense: 2, name: d}\n";

static const ef_normalisation norm = {2, {0.5F, 0.25F}, {-1, 3}};

static ef_net *create(const ef_topology *topology)
{
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_adapt_create(&net, topology, &norm, 1, &err), EF_OK, "%s",
                 err.text);
    return net;
}

/* The scale node behind the input holds the normalisation. */
static void expect_normalised(const ef_net *net)
{
    size_t n;
    const uint32_t *readers =
        ef_topology_readers(net->topology, ef_topology_input(net->topology), &n);
    cr_assert_eq(n, 1);
    cr_assert_eq(ef_topology_node(net->topology, readers[0])->op, EF_OP_SCALE);
    const float *scale = ef_net_values(net, readers[0], EF_ROLE_SCALE);
    const float *shift = ef_net_values(net, readers[0], EF_ROLE_SHIFT);
    cr_expect(scale[0] == 0.5F && scale[1] == 0.25F);
    cr_expect(shift[0] == -1 && shift[1] == 3);
}

Test(adapt_create, a_scale_node_goes_between_the_input_and_its_readers)
{
    ef_topology *topology = parse_topology(plain);
    ef_net *net = create(topology);
    expect_normalised(net);
    cr_expect_eq(ef_topology_n_nodes(net->topology), ef_topology_n_nodes(topology) + 1);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

Test(adapt_create, a_scale_node_that_is_there_is_taken)
{
    ef_topology *topology = parse_topology(plain);
    ef_net *first = create(topology);
    ef_net *second = create(first->topology);
    expect_normalised(second);
    cr_expect_eq(ef_topology_hash(second->topology), ef_topology_hash(first->topology));
    cr_expect_eq(second->n_values, first->n_values);
    cr_expect_eq(memcmp(second->values, first->values, first->n_values * sizeof(float)),
                 0, "the same initial weights");
    ef_net_destroy(first);
    ef_net_destroy(second);
    ef_topology_destroy(topology);
}

Test(adapt_normalise, weights_stay_and_constants_change)
{
    ef_topology *topology = parse_topology(plain);
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK);
    ef_net_initialise(net, 7, 0, 0);
    ef_net *kept = NULL;
    cr_assert_eq(ef_net_dup(&kept, net), EF_OK);
    cr_assert_eq(ef_adapt_normalise(&net, &norm, &err), EF_OK, "%s", err.text);
    expect_normalised(net);
    for (size_t i = 0; i < kept->n_params; i++) {
        const ef_param *param = &kept->params[i];
        const char *name = ef_topology_node(kept->topology, param->node)->name;
        size_t now = ef_topology_find(net->topology, name);
        cr_expect_eq(memcmp(kept->values + param->offset,
                            ef_net_values(net, now, (ef_role)param->role),
                            param->count * sizeof(float)),
                     0, "%s", name);
    }
    ef_net_destroy(kept);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

Test(adapt_normalise, in_a_row_the_values_of_a_channel_follow_each_other)
{
    ef_topology *topology = parse_topology("name: row\n"
                                           "input: [6]\n"
                                           "nodes:\n"
                                           "  - {dense: 2, name: d}\n");
    static const float scale[] = {0.5F, 0.5F, 0.5F, 0.25F, 0.25F, 0.25F};
    static const float shift[] = {-1, -1, -1, 3, 3, 3};
    ef_net *net = create(topology);
    size_t node = ef_topology_find(net->topology, "scale1");
    cr_assert_neq(node, SIZE_MAX);
    cr_expect_arr_eq(ef_net_values(net, node, EF_ROLE_SCALE), scale, sizeof scale);
    cr_expect_arr_eq(ef_net_values(net, node, EF_ROLE_SHIFT), shift, sizeof shift);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

/* Every parameter of `kept` but those of node `fresh` stands in net, bit for bit and
 * under its name. */
static void expect_kept(const ef_net *kept, const ef_net *net, const char *fresh)
{
    for (size_t i = 0; i < kept->n_params; i++) {
        const ef_param *was = &kept->params[i];
        const char *name = ef_topology_node(kept->topology, was->node)->name;
        const ef_param *now = ef_net_param(net, ef_topology_find(net->topology, name),
                                           (ef_role)was->role);
        char was_called[EF_PARAM_NAME_SIZE], now_called[EF_PARAM_NAME_SIZE];
        cr_assert_not_null(now, "%s", name);
        ef_net_param_name(kept, was, was_called);
        ef_net_param_name(net, now, now_called);
        cr_expect_str_eq(now_called, was_called);
        cr_expect(strcmp(name, fresh) == 0 ||
                      memcmp(kept->values + was->offset, net->values + now->offset,
                             was->count * sizeof(float)) == 0,
                  "%s", was_called);
    }
}

static ef_net *initialised(const char *text)
{
    ef_topology *topology = parse_topology(text);
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK);
    ef_net_initialise(net, 7, 0, 0);
    ef_topology_destroy(topology);
    return net;
}

Test(adapt_normalise, scale_nodes_in_a_row_become_one)
{
    ef_net *net = initialised("name: row\ninput: [2, 3, 3]\nnodes:\n"
                              "  - {scale, name: minus}\n  - {scale, name: divided}\n"
                              "  - {conv: 4, kernel: 3, name: c1}\n"
                              "  - {scale, name: later}\n  - {flatten}\n"
                              "  - {dense: 2, name: d}\n");
    ef_error err = {0};
    ef_net_values(net, ef_topology_find(net->topology, "later"), EF_ROLE_SHIFT)[0] = 9;
    cr_assert_eq(ef_adapt_normalise(&net, &norm, &err), EF_OK, "%s", err.text);
    expect_normalised(net);
    cr_expect_neq(ef_topology_find(net->topology, "minus"), SIZE_MAX);
    cr_expect_eq(ef_topology_find(net->topology, "divided"), SIZE_MAX);
    size_t later = ef_topology_find(net->topology, "later");
    cr_expect(ef_net_values(net, later, EF_ROLE_SHIFT)[0] == 9);
    ef_adapt_restart(net, 3);
    cr_expect(ef_net_values(net, later, EF_ROLE_SHIFT)[0] == 9, "constants stay");
    expect_normalised(net);
    ef_net_destroy(net);
}

Test(adapt_is_normalised, by_a_scale_or_batch_norm_that_alone_reads_the_input)
{
    static const struct {
        const char *nodes;
        int is;
    } rows[] = {{"  - {scale}\n  - {flatten}\n", 1},
                {"  - {batchnorm}\n  - {flatten}\n", 1},
                {"  - {flatten}\n  - {scale}\n", 0},
                {"  - {scale, name: s}\n  - {add: [s, input]}\n  - {flatten}\n", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256] = "name: x\ninput: [2, 3, 3]\nnodes:\n";
        strcat(text, rows[i].nodes);
        ef_topology *topology = parse_topology(text);
        cr_expect_eq(ef_adapt_is_normalised(topology), rows[i].is, "%s", rows[i].nodes);
        ef_topology_destroy(topology);
    }
}

Test(adapt_head, the_last_layer_gets_so_many_units_and_all_else_stays)
{
    static const char *const rows[] = {
        plain, "name: conv\ninput: [2, 3, 3]\nnodes:\n"
               "  - {conv: 4, kernel: 3, name: c1}\n  - {batchnorm, name: n}\n"
               "  - {conv: 2, kernel: 1, bias: yes, name: d}\n  - {globalavg}\n"
               "  - {flatten}\n  - {softmax}\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_net *net = initialised(rows[i]);
        ef_net *kept = NULL;
        ef_error err = {0};
        cr_assert_eq(ef_net_set_param_name(net, 0, "their.kernel"), EF_OK);
        cr_assert_eq(ef_net_dup(&kept, net), EF_OK);
        cr_assert_eq(ef_adapt_head(&net, 5, 1, &err), EF_OK, "%s", err.text);
        size_t output = ef_topology_output(net->topology);
        cr_expect_eq(ef_shape_elements(ef_topology_shape(net->topology, output)), 5);
        expect_kept(kept, net, "d");
        size_t head = ef_topology_find(net->topology, "d");
        cr_expect(ef_net_values(net, head, EF_ROLE_WEIGHT)[0] != 0, "drawn anew");
        ef_net_destroy(kept);
        ef_net_destroy(net);
    }
}

Test(adapt_head, an_output_that_no_layer_makes_is_refused_by_name)
{
    ef_net *net = initialised("name: x\ninput: [2, 3, 3]\nnodes:\n  - {flatten}\n"
                              "  - {dense: 2, name: a}\n"
                              "  - {dense: 2, from: a, name: b}\n"
                              "  - {add: [a, b], name: sum}\n");
    ef_net *before = net;
    ef_error err = {0};
    cr_expect_eq(ef_adapt_head(&net, 5, 1, &err), EF_ERR_UNSUPPORTED);
    cr_expect_not_null(strstr(err.text, "node 'sum': the last layer is add"), "%s",
                       err.text);
    cr_expect_eq(net, before);
    ef_net_destroy(net);
}

Test(adapt_create, short_memory_is_an_error_and_leaves_nothing)
{
    ef_topology *topology = parse_topology(plain);
    int failures = 0;
    for (long n = 0; n < 40; n++) {
        ef_net *net = NULL;
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_adapt_create(&net, topology, &norm, 1, &err);
        ef_mem_fail_after(-1);
        failures += status == EF_ERR_MEMORY;
        cr_expect(status == EF_OK || (status == EF_ERR_MEMORY && !net));
        ef_net_destroy(net);
    }
    cr_expect_gt(failures, 3);
    ef_topology_destroy(topology);
}
