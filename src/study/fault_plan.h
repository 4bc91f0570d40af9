/* What a search measures under faults on each network that it trained: the
 * measurements that its objectives and limits of class `injected` ask for, each once.
 */
#ifndef EF_STUDY_FAULT_PLAN_H
#define EF_STUDY_FAULT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/net.h"
#include "objectives/objective.h"
#include "study/measure_faults.h"

/* Data and effort; what it points to is borrowed. */
typedef struct ef_fault_plan_options {
    const ef_dataset *set;
    ef_part images;      /* that faults are judged on; of these at most n_images */
    ef_part calibration; /* that set ranges; of these at most EF_FAULT_CALIBRATION */
    size_t n_images;
    uint64_t count;   /* faults, or trials at a bit error rate, of a measurement */
    uint64_t seed;    /* of the run */
    ef_format format; /* of objectives that state none */
} ef_fault_plan_options;

#define EF_FAULT_CALIBRATION 256

typedef struct ef_fault_plan ef_fault_plan;

/* Nothing is asked for yet.  Of images those that are used are spread evenly, since
 * files may be sorted by class.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_fault_plan_create(ef_fault_plan **plan,
                                            const ef_fault_plan_options *options,
                                            ef_error *err);
void ef_fault_plan_destroy(ef_fault_plan *plan);

/* Whether faults are run in the objective's format, or in `format` where it states
 * none; true of objectives of other classes.  EF_ERR_USAGE, without a place. */
EF_NODISCARD ef_status ef_fault_plan_check(const ef_objective *objective,
                                           const ef_format *format, ef_error *err);
/* Adds what an objective of class `injected`, which was checked, asks for; nothing
 * where that is there already.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_fault_plan_add(ef_fault_plan *plan,
                                         const ef_objective *objective, ef_error *err);
/* Measurements so far. */
size_t ef_fault_plan_n(const ef_fault_plan *plan);

/* Measures the trained network on one thread into measured, shape (ef_fault_plan_n);
 * id keys every draw.  Fails as ef_measure_faults. */
EF_NODISCARD ef_status ef_fault_plan_run(const ef_fault_plan *plan, const ef_net *net,
                                         uint64_t id, ef_faults_measured *measured,
                                         ef_error *err);

/* The value of an objective that was added; NaN of any other. */
double ef_fault_plan_value(const ef_fault_plan *plan,
                           const ef_faults_measured *measured,
                           const ef_objective *objective);

#endif
