/* Sweeps as tables. */
#ifndef EF_CMD_INJECT_SWEEP_PRIV_H
#define EF_CMD_INJECT_SWEEP_PRIV_H

#include "base/text.h"
#include "report/table.h"
#include "study/sweep.h"

/* What one sweep found. */
typedef struct ef_sweep_view {
    const ef_strikes *strikes;
    unsigned targets;
    const char *node; /* NULL: the whole network */
    size_t images;
    ef_sweep_rate *rates; /* (n) */
    size_t n;
} ef_sweep_view;

/* "weights+activations" */
void ef_inject_sweep_name(unsigned targets, ef_text *text);
/* The first target that has rates. */
size_t ef_inject_sweep_axis(const ef_strikes *strikes, unsigned targets);

/* For programs, shares of 1. */
void ef_inject_sweep_columns(const ef_strikes *strikes, ef_table *table);
void ef_inject_sweep_rows(const ef_sweep_view *view, ef_table *table);
/* For people, in percent. */
void ef_inject_sweep_people_columns(const ef_strikes *strikes, int by_node,
                                    ef_table *table);
void ef_inject_sweep_people_rows(const ef_sweep_view *view, int by_node,
                                 ef_table *table);

#endif
