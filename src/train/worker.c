/* Running a plan: one shard of images, forward and backward. */
#include "train/plan_priv.h"

#include <string.h>

#include "base/mem.h"

static size_t most_channels(const ef_train_plan *plan)
{
    size_t most = 1;
    for (size_t k = 0; k < plan->n_steps; k++) {
        size_t channels = plan->steps[k].shape.channels;
        most = channels > most ? channels : most;
    }
    return most;
}

/* oneDNN's handles on the worker's memory, one for each argument of each call. */
static dnnl_status_t make_memories(ef_train_worker *worker)
{
    const ef_train_plan *plan = worker->plan;
    for (size_t i = 0; i < plan->n_calls; i++) {
        for (size_t k = 0; k < plan->calls[i].n_args; k++) {
            const ef_train_arg *arg = &plan->calls[i].args[k];
            float *at = arg->is_gradient ? ef_train_param_grad(worker, arg->buffer)
                                         : ef_train_at(worker, arg->buffer);
            dnnl_status_t status = dnnl_memory_create(
                &worker->memories[i * EF_CALL_ARGS + k], &arg->desc, plan->engine, at);
            if (status != dnnl_success) {
                return status;
            }
        }
    }
    return dnnl_success;
}

ef_status ef_train_worker_create(ef_train_worker **worker, ef_train_plan *plan,
                                 ef_error *err)
{
    ef_train_worker *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->plan = plan;
    made->memories = ef_calloc(plan->n_calls * EF_CALL_ARGS, sizeof(dnnl_memory_t));
    made->arena =
        ef_calloc_aligned(plan->sizes[EF_SPACE_ARENA] + EF_TRAIN_SLACK, sizeof(float));
    made->grads =
        ef_calloc_aligned(plan->sizes[EF_SPACE_GRADS] + EF_TRAIN_SLACK, sizeof(float));
    made->sums = ef_calloc(2 * most_channels(plan), sizeof(double));
    if (!made->memories || !made->arena || !made->grads || !made->sums ||
        dnnl_stream_create(&made->stream, plan->engine, dnnl_stream_default_flags) !=
            dnnl_success ||
        make_memories(made) != dnnl_success) {
        ef_train_worker_destroy(made);
        return ef_error_memory(err);
    }
    *worker = made;
    return EF_OK;
}

void ef_train_worker_destroy(ef_train_worker *worker)
{
    if (!worker) {
        return;
    }
    for (size_t i = 0; worker->memories && i < worker->plan->n_calls * EF_CALL_ARGS;
         i++) {
        dnnl_memory_destroy(worker->memories[i]);
    }
    dnnl_stream_destroy(worker->stream);
    ef_free(worker->memories);
    ef_free(worker->arena);
    ef_free(worker->grads);
    ef_free(worker->sums);
    ef_free(worker);
}

void ef_train_refresh(ef_train_worker *worker)
{
    for (size_t k = 0; k < worker->plan->n_steps; k++) {
        const ef_train_step *step = &worker->plan->steps[k];
        if (step->kind->refresh) {
            step->kind->refresh(worker, step);
        }
    }
}

void ef_train_forward(ef_train_worker *worker)
{
    for (size_t k = 0; k < worker->plan->n_steps; k++) {
        const ef_train_step *step = &worker->plan->steps[k];
        if (step->kind->forward) {
            step->kind->forward(worker, step);
        }
    }
}

void ef_train_backward(ef_train_worker *worker)
{
    for (size_t k = worker->plan->n_steps; k-- > 0;) {
        const ef_train_step *step = &worker->plan->steps[k];
        if (step->kind->backward && step->grad != EF_TRAIN_NONE) {
            step->kind->backward(worker, step);
        }
    }
}

void ef_train_open_grad(ef_train_worker *worker, const ef_train_step *step, size_t i)
{
    if (!step->adds[i]) {
        ef_shape shape = worker->plan->steps[step->inputs[i]].shape;
        memset(ef_train_input_grad(worker, step, i), 0,
               ef_train_count(worker->plan, shape) * sizeof(float));
    }
}

void ef_train_pass_clamp(ef_train_worker *worker, const ef_train_step *step)
{
    if (ef_train_is_clamped(step)) {
        float *grad = ef_train_at(worker, step->grad);
        worker->plan->kernels->pass(ef_train_count(worker->plan, step->shape),
                                    ef_train_at(worker, step->value), grad, step->clamp,
                                    0, grad);
    }
}

void ef_train_sum_bias(ef_train_worker *worker, const ef_train_step *step)
{
    size_t buffer = step->params[EF_ROLE_BIAS];
    if (buffer != EF_TRAIN_NONE) {
        float *bias = ef_train_param_grad(worker, buffer);
        worker->plan->kernels->column_sums(
            ef_train_rows(worker->plan, step->shape), step->shape.channels,
            ef_train_at(worker, step->grad), worker->sums);
        for (size_t c = 0; c < step->shape.channels; c++) {
            bias[c] = (float)worker->sums[c];
        }
    }
}

static const ef_train_step *last_step(const ef_train_worker *worker)
{
    return &worker->plan->steps[worker->plan->n_steps - 1];
}

/* The input is the first node of every topology. */
float *ef_train_input_of(const ef_train_worker *worker)
{
    const ef_train_plan *plan = worker->plan;
    size_t input = ef_topology_input(plan->net->topology);
    return ef_train_at(worker, plan->steps[plan->step_of[input]].value);
}

float *ef_train_output_of(const ef_train_worker *worker)
{
    return ef_train_at(worker, last_step(worker)->value);
}

float *ef_train_output_grad_of(const ef_train_worker *worker)
{
    return ef_train_at(worker, last_step(worker)->grad);
}
