/* Dense layers: oneDNN's inner product, weights (out, in) throughout; small ones by
 * kernels of our own. */
#include "train/plan_priv.h"

enum slots { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS, SCRATCH };

typedef struct dense_shapes {
    dnnl_memory_desc_t src, weights, bias, dst;
} dense_shapes;

static dnnl_status_t describe(const ef_train_plan *plan, const ef_train_step *step,
                              dense_shapes *s)
{
    dnnl_dim_t n = (dnnl_dim_t)plan->n_images;
    dnnl_dim_t in = step->in.channels, out = step->shape.channels;
    const dnnl_dims_t src = {n, in}, weights = {out, in}, bias = {out}, dst = {n, out};
    dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&s->src, 2, src, dnnl_f32, dnnl_ab);
    status = status ? status
                    : dnnl_memory_desc_init_by_tag(&s->weights, 2, weights, dnnl_f32,
                                                   dnnl_ab);
    status = status ? status
                    : dnnl_memory_desc_init_by_tag(&s->bias, 1, bias, dnnl_f32, dnnl_a);
    return status ? status
                  : dnnl_memory_desc_init_by_tag(&s->dst, 2, dst, dnnl_f32, dnnl_ab);
}

enum direction { TO_OUTPUT, TO_INPUT, TO_WEIGHTS };

static dnnl_status_t make(const ef_train_plan *plan, const ef_train_step *step,
                          const dense_shapes *s, enum direction direction,
                          dnnl_primitive_desc_t *desc)
{
    dnnl_inner_product_desc_t forward, wanted;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_primitive_attr_t attr = NULL;
    const dnnl_memory_desc_t *bias = step->op->u.dense.bias ? &s->bias : NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    status =
        status
            ? status
            : dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    status =
        status
            ? status
            : dnnl_inner_product_forward_desc_init(&forward, dnnl_forward_training,
                                                   &s->src, &s->weights, bias, &s->dst);
    if (direction == TO_OUTPUT) {
        status = status ? status
                        : dnnl_primitive_desc_create(desc, &forward, attr, plan->engine,
                                                     NULL);
        dnnl_primitive_attr_destroy(attr);
        return status;
    }
    status =
        status ? status
               : dnnl_primitive_desc_create(&hint, &forward, NULL, plan->engine, NULL);
    if (!status && direction == TO_INPUT) {
        status = dnnl_inner_product_backward_data_desc_init(&wanted, &s->src,
                                                            &s->weights, &s->dst);
    } else if (!status) {
        status = dnnl_inner_product_backward_weights_desc_init(
            &wanted, &s->src, &s->weights, bias, &s->dst);
    }
    status = status
                 ? status
                 : dnnl_primitive_desc_create(desc, &wanted, attr, plan->engine, hint);
    dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* Makes the primitive of a direction and its call. */
static ef_status add(ef_train_plan *plan, ef_train_step *step, const dense_shapes *s,
                     enum direction direction, const ef_train_arg *args, size_t n_args,
                     size_t *slot, ef_error *err)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = make(plan, step, s, direction, &desc);
    if (made) {
        return ef_train_check(plan, step, made, err);
    }
    size_t time = direction == TO_OUTPUT ? ef_train_forward_time(step)
                                         : ef_train_backward_time(plan, step);
    return ef_train_add_call(plan, step, desc, args, n_args, time, slot, err);
}

static ef_status add_backward(ef_train_plan *plan, ef_train_step *step,
                              const dense_shapes *s, ef_error *err)
{
    const ef_train_arg weights_args[4] = {
        {DNNL_ARG_SRC, plan->steps[step->inputs[0]].value, 0, s->src},
        {DNNL_ARG_DIFF_WEIGHTS, step->params[EF_ROLE_WEIGHT], 1, s->weights},
        {DNNL_ARG_DIFF_DST, step->grad, 0, s->dst},
        {DNNL_ARG_DIFF_BIAS, step->params[EF_ROLE_BIAS], 1, s->bias}};
    ef_status status =
        add(plan, step, s, TO_WEIGHTS, weights_args, step->op->u.dense.bias ? 4 : 3,
            &step->slots[BACKWARD_WEIGHTS], err);
    if (status || !ef_train_wants(plan, step, 0)) {
        return status;
    }
    size_t to = plan->steps[step->inputs[0]].grad;
    size_t time = ef_train_backward_time(plan, step);
    if (step->adds[0]) {
        to = step->slots[SCRATCH] = ef_train_add_buffer(
            plan, EF_SPACE_ARENA, ef_train_count(plan, step->in), time, time);
    }
    const ef_train_arg data_args[3] = {
        {DNNL_ARG_DIFF_SRC, to, 0, s->src},
        {DNNL_ARG_WEIGHTS, step->params[EF_ROLE_WEIGHT], 0, s->weights},
        {DNNL_ARG_DIFF_DST, step->grad, 0, s->dst}};
    return add(plan, step, s, TO_INPUT, data_args, 3, &step->slots[BACKWARD_DATA], err);
}

/* Weights of a layer for which our own kernels do; measured. */
#define SMALL (1 << 17)

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    if (plan->kernels->has_conv &&
        (size_t)step->in.channels * step->shape.channels <= SMALL) {
        step->kind = &ef_train_small_dense;
        return step->kind->prepare(plan, step, err);
    }
    dense_shapes s;
    dnnl_status_t made = describe(plan, step, &s);
    if (made) {
        return ef_train_check(plan, step, made, err);
    }
    ef_train_add_param(plan, step, EF_ROLE_WEIGHT, EF_RULE_DECAY_DESCEND);
    ef_train_add_param(plan, step, EF_ROLE_BIAS, EF_RULE_DESCEND);
    step->needs_input = 1;
    step->needs_value = (unsigned char)ef_train_is_clamped(step);
    const ef_train_arg args[4] = {
        {DNNL_ARG_SRC, plan->steps[step->inputs[0]].value, 0, s.src},
        {DNNL_ARG_WEIGHTS, step->params[EF_ROLE_WEIGHT], 0, s.weights},
        {DNNL_ARG_DST, step->value, 0, s.dst},
        {DNNL_ARG_BIAS, step->params[EF_ROLE_BIAS], 0, s.bias}};
    ef_status status = add(plan, step, &s, TO_OUTPUT, args,
                           step->op->u.dense.bias ? 4 : 3, &step->slots[FORWARD], err);
    return status || !plan->trains ? status : add_backward(plan, step, &s, err);
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_run_call(worker, step->slots[FORWARD]);
    if (ef_train_is_clamped(step)) {
        float *value = ef_train_at(worker, step->value);
        worker->plan->kernels->clamp(ef_train_count(worker->plan, step->shape), value,
                                     step->clamp, value);
    }
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    const ef_train_kernels *kernels = worker->plan->kernels;
    ef_train_pass_clamp(worker, step);
    ef_train_run_call(worker, step->slots[BACKWARD_WEIGHTS]);
    if (step->slots[BACKWARD_DATA] != EF_TRAIN_NONE) {
        ef_train_run_call(worker, step->slots[BACKWARD_DATA]);
    }
    if (step->slots[SCRATCH] != EF_TRAIN_NONE) {
        kernels->accumulate(ef_train_count(worker->plan, step->in),
                            ef_train_at(worker, step->slots[SCRATCH]),
                            ef_train_input_grad(worker, step, 0));
    }
}

const ef_train_kind ef_train_dense = {prepare, NULL, forward, backward};
