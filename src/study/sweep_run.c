/* Trials are drawn and struck some at a time. */
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "study/sweep_priv.h"

#define BLOCK_FLIPS 1e6          /* expected of the trials that are struck together */
#define BLOCK_OUTCOMES (1 << 24) /* at most, of images of faults */
#define FEWEST_FAULTS 64         /* of a block, where memory allows */
#define COMMIT_S 2.0             /* that a block is to take */

/* --- running ----------------------------------------------------------------- */

/* Trials that are struck together. */
typedef struct block {
    ef_sweep *sweep;
    uint64_t first, trials, room;
    ef_ber_flips *flips; /* (trials, n_rates), and so the next two */
    ef_fault *faults;
    ef_outcomes *counts;
    uint8_t *outcomes; /* (trials, n_rates, images) */
    const ef_sweep_watch *watch;
} block;

/* That memory is made for. */
static uint64_t most_trials(const ef_sweep *s)
{
    double flips = 1, images = (double)ef_injector_n_images(s->injector);
    for (size_t r = 0; r < s->n_rates; r++) {
        flips += sweep_expected_bits(s, r);
    }
    double fit = BLOCK_FLIPS / flips;
    double most = BLOCK_OUTCOMES / (images * (double)s->n_rates);
    fit = fit < most ? fit : most;
    fit = fit < 1 ? 1 : fit;
    return fit < (double)s->trials ? (uint64_t)fit : s->trials;
}

static uint64_t fewest_trials(const ef_sweep *s)
{
    return (FEWEST_FAULTS + s->n_rates - 1) / s->n_rates;
}

/* As many as take about COMMIT_S, in each batch of images. */
static uint64_t pace(const block *b, double spent_s)
{
    double target_s = COMMIT_S * (double)ef_injector_n_batches(b->sweep->injector);
    double wanted = (double)b->trials * target_s / (spent_s > 1e-6 ? spent_s : 1e-6);
    double most = 4 * (double)b->trials, fewest = (double)fewest_trials(b->sweep);
    wanted = wanted < most ? wanted : most;
    return wanted > fewest ? (uint64_t)wanted : (uint64_t)fewest;
}

static ef_status make_block(block *b, ef_error *err)
{
    size_t n = (size_t)b->room * b->sweep->n_rates;
    b->flips = ef_calloc(n, sizeof *b->flips);
    b->faults = ef_calloc(n, sizeof *b->faults);
    b->counts = ef_calloc(n, sizeof *b->counts);
    b->outcomes = ef_calloc(n, ef_injector_n_images(b->sweep->injector));
    return b->flips && b->faults && b->counts && b->outcomes ? EF_OK
                                                             : ef_error_memory(err);
}

static void clear_block(block *b)
{
    for (size_t i = 0; b->flips && i < (size_t)b->room * b->sweep->n_rates; i++) {
        ef_ber_flips_clear(&b->flips[i]);
    }
    ef_free(b->flips);
    ef_free(b->faults);
    ef_free(b->counts);
    ef_free(b->outcomes);
}

static ef_status draw_trial(void *context, size_t index, ef_error *err)
{
    const block *b = context;
    size_t n_rates = b->sweep->n_rates;
    ef_ber_flips *flips = &b->flips[index * n_rates];
    for (size_t r = 0; r < n_rates; r++) {
        flips[r].n = 0;
    }
    ef_status status = ef_sweep_draw(b->sweep, b->first + index, flips, err);
    for (size_t r = 0; r < n_rates; r++) {
        b->faults[index * n_rates + r] = (ef_fault){flips[r].items, flips[r].n};
    }
    return status;
}

static uint64_t count_struck(const ef_fault *fault)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < fault->n; i++) {
        for (uint64_t mask = fault->flips[i].mask; mask; mask &= mask - 1) {
            sum++;
        }
    }
    return sum;
}

/* Of one fault on all images. */
static uint64_t count_right(const ef_sweep *s, const uint8_t *outcomes,
                            uint64_t corrected)
{
    const uint16_t *classes = ef_injector_classes(s->injector);
    const uint16_t *labels = ef_injector_labels(s->injector);
    uint64_t right = corrected;
    for (size_t i = 0; i < ef_injector_n_images(s->injector); i++) {
        int is_kept =
            outcomes[i] == EF_OUTCOME_MASKED || outcomes[i] == EF_OUTCOME_BENIGN;
        right += is_kept && classes[i] == labels[i];
    }
    return right;
}

static void take_results(const block *b)
{
    ef_sweep *s = b->sweep;
    size_t images = ef_injector_n_images(s->injector);
    for (size_t i = 0; i < (size_t)b->trials * s->n_rates; i++) {
        s->found[(size_t)b->first * s->n_rates + i] = (ef_trial){
            .bits = count_struck(&b->faults[i]),
            .outcomes = b->counts[i],
            .right = count_right(s, &b->outcomes[i * images], b->counts[i].corrected),
        };
    }
}

static void tell(void *context, double done, double total)
{
    const block *b = context;
    b->watch->progress(b->watch->context,
                       (double)b->first + (double)b->trials * done / total,
                       (double)b->sweep->trials);
}

static ef_status run_block(block *b, ef_error *err)
{
    ef_sweep *s = b->sweep;
    const ef_struck to = {.counts = b->counts, .outcomes = b->outcomes};
    ef_status status =
        ef_parallel_for((size_t)b->trials, s->n_threads, draw_trial, b, err);
    if (!status) {
        status =
            ef_injector_strike(s->injector, b->faults, (size_t)b->trials * s->n_rates,
                               &to, b->watch->progress ? tell : NULL, b, err);
    }
    if (!status) {
        take_results(b);
        s->done += b->trials;
        status = b->watch->commit ? b->watch->commit(b->watch->context, s, err) : EF_OK;
    }
    return status;
}

/* Whether it shall stop while trials are left. */
static int is_stopped(const block *b)
{
    return b->sweep->done < b->sweep->trials && b->watch->stop &&
           b->watch->stop(b->watch->context);
}

ef_status ef_sweep_run(ef_sweep *sweep, const ef_sweep_watch *watch, ef_error *err)
{
    static const ef_sweep_watch nobody = {NULL, NULL, NULL, NULL};
    block b = {
        .sweep = sweep, .room = most_trials(sweep), .watch = watch ? watch : &nobody};
    uint64_t wanted = fewest_trials(sweep);
    ef_status status = make_block(&b, err);
    while (sweep->done < sweep->trials && !status) {
        uint64_t left = sweep->trials - sweep->done;
        double start_s = ef_clock_s();
        b.first = sweep->done;
        b.trials = wanted < b.room ? wanted : b.room;
        b.trials = b.trials < left ? b.trials : left;
        status = run_block(&b, err);
        wanted = pace(&b, ef_clock_s() - start_s);
        if (!status && is_stopped(&b)) {
            status = EF_STOPPED;
        }
    }
    clear_block(&b);
    return status;
}
