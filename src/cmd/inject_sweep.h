/* Sweeps over bit error rates as evoflip inject runs and shows them. */
#ifndef EF_CMD_INJECT_SWEEP_H
#define EF_CMD_INJECT_SWEEP_H

#include "cmd/command.h"
#include "study/sweep.h"

/* Trials at each rate where none are asked for: the mean is then known to a tenth of
 * the spread of trials, and five of them lie beyond the band of nine in ten. */
#define EF_SWEEP_TRIALS 100
/* Of single faults in several targets together, most of which do nothing: as many as a
 * campaign strikes before it looks. */
#define EF_SWEEP_SINGLE_TRIALS 1000

typedef struct ef_inject_sweeps {
    const ef_call *call;
    const ef_strikes *strikes;
    const ef_selection *selection;
    unsigned targets; /* set of 1u << ef_target, each a sweep of its own unless the
                         strikes are together */
    int are_named;    /* the user asked for these: each has to have what is chosen */
    int per_image;
    int by_node;           /* each node's bits by themselves too */
    uint64_t trials;       /* 0: as many as are usual */
    const char *svg;       /* NULL: no picture */
    const char *faults;    /* list of what is struck; NULL: none */
    const char *outcomes;  /* of each trial; NULL: none */
    ef_injector *injector; /* once there is one */
} ef_inject_sweeps;

/* Whether strikes are for sweeps: at a bit error rate, or in several targets at once.
 */
int ef_inject_is_sweep(const ef_strikes *strikes);

/* What options exclude each other; outputs that exist.  EF_ERR_USAGE, EF_ERR_EXISTS. */
EF_NODISCARD ef_status ef_inject_check_sweeps(const ef_inject_sweeps *sweeps,
                                              ef_error *err);
/* Runs them: tables for people onto text, rows for programs into table, whose columns
 * it makes, and the files that were asked for. */
EF_NODISCARD ef_status ef_inject_run_sweeps(const ef_inject_sweeps *sweeps,
                                            ef_text *text, ef_table *table,
                                            ef_error *err);
/* How many bits there are, how many are struck, and how long that takes. */
EF_NODISCARD ef_status ef_inject_plan_sweeps(const ef_inject_sweeps *sweeps,
                                             ef_text *text, ef_error *err);

#endif
