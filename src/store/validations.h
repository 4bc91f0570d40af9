/* What a validation trained and measured, in a run file. */
#ifndef EF_STORE_VALIDATIONS_H
#define EF_STORE_VALIDATIONS_H

#include "store/store.h"

/* What is measured on every trained network. */
typedef struct ef_store_measure {
    uint64_t number;
    const char *format, *target;
    double ber;      /* 0: one flip */
    uint64_t trials; /* of each network */
} ef_store_measure;

/* One training of the topology of an individual. */
typedef struct ef_store_training {
    uint64_t individual, seed;
    ef_record_status status; /* trained, failed */
    double error, loss;      /* on the validation part; NaN: unknown */
    const char *message;     /* "" or why it failed */
} ef_store_training;

typedef struct ef_store_share {
    double share, low, high; /* 95 % */
} ef_store_share;

/* One measure of one trained network. */
typedef struct ef_store_measured {
    uint64_t individual, seed, measure;
    ef_store_share ccr, nonfinite, failed, accuracy;
    double fault_free; /* accuracy */
} ef_store_measured;

/* Each adds a row, or replaces that of the same keys. */
EF_NODISCARD ef_status ef_store_put_measure(ef_store *store,
                                            const ef_store_measure *measure,
                                            ef_error *err);
EF_NODISCARD ef_status ef_store_put_training(ef_store *store,
                                             const ef_store_training *training,
                                             ef_error *err);
EF_NODISCARD ef_status ef_store_put_measured(ef_store *store,
                                             const ef_store_measured *measured,
                                             ef_error *err);

/* Each visits the rows in order of their keys; what a row points to lives for the call.
 * A visitor that does not return EF_OK ends the walk with its status. */
typedef ef_status ef_measure_visitor(void *context, const ef_store_measure *measure,
                                     ef_error *err);
EF_NODISCARD ef_status ef_store_each_measure(ef_store *store,
                                             ef_measure_visitor *visitor, void *context,
                                             ef_error *err);
typedef ef_status ef_training_visitor(void *context, const ef_store_training *training,
                                      ef_error *err);
EF_NODISCARD ef_status ef_store_each_training(ef_store *store,
                                              ef_training_visitor *visitor,
                                              void *context, ef_error *err);
typedef ef_status ef_measured_visitor(void *context, const ef_store_measured *measured,
                                      ef_error *err);
EF_NODISCARD ef_status ef_store_each_measured(ef_store *store,
                                              ef_measured_visitor *visitor,
                                              void *context, ef_error *err);

/* EF_ERR_INPUT: the file is of a schema without validations. */
EF_NODISCARD ef_status ef_store_check_validations(const ef_store *store, ef_error *err);

#endif
