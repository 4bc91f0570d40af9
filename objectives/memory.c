/* Peak memory for feature maps. */
#include "base/mem.h"
#include "objectives/hardware.h"

/* Bits that begin to live (positive) and have died before a layer, shape (n_layers +
 * 2): the logits outlive the last layer. */
static double peak(const ef_workload *workload, double *change)
{
    for (size_t i = 0; i < workload->n_tensors; i++) {
        const ef_stored_tensor *tensor = &workload->tensors[i];
        double bits = (double)tensor->elements * tensor->width;
        change[tensor->first_use] += bits;
        change[tensor->last_use + 1] -= bits;
    }
    double alive = 0, most = 0;
    for (size_t i = 0; i <= workload->n_layers; i++) {
        alive += change[i];
        most = alive > most ? alive : most;
    }
    return most;
}

ef_status ef_score_memory(EF_OBJECTIVE_ARGS)
{
    ef_workload *workload = NULL;
    ef_status status = ef_objective_lower(&workload, topology, objective, context, err);
    if (status) {
        return status;
    }
    double *change = ef_calloc(workload->n_layers + 2, sizeof *change);
    if (change) {
        *value = peak(workload, change);
    } else {
        status = ef_error_memory(err);
    }
    ef_free(change);
    ef_workload_destroy(workload);
    return status;
}
