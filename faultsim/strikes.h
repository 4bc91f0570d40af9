/* What --fault says: what happens to each target, and at which bit error rates. */
#ifndef EF_FAULTSIM_STRIKES_H
#define EF_FAULTSIM_STRIKES_H

#include <stddef.h>

#include "base/status.h"
#include "faultsim/selection.h"

#define EF_RATES_MAX 64

typedef struct ef_strikes {
    unsigned together; /* set of 1u << ef_target that are struck at once; 0: each target
                          is a campaign of its own, and all strikes are alike */
    ef_strike strikes[EF_TARGET_COUNT]; /* their rate is the first */
    size_t n_rates;                     /* 0: nothing is struck at a bit error rate */
    double rates[EF_RATES_MAX][EF_TARGET_COUNT]; /* (n_rates), ascending by the first
                                                    target that differs; 0 of targets
                                                    that have none */
} ef_strikes;

/* What ef_strike_parse takes; "ber:1e-6:1e-5", a sweep, in any order;
 * "weights=ber:1e-5,activations=flip", all of them together.  Sweeps of several targets
 * have equally many rates, the first with the first; a single one stands beside each of
 * the others'.  EF_ERR_USAGE, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_strikes_parse(ef_strikes *strikes, const char *text,
                                        ef_error *err);

#endif
