/* Schedules by hand, and a twin that steps through time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "objectives/latency.h"
#include "objectives/simulation.h"
#include "random_net.h"
#include "topology_help.h"
#include "accelerator_help.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct scheduled {
    ef_topology *topology;
    ef_workload *workload;
    ef_tasks *tasks;
    ef_schedule *schedule;
} scheduled;

static scheduled schedule_topology(ef_topology *topology, const ef_accelerator *a)
{
    scheduled s = {.topology = topology};
    ef_error err = {0};
    const ef_format format = {0};
    cr_assert_eq(ef_workload_create(&s.workload, topology, &format, &err), EF_OK);
    cr_assert_eq(ef_tasks_create(&s.tasks, s.workload, a, topology, &err), EF_OK, "%s",
                 err.text);
    cr_assert_eq(ef_schedule_create(&s.schedule, s.workload, a, s.tasks, &err), EF_OK,
                 "%s", err.text);
    return s;
}

static scheduled schedule_text(const char *text, const ef_accelerator *a)
{
    return schedule_topology(parse_topology(text), a);
}

static void clear(scheduled *s)
{
    ef_schedule_destroy(s->schedule);
    ef_tasks_destroy(s->tasks);
    ef_workload_destroy(s->workload);
    ef_topology_destroy(s->topology);
}

/* A task by hand, in ns. */
typedef struct by_hand {
    ef_task_kind kind;
    ef_resource resource; /* one of those that it holds */
    uint32_t layer, tile;
    uint64_t start_ns, end_ns;
} by_hand;

static void expect_tasks(const scheduled *s, const by_hand *rows, size_t n)
{
    cr_assert_eq(s->tasks->n, n, "%zu tasks", s->tasks->n);
    for (size_t i = 0; i < n; i++) {
        const ef_task *task = &s->tasks->tasks[i];
        cr_expect_eq(task->kind, rows[i].kind, "task %zu", i);
        cr_expect(task->resources >> rows[i].resource & 1, "task %zu", i);
        cr_expect_eq(task->layer, rows[i].layer, "task %zu", i);
        cr_expect_eq(task->tile, rows[i].tile, "task %zu", i);
        cr_expect_eq(s->schedule->start_ps[i], rows[i].start_ns * 1000,
                     "task %zu: %llu", i, (unsigned long long)s->schedule->start_ps[i]);
        cr_expect_eq(s->schedule->end_ps[i], rows[i].end_ns * 1000, "task %zu: %llu", i,
                     (unsigned long long)s->schedule->end_ps[i]);
    }
    cr_expect_eq(s->schedule->time_ps, rows[n - 1].end_ns * 1000);
}

/* --- by hand --- */

/* 8 inputs, 4 outputs, all in the buffer.  32 bytes of weights and 8 of the image are
 * loaded, 16 of logits stored: 5 + 10 + 32, 23 and 31 ns.  4 outputs lie on the columns
 * of the array, 2 inputs on its rows: 4 cycles.  In two tiles of 2 outputs the
 * transfers would take 2 * 31 + 23 and 2 * 23 ns, so that one is better. */
Test(simulation_by_hand, a_dense_layer_loads_computes_and_stores)
{
    static const by_hand rows[] = {
        {EF_TASK_LOAD_WEIGHTS, EF_RESOURCE_DMA, 0, 0, 0, 47},
        {EF_TASK_LOAD_INPUT, EF_RESOURCE_BUS, 0, 0, 47, 70},
        {EF_TASK_SYNC, EF_RESOURCE_ARRAY, 0, 0, 70, 73},
        {EF_TASK_COMPUTE, EF_RESOURCE_ARRAY, 0, 0, 73, 77},
        {EF_TASK_SYNC, EF_RESOURCE_DMA, 0, 0, 77, 80},
        {EF_TASK_STORE, EF_RESOURCE_DRAM, 0, 0, 80, 111},
    };
    ef_accelerator a = plain_accelerator(1000);
    scheduled s = schedule_text("input: [8]\nnodes: [{dense: 4}]\n", &a);
    expect_tasks(&s, rows, COUNT(rows));
    const ef_layer_time *layer = &s.schedule->layers[0];
    /* 3 transfers with their 5 and 10 ns, 56 bytes; the bus is never the slower. */
    cr_expect_eq(layer->waits_ps[EF_BOUND_DMA], 15000);
    cr_expect_eq(layer->waits_ps[EF_BOUND_DRAM], 86000);
    cr_expect_eq(layer->waits_ps[EF_BOUND_BUS], 0);
    cr_expect_eq(layer->waits_ps[EF_BOUND_SYNC], 6000);
    cr_expect_eq(layer->waits_ps[EF_BOUND_COMPUTE], 4000);
    cr_expect_eq(layer->bound, EF_BOUND_DRAM);
    cr_expect_eq(layer->bits, 8 * 56);
    /* 32 MACs where 111 cycles of 8 elements were. */
    cr_expect_float_eq(layer->utilisation, 32.0 / (8 * 111), 1e-12);
    clear(&s);
}

/* 6 rows of 2 channels of 4 bytes; 8 bytes of weights; 6 rows of 4 channels of 4 logits
 * of 4 bytes.  Bands of r rows take 2 * 8 r + 8 + 2 * 64 r bytes (once the 48 + 384 for
 * r = 6): of 300 bytes r = 2 is the most.  Other tiles that fit, such as 6 rows of 1
 * output channel, need more transfers.
 *   Loads: weights 15 + 8, each band 15 + 16; stores 15 + 128; 8 cycles a band.
 *   The load of band 2 waits for the end of band 0 (65) and the engine (85).
 *   The store of band 0 comes behind it; band 2 waits for its end, as the logits of two
 *   bands are all that the buffer holds. */
Test(simulation_by_hand, bands_of_a_conv_are_loaded_and_stored_beside_the_computation)
{
    static const by_hand rows[] = {
        {EF_TASK_LOAD_WEIGHTS, EF_RESOURCE_DMA, 0, 0, 0, 23},
        {EF_TASK_LOAD_INPUT, EF_RESOURCE_DMA, 0, 0, 23, 54},
        {EF_TASK_SYNC, EF_RESOURCE_ARRAY, 0, 0, 54, 57},
        {EF_TASK_COMPUTE, EF_RESOURCE_ARRAY, 0, 0, 57, 65},
        {EF_TASK_LOAD_INPUT, EF_RESOURCE_DMA, 0, 1, 54, 85},
        {EF_TASK_SYNC, EF_RESOURCE_ARRAY, 0, 1, 85, 88},
        {EF_TASK_COMPUTE, EF_RESOURCE_ARRAY, 0, 1, 88, 96},
        {EF_TASK_LOAD_INPUT, EF_RESOURCE_DMA, 0, 2, 85, 116},
        {EF_TASK_SYNC, EF_RESOURCE_DMA, 0, 0, 116, 119},
        {EF_TASK_STORE, EF_RESOURCE_DMA, 0, 0, 119, 262},
        {EF_TASK_SYNC, EF_RESOURCE_ARRAY, 0, 2, 116, 119},
        {EF_TASK_COMPUTE, EF_RESOURCE_ARRAY, 0, 2, 262, 270},
        {EF_TASK_SYNC, EF_RESOURCE_DMA, 0, 1, 262, 265},
        {EF_TASK_STORE, EF_RESOURCE_DMA, 0, 1, 265, 408},
        {EF_TASK_SYNC, EF_RESOURCE_DMA, 0, 2, 408, 411},
        {EF_TASK_STORE, EF_RESOURCE_DMA, 0, 2, 411, 554},
    };
    ef_accelerator a = plain_accelerator(300);
    scheduled s =
        schedule_text("input: [2, 6, 4]\nnodes: [{conv: 4, kernel: 1}]\n", &a);
    expect_tasks(&s, rows, COUNT(rows));
    cr_expect_eq(s.schedule->layers[0].bound, EF_BOUND_DRAM);
    clear(&s);
}

/* Everything fits, and the map between the layers is kept: the conv stores nothing, the
 * pooling loads nothing.
 *   conv: 4 bytes of weights, 15 + 4; 32 of the image.  In one band 66 ns of loads, a
 *   synchronisation and 16 cycles: 85.  In two bands of 15 + 16 the second is loaded
 *   while the first is computed: 92 at its end (the estimate, which knows of no wait
 *   between bands, is 81).  In three or more, loads take too long.
 *   pooling: 32 values in 4 lanes, 8 cycles; 8 bytes of logits, 15 + 8. */
Test(simulation_by_hand, a_map_that_is_kept_is_not_moved)
{
    static const by_hand rows[] = {
        {EF_TASK_LOAD_WEIGHTS, EF_RESOURCE_DMA, 0, 0, 0, 19},
        {EF_TASK_LOAD_INPUT, EF_RESOURCE_DMA, 0, 0, 19, 50},
        {EF_TASK_SYNC, EF_RESOURCE_ARRAY, 0, 0, 50, 53},
        {EF_TASK_COMPUTE, EF_RESOURCE_ARRAY, 0, 0, 53, 61},
        {EF_TASK_LOAD_INPUT, EF_RESOURCE_DMA, 0, 1, 50, 81},
        {EF_TASK_SYNC, EF_RESOURCE_ARRAY, 0, 1, 81, 84},
        {EF_TASK_COMPUTE, EF_RESOURCE_ARRAY, 0, 1, 84, 92},
        {EF_TASK_COMPUTE, EF_RESOURCE_VECTOR, 1, 0, 92, 100},
        {EF_TASK_SYNC, EF_RESOURCE_DMA, 1, 0, 100, 103},
        {EF_TASK_STORE, EF_RESOURCE_DMA, 1, 0, 103, 126},
    };
    ef_accelerator a = plain_accelerator(1000);
    scheduled s = schedule_text("input: [2, 4, 4]\n"
                                "nodes: [{conv: 2, kernel: 1}, relu, globalavg]\n",
                                &a);
    expect_tasks(&s, rows, COUNT(rows));
    cr_expect_eq(s.schedule->layers[1].start_ps, 92000);
    cr_expect_eq(s.schedule->layers[1].end_ps, 126000);
    /* 32 operations where 34 cycles of 4 lanes were. */
    cr_expect_float_eq(s.schedule->layers[1].utilisation, 32.0 / (4 * 34), 1e-12);
    clear(&s);
}

/* --- against a twin --- */

static unsigned draw(ef_rng *rng, unsigned least, unsigned most)
{
    return least + (unsigned)ef_rng_below(rng, most - least + 1);
}

/* One picosecond after the other; at each, every task is looked at until none can begin
 * or end any more. */
typedef struct stepping {
    const ef_task *tasks;
    size_t n, n_ended;
    uint64_t *left, *start, *end;
    int *state; /* 0 waits, 1 runs, 2 has ended */
} stepping;

static int may_begin(const stepping *s, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if ((s->tasks[k].resources & s->tasks[i].resources) && s->state[k] != 2) {
            return 0;
        }
    }
    for (size_t k = 0; k < EF_TASK_AFTER; k++) {
        size_t after = s->tasks[i].after[k];
        if (after != EF_TASK_NONE && s->state[after] != 2) {
            return 0;
        }
    }
    return 1;
}

static int look(stepping *s, uint64_t now)
{
    int changed = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->state[i] == 0 && may_begin(s, i)) {
            s->state[i] = 1;
            s->start[i] = now;
            s->left[i] = s->tasks[i].time_ps;
            changed = 1;
        }
        if (s->state[i] == 1 && s->left[i] == 0) {
            s->state[i] = 2;
            s->end[i] = now;
            s->n_ended++;
            changed = 1;
        }
    }
    return changed;
}

static void step(stepping *s)
{
    for (uint64_t now = 0; s->n_ended < s->n; now++) {
        while (look(s, now)) {
        }
        for (size_t i = 0; i < s->n; i++) {
            s->left[i] -= s->state[i] == 1;
        }
    }
}

enum { MOST_TASKS = 80 };

static size_t draw_tasks(ef_rng *rng, ef_task *tasks)
{
    size_t n = draw(rng, 1, MOST_TASKS);
    for (size_t i = 0; i < n; i++) {
        tasks[i] = (ef_task){.kind = EF_TASK_SYNC,
                             .resources = draw(rng, 1, (1U << EF_RESOURCE_COUNT) - 1),
                             .time_ps = draw(rng, 0, 9)};
        if (draw(rng, 0, 1)) {
            tasks[i].resources = 1U << draw(rng, 0, EF_RESOURCE_COUNT - 1);
        }
        for (size_t k = 0; k < EF_TASK_AFTER; k++) {
            int is_free = i == 0 || draw(rng, 0, 1);
            tasks[i].after[k] = is_free ? EF_TASK_NONE : draw(rng, 0, (unsigned)i - 1);
        }
    }
    return n;
}

Test(simulation_twin, random_tasks_begin_and_end_when_the_twin_has_them)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    ef_accelerator a = plain_accelerator(1000);
    for (size_t round = 0; round < 500; round++) {
        ef_task tasks[MOST_TASKS];
        uint64_t left[MOST_TASKS] = {0}, start[MOST_TASKS], end[MOST_TASKS];
        int state[MOST_TASKS] = {0};
        ef_layer layer = {.operations = 1};
        ef_workload workload = {&layer, 1, NULL, 0};
        size_t first[] = {0, draw_tasks(&rng, tasks)};
        ef_tasks list = {.tasks = tasks, .n = first[1], .first = first};
        stepping twin = {tasks, first[1], 0, left, start, end, state};
        ef_schedule *made = NULL;
        cr_assert_eq(ef_schedule_create(&made, &workload, &a, &list, NULL), EF_OK);
        step(&twin);
        for (size_t i = 0; i < list.n; i++) {
            cr_assert_eq(made->start_ps[i], start[i], "round %zu task %zu", round, i);
            cr_assert_eq(made->end_ps[i], end[i], "round %zu task %zu", round, i);
        }
        ef_schedule_destroy(made);
    }
}

Test(simulation_twin, tasks_that_wait_for_each_other_are_an_error)
{
    ef_task tasks[] = {
        {.kind = EF_TASK_SYNC, .resources = 1, .after = {1, EF_TASK_NONE}},
        {.kind = EF_TASK_SYNC, .resources = 1, .after = {EF_TASK_NONE, EF_TASK_NONE}}};
    size_t first[] = {0, 2};
    ef_layer layer = {.operations = 1};
    ef_workload workload = {&layer, 1, NULL, 0};
    ef_tasks list = {.tasks = tasks, .n = 2, .first = first};
    ef_accelerator a = plain_accelerator(1000);
    ef_schedule *made = NULL;
    ef_error err = {0};
    cr_expect_eq(ef_schedule_create(&made, &workload, &a, &list, &err), EF_ERR_FAILED);
    cr_expect_str_eq(err.text, "tasks wait for each other");
    cr_expect_null(made);
}

/* --- the roofline --- */

/* An array, a buffer and bandwidths at random; so large a buffer that anything fits. */
static ef_accelerator draw_accelerator(ef_rng *rng)
{
    ef_accelerator a = plain_accelerator(draw(rng, 20000, 200000));
    a.rows.size = draw(rng, 1, 20);
    a.columns.size = draw(rng, 1, 20);
    a.lanes = draw(rng, 1, 20);
    a.clock_hz = draw(rng, 1, 1000) * 1e6;
    a.buffer_bytes_per_cycle = draw(rng, 1, 64);
    a.dram_bytes_per_s = draw(rng, 1, 1000) * 1e7;
    a.bus_bytes_per_s = draw(rng, 1, 1000) * 1e7;
    a.dma_setup_s = draw(rng, 0, 1) * 1e-8;
    a.dram_latency_s = draw(rng, 0, 1) * 1e-8;
    a.sync_s = draw(rng, 0, 1) * 1e-8;
    return a;
}

Test(simulation_roofline, no_random_network_is_faster)
{
    enum { N = 400 };
    ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, 0, 0, 0);
    double closest = 1e9;
    for (uint64_t i = 0; i < N; i++) {
        ef_net *net = random_net_with(i, 3 + i % 12, i % 5 == 0,
                                      RANDOM_RESHAPE | RANDOM_INFERENCE);
        ef_topology *topology = NULL;
        cr_assert_eq(ef_topology_dup(&topology, net->topology), EF_OK);
        ef_accelerator a = draw_accelerator(&rng);
        scheduled s = schedule_topology(topology, &a);
        double latency = (double)s.schedule->time_ps / 1e12;
        double roofline = ef_latency_roofline(s.workload, &a);
        cr_expect_geq(latency, roofline * (1 - 1e-12), "net %llu: %g below %g",
                      (unsigned long long)i, latency, roofline);
        closest = latency / roofline < closest ? latency / roofline : closest;
        clear(&s);
        ef_net_destroy(net);
    }
    /* It would be easy to be above a bound that says nothing. */
    cr_expect_lt(closest, 1.5, "%g", closest);
}

/* As many MACs, 8 channels of 8 x 8, once from all 8 channels by 1 x 1 and once from
 * each alone by 8 x 1: where channels lie on both axes, the second leaves 7 of 8
 * elements idle. */
Test(simulation_utilisation, a_depthwise_layer_is_less_efficient_than_a_dense_one)
{
    static const char *const texts[] = {
        "input: [8, 8, 8]\nnodes: [{conv: 8, kernel: 1}, globalavg]\n",
        "input: [8, 15, 8]\n"
        "nodes: [{conv: 8, kernel: [8, 1], groups: 8}, globalavg]\n"};
    double utilisation[2], waits[2];
    for (size_t i = 0; i < 2; i++) {
        ef_accelerator a = plain_accelerator(10000);
        scheduled s = schedule_text(texts[i], &a);
        cr_expect_eq(s.workload->layers[0].macs, 4096);
        utilisation[i] = s.schedule->layers[0].utilisation;
        waits[i] = (double)s.schedule->layers[0].waits_ps[EF_BOUND_COMPUTE];
        clear(&s);
    }
    cr_expect_eq(waits[0], 4096 / 8 * 1000);
    cr_expect_eq(waits[1], 4096 * 1000);
    cr_expect_lt(utilisation[1], utilisation[0] / 3);
}

/* --- the objective --- */

Test(simulation_objective, latency_is_the_end_of_the_schedule_or_the_fitted_sum)
{
    ef_topology *topology = parse_topology("input: [8]\nnodes: [{dense: 4}]\n");
    ef_accelerator a = plain_accelerator(1000);
    ef_objective_context context = {.accelerator = &a};
    ef_objective_list list;
    double value;
    cr_assert_eq(ef_objective_parse_list(&list, "latency", NULL), EF_OK);
    cr_assert_eq(ef_objective_score(topology, &context, &list, &value, NULL), EF_OK);
    cr_expect_float_eq(value, 111e-9, 1e-21);
    /* 32 MACs; 8 + 32 + 16 bytes. */
    a.has_latency_model = 1;
    a.latency_model[EF_CLASS_DENSE] = (ef_layer_cost){1, 100, 10000};
    cr_assert_eq(ef_objective_score(topology, &context, &list, &value, NULL), EF_OK);
    cr_expect_eq(value, 32 + 5600 + 10000);
    ef_limit limit;
    cr_assert_eq(ef_limit_parse(&limit, "latency<=2ms", NULL), EF_OK);
    cr_expect_eq(limit.bound, 2e-3);
    ef_topology_destroy(topology);
}

Test(simulation_objective, short_memory_is_an_error)
{
    ef_accelerator a = plain_accelerator(1000);
    scheduled s = schedule_text("input: [2, 4, 4]\n"
                                "nodes: [{conv: 2, kernel: 1}, relu, globalavg]\n",
                                &a);
    ef_objective_context context = {.accelerator = &a};
    ef_objective_list list;
    cr_assert_eq(ef_objective_parse_list(&list, "latency", NULL), EF_OK);
    ef_status status = EF_ERR_MEMORY;
    for (long n = 0; status == EF_ERR_MEMORY; n++) {
        double value;
        cr_assert(n < 40);
        ef_mem_fail_after(n);
        status = ef_objective_score(s.topology, &context, &list, &value, NULL);
        ef_mem_fail_after(-1);
        cr_expect(n >= 15 || status == EF_ERR_MEMORY, "%ld", n);
    }
    cr_expect_eq(status, EF_OK);
    clear(&s);
}
