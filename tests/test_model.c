/* Networks that the command line makes of topologies and models: how inputs are
 * normalised is part of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/model.h"
#include "net/topology_yaml.h"

static const char plain[] = "name: plain\n"
                            "input: [2, 3, 3]\n"
                            "nodes:\n"
                            "  - {conv: 4, kernel: 3, name: c1}\n"
                            "  - {relu, name: r1}\n"
                            "  - {flatten, name: f}\n"
                            "  - {dense: 2, name: d}\n";

static const ef_normalisation norm = {2, {0.5F, 0.25F}, {-1, 3}};

static ef_topology *parse(const char *text)
{
    ef_topology *topology = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_parse(&topology, "test", text, strlen(text), &err), EF_OK,
                 "%s", err.text);
    return topology;
}

static ef_net *create(const ef_topology *topology)
{
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_model_create(&net, topology, &norm, 1, &err), EF_OK, "%s",
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

Test(model_create, a_scale_node_goes_between_the_input_and_its_readers)
{
    ef_topology *topology = parse(plain);
    ef_net *net = create(topology);
    expect_normalised(net);
    cr_expect_eq(ef_topology_n_nodes(net->topology), ef_topology_n_nodes(topology) + 1);
    ef_net_destroy(net);
    ef_topology_destroy(topology);
}

Test(model_create, a_scale_node_that_is_there_is_taken)
{
    ef_topology *topology = parse(plain);
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

Test(model_normalise, weights_stay_and_constants_change)
{
    ef_topology *topology = parse(plain);
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK);
    ef_net_initialise(net, 7, 0, 0);
    ef_net *kept = NULL;
    cr_assert_eq(ef_net_dup(&kept, net), EF_OK);
    cr_assert_eq(ef_model_normalise(&net, &norm, &err), EF_OK, "%s", err.text);
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

Test(model_normalise, in_a_row_the_values_of_a_channel_follow_each_other)
{
    ef_topology *topology = parse("name: row\n"
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

Test(model_check_data, images_must_have_the_shape_of_the_input_or_be_a_row_of_it)
{
    static char name[] = "made";
    static const struct {
        const char *name;
        size_t channels, height, width, n_classes;
        const char *words; /* NULL: fits */
    } rows[] = {
        {"as the input", 2, 3, 3, 2, NULL},
        {"another height", 2, 9, 1, 2,
         "net: the input is 2x3x3, the images of made are 2x9x1"},
        {"another class", 2, 3, 3, 3,
         "net: the output 'd' has 2 units, made has 3 classes"},
    };
    ef_topology *topology = parse(plain);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_error err = {0};
        ef_dataset set = {.name = name,
                          .channels = rows[i].channels,
                          .height = rows[i].height,
                          .width = rows[i].width,
                          .n_classes = rows[i].n_classes};
        ef_status status = ef_model_check_data(topology, &set, "net", &err);
        cr_expect_eq(status, rows[i].words ? EF_ERR_INPUT : EF_OK, "%s", rows[i].name);
        cr_expect_str_eq(err.text, rows[i].words ? rows[i].words : "");
    }
    ef_topology_destroy(topology);
    topology = parse("name: row\ninput: [18]\nnodes:\n  - {dense: 2, name: d}\n");
    ef_dataset set = {
        .name = name, .channels = 2, .height = 3, .width = 3, .n_classes = 2};
    ef_error err = {0};
    cr_expect_eq(ef_model_check_data(topology, &set, "net", &err), EF_OK);
    ef_topology_destroy(topology);
}

Test(model_create, short_memory_is_an_error_and_leaves_nothing)
{
    ef_topology *topology = parse(plain);
    int failures = 0;
    for (long n = 0; n < 40; n++) {
        ef_net *net = NULL;
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_model_create(&net, topology, &norm, 1, &err);
        ef_mem_fail_after(-1);
        failures += status == EF_ERR_MEMORY;
        cr_expect(status == EF_OK || (status == EF_ERR_MEMORY && !net));
        ef_net_destroy(net);
    }
    cr_expect_gt(failures, 3);
    ef_topology_destroy(topology);
}
