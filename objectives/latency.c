#include "objectives/latency.h"

#include "objectives/simulation.h"

double ef_latency_roofline(const ef_workload *workload,
                           const ef_accelerator *accelerator)
{
    double bytes_per_s = accelerator->bus_bytes_per_s < accelerator->dram_bytes_per_s
                             ? accelerator->bus_bytes_per_s
                             : accelerator->dram_bytes_per_s;
    double macs_per_s = (double)accelerator->rows.size * accelerator->columns.size *
                        accelerator->clock_hz;
    double operations_per_s = accelerator->lanes * accelerator->clock_hz;
    double sum = 0, bits = 0;
    for (size_t i = 0; i < workload->n_tensors; i++) {
        const ef_stored_tensor *tensor = &workload->tensors[i];
        int is_logits = tensor->last_use == workload->n_layers;
        bits += i > 0 && is_logits ? (double)tensor->elements * tensor->width : 0;
    }
    for (size_t i = 0; i < workload->n_layers; i++) {
        const ef_layer *layer = &workload->layers[i];
        double compute = (double)layer->macs / macs_per_s +
                         (double)layer->operations / operations_per_s;
        double load = (double)layer->weight_bits / 8 / bytes_per_s;
        sum += compute > load ? compute : load;
        bits += (double)layer->weight_bits;
    }
    double move = bits / 8 / bytes_per_s;
    return sum > move ? sum : move;
}

static ef_status simulate(const ef_workload *workload,
                          const ef_accelerator *accelerator,
                          const ef_topology *topology, double *value, ef_error *err)
{
    ef_tasks *tasks = NULL;
    ef_schedule *schedule = NULL;
    ef_status status = ef_tasks_create(&tasks, workload, accelerator, topology, err);
    if (!status) {
        status = ef_schedule_create(&schedule, workload, accelerator, tasks, err);
    }
    if (!status) {
        *value = (double)schedule->time_ps / EF_PS_PER_S;
    }
    ef_schedule_destroy(schedule);
    ef_tasks_destroy(tasks);
    return status;
}

ef_status ef_score_latency(EF_OBJECTIVE_ARGS)
{
    const ef_accelerator *accelerator = context->accelerator;
    ef_workload *workload = NULL;
    ef_status status = ef_objective_lower(&workload, topology, objective, context, err);
    if (!status && accelerator->has_latency_model) {
        *value = ef_workload_cost(workload, accelerator->latency_model);
    } else if (!status) {
        status = simulate(workload, accelerator, topology, value, err);
    }
    ef_workload_destroy(workload);
    return status;
}
