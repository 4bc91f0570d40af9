/* A sweep over bit error rates: trials that strike all targets named at once, each
 * trial at every rate.
 *
 * Trial t at rate p flips the stored bits with u <= p, one u for each bit of each
 * trial, so that what is flipped at a lower rate is a part of what is at a higher one,
 * and rates are compared on the same trials.  The trial is the unit that is drawn: its
 * share of images is one value. */
#ifndef EF_STUDY_SWEEP_H
#define EF_STUDY_SWEEP_H

#include <stddef.h>
#include <stdint.h>

#include "faultsim/ber.h"
#include "faultsim/spread.h"
#include "faultsim/strikes.h"
#include "store/store.h"
#include "study/injector.h"

typedef struct ef_sweep ef_sweep;

typedef struct ef_sweep_options {
    const ef_strikes *strikes;
    unsigned targets;              /* set of 1u << ef_target, struck together */
    const ef_selection *selection; /* of which targets says nothing */
    size_t only_site;              /* SIZE_MAX: every site that is chosen */
    int per_image;   /* activations and inputs of each image have a pattern of their
                        own; else all images have the same bits struck */
    uint64_t trials; /* at each rate, at least 1 */
    uint64_t seed;
    size_t n_threads; /* that draw; 0: all */
} ef_sweep_options;

/* One trial at one rate. */
typedef struct ef_trial {
    uint64_t bits; /* that are struck; with patterns of their own, of all images */
    ef_outcomes outcomes;
    uint64_t right; /* images given their label's class, with finite logits */
} ef_trial;

/* The trials of a rate. */
typedef struct ef_sweep_rate {
    const double *rates;  /* (EF_TARGET_COUNT) */
    double bits;          /* struck, on average of the trials */
    double expected_bits; /* the sum of rates over stored bits */
    ef_spread ccr, nonfinite, accuracy;
    double corrected; /* share of pairs whose class became the label's */
} ef_sweep_rate;

/* injector is borrowed until the end; options for the call.  Without a bit error rate
 * among the strikes there is one rate, of zeros.  Single faults beside patterns, and
 * together, are drawn without replacement: trial t has fault P(t) of each target.
 * EF_ERR_USAGE: nothing is chosen of a target, and what ef_population_create refuses;
 * accumulators at a bit error rate.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_sweep_create(ef_sweep **sweep, ef_injector *injector,
                                       const ef_sweep_options *options, ef_error *err);
void ef_sweep_destroy(ef_sweep *sweep);

size_t ef_sweep_n_rates(const ef_sweep *sweep);
uint64_t ef_sweep_n_trials(const ef_sweep *sweep);
unsigned ef_sweep_targets(const ef_sweep *sweep);
/* Stored bits that patterns may strike, of all images that share them once; in a site,
 * 0 where it is not chosen. */
uint64_t ef_sweep_bits(const ef_sweep *sweep);
uint64_t ef_sweep_site_bits(const ef_sweep *sweep, size_t site);

typedef struct ef_sweep_watch {
    void *context;
    /* Now and then, by one thread at a time; done of total trials. */
    void (*progress)(void *context, double done, double total);
    /* After every few seconds of work; what is not EF_OK ends it. */
    ef_status (*commit)(void *context, ef_sweep *sweep, ef_error *err);
    /* True when the sweep shall stop; asked after each commit. */
    int (*stop)(void *context);
} ef_sweep_watch;

/* Strikes every trial that is left at every rate, some at a time, as many as have a
 * million flips together, or one.  The same for every number of threads.  watch and
 * each of its functions may be NULL.  EF_STOPPED: watch asked for it; EF_ERR_MEMORY;
 * what commit returns. */
EF_NODISCARD ef_status ef_sweep_run(ef_sweep *sweep, const ef_sweep_watch *watch,
                                    ef_error *err);

/* Writes the trials that were struck since the last time into a run file as campaign
 * `id`, inside a transaction of the caller's. */
EF_NODISCARD ef_status ef_sweep_save(ef_sweep *sweep, ef_store *store, uint64_t id,
                                     ef_error *err);
/* Takes a sweep of the same options up where a run file has it; nothing of it there is
 * fine.  EF_ERR_INPUT: its numbers are not those of such a sweep. */
EF_NODISCARD ef_status ef_sweep_restore(ef_sweep *sweep, ef_store *store, uint64_t id,
                                        ef_error *err);

/* What a trial strikes at each rate, appended to flips, (n_rates), by site, then by
 * image, then by element; single faults behind patterns.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_sweep_draw(const ef_sweep *sweep, uint64_t trial,
                                     ef_ber_flips *flips, ef_error *err);

/* After the run. */
const ef_trial *ef_sweep_trial(const ef_sweep *sweep, uint64_t trial, size_t rate);
EF_NODISCARD ef_status ef_sweep_summarize(const ef_sweep *sweep, size_t rate,
                                          ef_sweep_rate *summary, ef_error *err);

#endif
