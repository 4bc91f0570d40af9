/* Which faults a user means: targets, nodes, channels, bits, and what happens there. */
#ifndef EF_FAULTSIM_SELECTION_H
#define EF_FAULTSIM_SELECTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "faultsim/fault.h"

/* Names of the lists in fault.h, in their order. */
extern const char *const ef_target_names[EF_TARGET_COUNT];
extern const char *const ef_fault_kind_names[EF_FAULT_KIND_COUNT];

typedef struct ef_number_span {
    uint64_t first, last; /* both included */
} ef_number_span;

/* A set of whole numbers; spans ascend and do not touch. */
typedef struct ef_numbers {
    ef_number_span *spans; /* (n), owned */
    size_t n;              /* 0: every number */
} ef_numbers;

/* "0-3,7" as the value of option, which the error names; numbers below 2^32.
 * EF_ERR_USAGE, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_numbers_parse(ef_numbers *numbers, const char *option,
                                        const char *text, ef_error *err);
void ef_numbers_clear(ef_numbers *numbers);
int ef_numbers_have(const ef_numbers *numbers, uint64_t number);

/* What happens to the bits. */
typedef struct ef_strike {
    ef_fault_kind kind;
    unsigned adjacent; /* bits of one element that change together; 1 for a BER */
    int is_ber;        /* every stored bit flips by itself */
    double rate;       /* of these flips, 0 to 1 */
} ef_strike;

/* "flip", "flip:K", "stuck0", "stuck1", "ber:P".  EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_strike_parse(ef_strike *strike, const char *text,
                                       ef_error *err);

/* How wide running sums are, and what they do at their ends. */
typedef struct ef_accumulator {
    unsigned bits; /* 16 to 64 */
    int saturates; /* else they wrap */
} ef_accumulator;

/* "32", "24", "24+sat".  EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_accumulator_parse(ef_accumulator *accumulator,
                                            const char *text, ef_error *err);

/* "weights,biases" as a set of 1u << ef_target.  EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_targets_parse(unsigned *targets, const char *text,
                                        ef_error *err);

/* "weights+biases" of such a set. */
void ef_targets_write(unsigned targets, ef_text *text);

typedef struct ef_selection {
    unsigned targets;    /* set of 1u << ef_target */
    const char *nodes;   /* names or patterns of fnmatch(3) between commas; NULL: all */
    ef_numbers channels; /* of the node's output */
    ef_numbers bits;     /* 0: the least significant one */
} ef_selection;

#endif
