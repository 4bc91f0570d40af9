/* Tiles: cycles by hand, and what any list of tasks has to keep to. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "objectives/simulation.h"
#include "random_net.h"
#include "topology_help.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Loops as evoflip-hardware(5) lays them out. */
static const ef_accelerator row_stationary = {
    .name = "rows",
    .clock_hz = 1e9,
    .rows = {12, 2, {EF_LOOP_KERNEL_ROW, EF_LOOP_INPUT_CHANNEL}},
    .columns = {14, 2, {EF_LOOP_OUTPUT_ROW, EF_LOOP_OUTPUT_CHANNEL}},
    .n_inner = 2,
    .inner = {EF_LOOP_KERNEL_COLUMN, EF_LOOP_OUTPUT_COLUMN},
    .lanes = 16,
    .buffer_bytes = 4096,
    .buffer_bytes_per_cycle = 32,
    .dram_bytes_per_s = 1e9,
    .dram_latency_s = 10e-9,
    .bus_bytes_per_s = 1e9,
    .dma_setup_s = 5e-9,
    .sync_s = 3e-9,
};

static const ef_accelerator channels = {
    .clock_hz = 1e9,
    .rows = {16, 1, {EF_LOOP_INPUT_CHANNEL}},
    .columns = {16, 1, {EF_LOOP_OUTPUT_CHANNEL}},
};

Test(tasks_cycles, loops_that_are_not_laid_out_run_in_time)
{
    static const struct {
        const char *name;
        const ef_accelerator *accelerator;
        uint32_t loops[EF_LOOP_COUNT]; /* k, c, g, rows, columns, kernel */
        double cycles;
    } rows[] = {
        /* 3 kernel rows and 4 of 16 channels on 12 elements; 14 rows on 14. */
        {"3 x 3", &row_stationary, {32, 16, 1, 14, 10, 3, 3}, 32 * 4 * 10 * 3},
        /* 5 rows leave room for 2 channels, of 3: 2 times. */
        {"5 x 5", &row_stationary, {6, 3, 1, 28, 28, 5, 5}, 6 * 2 * 2 * 28 * 5},
        /* 13 kernel rows: 12 and 1; no room for channels. */
        {"13 rows", &row_stationary, {1, 2, 1, 1, 1, 13, 1}, 2 * 2},
        /* 7 rows leave room for 2 output channels. */
        {"7 rows", &row_stationary, {5, 1, 1, 7, 7, 1, 1}, 3 * 7},
        {"dense", &row_stationary, {100, 120, 1, 1, 1, 1, 1}, 8 * 10},
        {"depthwise in rows", &row_stationary, {1, 1, 64, 14, 14, 3, 3}, 64 * 14 * 3},
        {"channels", &channels, {64, 64, 1, 8, 8, 3, 3}, 4 * 4 * 64 * 9},
        {"ragged channels", &channels, {17, 33, 1, 1, 1, 1, 1}, 2 * 3},
        {"depthwise in channels", &channels, {1, 1, 64, 8, 8, 3, 3}, 64 * 64 * 9},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ef_layer layer = {.macs = 1};
        memcpy(layer.loops, rows[i].loops, sizeof layer.loops);
        const uint32_t *of = layer.loops;
        const ef_tile all = {of[EF_LOOP_GROUP], of[EF_LOOP_OUTPUT_CHANNEL],
                             of[EF_LOOP_INPUT_CHANNEL], of[EF_LOOP_OUTPUT_ROW], 0};
        double cycles = ef_tile_cycles(rows[i].accelerator, &layer, &all);
        cr_expect_eq(cycles, rows[i].cycles, "%s: %g", rows[i].name, cycles);
    }
}

Test(tasks_rows, bands_need_their_halo_but_no_padding_and_no_skipped_rows)
{
    static const struct {
        uint32_t height, stride, extent, pad, begin, end;
        double rows;
    } rows[] = {
        {8, 1, 3, 1, 0, 8, 8}, {8, 1, 3, 1, 0, 4, 5}, {8, 1, 3, 1, 4, 8, 5},
        {8, 1, 3, 1, 3, 5, 4}, {8, 2, 3, 1, 1, 3, 5}, {8, 2, 1, 0, 0, 4, 4},
        {9, 3, 2, 0, 1, 3, 4}, {4, 1, 9, 4, 1, 2, 4}, {4, 1, 1, 3, 0, 3, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ef_layer layer = {.input_extent = {rows[i].height, 1},
                          .stride = {rows[i].stride, 1},
                          .kernel_extent = {rows[i].extent, 1},
                          .pad = {rows[i].pad, 0}};
        cr_expect_eq(ef_tile_rows(&layer, rows[i].begin, rows[i].end), rows[i].rows,
                     "row %zu", i);
    }
}

/* --- what every list keeps to --- */

typedef struct made {
    ef_topology *topology;
    ef_workload *workload;
    ef_tasks *tasks;
    ef_schedule *schedule;
} made;

static ef_status make(made *m, const ef_accelerator *a, ef_error *err)
{
    const ef_format format = {0};
    cr_assert_eq(ef_workload_create(&m->workload, m->topology, &format, err), EF_OK);
    ef_status status = ef_tasks_create(&m->tasks, m->workload, a, m->topology, err);
    return status ? status
                  : ef_schedule_create(&m->schedule, m->workload, a, m->tasks, err);
}

static void clear(made *m)
{
    ef_schedule_destroy(m->schedule);
    ef_tasks_destroy(m->tasks);
    ef_workload_destroy(m->workload);
    ef_topology_destroy(m->topology);
}

/* A place in the buffer that changes its size at a time. */
typedef struct change {
    uint64_t at_ps;
    double bits;
} change;

/* What ends is gone before what begins at the same time. */
static int compare_changes(const void *a, const void *b)
{
    const change *x = a, *y = b;
    if (x->at_ps != y->at_ps) {
        return x->at_ps < y->at_ps ? -1 : 1;
    }
    return (x->bits > y->bits) - (x->bits < y->bits);
}

static void occupy(change *changes, size_t *n, uint64_t from_ps, uint64_t to_ps,
                   double bits)
{
    changes[(*n)++] = (change){from_ps, bits};
    changes[(*n)++] = (change){to_ps, -bits};
}

/* The end of the last computation that uses what task `index` loads: that before the
 * next load of the same kind in its layer. */
static uint64_t end_of_use(const made *m, size_t index)
{
    const ef_task *load = &m->tasks->tasks[index];
    uint64_t end_ps = 0;
    for (size_t i = index + 1; i < m->tasks->first[load->layer + 1]; i++) {
        const ef_task *task = &m->tasks->tasks[i];
        if (task->kind == load->kind && task->tensor == load->tensor) {
            break;
        }
        end_ps = task->kind == EF_TASK_COMPUTE ? m->schedule->end_ps[i] : end_ps;
    }
    return end_ps;
}

/* The most bits that lie in the buffer at once: loads from their begin to their last
 * use, outputs from the begin of their computation (with whole input channels) to the
 * end of their store, kept maps from their layer's begin to the end of their last. */
static double most_in_buffer(const made *m)
{
    const ef_tasks *t = m->tasks;
    const ef_schedule *s = m->schedule;
    change *changes = ef_calloc(2 * (t->n + m->workload->n_tensors), sizeof *changes);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const ef_task *task = &t->tasks[i];
        if (task->kind == EF_TASK_LOAD_INPUT || task->kind == EF_TASK_LOAD_WEIGHTS) {
            occupy(changes, &n, s->start_ps[i], end_of_use(m, i), (double)task->bits);
        } else if (task->kind == EF_TASK_STORE) {
            size_t compute = t->tasks[task->after[0]].after[0];
            occupy(changes, &n, s->start_ps[compute], s->end_ps[i], (double)task->bits);
        }
    }
    for (size_t i = 0; i < m->workload->n_tensors; i++) {
        const ef_stored_tensor *tensor = &m->workload->tensors[i];
        if (t->kept[i]) {
            occupy(changes, &n, s->layers[tensor->first_use].start_ps,
                   s->layers[tensor->last_use].end_ps,
                   (double)tensor->elements * tensor->width);
        }
    }
    qsort(changes, n, sizeof *changes, compare_changes);
    double now = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        now += changes[i].bits;
        most = now > most ? now : most;
    }
    ef_free(changes);
    return most;
}

static void expect_whole_layers(const made *m, const char *name)
{
    for (size_t i = 0; i < m->workload->n_layers; i++) {
        const ef_layer *layer = &m->workload->layers[i];
        const ef_stored_tensor *output = &m->workload->tensors[layer->output];
        uint64_t weights = 0, stored = 0, computed = 0;
        uint64_t before_ps = i > 0 ? m->schedule->layers[i - 1].end_ps : 0;
        for (size_t k = m->tasks->first[i]; k < m->tasks->first[i + 1]; k++) {
            const ef_task *task = &m->tasks->tasks[k];
            weights += task->kind == EF_TASK_LOAD_WEIGHTS ? task->bits : 0;
            stored += task->kind == EF_TASK_STORE ? task->bits : 0;
            computed += task->kind == EF_TASK_COMPUTE ? task->bits : 0;
            cr_expect_geq(m->schedule->start_ps[k], before_ps, "%s", name);
        }
        uint64_t all = (uint64_t)output->elements * output->width;
        cr_expect_geq(weights, layer->weight_bits, "%s layer %zu", name, i);
        cr_expect_eq(computed, all, "%s layer %zu", name, i);
        cr_expect_eq(stored, m->tasks->kept[layer->output] ? 0 : all, "%s layer %zu",
                     name, i);
    }
}

Test(tasks_buffer, nothing_is_left_out_and_nothing_overflows)
{
    enum { N = 300 };
    size_t n_kept = 0, n_moved = 0, n_impossible = 0, n_split = 0;
    ef_rng rng = ef_rng_stream(3, EF_PURPOSE_TEST, 0, 0, 0);
    for (uint64_t i = 0; i < N; i++) {
        ef_net *net = random_net_with(i, 3 + i % 12, i % 6 == 0,
                                      RANDOM_RESHAPE | RANDOM_INFERENCE);
        made m = {0};
        char name[32];
        ef_accelerator a = row_stationary;
        a.buffer_bytes = (double)(64U << ef_rng_below(&rng, 8));
        snprintf(name, sizeof name, "net %u", (unsigned)i);
        cr_assert_eq(ef_topology_dup(&m.topology, net->topology), EF_OK);
        if (make(&m, &a, NULL)) {
            n_impossible++;
        } else {
            expect_whole_layers(&m, name);
            double most = most_in_buffer(&m);
            cr_expect_leq(most, a.buffer_bytes * 8, "%s: %g bits in %g B", name, most,
                          a.buffer_bytes);
            for (size_t k = 1; k < m.workload->n_tensors; k++) {
                n_kept += m.tasks->kept[k];
                n_moved += !m.tasks->kept[k];
            }
            for (size_t k = 0; k < m.workload->n_layers; k++) {
                n_split += m.tasks->tiles[k].inputs <
                           m.workload->layers[k].loops[EF_LOOP_INPUT_CHANNEL];
            }
        }
        clear(&m);
        ef_net_destroy(net);
    }
    cr_expect(n_kept > N && n_moved > N && n_impossible > 3 && n_split > 10,
              "%zu %zu %zu %zu", n_kept, n_moved, n_impossible, n_split);
}

Test(tasks_buffer, partial_sums_stay_until_all_input_channels_are_in)
{
    ef_accelerator a = row_stationary;
    made m = {.topology =
                  parse_topology("input: [64, 1, 1]\nnodes: [{conv: 2, kernel: 1}]\n")};
    /* With all channels 64 bytes of the image, two times 64 weights of one output, two
     * times 4 of sums: 200.  With half of them 2 * 32 + 2 * 32 + 2 * 4: 136. */
    a.buffer_bytes = 140;
    cr_assert_eq(make(&m, &a, NULL), EF_OK);
    cr_expect_eq(m.tasks->tiles[0].inputs, 32);
    cr_expect_eq(m.tasks->tiles[0].outputs, 1);
    size_t n_stores = 0, n_computed = 0;
    for (size_t i = 0; i < m.tasks->n; i++) {
        n_stores += m.tasks->tasks[i].kind == EF_TASK_STORE;
        n_computed += m.tasks->tasks[i].kind == EF_TASK_COMPUTE;
    }
    cr_expect_eq(n_computed, 4);
    cr_expect_eq(n_stores, 2);
    expect_whole_layers(&m, "split");
    cr_expect_leq(most_in_buffer(&m), 140 * 8);
    clear(&m);
}

Test(tasks_buffer, a_layer_that_does_not_fit_is_named)
{
    made m = {.topology =
                  parse_topology("input: [4, 8, 8]\n"
                                 "nodes: [{conv: 4, kernel: 1, name: c1}, relu, "
                                 "{conv: 4, kernel: 5, pad: 2, name: c2}]\n")};
    ef_accelerator a = row_stationary;
    ef_error err = {0};
    /* c1 takes 2 * (8 + 1 + 8) bytes in tiles of one channel and row, c2, with 5 rows
     * of 8 and 25 weights, more. */
    a.buffer_bytes = 100;
    cr_expect_eq(make(&m, &a, &err), EF_ERR_INPUT);
    cr_expect_str_eq(err.text, "node c2: not even its smallest tiles, two of a kind, "
                               "fit the buffer of rows (100 B)");
    clear(&m);
}
