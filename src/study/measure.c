#include "study/measure.h"

#include <math.h>

#include "base/mem.h"
#include "faultsim/classify.h"

static ef_status measure_parts(const ef_measure *measure, const ef_net *net,
                               ef_measured *measured, ef_error *err)
{
    const ef_classify_options one_thread = {NULL, 1};
    size_t n = measure->validation.n, n_test = measure->test.n;
    ef_classified validation = {.losses = ef_calloc(n, sizeof(double))};
    ef_classified test = {NULL, NULL, 0};
    ef_status status = EF_OK;
    if (validation.losses) {
        status = ef_classify(net, measure->set, measure->validation, &one_thread,
                             &validation, err);
    } else {
        status = ef_error_memory(err);
    }
    if (!status) {
        status = ef_classify(net, measure->set, measure->test, &one_thread, &test, err);
    }
    if (!status) {
        double loss = 0;
        for (size_t i = 0; i < n; i++) {
            loss += validation.losses[i];
        }
        measured->error = (double)validation.n_errors / (double)n;
        measured->loss = loss / (double)n;
        measured->test_error = n_test ? (double)test.n_errors / (double)n_test : NAN;
    }
    ef_free(validation.losses);
    return status;
}

ef_status ef_measure_train(const ef_measure *measure, ef_net *net, uint64_t id,
                           size_t epochs, ef_measured *measured, ef_error *err)
{
    ef_train_data data = {.set = measure->set, .part = measure->train};
    ef_train_options options = measure->training;
    options.epochs = epochs;
    options.a = id;
    ef_status status = ef_train(net, &data, &options, NULL, NULL, NULL, err);
    status = status ? status : measure_parts(measure, net, measured, err);
    if (!status && measure->faults) {
        status = ef_fault_plan_run(measure->faults, net, id, measured->faults, err);
    }
    return status;
}
