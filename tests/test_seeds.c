/* Networks that a search starts from. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "net/adapt.h"
#include "net/topology_yaml.h"
#include "study/seeds.h"

static const char plain[] = "name: plain\ninput: [1, 4, 4]\nnodes:\n"
                            "  - {conv: 6, kernel: 3, name: c}\n  - {relu}\n"
                            "  - {flatten}\n  - {dense: 2, bias: yes, name: d}\n";

static const ef_normalisation norm = {1, {0.5F}, {-1}};

static ef_net *make(const char *text)
{
    ef_topology *topology = NULL;
    ef_net *net = NULL;
    ef_error err = {0};
    cr_assert_eq(ef_topology_parse(&topology, "x", text, strlen(text), &err), EF_OK);
    cr_assert_eq(ef_net_create(&net, topology, &err), EF_OK);
    ef_topology_destroy(topology);
    return net;
}

Test(seeds, weights_stay_or_are_drawn_and_inputs_are_normalised)
{
    ef_seeds seeds = {0};
    ef_error err = {0};
    ef_net *trained = make(plain), *second = make(plain);
    ef_net_values(trained, ef_topology_find(trained->topology, "d"), EF_ROLE_BIAS)[1] =
        7;
    cr_assert_eq(ef_seeds_add(&seeds, "a.onnx", trained, 1, &err), EF_OK);
    cr_assert_eq(ef_seeds_prepare(&seeds, &norm, 0, 1, &err), EF_OK, "%s", err.text);
    const ef_net *net = seeds.items[0].net;
    cr_expect(ef_adapt_is_normalised(net->topology));
    size_t d = ef_topology_find(net->topology, "d");
    cr_expect(ef_net_values(net, d, EF_ROLE_BIAS)[1] == 7);
    ef_seeds_clear(&seeds);

    cr_assert_eq(ef_seeds_add(&seeds, "a.yaml", second, 0, &err), EF_OK);
    cr_assert_eq(ef_seeds_prepare(&seeds, &norm, 0, 1, &err), EF_OK);
    net = seeds.items[0].net;
    d = ef_topology_find(net->topology, "d");
    cr_expect(ef_net_values(net, d, EF_ROLE_WEIGHT)[0] != 0);
    ef_seeds_clear(&seeds);
}

/* Parameters: 6 x 9 of the convolution, 24 x 2 + 2 of the dense layer: 104. */
Test(seeds, what_breaks_a_limit_is_refused_with_what_makes_room)
{
    ef_seeds seeds = {0};
    ef_error err = {0};
    ef_limit limits[3];
    const ef_objective_context context = {.accelerator = NULL};
    cr_assert_eq(ef_limit_parse(&limits[0], "params<=100", &err), EF_OK);
    cr_assert_eq(ef_limit_parse(&limits[1], "depth>=3", &err), EF_OK);
    cr_assert_eq(ef_limit_parse(&limits[2], "params<=104", &err), EF_OK);
    cr_assert_eq(ef_seeds_add(&seeds, "a.onnx", make(plain), 1, &err), EF_OK);
    cr_expect_eq(ef_seeds_check_limits(&seeds, limits + 2, 1, &context, &err), EF_OK);
    cr_expect_eq(ef_seeds_check_limits(&seeds, limits, 2, &context, &err),
                 EF_ERR_USAGE);
    cr_expect_str_eq(err.text, "a.onnx: params is 104, the limit params<=100, depth is "
                               "2, the limit depth>=3; --limit 'params<=110' --limit "
                               "'depth>=2' makes room for it");
    ef_seeds_clear(&seeds);
}

Test(seeds, short_memory_is_an_error_and_leaves_nothing)
{
    int n_failed = 0;
    for (long n = 0; n < 60; n++) {
        ef_seeds seeds = {0};
        ef_error err = {0};
        ef_net *net = make(plain);
        ef_mem_fail_after(n);
        ef_status status = ef_seeds_add(&seeds, "a.onnx", net, 1, &err);
        if (!status) {
            status = ef_seeds_prepare(&seeds, &norm, 0, 1, &err);
        }
        ef_mem_fail_after(-1);
        cr_expect(status == EF_OK || status == EF_ERR_MEMORY, "%s", err.text);
        n_failed += status == EF_ERR_MEMORY;
        ef_seeds_clear(&seeds);
    }
    cr_expect_gt(n_failed, 5);
}
