/* Hardware objectives against sums by hand, and the tiling against a twin that runs
 * every loop nest. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "objectives/objective.h"
#include "objectives/traffic.h"
#include "topology_help.h"
#include "accelerator_help.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static ef_status score(const ef_topology *topology, const ef_accelerator *accelerator,
                       const char *text, double *value, ef_error *err)
{
    ef_objective_list list;
    ef_objective_context context = {.accelerator = accelerator};
    cr_assert_eq(ef_objective_parse_list(&list, text, err), EF_OK, "%s", err->text);
    return ef_objective_score(topology, &context, &list, value, err);
}

static double value_of(const ef_topology *topology, const ef_accelerator *accelerator,
                       const char *text)
{
    double value = -1;
    ef_error err = {0};
    cr_assert_eq(score(topology, accelerator, text, &value, &err), EF_OK, "%s",
                 err.text);
    return value;
}

static double value_in(const char *net, const ef_accelerator *accelerator,
                       const char *text)
{
    ef_topology *topology = parse_topology(net);
    double value = value_of(topology, accelerator, text);
    ef_topology_destroy(topology);
    return value;
}

/* --- memory, bit operations, data over computation --- */

static const char residual[] = "input: [2, 4, 4]\n"
                               "nodes:\n"
                               "  - {conv: 4, kernel: 3, pad: 1, name: c1}\n"
                               "  - {relu, name: skip%s}\n"
                               "  - {conv: 4, kernel: 3, pad: 1%s, name: c2}\n"
                               "  - {add: skip, name: sum}\n"
                               "  - globalavg\n"
                               "  - flatten\n"
                               "  - {dense: 3, bias: yes}\n";

static double of_residual(const char *activations, const char *weights,
                          const char *text)
{
    char net[sizeof residual + 64];
    snprintf(net, sizeof net, residual, activations, weights);
    return value_in(net, NULL, text);
}

Test(objectives_memory, a_shortcut_lives_until_it_is_added)
{
    /* The sum has the shortcut, c2 and itself at once: 3 times 64. */
    cr_expect_eq(of_residual("", "", "memory"), 3 * 64 * 8);
    cr_expect_eq(of_residual("", "", "memory:format=fp32"), 3 * 64 * 32);
    cr_expect_eq(of_residual(", activations: int4", "", "memory"), 64 * 4 + 128 * 8);
}

Test(objectives_memory, the_largest_pair_of_a_chain_decides)
{
    ef_topology *lenet5 = load_topology("lenet5");
    /* s2 reads 6 x 28 x 28 and writes 6 x 14 x 14. */
    cr_expect_eq(value_of(lenet5, NULL, "memory"), (4704 + 1176) * 8);
    ef_topology_destroy(lenet5);
    /* The image of 2 x 16 bits and 3 logits of 32. */
    cr_expect_eq(value_in("input: {shape: [2], activations: fp16}\n"
                          "nodes:\n  - {dense: 3}\n",
                          NULL, "memory"),
                 2 * 16 + 3 * 32);
    cr_expect_eq(value_in("input: [2, 3, 3]\nnodes: [flatten]\n", NULL, "memory"),
                 18 * 8);
}

/* The twin asks of every layer which tensors live. */
Test(objectives_memory, it_is_the_most_that_lives_at_any_layer)
{
    static const char *const names[] = {"nasnet-a-5m", "mobilenetv2-5m", "resnet8"};
    for (size_t n = 0; n < COUNT(names); n++) {
        ef_topology *topology = load_topology(names[n]);
        ef_workload *w = NULL;
        double most = 0;
        const ef_format format = {0};
        cr_assert_eq(ef_workload_create(&w, topology, &format, NULL), EF_OK);
        for (size_t i = 0; i < w->n_layers; i++) {
            double bits = 0;
            for (size_t t = 0; t < w->n_tensors; t++) {
                int lives = w->tensors[t].first_use <= i && i <= w->tensors[t].last_use;
                bits +=
                    lives ? (double)w->tensors[t].elements * w->tensors[t].width : 0;
            }
            most = bits > most ? bits : most;
        }
        cr_expect_eq(value_of(topology, NULL, "memory"), most, "%s", names[n]);
        ef_workload_destroy(w);
        ef_topology_destroy(topology);
    }
}

Test(objectives_bitops, each_mac_has_the_bits_of_its_operands)
{
    ef_topology *lenet5 = load_topology("lenet5");
    cr_expect_eq(value_of(lenet5, NULL, "bitops"), 416520.0 * 64);
    cr_expect_eq(value_of(lenet5, NULL, "bitops:format=int4"), 416520.0 * 16);
    ef_topology_destroy(lenet5);
    /* c1 16 * 72 at 8 x 8, c2 16 * 144 of ternary weights and 4-bit inputs, 12 at 8 x 8
     */
    cr_expect_eq(of_residual(", activations: int4", ", weights: tern", "bitops"),
                 1152 * 64 + 2304 * 8 + 12 * 64);
}

Test(objectives_adcr, what_moves_is_divided_by_the_macs_of_its_layer)
{
    /* Inputs, weights, biases of 4 bytes, outputs; the last are logits of 4 bytes.  The
     * sum and the mean have no MACs. */
    double c1 = (32 + 72 + 64) / 1152.0, c2 = (64 + 144 + 64) / 2304.0;
    double dense = (4 + 12 + 3 * 4 + 3 * 4) / 12.0;
    cr_expect_float_eq(of_residual("", "", "adcr"), c1 + c2 + dense, 1e-12);
    c1 = (32 + 72 + 32) / 1152.0;
    c2 = (32 + 36 + 64) / 2304.0;
    cr_expect_float_eq(of_residual(", activations: int4", ", weights: tern", "adcr"),
                       c1 + c2 + dense, 1e-12);
}

/* --- traffic --- */

Test(objectives_traffic, with_room_for_all_only_image_weights_and_logits_move)
{
    ef_topology *lenet5 = load_topology("lenet5");
    ef_accelerator roomy = plain_accelerator(108 * 1024);
    /* 784 of the image, 61470 weights, 236 biases of 4 bytes, 10 logits of 4. */
    cr_expect_eq(value_of(lenet5, &roomy, "traffic"), 784 + 61470 + 236 * 4 + 40);
    cr_expect_eq(value_of(lenet5, &roomy, "traffic:format=int4"),
                 (784 + 61470) / 2 + 236 * 4 + 40);
    ef_topology_destroy(lenet5);
}

/* The feature map takes 32 bytes, image 16, each layer 2 bytes of weights, logits 64.
 * 50: kept; c1 needs 4 + 2 beside it; c2 2 + 16, a row of 32-bit logits.
 * 49: kept; c2 has room for one input channel, 1 + 16, and fetches its weights with
 *     each of 4 rows: 6 more.
 * 48: not even that; the map is written and read: 64 more than at 50.
 * 21: c2 has room for a row of one channel, 4 + 1 + 16: 6 more. */
static const char chain[] = "input: [1, 4, 4]\n"
                            "nodes:\n"
                            "  - {conv: 2, kernel: 1, name: c1}\n"
                            "  - {conv: 1, kernel: 1, name: c2}\n";

Test(objectives_traffic, a_map_is_kept_as_long_as_it_leaves_room_for_tiles)
{
    static const struct {
        double buffer, traffic;
    } rows[] = {{1000, 84}, {50, 84}, {49, 90}, {48, 148}, {26, 148}, {21, 154}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        ef_accelerator a = plain_accelerator(rows[i].buffer);
        cr_expect_eq(value_in(chain, &a, "traffic"), rows[i].traffic, "%g: %g",
                     rows[i].buffer, value_in(chain, &a, "traffic"));
    }
}

/* Two maps of 16 bytes, s and t, and their sum, 64 bytes of logits; image 16, weights 1
 * and 1.  Whatever is kept, the sum needs 16 for a row of logits, and 4 for a row of
 * what is not kept. 48: both are kept.  47: s alone, as t comes second: t is written
 * and read. 36: s alone, 16 + 4 + 16.  35: neither; c2 and the sum read s.  24: 4 + 4
 * + 16. */
Test(objectives_traffic, a_shortcut_is_kept_as_long_as_what_it_passes_has_room)
{
    static const char net[] = "input: [1, 4, 4]\n"
                              "nodes:\n"
                              "  - {conv: 1, kernel: 1, name: s}\n"
                              "  - {conv: 1, kernel: 1, name: t}\n"
                              "  - {add: s, name: sum}\n";
    static const struct {
        double buffer, traffic;
    } rows[] = {{48, 82}, {47, 82 + 32}, {36, 82 + 32}, {35, 82 + 80}, {24, 82 + 80}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        ef_accelerator a = plain_accelerator(rows[i].buffer);
        double traffic = value_in(net, &a, "traffic");
        cr_expect_eq(traffic, rows[i].traffic, "%g: %g", rows[i].buffer, traffic);
    }
}

Test(objectives_traffic, a_buffer_that_is_too_small_is_told_with_layer_and_name)
{
    ef_accelerator a = plain_accelerator(20);
    ef_topology *topology = parse_topology(chain);
    ef_error err = {0};
    double value;
    cr_expect_eq(score(topology, &a, "traffic", &value, &err), EF_ERR_INPUT);
    cr_expect_str_eq(err.text,
                     "node c2: not even its smallest tile fits the buffer of plain "
                     "(20 B)");
    ef_topology_destroy(topology);
}

/* A layer that stands alone: the image in, an output of any width that leaves. */
typedef struct single {
    ef_layer layer;
    ef_stored_tensor tensors[2];
    uint32_t in_width; /* elements of an input row */
} single;

static uint32_t draw(ef_rng *rng, uint32_t least, uint32_t most)
{
    return least + (uint32_t)ef_rng_below(rng, most - least + 1);
}

static single draw_single(ef_rng *rng)
{
    single s = {.in_width = draw(rng, 1, 9)};
    ef_layer *l = &s.layer;
    uint32_t taps = draw(rng, 1, 3), dilation = draw(rng, 1, 2);
    uint32_t columns = draw(rng, 1, 6);
    l->loops[EF_LOOP_OUTPUT_CHANNEL] = draw(rng, 1, 5);
    l->loops[EF_LOOP_INPUT_CHANNEL] = draw(rng, 1, 5);
    l->loops[EF_LOOP_GROUP] = draw(rng, 1, 3);
    l->loops[EF_LOOP_OUTPUT_COLUMN] = columns;
    l->loops[EF_LOOP_KERNEL_ROW] = taps;
    l->loops[EF_LOOP_KERNEL_COLUMN] = draw(rng, 1, 3);
    l->stride[0] = draw(rng, 1, 3);
    l->kernel_extent[0] = (taps - 1) * dilation + 1;
    l->pad[0] = draw(rng, 0, l->kernel_extent[0] - 1);
    l->input_extent[0] = draw(rng, l->kernel_extent[0], 9);
    uint32_t below = draw(rng, 0, l->kernel_extent[0] - 1);
    l->loops[EF_LOOP_OUTPUT_ROW] =
        (l->input_extent[0] + l->pad[0] + below - l->kernel_extent[0]) / l->stride[0] +
        1;
    uint32_t outer = l->loops[EF_LOOP_GROUP] * l->loops[EF_LOOP_OUTPUT_CHANNEL];
    uint32_t channels = l->loops[EF_LOOP_GROUP] * l->loops[EF_LOOP_INPUT_CHANNEL];
    l->weights = (uint64_t)outer * l->loops[EF_LOOP_INPUT_CHANNEL] * taps *
                 l->loops[EF_LOOP_KERNEL_COLUMN];
    l->weight_width = draw(rng, 1, 8);
    l->weight_bits = l->weights * l->weight_width;
    s.tensors[0] = (ef_stored_tensor){0, channels * l->input_extent[0] * s.in_width,
                                      draw(rng, 1, 16), 0, 0};
    s.tensors[1] = (ef_stored_tensor){1, outer * l->loops[EF_LOOP_OUTPUT_ROW] * columns,
                                      draw(rng, 1, 16), 0, 1};
    l->input_width = s.tensors[0].width;
    l->n_inputs = 1;
    l->input_elements[0] = s.tensors[0].elements;
    l->output = 1;
    return s;
}

typedef struct tile {
    uint32_t k, c, r;
} tile;

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Rows from `least` to `most` that the windows of n output rows reach, the first
 * window beginning at `first`. */
static uint32_t rows_reached(const ef_layer *l, long first, uint32_t n, long least,
                             long most)
{
    uint32_t rows = 0;
    for (long row = least; row <= most; row++) {
        int is_reached = 0;
        for (long i = 0; i < (long)n; i++) {
            long top = first + i * (long)l->stride[0];
            is_reached |= row >= top && row < top + (long)l->kernel_extent[0];
        }
        rows += (uint32_t)is_reached;
    }
    return rows;
}

static double tile_needs(const single *s, tile t)
{
    const ef_layer *l = &s->layer;
    uint32_t rows = least_of(rows_reached(l, 0, t.r, 0, 100), l->input_extent[0]);
    double inputs = (double)t.c * rows * s->in_width * l->input_width;
    double weights = (double)t.k * t.c * l->loops[EF_LOOP_KERNEL_ROW] *
                     l->loops[EF_LOOP_KERNEL_COLUMN] * l->weight_width;
    int is_whole = t.c == l->loops[EF_LOOP_INPUT_CHANNEL];
    double outputs = (double)t.k * t.r * l->loops[EF_LOOP_OUTPUT_COLUMN] *
                     (is_whole ? s->tensors[1].width : 32);
    return inputs + weights + outputs;
}

/* Bits of c input channels of the rows that output rows [begin, end) reach. */
static double input_bits(const single *s, uint32_t c, uint32_t begin, uint32_t end)
{
    const ef_layer *l = &s->layer;
    long first = (long)(begin * l->stride[0]) - (long)l->pad[0];
    uint32_t rows =
        rows_reached(l, first, end - begin, 0, (long)l->input_extent[0] - 1);
    return (double)rows * c * s->in_width * l->input_width;
}

/* What is in the buffer: indices of the tiles, -1: none yet. */
typedef struct held {
    long input[3], weight[3];
    double bits;
} held;

static void fetch(held *h, long now[3], const long next[3], double bits)
{
    if (memcmp(now, next, 3 * sizeof *next) != 0) {
        memcpy(now, next, 3 * sizeof *next);
        h->bits += bits;
    }
}

static void run_tile(held *h, const single *s, tile t, const uint32_t at[4])
{
    const uint32_t *loops = s->layer.loops;
    uint32_t g = at[0], k0 = at[1] * t.k, c0 = at[2] * t.c, r0 = at[3] * t.r;
    uint32_t k = least_of(t.k, loops[EF_LOOP_OUTPUT_CHANNEL] - k0);
    uint32_t c = least_of(t.c, loops[EF_LOOP_INPUT_CHANNEL] - c0);
    uint32_t end = least_of(r0 + t.r, loops[EF_LOOP_OUTPUT_ROW]);
    fetch(h, h->input, (const long[]){g, at[2], at[3]}, input_bits(s, c, r0, end));
    fetch(h, h->weight, (const long[]){g, at[1], at[2]},
          (double)k * c * loops[EF_LOOP_KERNEL_ROW] * loops[EF_LOOP_KERNEL_COLUMN] *
              s->layer.weight_width);
}

/* All tiles of one loop nest, one after the other. */
static double run_nest(const single *s, tile t, int rows_outside)
{
    const uint32_t *loops = s->layer.loops;
    uint32_t n_k = (loops[EF_LOOP_OUTPUT_CHANNEL] + t.k - 1) / t.k;
    uint32_t n_c = (loops[EF_LOOP_INPUT_CHANNEL] + t.c - 1) / t.c;
    uint32_t n_r = (loops[EF_LOOP_OUTPUT_ROW] + t.r - 1) / t.r;
    held h = {{-1, -1, -1}, {-1, -1, -1}, 0};
    for (uint32_t g = 0; g < loops[EF_LOOP_GROUP]; g++) {
        for (uint32_t i = 0; i < n_k * n_r; i++) {
            uint32_t k = rows_outside ? i % n_k : i / n_r;
            uint32_t r = rows_outside ? i / n_k : i % n_r;
            for (uint32_t c = 0; c < n_c; c++) {
                run_tile(&h, s, t, (const uint32_t[]){g, k, c, r});
            }
        }
    }
    return h.bits + (double)s->tensors[1].elements * s->tensors[1].width;
}

/* Over all tiles that fit and both orders; infinite where none fits. */
static double least_traffic(const single *s, double room)
{
    const uint32_t *loops = s->layer.loops;
    double least = INFINITY;
    for (uint32_t k = 1; k <= loops[EF_LOOP_OUTPUT_CHANNEL]; k++) {
        for (uint32_t c = 1; c <= loops[EF_LOOP_INPUT_CHANNEL]; c++) {
            for (uint32_t r = 1; r <= loops[EF_LOOP_OUTPUT_ROW]; r++) {
                tile t = {k, c, r};
                for (int outside = 0; outside < 2 && tile_needs(s, t) <= room;
                     outside++) {
                    least = fmin(least, run_nest(s, t, outside));
                }
            }
        }
    }
    return least;
}

Test(objectives_traffic, a_layer_moves_what_its_best_loop_nest_moves)
{
    enum { N = 3000 };
    ef_topology *topology = parse_topology(chain); /* for names alone */
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    size_t n_impossible = 0, n_more = 0;
    for (size_t i = 0; i < N; i++) {
        single s = draw_single(&rng);
        ef_workload w = {&s.layer, 1, s.tensors, 2};
        tile all = {s.layer.loops[EF_LOOP_OUTPUT_CHANNEL],
                    s.layer.loops[EF_LOOP_INPUT_CHANNEL],
                    s.layer.loops[EF_LOOP_OUTPUT_ROW]};
        double most = tile_needs(&s, all) / 8;
        ef_accelerator a = plain_accelerator(most * draw(&rng, 1, 32) / 32);
        double bits = -1, least = least_traffic(&s, a.buffer_bytes * 8);
        uint8_t kept[2];
        ef_status status = ef_traffic_plan(&w, &a, topology, &bits, kept, NULL);
        n_impossible += isinf(least) != 0;
        n_more += isfinite(least) && least > least_traffic(&s, INFINITY);
        if (isinf(least)) {
            cr_expect_eq(status, EF_ERR_INPUT, "case %zu", i);
        } else {
            cr_expect_eq(status, EF_OK, "case %zu", i);
            cr_expect_float_eq(bits, least, 1e-9 * least, "case %zu: %g, not %g", i,
                               bits, least);
        }
    }
    cr_expect(n_impossible > N / 50 && n_more > N / 10, "%zu %zu", n_impossible,
              n_more);
    ef_topology_destroy(topology);
}

Test(objectives_traffic, more_buffer_never_costs_and_all_of_it_leaves_what_must_move)
{
    static const struct {
        const char *name;
        double least; /* bytes that must move: image, weights and biases, logits */
    } rows[] = {{"resnet8-digits", 64 + 40},
                {"mobilenetv2-5m", 3072 + 40},
                {"nasnet-a-5m", 3072 + 40},
                {"resnet20", 3072 + 40}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        ef_topology *topology = load_topology(rows[i].name);
        double must = rows[i].least + value_of(topology, NULL, "size") / 8;
        double before = INFINITY;
        for (double kib = 16; kib <= 16384; kib *= 2) {
            ef_accelerator a = plain_accelerator(kib * 1024);
            double traffic = value_of(topology, &a, "traffic");
            cr_expect(traffic >= must && traffic <= before, "%s in %g KiB: %g",
                      rows[i].name, kib, traffic);
            before = traffic;
        }
        cr_expect_eq(before, must, "%s: %g, not %g", rows[i].name, before, must);
        ef_topology_destroy(topology);
    }
}

/* --- energy --- */

/* One layer, its output 32-bit logits.  18,432 MACs; 512 outputs; image 256 bytes,
 * weights 288, logits 2048. */
static const char layer[] = "input: [4, 8, 8]\n"
                            "nodes:\n"
                            "  - {conv: 8, kernel: 3, pad: 1, name: c%s}\n";

static double energy_of_layer(const char *more, const ef_accelerator *accelerator)
{
    char net[sizeof layer + 64];
    snprintf(net, sizeof net, layer, more);
    return value_in(net, accelerator, "energy");
}

Test(objectives_energy, each_level_counts_what_passes_it)
{
    double macs = 18432, traffic = 256 + 288 + 2048;
    ef_accelerator a = plain_accelerator(1e6);
    cr_expect_eq(energy_of_layer("", &a), 0);
    a.macs[0].energy_pj = 0.5;
    cr_expect_float_eq(energy_of_layer("", &a), macs * 0.5e-12, 1e-20);
    a = plain_accelerator(1e6);
    a.dram_pj_per_byte = 100;
    cr_expect_float_eq(energy_of_layer("", &a), traffic * 1e-10, 1e-20);
    a = plain_accelerator(1e6);
    a.register_pj_per_byte = 1;
    /* A weight, an input, a sum of 4 bytes read and written. */
    cr_expect_float_eq(energy_of_layer("", &a), macs * 10 * 1e-12, 1e-20);
    a = plain_accelerator(1e6);
    a.buffer_pj_per_byte = 1;
    /* 4 output channels share an input; each weight is held for all 64 places; 2 input
     * channels are summed in the array, so 9,216 sums leave it, 8,704 of them to come
     * back. */
    double buffer = 288 + macs / 4 + 8704 * 8 + 2048 + traffic;
    cr_expect_float_eq(energy_of_layer("", &a), buffer * 1e-12, 1e-20);
}

Test(objectives_energy, rows_of_the_input_are_shared_along_the_diagonals)
{
    /* Rows of the kernel on the array's rows, of the output on its columns, both
     * columns inside: 8 output channels times 4 channels of 10 x 10, padding counted,
     * are read; each of 288 weights once; 3 x 3 sums stay, those of 4 input channels do
     * not: 2,048, of which 1,536 come back. */
    ef_accelerator a = plain_accelerator(1e6);
    a.rows = (ef_array_axis){3, 1, {EF_LOOP_KERNEL_ROW}};
    a.columns = (ef_array_axis){8, 1, {EF_LOOP_OUTPUT_ROW}};
    a.inner[0] = EF_LOOP_KERNEL_COLUMN;
    a.buffer_pj_per_byte = 1;
    double others = 288 + 2048 + 1536 * 8 + 256 + 288 + 2048;
    cr_expect_float_eq(energy_of_layer("", &a), (3200 + others) * 1e-12, 1e-20);
    /* Half the columns: rows of 4 outputs, 6 x 10 of the input twice. */
    a.columns.size = 4;
    others += 288;
    cr_expect_float_eq(energy_of_layer("", &a), (3840 + others) * 1e-12, 1e-20);
}

Test(objectives_energy, a_depthwise_layer_shares_nothing_along_channels)
{
    /* 4 channels, 9 MACs for each of 256 outputs: 2,304 inputs and sums pass the
     * buffer; 2,048 sums come back. */
    ef_accelerator a = plain_accelerator(1e6);
    a.buffer_pj_per_byte = 1;
    double traffic = 256 + 36 + 1024;
    double buffer = 36 + 2304 + 2048 * 8 + 1024 + traffic;
    cr_expect_float_eq(value_in("input: [4, 8, 8]\nnodes:\n"
                                "  - {conv: 4, kernel: 3, pad: 1, groups: 4}\n",
                                &a, "energy"),
                       buffer * 1e-12, 1e-20);
}

/* Per MAC, as little data as they move: 64 channels of 16 x 16, 3 x 3 by channel
 * against 1 x 1 across. */
Test(objectives_energy, a_depthwise_mac_costs_more_than_a_dense_one_everywhere)
{
    static const char *const names[] = {"edge-systolic", "eyeriss-like", "mcu-simd",
                                        "tpu-like"};
    ef_topology *depthwise =
        parse_topology("input: [64, 16, 16]\nnodes:\n"
                       "  - {conv: 64, kernel: 3, pad: 1, groups: 64}\n");
    ef_topology *dense = parse_topology("input: [64, 16, 16]\nnodes:\n"
                                        "  - {conv: 64, kernel: 3, pad: 1}\n");
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[512];
        ef_accelerator a;
        snprintf(path, sizeof path, "%s/data/hardware/%s.yaml", getenv("EF_SRCDIR"),
                 names[i]);
        cr_assert_eq(ef_accelerator_load(&a, path, NULL), EF_OK);
        a.dram_pj_per_byte = 0;
        double per_mac = value_of(depthwise, &a, "energy") / (64 * 256 * 9);
        double per_dense_mac = value_of(dense, &a, "energy") / (64 * 256 * 64 * 9);
        cr_expect(per_mac > per_dense_mac, "%s: %g, %g", names[i], per_mac,
                  per_dense_mac);
    }
    ef_topology_destroy(depthwise);
    ef_topology_destroy(dense);
}

Test(objectives_energy, macs_cost_by_kind_and_by_their_wider_operand)
{
    ef_accelerator a = plain_accelerator(1e6);
    a.macs[0].energy_pj = 1;
    a.macs[1].energy_pj = 10;
    a.macs[2].energy_pj = 100;
    cr_expect_float_eq(energy_of_layer(", weights: int4", &a), 18432e-12, 1e-20);
    cr_expect_float_eq(energy_of_layer(", weights: int9", &a), 18432e-11, 1e-20);
    cr_expect_float_eq(energy_of_layer(", weights: e4m3", &a), 18432e-10, 1e-20);
}

Test(objectives_energy, poolings_and_sums_are_operations_of_the_vector_unit)
{
    /* 64 image values of 8 bits are read, 4 means of 32 bits written. */
    static const char net[] = "input: [4, 4, 4]\nnodes: [globalavg]\n";
    ef_accelerator a = plain_accelerator(1e6);
    a.macs[0].energy_pj = 3;
    cr_expect_float_eq(value_in(net, &a, "energy"), 64 * 3e-12, 1e-20);
    a = plain_accelerator(1e6);
    a.register_pj_per_byte = 1;
    cr_expect_float_eq(value_in(net, &a, "energy"), 64 * 9e-12, 1e-20);
    a = plain_accelerator(1e6);
    a.buffer_pj_per_byte = 1;
    cr_expect_float_eq(value_in(net, &a, "energy"), 2 * (64 + 16) * 1e-12, 1e-20);
}

Test(objectives_energy, a_fitted_model_stands_in_for_the_levels)
{
    ef_accelerator a = plain_accelerator(1); /* no tile fits, and none is asked for */
    a.has_energy_model = 1;
    a.energy_model[EF_CLASS_CONV] = (ef_layer_cost){2, 10, 1000};
    cr_expect_eq(energy_of_layer("", &a), 18432 * 2 + 2592 * 10 + 1000);
}

Test(objectives_energy, a_mac_that_the_accelerator_does_not_know_is_named)
{
    ef_accelerator a = plain_accelerator(1e6);
    ef_error err = {0};
    double value;
    a.n_macs = 2;
    ef_topology *topology =
        parse_topology("input: [1]\nnodes:\n  - {dense: 2, weights: fp16, name: d}\n");
    cr_expect_eq(score(topology, &a, "energy", &value, &err), EF_ERR_INPUT);
    cr_expect_str_eq(err.text,
                     "node d: accelerator plain has no energy for a MAC of 16 "
                     "bit and kind float");
    ef_topology_destroy(topology);
}

/* --- all of them --- */

Test(objectives_hardware, what_needs_an_accelerator_says_so)
{
    static const char *const names[] = {"traffic", "energy"};
    ef_topology *topology = parse_topology(chain);
    for (size_t i = 0; i < COUNT(names); i++) {
        ef_error err = {0};
        double value;
        char expected[80];
        snprintf(expected, sizeof expected,
                 "%s needs an accelerator: give --hardware FILE", names[i]);
        cr_expect_eq(score(topology, NULL, names[i], &value, &err), EF_ERR_USAGE);
        cr_expect_str_eq(err.text, expected);
    }
    ef_topology_destroy(topology);
}

Test(objectives_hardware, limits_have_their_units)
{
    static const struct {
        const char *text;
        double bound;
    } rows[] = {{"energy<=2uJ", 2e-6},     {"traffic<=64KiB", 65536},
                {"memory<=64KiB", 524288}, {"bitops<=1G", 1e9},
                {"adcr<=0.5 B/MAC", 0.5},  {"adcr <= 3", 3},
                {"energy<=0.001", 0.001},  {"traffic<=2 kbit", 250}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        ef_limit limit;
        ef_error err = {0};
        cr_expect_eq(ef_limit_parse(&limit, rows[i].text, &err), EF_OK, "%s", err.text);
        cr_expect_eq(limit.bound, rows[i].bound, "%s", rows[i].text);
    }
}

Test(objectives_hardware, short_memory_is_an_error)
{
    static const char *const names[] = {"memory", "bitops", "adcr", "traffic",
                                        "energy"};
    ef_topology *topology = parse_topology(chain);
    ef_accelerator a = plain_accelerator(1000);
    const ef_objective_context context = {.accelerator = &a};
    for (size_t i = 0; i < COUNT(names); i++) {
        ef_status status = EF_ERR_MEMORY;
        ef_objective_list list;
        cr_assert_eq(ef_objective_parse_list(&list, names[i], NULL), EF_OK);
        for (long n = 0; status == EF_ERR_MEMORY; n++) {
            ef_error err = {0};
            double value;
            cr_assert(n < 20, "%s", names[i]);
            ef_mem_fail_after(n);
            status = ef_objective_score(topology, &context, &list, &value, &err);
            ef_mem_fail_after(-1);
            cr_expect(n >= 5 || status == EF_ERR_MEMORY, "%s %ld", names[i], n);
        }
        cr_expect_eq(status, EF_OK, "%s", names[i]);
    }
    ef_topology_destroy(topology);
}
