/* What the files of sweeps share. */
#ifndef EF_CMD_INJECT_SWEEP_PRIV_H
#define EF_CMD_INJECT_SWEEP_PRIV_H

#include "base/file.h"
#include "cmd/inject_priv.h"
#include "study/sweep.h"

/* Trials of each sweep at each rate. */
uint64_t inject_trials(const ef_inject_job *job);

/* --- inject_sweep_report.c: tables ------------------------------------------------ */

/* What one sweep found. */
typedef struct ef_sweep_view {
    const ef_strikes *strikes;
    unsigned targets;
    const char *node; /* NULL: the whole network */
    size_t images;
    ef_sweep_rate *rates; /* (n) */
    size_t n;
} ef_sweep_view;

/* The first target of a set that has rates. */
size_t inject_sweep_axis(const ef_strikes *strikes, unsigned targets);

/* For programs, shares of 1. */
void inject_sweep_columns(const ef_strikes *strikes, ef_table *table);
void inject_sweep_rows(const ef_sweep_view *view, ef_table *table);
/* For people, in percent. */
void inject_sweep_people_columns(const ef_strikes *strikes, int by_node,
                                 ef_table *table);
void inject_sweep_people_rows(const ef_sweep_view *view, int by_node, ef_table *table);

/* --- inject_sweep_lists.c: rows for each trial, a picture ------------------------- */

typedef struct inject_list {
    ef_output output;
    ef_text text; /* that is not written yet */
    int is_open;
} inject_list;

/* --save-faults and --outcomes.  Trial t at rate r is fault t * rates + r of its sweep,
 * behind those of the sweeps before. */
typedef struct ef_inject_lists {
    inject_list faults, outcomes;
    uint64_t next; /* fault */
} ef_inject_lists;

EF_NODISCARD ef_status inject_lists_open(ef_inject_lists *lists,
                                         const ef_inject_job *job, ef_error *err);
EF_NODISCARD ef_status inject_lists_add(ef_inject_lists *lists,
                                        const ef_inject_job *job, const ef_sweep *sweep,
                                        ef_error *err);
/* Nothing appears where status is not EF_OK; returns it, or what fails. */
EF_NODISCARD ef_status inject_lists_close(ef_inject_lists *lists, ef_status status,
                                          ef_error *err);

typedef struct inject_line {
    ef_text name;
    double *rates;                         /* (n) */
    ef_spread *ccr, *nonfinite, *accuracy; /* (n) */
    size_t n;
} inject_line;

typedef struct ef_inject_lines {
    inject_line items[EF_TARGET_COUNT];
    size_t n;
} ef_inject_lines;

EF_NODISCARD ef_status inject_lines_add(ef_inject_lines *lines,
                                        const ef_sweep_view *view, ef_error *err);
void inject_lines_clear(ef_inject_lines *lines);
/* --svg. */
EF_NODISCARD ef_status inject_lines_draw(const ef_inject_lines *lines,
                                         const ef_inject_job *job, ef_error *err);

#endif
