/* What a search measures on a network: train it, then count what it gets wrong, and
 * what faults do to it. */
#ifndef EF_STUDY_MEASURE_H
#define EF_STUDY_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/dataset.h"
#include "net/net.h"
#include "net/split.h"
#include "study/fault_plan.h"
#include "train/train.h"

/* Data and settings that every training of a search shares. */
typedef struct ef_measure {
    const ef_dataset *set;
    ef_part train, validation, test; /* test may be empty */
    ef_train_options training; /* of every network; epochs and keys are set for each */
    const ef_fault_plan *faults; /* NULL: none are measured */
} ef_measure;

typedef struct ef_measured {
    double error;      /* share of the validation part that is classified wrong */
    double loss;       /* cross-entropy on the validation part */
    double test_error; /* share of the test part; NaN where it is empty */
    ef_faults_measured *faults; /* (ef_fault_plan_n), the caller's */
} ef_measured;

/* Trains net in place for so many epochs on one thread, every draw keyed by id,
 * and measures it.  EF_ERR_DIVERGED and what else training fails with: net is as it was
 * and measured untouched.  What measuring under faults fails with. */
EF_NODISCARD ef_status ef_measure_train(const ef_measure *measure, ef_net *net,
                                        uint64_t id, size_t epochs,
                                        ef_measured *measured, ef_error *err);

#endif
