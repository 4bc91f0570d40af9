/* Convolution: by oneDNN, or by kernels of our own where they fit and are faster.
 *
 * oneDNN's weights have the layout in which their gradient comes; where the forward
 * or the backward pass wants another one, it is derived after each update. */
#include "train/plan_priv.h"

/* Calls and buffers in ef_train_step.slots. */
enum slots {
    FORWARD,
    BACKWARD_DATA,
    BACKWARD_WEIGHTS,
    FORWARD_REORDER,
    BACKWARD_REORDER,
    SCRATCH,       /* gradient of the input, where it must be added */
    FORWARD_RESULT /* layout of the weights that the forward pass reads */
};

typedef struct conv_shapes {
    dnnl_memory_desc_t src, dst, bias, weights_any, weights_plain;
    dnnl_dims_t strides, dilates, before, after;
} conv_shapes;

static dnnl_status_t describe_image(const ef_train_plan *plan, ef_shape shape,
                                    dnnl_memory_desc_t *desc)
{
    const dnnl_dims_t dims = {(dnnl_dim_t)plan->n_images, shape.channels, shape.height,
                              shape.width};
    return dnnl_memory_desc_init_by_tag(desc, 4, dims, dnnl_f32, dnnl_nhwc);
}

static dnnl_status_t describe(const ef_train_plan *plan, const ef_train_step *step,
                              conv_shapes *s)
{
    const ef_conv *conv = &step->op->u.conv;
    dnnl_dim_t groups = conv->groups;
    const dnnl_dims_t weights = {groups, conv->channels / groups,
                                 step->in.channels / groups, conv->kernel[0],
                                 conv->kernel[1]};
    const dnnl_dims_t bias = {conv->channels};
    for (size_t i = 0; i < 2; i++) {
        s->strides[i] = conv->stride[i];
        s->dilates[i] = (dnnl_dim_t)conv->dilation[i] - 1;
        s->before[i] = conv->pad[i];
        s->after[i] = conv->pad[i + 2];
    }
    int n = groups > 1 ? 5 : 4;
    dnnl_status_t status = describe_image(plan, step->in, &s->src);
    status = status ? status : describe_image(plan, step->shape, &s->dst);
    status = status ? status
                    : dnnl_memory_desc_init_by_tag(&s->weights_any, n, weights + 5 - n,
                                                   dnnl_f32, dnnl_format_tag_any);
    status = status ? status
                    : dnnl_memory_desc_init_by_tag(&s->weights_plain, n,
                                                   weights + 5 - n, dnnl_f32,
                                                   groups > 1 ? dnnl_goihw : dnnl_oihw);
    return status ? status
                  : dnnl_memory_desc_init_by_tag(&s->bias, 1, bias, dnnl_f32, dnnl_a);
}

/* Scratch that the worker holds, and the clamp as a post-operation.  oneDNN's relu and
 * clip turn NaN into 0; a network that gets NaNs is found out by its weights. */
static dnnl_status_t make_attributes(const ef_train_step *step,
                                     dnnl_primitive_attr_t *attr)
{
    dnnl_post_ops_t ops = NULL;
    ef_train_clamp clamp = step->clamp;
    dnnl_status_t status = dnnl_primitive_attr_create(attr);
    status =
        status
            ? status
            : dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (status || !ef_train_is_clamped(step)) {
        return status;
    }
    status = dnnl_post_ops_create(&ops);
    if (!status && isinf(clamp.high) && clamp.low == 0) {
        status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
    } else if (!status) {
        status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_clip, clamp.low,
                                              clamp.high);
    }
    status = status ? status : dnnl_primitive_attr_set_post_ops(*attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t make_forward(const ef_train_plan *plan, const ef_train_step *step,
                                  const conv_shapes *s, dnnl_primitive_desc_t *desc)
{
    dnnl_convolution_desc_t conv;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &conv, plan->trains ? dnnl_forward_training : dnnl_forward_inference,
        dnnl_convolution_direct, &s->src, &s->weights_any,
        step->op->u.conv.bias ? &s->bias : NULL, &s->dst, s->strides, s->dilates,
        s->before, s->after);
    status = status ? status : make_attributes(step, &attr);
    status = status ? status
                    : dnnl_primitive_desc_create(desc, &conv, attr, plan->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static dnnl_status_t make_backward(const ef_train_plan *plan, const ef_train_step *step,
                                   const conv_shapes *s, int is_data,
                                   const_dnnl_primitive_desc_t forward,
                                   dnnl_primitive_desc_t *desc)
{
    dnnl_convolution_desc_t conv;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status =
        is_data ? dnnl_dilated_convolution_backward_data_desc_init(
                      &conv, dnnl_convolution_direct, &s->src, &s->weights_any, &s->dst,
                      s->strides, s->dilates, s->before, s->after)
                : dnnl_dilated_convolution_backward_weights_desc_init(
                      &conv, dnnl_convolution_direct, &s->src, &s->weights_any,
                      step->op->u.conv.bias ? &s->bias : NULL, &s->dst, s->strides,
                      s->dilates, s->before, s->after);
    status = status ? status : dnnl_primitive_attr_create(&attr);
    status =
        status
            ? status
            : dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    status = status
                 ? status
                 : dnnl_primitive_desc_create(desc, &conv, attr, plan->engine, forward);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* The buffer that holds the weights as `wanted`: the weights themselves, or a copy and
 * the call that makes it. */
static ef_status derive(ef_train_plan *plan, const ef_train_step *step,
                        const dnnl_memory_desc_t *packed,
                        const dnnl_memory_desc_t *wanted, size_t *buffer, size_t *call,
                        ef_error *err)
{
    *buffer = step->params[EF_ROLE_WEIGHT];
    if (dnnl_memory_desc_equal(packed, wanted)) {
        return EF_OK;
    }
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    status =
        status
            ? status
            : dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    status = status ? status
                    : dnnl_reorder_primitive_desc_create(&desc, packed, plan->engine,
                                                         wanted, plan->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (status) {
        return ef_train_check(plan, step, status, err);
    }
    size_t count = dnnl_memory_desc_get_size(wanted) / sizeof(float);
    *buffer = ef_train_add_buffer(plan, EF_SPACE_DERIVED, count, 0, 0);
    const ef_train_arg args[2] = {
        {DNNL_ARG_FROM, step->params[EF_ROLE_WEIGHT], 0, *packed},
        {DNNL_ARG_TO, *buffer, 0, *wanted}};
    return ef_train_add_call(plan, step, desc, args, 2, 0, call, err);
}

static const dnnl_memory_desc_t *layout_of(const_dnnl_primitive_desc_t desc,
                                           dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(desc, what, 0);
}

/* Gives the weights, and a bias, their place. */
static void add_params(ef_train_plan *plan, ef_train_step *step, const conv_shapes *s,
                       const dnnl_memory_desc_t *packed)
{
    const ef_train_param layout = {
        .layout = EF_LAYOUT_ONEDNN, .plain = s->weights_plain, .packed = *packed};
    ef_train_add_param_as(plan, step, EF_ROLE_WEIGHT, EF_RULE_DECAY_DESCEND,
                          dnnl_memory_desc_get_size(packed) / sizeof(float), &layout);
    ef_train_add_param(plan, step, EF_ROLE_BIAS, EF_RULE_DESCEND);
}

/* desc is taken; packed: the layout of the weights. */
static ef_status add_forward(ef_train_plan *plan, ef_train_step *step,
                             const conv_shapes *s, dnnl_primitive_desc_t desc,
                             const dnnl_memory_desc_t *packed, ef_error *err)
{
    const dnnl_memory_desc_t wanted = *layout_of(desc, dnnl_query_weights_md);
    size_t weights;
    ef_status status = derive(plan, step, packed, &wanted, &weights,
                              &step->slots[FORWARD_REORDER], err);
    if (status) {
        dnnl_primitive_desc_destroy(desc);
        return status;
    }
    const ef_train_arg args[4] = {
        {DNNL_ARG_SRC, plan->steps[step->inputs[0]].value, 0, s->src},
        {DNNL_ARG_WEIGHTS, weights, 0, wanted},
        {DNNL_ARG_DST, step->value, 0, s->dst},
        {DNNL_ARG_BIAS, step->params[EF_ROLE_BIAS], 0, s->bias}};
    return ef_train_add_call(plan, step, desc, args, step->op->u.conv.bias ? 4 : 3,
                             ef_train_forward_time(step), &step->slots[FORWARD], err);
}

static ef_status add_backward_weights(ef_train_plan *plan, ef_train_step *step,
                                      const conv_shapes *s, dnnl_primitive_desc_t desc,
                                      ef_error *err)
{
    const dnnl_memory_desc_t packed = *layout_of(desc, dnnl_query_diff_weights_md);
    const ef_train_arg args[4] = {
        {DNNL_ARG_SRC, plan->steps[step->inputs[0]].value, 0, s->src},
        {DNNL_ARG_DIFF_WEIGHTS, step->params[EF_ROLE_WEIGHT], 1, packed},
        {DNNL_ARG_DIFF_DST, step->grad, 0, s->dst},
        {DNNL_ARG_DIFF_BIAS, step->params[EF_ROLE_BIAS], 1, s->bias}};
    return ef_train_add_call(plan, step, desc, args, step->op->u.conv.bias ? 4 : 3,
                             ef_train_backward_time(plan, step),
                             &step->slots[BACKWARD_WEIGHTS], err);
}

static ef_status add_backward_data(ef_train_plan *plan, ef_train_step *step,
                                   const conv_shapes *s, dnnl_primitive_desc_t desc,
                                   const dnnl_memory_desc_t *packed, ef_error *err)
{
    const dnnl_memory_desc_t wanted = *layout_of(desc, dnnl_query_weights_md);
    size_t weights, time = ef_train_backward_time(plan, step);
    size_t to = plan->steps[step->inputs[0]].grad;
    ef_status status = derive(plan, step, packed, &wanted, &weights,
                              &step->slots[BACKWARD_REORDER], err);
    if (status) {
        dnnl_primitive_desc_destroy(desc);
        return status;
    }
    if (step->adds[0]) {
        to = step->slots[SCRATCH] = ef_train_add_buffer(
            plan, EF_SPACE_ARENA, ef_train_count(plan, step->in), time, time);
    }
    const ef_train_arg args[3] = {{DNNL_ARG_DIFF_SRC, to, 0, s->src},
                                  {DNNL_ARG_WEIGHTS, weights, 0, wanted},
                                  {DNNL_ARG_DIFF_DST, step->grad, 0, s->dst}};
    return ef_train_add_call(plan, step, desc, args, 3, time,
                             &step->slots[BACKWARD_DATA], err);
}

/* forward is taken.  The order matters: the gradient decides on the layout. */
static ef_status add_training(ef_train_plan *plan, ef_train_step *step,
                              const conv_shapes *s, dnnl_primitive_desc_t forward,
                              ef_error *err)
{
    dnnl_primitive_desc_t weights = NULL, data = NULL;
    dnnl_status_t made = make_backward(plan, step, s, 0, forward, &weights);
    if (!made && ef_train_wants(plan, step, 0)) {
        made = make_backward(plan, step, s, 1, forward, &data);
    }
    if (made) {
        dnnl_primitive_desc_destroy(forward);
        dnnl_primitive_desc_destroy(weights);
        return ef_train_check(plan, step, made, err);
    }
    const dnnl_memory_desc_t packed = *layout_of(weights, dnnl_query_diff_weights_md);
    add_params(plan, step, s, &packed);
    ef_status status = add_backward_weights(plan, step, s, weights, err);
    if (status) {
        dnnl_primitive_desc_destroy(forward);
        dnnl_primitive_desc_destroy(data);
        return status;
    }
    status = add_forward(plan, step, s, forward, &packed, err);
    if (status) {
        dnnl_primitive_desc_destroy(data);
        return status;
    }
    return data ? add_backward_data(plan, step, s, data, &packed, err) : EF_OK;
}

static int fits_winograd(const ef_train_plan *plan, ef_train_step *step)
{
    const ef_conv *c = &step->op->u.conv;
    if (!plan->kernels->has_conv || c->groups != 1) {
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        if (c->kernel[i] != 3 || c->stride[i] != 1 || c->dilation[i] != 1 ||
            c->pad[i] > 2 || c->pad[i + 2] > 2) {
            return 0;
        }
    }
    step->winograd = (ef_train_winograd){.n = plan->n_images,
                                         .h = step->in.height,
                                         .w = step->in.width,
                                         .ic = step->in.channels,
                                         .oh = step->shape.height,
                                         .ow = step->shape.width,
                                         .oc = step->shape.channels,
                                         .top = c->pad[0],
                                         .left = c->pad[1]};
    return plan->kernels->winograd_fits(&step->winograd);
}

/* First layers: oneDNN is slow at few channels, and nothing is sent back from them. */
#define FEW_CHANNELS 4

static int fits_direct(const ef_train_plan *plan, ef_train_step *step)
{
    const ef_conv *c = &step->op->u.conv;
    step->direct = (ef_train_direct){.n = plan->n_images,
                                     .h = step->in.height,
                                     .w = step->in.width,
                                     .ic = step->in.channels,
                                     .oh = step->shape.height,
                                     .ow = step->shape.width,
                                     .oc = step->shape.channels,
                                     .kernel = {c->kernel[0], c->kernel[1]},
                                     .stride = {c->stride[0], c->stride[1]},
                                     .top = c->pad[0],
                                     .left = c->pad[1],
                                     .bottom = c->pad[2],
                                     .right = c->pad[3]};
    return plan->kernels->has_conv && c->groups == 1 && c->dilation[0] == 1 &&
           c->dilation[1] == 1 && step->in.channels <= FEW_CHANNELS &&
           !ef_train_wants(plan, step, 0);
}

static ef_status prepare(ef_train_plan *plan, ef_train_step *step, ef_error *err)
{
    const ef_train_kind *ours = fits_direct(plan, step) ? &ef_train_direct_conv
                                : ef_train_fits_depthwise(plan, step)
                                    ? &ef_train_depthwise_conv
                                : fits_winograd(plan, step) ? &ef_train_winograd_conv
                                                            : NULL;
    if (ours) {
        step->kind = ours;
        return ours->prepare(plan, step, err);
    }
    conv_shapes s;
    dnnl_primitive_desc_t forward = NULL;
    dnnl_status_t made = describe(plan, step, &s);
    made = made ? made : make_forward(plan, step, &s, &forward);
    if (made) {
        return ef_train_check(plan, step, made, err);
    }
    step->needs_input = 1;
    step->needs_value = (unsigned char)ef_train_is_clamped(step);
    if (plan->trains) {
        return add_training(plan, step, &s, forward, err);
    }
    const dnnl_memory_desc_t packed = *layout_of(forward, dnnl_query_weights_md);
    add_params(plan, step, &s, &packed);
    return add_forward(plan, step, &s, forward, &packed, err);
}

static void refresh(ef_train_worker *worker, const ef_train_step *step)
{
    static const int reorders[2] = {FORWARD_REORDER, BACKWARD_REORDER};
    for (size_t i = 0; i < 2; i++) {
        if (step->slots[reorders[i]] != EF_TRAIN_NONE) {
            ef_train_run_call(worker, step->slots[reorders[i]]);
        }
    }
}

static void forward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_run_call(worker, step->slots[FORWARD]);
}

static void backward(ef_train_worker *worker, const ef_train_step *step)
{
    ef_train_pass_clamp(worker, step);
    ef_train_run_call(worker, step->slots[BACKWARD_WEIGHTS]);
    if (step->slots[BACKWARD_DATA] != EF_TRAIN_NONE) {
        ef_train_run_call(worker, step->slots[BACKWARD_DATA]);
    }
    if (step->slots[SCRATCH] != EF_TRAIN_NONE) {
        worker->plan->kernels->accumulate(ef_train_count(worker->plan, step->in),
                                          ef_train_at(worker, step->slots[SCRATCH]),
                                          ef_train_input_grad(worker, step, 0));
    }
}

const ef_train_kind ef_train_conv = {prepare, refresh, forward, backward};
