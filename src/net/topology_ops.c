/* The operations: one row each, with the shape it gives, the parameters it holds, and
 * the reason why it cannot be. */
#include "net/topology_priv.h"

#include <math.h>
#include <string.h>

#define REFUSE(...) return ef_error_set(why, EF_ERR_TOPOLOGY, __VA_ARGS__)
#define WORDS(type) (sizeof(type) / sizeof(uint32_t))

static ef_status check_flag(uint32_t flag, const char *what, ef_error *why)
{
    if (flag > 1) {
        REFUSE("%s must be 0 or 1, not %u", what, flag);
    }
    return EF_OK;
}

ef_status ef_check_finite(float value, const char *what, ef_error *why)
{
    if (!isfinite(value)) {
        REFUSE("%s must be a finite number", what);
    }
    return EF_OK;
}

ef_status ef_check_image(const ef_shape *in, ef_error *why)
{
    if (in->rank != 4) {
        REFUSE("its input is flat (%u values), it needs channels x height x width",
               in->channels);
    }
    return EF_OK;
}

ef_status ef_check_shape(const ef_shape *shape, const char *what, ef_error *why)
{
    if (shape->rank != 2 && shape->rank != 4) {
        REFUSE("an %s is flat (rank 2) or an image (rank 4), not of rank %u", what,
               shape->rank);
    }
    const uint32_t axes[3] = {shape->channels, shape->height, shape->width};
    for (size_t i = 0; i < 3; i++) {
        if (axes[i] == 0 || axes[i] > EF_MAX_ELEMENTS) {
            REFUSE("each side of the %s must be from 1 to %u, not %u", what,
                   EF_MAX_ELEMENTS, axes[i]);
        }
    }
    if (shape->rank == 2 && (shape->height != 1 || shape->width != 1)) {
        REFUSE("a flat %s has height and width 1", what);
    }
    return EF_OK;
}

static ef_status infer_input(ef_node *node, const ef_shape *in, ef_shape *out,
                             ef_error *why)
{
    (void)in;
    *out = node->u.input;
    return ef_check_shape(out, "input", why);
}

static ef_status infer_conv(ef_node *node, const ef_shape *in, ef_shape *out,
                            ef_error *why)
{
    const ef_conv *conv = &node->u.conv;
    ef_window w = {conv->kernel, conv->stride, conv->dilation, conv->pad, 0};
    ef_status status = ef_check_image(in, why);
    if (!status) {
        status = ef_check_positive(&conv->channels, 1, "channels", why);
    }
    if (!status) {
        status = ef_check_positive(&conv->groups, 1, "groups", why);
    }
    if (!status) {
        status = check_flag(conv->bias, "bias", why);
    }
    if (!status && (in->channels % conv->groups || conv->channels % conv->groups)) {
        REFUSE("%u groups divide not both its %u input and %u output channels",
               conv->groups, in->channels, conv->channels);
    }
    *out = (ef_shape){conv->channels, 0, 0, 4};
    return status ? status : ef_window_slide(&w, in, out, why);
}

static ef_status infer_dense(ef_node *node, const ef_shape *in, ef_shape *out,
                             ef_error *why)
{
    if (in->rank != 2) {
        REFUSE("its input is an image (%u x %u x %u): flatten it first", in->channels,
               in->height, in->width);
    }
    ef_status status = ef_check_positive(&node->u.dense.channels, 1, "channels", why);
    if (!status) {
        status = check_flag(node->u.dense.bias, "bias", why);
    }
    *out = (ef_shape){node->u.dense.channels, 1, 1, 2};
    return status;
}

static ef_status infer_pool(ef_node *node, const ef_shape *in, ef_shape *out,
                            ef_error *why)
{
    ef_pool *pool = &node->u.pool;
    ef_window w = {pool->kernel, pool->stride, pool->dilation, pool->pad,
                   pool->ceil_mode != 0};
    ef_status status = ef_check_image(in, why);
    if (!status) {
        status = check_flag(pool->ceil_mode, "ceil", why);
    }
    if (!status) {
        status = check_flag(pool->count_include_pad, "count-pad", why);
    }
    if (status) {
        return status;
    }
    if (node->op == EF_OP_MAXPOOL) {
        pool->count_include_pad = 0;
    } else if (pool->dilation[0] != 1 || pool->dilation[1] != 1) {
        REFUSE("average pooling has no dilation");
    }
    *out = (ef_shape){in->channels, 0, 0, 4};
    status = ef_window_slide(&w, in, out, why);
    if (!status && (ef_window_sees_nothing(&w, 0, in->height, out->height) ||
                    ef_window_sees_nothing(&w, 1, in->width, out->width))) {
        REFUSE("one of its windows would see padding only");
    }
    return status;
}

static ef_status infer_global(ef_node *node, const ef_shape *in, ef_shape *out,
                              ef_error *why)
{
    (void)node;
    *out = (ef_shape){in->channels, 1, 1, 4};
    return ef_check_image(in, why);
}

static ef_status infer_same(ef_node *node, const ef_shape *in, ef_shape *out,
                            ef_error *why)
{
    (void)node;
    (void)why;
    *out = *in;
    return EF_OK;
}

static ef_status infer_batchnorm(ef_node *node, const ef_shape *in, ef_shape *out,
                                 ef_error *why)
{
    float epsilon = node->u.batchnorm.epsilon;
    if (!(epsilon >= 0 && epsilon <= 1)) {
        REFUSE("epsilon must be from 0 to 1, not %g", (double)epsilon);
    }
    *out = *in;
    return EF_OK;
}

/* Which of low and high a kind of activation has. */
static const struct {
    unsigned low : 1, high : 1;
} activation_fields[EF_ACTIVATION_COUNT] = {
    [EF_ACTIVATION_CLIP] = {1, 1},
    [EF_ACTIVATION_LEAKY] = {1, 0},
    [EF_ACTIVATION_HARDSIGMOID] = {1, 1},
};

/* Either bound may be infinite: it binds nothing then. */
static ef_status check_clip(const ef_activation *clip, ef_error *why)
{
    if (isnan(clip->low) || isnan(clip->high)) {
        REFUSE("a bound that it clips to is not a number");
    }
    if (clip->low >= clip->high) {
        REFUSE("it clips to [%g, %g], which is empty", (double)clip->low,
               (double)clip->high);
    }
    return EF_OK;
}

static ef_status infer_activation(ef_node *node, const ef_shape *in, ef_shape *out,
                                  ef_error *why)
{
    ef_activation *activation = &node->u.activation;
    if (activation->kind >= EF_ACTIVATION_COUNT) {
        REFUSE("no activation has the number %u", activation->kind);
    }
    if (!activation_fields[activation->kind].low) {
        activation->low = 0;
    }
    if (!activation_fields[activation->kind].high) {
        activation->high = 0;
    }
    *out = *in;
    if (activation->kind == EF_ACTIVATION_CLIP) {
        return check_clip(activation, why);
    }
    ef_status status = ef_check_finite(activation->low, "its first parameter", why);
    return status ? status
                  : ef_check_finite(activation->high, "its second parameter", why);
}

static ef_status infer_add(ef_node *node, const ef_shape *in, ef_shape *out,
                           ef_error *why)
{
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        if (!ef_shape_equal(in[0], in[i])) {
            REFUSE("its inputs differ: %u x %u x %u and %u x %u x %u", in[0].channels,
                   in[0].height, in[0].width, in[i].channels, in[i].height,
                   in[i].width);
        }
    }
    *out = in[0];
    return EF_OK;
}

static int is_gate(ef_shape gate, ef_shape image)
{
    return gate.rank == image.rank && gate.channels == image.channels &&
           gate.height == 1 && gate.width == 1;
}

static ef_status infer_mul(ef_node *node, const ef_shape *in, ef_shape *out,
                           ef_error *why)
{
    if (is_gate(in[1], in[0])) {
        *out = in[0];
        return EF_OK;
    }
    if (is_gate(in[0], in[1])) {
        *out = in[1];
        return EF_OK;
    }
    return infer_add(node, in, out, why);
}

static ef_status infer_concat(ef_node *node, const ef_shape *in, ef_shape *out,
                              ef_error *why)
{
    uint64_t channels = in[0].channels;
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        if (in[i].rank != in[0].rank || in[i].height != in[0].height ||
            in[i].width != in[0].width) {
            REFUSE("its inputs differ in more than channels: %u x %u x %u and "
                   "%u x %u x %u",
                   in[0].channels, in[0].height, in[0].width, in[i].channels,
                   in[i].height, in[i].width);
        }
        channels += in[i].channels;
    }
    *out = in[0];
    out->channels =
        (uint32_t)(channels > EF_MAX_ELEMENTS ? EF_MAX_ELEMENTS + 1 : channels);
    return EF_OK;
}

static ef_status infer_softmax(ef_node *node, const ef_shape *in, ef_shape *out,
                               ef_error *why)
{
    uint32_t axis = node->u.softmax.axis;
    if (axis > 2) {
        REFUSE("its axis must be 0, 1 or 2 (channels, height, width), not %u", axis);
    }
    if (axis > 0 && in->rank == 2) {
        REFUSE("its input is flat, so its axis is channels");
    }
    *out = *in;
    return EF_OK;
}

static ef_status infer_div(ef_node *node, const ef_shape *in, ef_shape *out,
                           ef_error *why)
{
    if (is_gate(in[1], in[0])) {
        *out = in[0];
        return EF_OK;
    }
    return infer_add(node, in, out, why);
}

static size_t params_conv(const ef_node *node, ef_shape in,
                          ef_param_shape shapes[EF_MAX_PARAMS])
{
    const ef_conv *conv = &node->u.conv;
    shapes[0] = (ef_param_shape){
        EF_ROLE_WEIGHT,
        4,
        {conv->channels, in.channels / conv->groups, conv->kernel[0], conv->kernel[1]}};
    shapes[1] = (ef_param_shape){EF_ROLE_BIAS, 1, {conv->channels, 1, 1, 1}};
    return 1 + conv->bias;
}

static size_t params_dense(const ef_node *node, ef_shape in,
                           ef_param_shape shapes[EF_MAX_PARAMS])
{
    const ef_dense *dense = &node->u.dense;
    shapes[0] =
        (ef_param_shape){EF_ROLE_WEIGHT, 2, {dense->channels, in.channels, 1, 1}};
    shapes[1] = (ef_param_shape){EF_ROLE_BIAS, 1, {dense->channels, 1, 1, 1}};
    return 1 + dense->bias;
}

/* A value per channel for each of the roles from first on. */
static size_t params_channels(ef_role first, size_t n, ef_shape in,
                              ef_param_shape shapes[EF_MAX_PARAMS])
{
    for (size_t i = 0; i < n; i++) {
        shapes[i] = (ef_param_shape){(ef_role)(first + i), 1, {in.channels, 1, 1, 1}};
    }
    return n;
}

static size_t params_batchnorm(const ef_node *node, ef_shape in,
                               ef_param_shape shapes[EF_MAX_PARAMS])
{
    (void)node;
    return params_channels(EF_ROLE_GAMMA, 4, in, shapes);
}

static size_t params_activation(const ef_node *node, ef_shape in,
                                ef_param_shape shapes[EF_MAX_PARAMS])
{
    size_t n = node->u.activation.kind == EF_ACTIVATION_PRELU;
    return params_channels(EF_ROLE_SLOPE, n, in, shapes);
}

static size_t params_scale(const ef_node *node, ef_shape in,
                           ef_param_shape shapes[EF_MAX_PARAMS])
{
    (void)node;
    return params_channels(EF_ROLE_SCALE, 2, in, shapes);
}

/* Behind the names and numbers of inputs in EF_OP_LIST: words of its parameters,
 * whether its inputs commute, whether it has weights; shape; parameter tensors. */
#define TRAITS_INPUT WORDS(ef_shape), 0, 0, infer_input, NULL
#define TRAITS_CONV WORDS(ef_conv), 0, 1, infer_conv, params_conv
#define TRAITS_DENSE WORDS(ef_dense), 0, 1, infer_dense, params_dense
#define TRAITS_MAXPOOL WORDS(ef_pool), 0, 0, infer_pool, NULL
#define TRAITS_AVGPOOL WORDS(ef_pool), 0, 0, infer_pool, NULL
#define TRAITS_GLOBALAVG 0, 0, 0, infer_global, NULL
#define TRAITS_GLOBALMAX 0, 0, 0, infer_global, NULL
#define TRAITS_BATCHNORM WORDS(ef_batchnorm), 0, 0, infer_batchnorm, params_batchnorm
#define TRAITS_ACTIVATION                                                              \
    WORDS(ef_activation), 0, 0, infer_activation, params_activation
#define TRAITS_ADD 0, 1, 0, infer_add, NULL
#define TRAITS_MUL 0, 1, 0, infer_mul, NULL
#define TRAITS_SCALE 0, 0, 0, infer_same, params_scale
#define TRAITS_CONCAT 0, 0, 0, infer_concat, NULL
#define TRAITS_PAD WORDS(ef_pad), 0, 0, ef_infer_pad, NULL
#define TRAITS_SLICE WORDS(ef_slice), 0, 0, ef_infer_slice, NULL
#define TRAITS_TRANSPOSE WORDS(ef_transpose), 0, 0, ef_infer_transpose, NULL
#define TRAITS_FLATTEN 0, 0, 0, ef_infer_flatten, NULL
#define TRAITS_UPSAMPLE WORDS(ef_upsample), 0, 0, ef_infer_upsample, NULL
#define TRAITS_RESHAPE WORDS(ef_shape), 0, 0, ef_infer_reshape, NULL
#define TRAITS_SOFTMAX WORDS(ef_softmax), 0, 0, infer_softmax, NULL
#define TRAITS_DIV 0, 0, 0, infer_div, NULL

static const ef_op_row op_rows[EF_OP_COUNT] = {
#define X(op, name, least, most) {name, least, most, TRAITS_##op},
    EF_OP_LIST(X)
#undef X
};

const ef_op_row *ef_op_row_of(ef_op op)
{
    return &op_rows[op];
}

const char *ef_op_name(ef_op op)
{
    return op_rows[op].name;
}

const char *ef_activation_name(ef_activation_kind kind)
{
    static const char *const names[EF_ACTIVATION_COUNT] = {
#define X(kind, name) name,
        EF_ACTIVATION_LIST(X)
#undef X
    };
    return names[kind];
}

size_t ef_node_params(const ef_node *node, ef_shape in,
                      ef_param_shape shapes[EF_MAX_PARAMS])
{
    const ef_op_row *row = &op_rows[node->op];
    return row->params ? row->params(node, in, shapes) : 0;
}

size_t ef_param_count(const ef_param_shape *shape)
{
    return (size_t)shape->dims[0] * shape->dims[1] * shape->dims[2] * shape->dims[3];
}

static ef_status check_sizes(const ef_node *node, ef_shape in, ef_shape out,
                             ef_error *why)
{
    /* The shape functions let no side above EF_MAX_ELEMENTS + 1 or three times
     * itself pass, so two factors fit in 64 bits. */
    uint64_t plane = (uint64_t)out.height * out.width;
    if (out.channels > EF_MAX_ELEMENTS || plane > EF_MAX_ELEMENTS ||
        plane * out.channels > EF_MAX_ELEMENTS) {
        REFUSE("its output has more than %u elements", EF_MAX_ELEMENTS);
    }
    ef_param_shape shapes[EF_MAX_PARAMS];
    if (ef_node_params(node, in, shapes) == 0) {
        return EF_OK;
    }
    uint64_t count = 1;
    for (size_t i = 0; i < 4; i++) {
        count *= shapes[0].dims[i];
        if (count > EF_MAX_ELEMENTS) {
            REFUSE("its weights have more than %u elements", EF_MAX_ELEMENTS);
        }
    }
    return EF_OK;
}

/* Zeroes the words of u that the operation does not have, so that equal nodes are
 * equal bytes. */
static void clear_unused(ef_node *node, const ef_op_row *row)
{
    size_t used = row->n_words * sizeof(uint32_t);
    memset((char *)&node->u + used, 0, sizeof node->u - used);
    if (!row->has_weights) {
        memset(&node->weight_format, 0, sizeof node->weight_format);
    }
}

ef_status ef_node_infer(ef_node *node, const ef_shape *in, ef_shape *out, ef_error *why)
{
    const ef_op_row *row = &op_rows[node->op];
    ef_status status = row->infer(node, in, out, why);
    if (!status) {
        status = check_sizes(node, row->least_inputs ? in[0] : *out, *out, why);
    }
    if (!status && node->activation_format.per_channel) {
        REFUSE("activations cannot have a scale per channel");
    }
    if (!status) {
        clear_unused(node, row);
    }
    return status;
}

ef_status ef_node_shape(const ef_node *node, const ef_shape *inputs, ef_shape *out,
                        ef_error *why)
{
    if ((unsigned)node->op >= EF_OP_COUNT) {
        REFUSE("no operation has the number %u", (unsigned)node->op);
    }
    const ef_op_row *row = &op_rows[node->op];
    if (node->n_inputs < row->least_inputs || node->n_inputs > row->most_inputs) {
        REFUSE("%s does not take %u inputs", row->name, node->n_inputs);
    }
    ef_node copy = *node;
    ef_shape shape;
    ef_status status = ef_node_infer(&copy, inputs, &shape, why);
    if (!status) {
        *out = shape;
    }
    return status;
}
