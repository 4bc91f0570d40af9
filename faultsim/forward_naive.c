/* The definition of float execution, written down: one image, one element, one chain
 * at a time.  Nothing here is fast; forward.c is held equal to it bit for bit. */
#include "faultsim/forward_naive.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/forward.h"
#include "faultsim/functions.h"

typedef ef_node_job job;

static size_t at(ef_shape shape, size_t c, size_t y, size_t x)
{
    return (c * shape.height + y) * shape.width + x;
}

static size_t plane_of(ef_shape shape)
{
    return (size_t)shape.height * shape.width;
}

static const float *values_of(const job *j, ef_role role)
{
    return ef_net_values(j->net, j->index, role);
}

/* Whether tap k of output position o falls on the input, and where. */
static int tap(uint32_t o, uint32_t stride, uint32_t k, uint32_t dilation, uint32_t pad,
               uint32_t size, size_t *position)
{
    int64_t p = (int64_t)o * stride + (int64_t)k * dilation - pad;
    *position = (size_t)p;
    return p >= 0 && p < (int64_t)size;
}

static float struck(const job *j, size_t element, uint64_t moment, float sum)
{
    return j->strike ? j->strike(j->context, element, moment, sum) : sum;
}

/* Where a tap of an output element falls on the input; 0: in the padding. */
static int find_tap(const job *j, uint32_t y, uint32_t x, uint32_t r, uint32_t c,
                    size_t *row, size_t *column)
{
    const ef_conv *conv = &j->node->u.conv;
    return tap(y, conv->stride[0], r, conv->dilation[0], conv->pad[0],
               j->in_shape[0].height, row) &&
           tap(x, conv->stride[1], c, conv->dilation[1], conv->pad[1],
               j->in_shape[0].width, column);
}

static float conv_element(const job *j, uint32_t oc, uint32_t y, uint32_t x)
{
    const ef_conv *conv = &j->node->u.conv;
    ef_shape shape = j->in_shape[0];
    uint32_t n_in = shape.channels / conv->groups;
    uint32_t group = oc / (conv->channels / conv->groups);
    const float *weights = values_of(j, EF_ROLE_WEIGHT);
    size_t element = at(j->out_shape, oc, y, x), row, column;
    size_t n_taps = n_in * (size_t)conv->kernel[0] * conv->kernel[1];
    uint64_t moment = 0;
    float acc = struck(j, element, 0, 0.0f);
    for (uint32_t i = 0; i < n_in; i++) {
        for (uint32_t r = 0; r < conv->kernel[0]; r++) {
            for (uint32_t c = 0; c < conv->kernel[1]; c++) {
                float weight = weights[oc * n_taps + moment++];
                if (find_tap(j, y, x, r, c, &row, &column)) {
                    size_t from = at(shape, (size_t)group * n_in + i, row, column);
                    acc = fmaf(j->in[0][from], weight, acc);
                }
                acc = struck(j, element, moment, acc);
            }
        }
    }
    return canonical(conv->bias ? acc + values_of(j, EF_ROLE_BIAS)[oc] : acc);
}

static void run_conv(const job *j)
{
    for (uint32_t oc = 0; oc < j->out_shape.channels; oc++) {
        for (uint32_t y = 0; y < j->out_shape.height; y++) {
            for (uint32_t x = 0; x < j->out_shape.width; x++) {
                j->out[at(j->out_shape, oc, y, x)] = conv_element(j, oc, y, x);
            }
        }
    }
}

static void run_dense(const job *j)
{
    const ef_dense *dense = &j->node->u.dense;
    size_t n_in = j->in_shape[0].channels;
    const float *weights = values_of(j, EF_ROLE_WEIGHT);
    for (size_t o = 0; o < dense->channels; o++) {
        float acc = struck(j, o, 0, 0.0f);
        for (size_t i = 0; i < n_in; i++) {
            acc = fmaf(j->in[0][i], weights[o * n_in + i], acc);
            acc = struck(j, o, i + 1, acc);
        }
        j->out[o] = canonical(dense->bias ? acc + values_of(j, EF_ROLE_BIAS)[o] : acc);
    }
}

/* How many positions of a window an average counts with the padding: those of the
 * kernel that lie on the padded input. */
static uint32_t padded_taps(uint32_t o, uint32_t stride, uint32_t kernel, uint32_t size,
                            uint32_t before, uint32_t after)
{
    uint64_t begin = (uint64_t)o * stride;
    uint64_t end = begin + kernel;
    uint64_t padded = (uint64_t)size + before + after;
    return (uint32_t)((end < padded ? end : padded) - begin);
}

static float pool_element(const job *j, const ef_pool *pool, int is_max, uint32_t ch,
                          uint32_t y, uint32_t x)
{
    ef_shape shape = j->in_shape[0];
    float most = -INFINITY, sum = 0.0f;
    uint32_t count = 0;
    size_t row, column;
    for (uint32_t r = 0; r < pool->kernel[0]; r++) {
        for (uint32_t c = 0; c < pool->kernel[1]; c++) {
            if (tap(y, pool->stride[0], r, pool->dilation[0], pool->pad[0],
                    shape.height, &row) &&
                tap(x, pool->stride[1], c, pool->dilation[1], pool->pad[1], shape.width,
                    &column)) {
                float value = j->in[0][at(shape, ch, row, column)];
                most = value > most || value != value ? value : most;
                sum += value;
                count++;
            }
        }
    }
    if (pool->count_include_pad) {
        count = padded_taps(y, pool->stride[0], pool->kernel[0], shape.height,
                            pool->pad[0], pool->pad[2]) *
                padded_taps(x, pool->stride[1], pool->kernel[1], shape.width,
                            pool->pad[1], pool->pad[3]);
    }
    return is_max ? most : canonical(sum / (float)count);
}

static void pool_all(const job *j, const ef_pool *pool, int is_max)
{
    for (uint32_t c = 0; c < j->out_shape.channels; c++) {
        for (uint32_t y = 0; y < j->out_shape.height; y++) {
            for (uint32_t x = 0; x < j->out_shape.width; x++) {
                j->out[at(j->out_shape, c, y, x)] =
                    pool_element(j, pool, is_max, c, y, x);
            }
        }
    }
}

static void run_pool(const job *j)
{
    pool_all(j, &j->node->u.pool, j->node->op == EF_OP_MAXPOOL);
}

static void run_global(const job *j)
{
    ef_shape shape = j->in_shape[0];
    ef_pool pool = {
        .kernel = {shape.height, shape.width}, .stride = {1, 1}, .dilation = {1, 1}};
    pool_all(j, &pool, j->node->op == EF_OP_GLOBALMAX);
}

static void run_batchnorm(const job *j)
{
    const float *gamma = values_of(j, EF_ROLE_GAMMA),
                *beta = values_of(j, EF_ROLE_BETA);
    const float *mean = values_of(j, EF_ROLE_MEAN);
    const float *variance = values_of(j, EF_ROLE_VARIANCE);
    size_t plane = plane_of(j->out_shape);
    for (size_t c = 0; c < j->out_shape.channels; c++) {
        float factor = gamma[c] / sqrtf(variance[c] + j->node->u.batchnorm.epsilon);
        for (size_t i = c * plane; i < (c + 1) * plane; i++) {
            j->out[i] = canonical((j->in[0][i] - mean[c]) * factor + beta[c]);
        }
    }
}

static void run_scale(const job *j)
{
    const float *scale = values_of(j, EF_ROLE_SCALE),
                *shift = values_of(j, EF_ROLE_SHIFT);
    size_t plane = plane_of(j->out_shape);
    for (size_t c = 0; c < j->out_shape.channels; c++) {
        for (size_t i = c * plane; i < (c + 1) * plane; i++) {
            j->out[i] = canonical(j->in[0][i] * scale[c] + shift[c]);
        }
    }
}

/* NaN falls through both comparisons; a zero keeps its sign. */
static float clip(float x, float low, float high)
{
    float above = low > x ? low : x;
    return high < above ? high : above;
}

static float activate(const ef_activation *activation, float slope, float x)
{
    switch ((ef_activation_kind)activation->kind) {
    case EF_ACTIVATION_RELU:
        return 0 > x ? 0.0f : x;
    case EF_ACTIVATION_CLIP:
        return clip(x, activation->low, activation->high);
    case EF_ACTIVATION_LEAKY:
    case EF_ACTIVATION_PRELU:
        return canonical(x >= 0 ? x : slope * x);
    case EF_ACTIVATION_SIGMOID:
        return exact_sigmoid(x);
    case EF_ACTIVATION_HARDSIGMOID:
        return canonical(clip(x * activation->low + activation->high, 0, 1));
    case EF_ACTIVATION_HARDSWISH:
        return canonical(x * clip(x * EF_HARDSWISH_SLOPE + EF_HARDSWISH_SHIFT, 0, 1));
    case EF_ACTIVATION_TANH:
        return exact_tanh(x);
    case EF_ACTIVATION_COUNT:
        break;
    }
    return x;
}

static void run_activation(const job *j)
{
    const ef_activation *activation = &j->node->u.activation;
    const float *slopes = values_of(j, EF_ROLE_SLOPE);
    size_t plane = plane_of(j->out_shape);
    for (size_t c = 0; c < j->out_shape.channels; c++) {
        float slope = slopes ? slopes[c] : activation->low;
        for (size_t i = c * plane; i < (c + 1) * plane; i++) {
            j->out[i] = activate(activation, slope, j->in[0][i]);
        }
    }
}

static void run_add(const job *j)
{
    size_t n = ef_shape_elements(j->out_shape);
    memcpy(j->out, j->in[0], n * sizeof *j->out);
    for (uint32_t k = 1; k < j->node->n_inputs; k++) {
        for (size_t i = 0; i < n; i++) {
            j->out[i] = canonical(j->out[i] + j->in[k][i]);
        }
    }
}

/* Element i of input k, or the one that input k has for its whole channel. */
static float operand(const job *j, uint32_t k, size_t i)
{
    size_t plane = plane_of(j->out_shape);
    return j->in[k][plane_of(j->in_shape[k]) == 1 ? i / plane : i];
}

static void run_mul(const job *j)
{
    size_t n = ef_shape_elements(j->out_shape);
    for (size_t i = 0; i < n; i++) {
        j->out[i] = canonical(operand(j, 0, i) * operand(j, 1, i));
    }
}

static void run_div(const job *j)
{
    size_t n = ef_shape_elements(j->out_shape);
    for (size_t i = 0; i < n; i++) {
        j->out[i] = canonical(operand(j, 0, i) / operand(j, 1, i));
    }
}

/* n elements, stride apart. */
static void softmax_line(float *out, const float *in, size_t n, size_t stride)
{
    float most = -INFINITY, sum = 0.0f;
    for (size_t i = 0; i < n; i++) {
        float value = in[i * stride];
        most = value > most || value != value ? value : most;
    }
    for (size_t i = 0; i < n; i++) {
        out[i * stride] = exact_exp(in[i * stride] - most);
        sum += out[i * stride];
    }
    for (size_t i = 0; i < n; i++) {
        out[i * stride] = canonical(out[i * stride] / sum);
    }
}

static void run_softmax(const job *j)
{
    ef_shape shape = j->out_shape;
    const size_t sizes[3] = {shape.channels, shape.height, shape.width};
    const size_t strides[3] = {plane_of(shape), shape.width, 1};
    size_t axis = j->node->u.softmax.axis, place[3];
    for (place[0] = 0; place[0] < sizes[0]; place[0]++) {
        for (place[1] = 0; place[1] < sizes[1]; place[1]++) {
            for (place[2] = 0; place[2] < sizes[2]; place[2]++) {
                if (place[axis] == 0) {
                    size_t first = at(shape, place[0], place[1], place[2]);
                    softmax_line(j->out + first, j->in[0] + first, sizes[axis],
                                 strides[axis]);
                }
            }
        }
    }
}

static void run_concat(const job *j)
{
    float *out = j->out;
    for (uint32_t k = 0; k < j->node->n_inputs; k++) {
        size_t n = ef_shape_elements(j->in_shape[k]);
        memcpy(out, j->in[k], n * sizeof *out);
        out += n;
    }
}

/* Where an element of the output comes from; 0: from nowhere (padding). */
static int source(const job *j, const size_t out[3], size_t in[3])
{
    const ef_node *node = j->node;
    for (size_t a = 0; a < 3; a++) {
        in[a] = out[a];
        if (node->op == EF_OP_PAD) {
            const ef_shape *shape = &j->in_shape[0];
            size_t sizes[3] = {shape->channels, shape->height, shape->width};
            in[a] = out[a] - node->u.pad.before[a];
            if (out[a] < node->u.pad.before[a] || in[a] >= sizes[a]) {
                return 0;
            }
        } else if (node->op == EF_OP_SLICE) {
            in[a] = node->u.slice.begin[a] + out[a] * node->u.slice.step[a];
        } else if (node->op == EF_OP_UPSAMPLE && a > 0) {
            in[a] = out[a] / node->u.upsample.factor[a - 1];
        }
    }
    if (node->op == EF_OP_TRANSPOSE) {
        for (size_t a = 0; a < 3; a++) {
            in[node->u.transpose.order[a]] = out[a];
        }
    }
    return 1;
}

static void run_move(const job *j)
{
    size_t out[3], in[3], i = 0;
    for (out[0] = 0; out[0] < j->out_shape.channels; out[0]++) {
        for (out[1] = 0; out[1] < j->out_shape.height; out[1]++) {
            for (out[2] = 0; out[2] < j->out_shape.width; out[2]++) {
                j->out[i++] = source(j, out, in)
                                  ? j->in[0][at(j->in_shape[0], in[0], in[1], in[2])]
                                  : j->node->u.pad.value;
            }
        }
    }
}

static void run_input(const job *j)
{
    for (size_t i = 0; i < ef_shape_elements(j->out_shape); i++) {
        j->out[i] = canonical(j->in[0][i]);
    }
}

static void (*const runs[EF_OP_COUNT])(const job *) = {
    [EF_OP_INPUT] = run_input,
    [EF_OP_CONV] = run_conv,
    [EF_OP_DENSE] = run_dense,
    [EF_OP_MAXPOOL] = run_pool,
    [EF_OP_AVGPOOL] = run_pool,
    [EF_OP_GLOBALAVG] = run_global,
    [EF_OP_GLOBALMAX] = run_global,
    [EF_OP_BATCHNORM] = run_batchnorm,
    [EF_OP_ACTIVATION] = run_activation,
    [EF_OP_ADD] = run_add,
    [EF_OP_MUL] = run_mul,
    [EF_OP_SCALE] = run_scale,
    [EF_OP_CONCAT] = run_concat,
    [EF_OP_PAD] = run_move,
    [EF_OP_SLICE] = run_move,
    [EF_OP_TRANSPOSE] = run_move,
    [EF_OP_FLATTEN] = run_concat,
    [EF_OP_UPSAMPLE] = run_move,
    [EF_OP_RESHAPE] = run_concat,
    [EF_OP_SOFTMAX] = run_softmax,
    [EF_OP_DIV] = run_div,
};

void ef_node_run_naive(const ef_node_job *j)
{
    runs[j->node->op](j);
}

ef_node_job ef_node_job_of(const ef_net *net, size_t index, float *const *tensors,
                           const float *image)
{
    const ef_topology *topology = net->topology;
    const ef_node *node = ef_topology_node(topology, index);
    ef_node_job j = {.net = net, .index = index, .node = node, .out = tensors[index]};
    j.out_shape = ef_topology_shape(topology, index);
    j.in[0] = image;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        j.in[k] = tensors[node->inputs[k]];
        j.in_shape[k] = ef_topology_shape(topology, node->inputs[k]);
    }
    return j;
}

static void run_image(const ef_net *net, float **tensors, const float *image)
{
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        ef_node_job j = ef_node_job_of(net, i, tensors, image);
        ef_node_run_naive(&j);
    }
}

ef_status ef_node_tensors_create(float ***tensors, const ef_topology *topology)
{
    size_t n = ef_topology_n_nodes(topology);
    float **made = ef_calloc(n, sizeof *made);
    for (size_t i = 0; made && i < n; i++) {
        made[i] =
            ef_calloc(ef_shape_elements(ef_topology_shape(topology, i)), sizeof(float));
        if (!made[i]) {
            ef_node_tensors_destroy(made, topology);
            return EF_ERR_MEMORY;
        }
    }
    *tensors = made;
    return made ? EF_OK : EF_ERR_MEMORY;
}

void ef_node_tensors_destroy(float **tensors, const ef_topology *topology)
{
    for (size_t i = 0; tensors && i < ef_topology_n_nodes(topology); i++) {
        ef_free(tensors[i]);
    }
    ef_free(tensors);
}

ef_status ef_forward_naive(const ef_net *net, const float *images, size_t n,
                           float *logits, ef_error *err)
{
    const ef_topology *topology = net->topology;
    size_t output = ef_topology_output(topology);
    size_t n_in =
        ef_shape_elements(ef_topology_shape(topology, ef_topology_input(topology)));
    size_t n_out = ef_shape_elements(ef_topology_shape(topology, output));
    float **tensors = NULL;
    ef_status status = ef_node_tensors_create(&tensors, topology);
    for (size_t i = 0; i < n && !status; i++) {
        run_image(net, tensors, images + i * n_in);
        memcpy(logits + i * n_out, tensors[output], n_out * sizeof *logits);
    }
    ef_node_tensors_destroy(tensors, topology);
    return status ? ef_error_memory(err) : EF_OK;
}
