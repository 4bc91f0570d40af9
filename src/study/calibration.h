/* What a device's layers cost, fitted to what was measured of whole topologies.
 *
 * The model: each layer costs macs * per_mac + bytes * per_byte + per_launch with the
 * three numbers of its class (ef_workload_cost), and a topology the sum of its layers.
 * The numbers are >= 0 and minimise the sum over topologies of
 * (predicted / measured - 1)^2: relative errors count, so that small networks matter as
 * much as large ones (base/nnls.h). */
#ifndef EF_STUDY_CALIBRATION_H
#define EF_STUDY_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "objectives/accelerator.h"
#include "objectives/workload.h"

/* What a layer of a class costs for: name, as in evoflip-hardware(5). */
#define EF_TERM_LIST(X)                                                                \
    X(MAC, "mac", per_mac)                                                             \
    X(BYTE, "byte", per_byte)                                                          \
    X(LAUNCH, "launch", per_launch)

typedef enum ef_term {
#define X(term, name, field) EF_TERM_##term,
    EF_TERM_LIST(X)
#undef X
        EF_TERM_COUNT
} ef_term;

const char *ef_term_name(ef_term term);

/* Of every class and term: class * EF_TERM_COUNT + term. */
#define EF_CALIBRATION_SIZE ((size_t)EF_CLASS_COUNT * EF_TERM_COUNT)

double ef_calibration_number(const ef_layer_cost *model, size_t index);

/* What a topology has of each, shape (EF_CALIBRATION_SIZE): ef_workload_cost is the sum
 * of this times the model's numbers. */
void ef_calibration_work(const ef_workload *workload, double *work);

typedef enum ef_calibration_state {
    EF_CALIBRATION_FITTED,
    EF_CALIBRATION_LEFT,   /* not asked for */
    EF_CALIBRATION_ABSENT, /* no topology has such work */
    /* Its work is a sum of that of others in all topologies but for a part of 1e-4: no
     * measurement can tell them apart. */
    EF_CALIBRATION_ALIKE
} ef_calibration_state;

typedef struct ef_calibration_data {
    const double *work;     /* (n, EF_CALIBRATION_SIZE) */
    const double *measured; /* (n), > 0; seconds or joules */
    size_t n;               /* different topologies */
    /* (EF_CLASS_COUNT), the numbers of those that are not fitted; NULL: 0. */
    const ef_layer_cost *base;
    unsigned terms; /* bit 1 << EF_TERM_...: which are fitted */
    size_t folds;   /* of the cross-validation, 2 ... n */
    uint64_t seed;  /* of the folds */
} ef_calibration_data;

/* One share of cross-validation holds out one fold, fits to the others and predicts it.
 */
typedef struct ef_calibration {
    ef_layer_cost model[EF_CLASS_COUNT];
    ef_calibration_state states[EF_CALIBRATION_SIZE];
    size_t n_fitted;  /* numbers */
    double *fitted;   /* (n), what the model says */
    double *held_out; /* (n), what it says of a topology that it was not fitted to */
    double *macs;     /* (n), held out too: one number times all MACs */
    size_t *fold;     /* (n), from 0 */
} ef_calibration;

/* EF_ERR_INPUT, without a place: fewer topologies than numbers to fit, or nothing to
 * fit; EF_ERR_FAILED as ef_nnls; EF_ERR_MEMORY.  calibration, zeroed before, is cleared
 * by the caller all the same. */
EF_NODISCARD ef_status ef_calibration_fit(ef_calibration *calibration,
                                          const ef_calibration_data *data,
                                          ef_error *err);
void ef_calibration_clear(ef_calibration *calibration);

/* How well predictions, (n), meet what was measured, (n). */
typedef struct ef_accuracy {
    double spearman;     /* rank correlation; NaN where one of both is constant */
    double within;       /* share with an error of at most 10 % of what was measured */
    double median_error; /* of |predicted / measured - 1| */
} ef_accuracy;

/* EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_accuracy_of(ef_accuracy *accuracy, const double *predicted,
                                      const double *measured, size_t n, ef_error *err);

#endif
