/* Exposure of schedules that tests/test_simulation.c writes out. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "objectives/exposure.h"
#include "topology_help.h"
#include "accelerator_help.h"

/* On chip and off, in bits times ns. */
typedef struct by_hand {
    const char *node;
    int is_weights;
    uint64_t bits;
    double on, off;
} by_hand;

static void expect_list(const char *text, double buffer_bytes, const by_hand *rows,
                        size_t n, double time_ns)
{
    ef_topology *topology = parse_topology(text);
    ef_accelerator a = plain_accelerator(buffer_bytes);
    ef_exposure_list *list = NULL;
    ef_error err = {0};
    const ef_format format = {0};
    double on[2] = {0, 0}, off[2] = {0, 0};
    cr_assert_eq(ef_exposure_create(&list, topology, &format, &a, &err), EF_OK, "%s",
                 err.text);
    cr_assert_eq(list->n, n, "%zu", list->n);
    cr_expect_float_eq(list->time_s, time_ns * 1e-9, 1e-18);
    for (size_t i = 0; i < n; i++) {
        const ef_exposed_tensor *t = &list->tensors[i];
        const char *name = ef_topology_node(topology, t->node)->name;
        cr_expect_str_eq(name, rows[i].node);
        cr_expect_eq(t->is_weights, rows[i].is_weights, "%s", name);
        cr_expect_eq(t->bits, rows[i].bits, "%s", name);
        cr_expect_float_eq(t->bit_seconds, rows[i].on * 1e-9, 1e-15, "%s: %g", name,
                           t->bit_seconds);
        cr_expect_float_eq(t->off_bit_seconds, rows[i].off * 1e-9, 1e-15, "%s: %g",
                           name, t->off_bit_seconds);
        cr_expect_float_eq(t->time_s, rows[i].on * 1e-9 / (double)rows[i].bits, 1e-15);
        on[rows[i].is_weights] += rows[i].on;
        off[rows[i].is_weights] += rows[i].off;
    }
    cr_expect_float_eq(list->weight_share, on[1] / (on[0] + on[1]), 1e-12);
    cr_expect_float_eq(list->weight_share_all,
                       (on[1] + off[1]) / (on[0] + on[1] + off[0] + off[1]), 1e-12);
    ef_exposure_destroy(list);
    ef_topology_destroy(topology);
}

/* Weights arrive at 47, the image at 70; both are used until 77.  The logits are there
 * from 77 on, stored at 111, which is the end. */
Test(exposure_by_hand, of_a_dense_layer)
{
    static const by_hand rows[] = {
        {"in", 0, 64, 64 * (77 - 70), 64 * 70},
        {"d", 0, 128, 128 * (111 - 77), 0},
        {"d", 1, 256, 256 * (77 - 47), 256 * 111},
    };
    expect_list("input: {name: in, shape: [8]}\nnodes: [{dense: 4, name: d}]\n", 1000,
                rows, 3, 111);
}

/* The weights stay from 23 to the end of the last band, 270.  Bands of 128 bits arrive
 * at 54, 85 and 116, and are used until 65, 96 and 270.  Bands of 1024 bits of logits
 * are made at these times, and stored at 262, 408 and 554, when all ends; off chip they
 * count from the last store on. */
Test(exposure_by_hand, of_a_conv_in_bands)
{
    static const by_hand rows[] = {
        {"in", 0, 384, 128 * (11 + 11 + 154), 384 * 116},
        {"c", 0, 3072, 1024 * (197 + 312 + 284), 0},
        {"c", 1, 64, 64 * (270 - 23), 64 * 554},
    };
    expect_list("input: {name: in, shape: [2, 6, 4]}\n"
                "nodes: [{conv: 4, kernel: 1, name: c}]\n",
                300, rows, 3, 554);
}

/* Two bands of the map, of 128 bits, are made at 61 and 92, and kept to the end of the
 * pooling that reads them, with its store: 126.  The image's arrive at 50 and 81, and
 * are used until 61 and 92.  The pooling ends at 100 and is stored at 126. */
Test(exposure_by_hand, of_a_map_that_is_kept)
{
    static const by_hand rows[] = {
        {"in", 0, 256, 128 * (11 + 11), 256 * 81},
        {"r", 0, 256, 128 * (65 + 34), 0},
        {"p", 0, 64, 64 * 26, 0},
        {"c", 1, 32, 32 * (92 - 19), 32 * 126},
    };
    expect_list("input: {name: in, shape: [2, 4, 4]}\n"
                "nodes: [{conv: 2, kernel: 1, name: c}, {relu, name: r}, "
                "{globalavg, name: p}]\n",
                1000, rows, 4, 126);
}

/* A buffer that is too small to keep the first map, of 512 bytes: it lies off chip from
 * its last store to its last load, and it is on chip for less than it takes to the end.
 */
Test(exposure_of_topologies, a_map_that_is_moved_lies_off_chip_in_between)
{
    static const char text[] = "input: [2, 16, 8]\n"
                               "nodes: [{conv: 4, kernel: 1, name: c}, globalavg]\n";
    ef_topology *topology = parse_topology(text);
    const ef_format format = {0};
    for (int is_large = 0; is_large < 2; is_large++) {
        ef_accelerator a = plain_accelerator(is_large ? 10000 : 400);
        ef_exposure_list *list = NULL;
        cr_assert_eq(ef_exposure_create(&list, topology, &format, &a, NULL), EF_OK);
        const ef_exposed_tensor *map = &list->tensors[1];
        cr_expect_gt(map->bit_seconds, 0);
        cr_expect_eq(map->off_bit_seconds > 0, !is_large);
        cr_expect_lt(map->time_s, list->time_s);
        ef_exposure_destroy(list);
    }
    ef_topology_destroy(topology);
}

Test(exposure_of_topologies, errors_are_those_of_the_schedule)
{
    ef_topology *topology =
        parse_topology("input: [8]\nnodes: [{dense: 4, name: d}]\n");
    const ef_format format = {0};
    ef_accelerator a = plain_accelerator(5);
    ef_exposure_list *list = NULL;
    ef_error err = {0};
    cr_expect_eq(ef_exposure_create(&list, topology, &format, &a, &err), EF_ERR_INPUT);
    cr_expect_str_eq(err.text, "node d: not even its smallest tiles, two of a kind, "
                               "fit the buffer of plain (5 B)");
    a = plain_accelerator(1000);
    ef_status status = EF_ERR_MEMORY;
    for (long n = 0; status == EF_ERR_MEMORY; n++) {
        cr_assert(n < 40);
        cr_expect_null(list);
        ef_mem_fail_after(n);
        status = ef_exposure_create(&list, topology, &format, &a, &err);
        ef_mem_fail_after(-1);
    }
    cr_expect_eq(status, EF_OK);
    ef_exposure_destroy(list);
    ef_topology_destroy(topology);
}
