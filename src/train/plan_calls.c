/* oneDNN primitives: made once per plan, run on the memory of a worker. */
#include "train/plan_priv.h"

#include "base/mem.h"

ef_status ef_train_check(const ef_train_plan *plan, const ef_train_step *step,
                         dnnl_status_t status, ef_error *err)
{
    (void)plan;
    if (status == dnnl_success) {
        return EF_OK;
    }
    if (status == dnnl_out_of_memory) {
        return ef_error_memory(err);
    }
    const char *op = ef_op_name(step->op->op);
    if (status == dnnl_unimplemented) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED,
                            "node %s: oneDNN has no way to train this %s",
                            step->op->name, op);
    }
    return ef_error_set(err, EF_ERR_FAILED, "node %s: oneDNN failed at this %s (%d)",
                        step->op->name, op, (int)status);
}

/* The scratchpad of a primitive as one more argument. */
static void add_scratch(ef_train_plan *plan, ef_train_call *call,
                        const_dnnl_primitive_desc_t desc, size_t time)
{
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    size_t bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (bytes > 0) {
        size_t floats = bytes / sizeof(float) + 1;
        size_t buffer = ef_train_add_buffer(plan, EF_SPACE_ARENA, floats, time, time);
        call->args[call->n_args++] =
            (ef_train_arg){DNNL_ARG_SCRATCHPAD, buffer, 0, *scratch};
    }
}

ef_status ef_train_add_call(ef_train_plan *plan, const ef_train_step *step,
                            dnnl_primitive_desc_t desc, const ef_train_arg *args,
                            size_t n_args, size_t time, size_t *call, ef_error *err)
{
    ef_train_call *grown =
        ef_realloc(plan->calls, plan->n_calls + 1, sizeof *plan->calls);
    if (!grown) {
        dnnl_primitive_desc_destroy(desc);
        return ef_error_memory(err);
    }
    plan->calls = grown;
    ef_train_call *made = &plan->calls[plan->n_calls];
    *made = (ef_train_call){.n_args = n_args};
    for (size_t i = 0; i < n_args; i++) {
        made->args[i] = args[i];
    }
    dnnl_status_t status = dnnl_primitive_create(&made->primitive, desc);
    if (status == dnnl_success) {
        *call = plan->n_calls++;
        add_scratch(plan, made, desc, time);
    }
    dnnl_primitive_desc_destroy(desc);
    return ef_train_check(plan, step, status, err);
}

void ef_train_run_call(ef_train_worker *worker, size_t call)
{
    const ef_train_call *c = &worker->plan->calls[call];
    dnnl_exec_arg_t args[EF_CALL_ARGS];
    for (size_t i = 0; i < c->n_args; i++) {
        args[i].arg = c->args[i].arg;
        args[i].memory = worker->memories[call * EF_CALL_ARGS + i];
    }
    dnnl_status_t status =
        dnnl_primitive_execute(c->primitive, worker->stream, (int)c->n_args, args);
    worker->failed |= status != dnnl_success;
}

/* --- values between a network and a plan ---------------------------------------------
 */

/* Copies from one description of memory to another, through a primitive of its own. */
static dnnl_status_t convert(dnnl_engine_t engine, const dnnl_memory_desc_t *from_desc,
                             void *from, const dnnl_memory_desc_t *to_desc, void *to)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t source = NULL, target = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&desc, from_desc, engine,
                                                              to_desc, engine, NULL);
    status = status ? status : dnnl_primitive_create(&primitive, desc);
    status = status ? status : dnnl_stream_create(&stream, engine, 0);
    status = status ? status : dnnl_memory_create(&source, from_desc, engine, from);
    status = status ? status : dnnl_memory_create(&target, to_desc, engine, to);
    if (!status) {
        const dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, source},
                                         {DNNL_ARG_TO, target}};
        status = dnnl_primitive_execute(primitive, stream, 2, args);
    }
    dnnl_memory_destroy(target);
    dnnl_memory_destroy(source);
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(desc);
    return status;
}

/* (out, in, kh, kw) to (kh, kw, in, out), or back. */
static void permute_hwio(const ef_param *param, float *oihw, float *hwio, int back)
{
    size_t out = param->dims[0], in = param->dims[1];
    size_t area = (size_t)param->dims[2] * param->dims[3];
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++) {
            float *row = oihw + (o * in + i) * area;
            for (size_t a = 0; a < area; a++) {
                float *cell = hwio + (a * in + i) * out + o;
                *(back ? &row[a] : cell) = back ? *cell : row[a];
            }
        }
    }
}

static ef_status transfer(const ef_train_plan *plan, const ef_train_param *param,
                          float *values, int back, ef_error *err)
{
    const ef_param *p = &plan->net->params[param->param];
    float *plain = values + p->offset;
    float *packed = plan->weights + plan->buffers[param->buffer].offset;
    if (param->layout == EF_LAYOUT_HWIO) {
        permute_hwio(p, plain, packed, back);
    } else if (param->layout == EF_LAYOUT_SAME) {
        float *from = back ? packed : plain, *to = back ? plain : packed;
        for (size_t i = 0; i < p->count; i++) {
            to[i] = from[i];
        }
    } else {
        dnnl_status_t status =
            back ? convert(plan->engine, &param->packed, packed, &param->plain, plain)
                 : convert(plan->engine, &param->plain, plain, &param->packed, packed);
        if (status != dnnl_success) {
            return ef_error_set(err, EF_ERR_FAILED,
                                "oneDNN could not rearrange weights (%d)", (int)status);
        }
    }
    return EF_OK;
}

static ef_status transfer_all(const ef_train_plan *plan, float *values, int back,
                              ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < plan->n_params && !status; i++) {
        status = transfer(plan, &plan->params[i], values, back, err);
    }
    return status;
}

ef_status ef_train_plan_load(ef_train_plan *plan, const ef_net *net, ef_error *err)
{
    return transfer_all(plan, net->values, 0, err);
}

ef_status ef_train_plan_save(const ef_train_plan *plan, ef_net *net, ef_error *err)
{
    return transfer_all(plan, net->values, 1, err);
}
