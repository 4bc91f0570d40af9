#include "batch_mode.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

/* A tensor of the whole batch, NCHW. */
typedef struct tensor {
    ef_shape shape;
    size_t n;
    float *values;
} tensor;

static float *at(const tensor *t, size_t image, size_t channel, size_t y, size_t x)
{
    const ef_shape *s = &t->shape;
    return t->values + ((image * s->channels + channel) * s->height + y) * s->width + x;
}

typedef struct run {
    ef_net *net;
    size_t node;
    const ef_node *op;
    const tensor *in[EF_MAX_INPUTS];
    tensor out;
} run;

/* The value at y, x of a padded image; outside it is `outside`. */
static float padded(const tensor *t, size_t image, size_t channel, int64_t y, int64_t x,
                    float outside)
{
    if (y < 0 || x < 0 || y >= t->shape.height || x >= t->shape.width) {
        return outside;
    }
    return *at(t, image, channel, (size_t)y, (size_t)x);
}

static float conv_at(const run *r, size_t image, size_t o, size_t y, size_t x)
{
    const ef_conv *c = &r->op->u.conv;
    const ef_param *w = ef_net_param(r->net, r->node, EF_ROLE_WEIGHT);
    const float *weight = r->net->values + w->offset + o * (w->count / w->dims[0]);
    const float *bias = ef_net_values(r->net, r->node, EF_ROLE_BIAS);
    size_t first = o / (c->channels / c->groups) * w->dims[1];
    double sum = bias ? bias[o] : 0;
    for (size_t i = 0; i < w->dims[1]; i++) {
        for (int64_t ky = 0; ky < c->kernel[0]; ky++) {
            for (int64_t kx = 0; kx < c->kernel[1]; kx++) {
                int64_t iy = (int64_t)y * c->stride[0] + ky * c->dilation[0];
                int64_t ix = (int64_t)x * c->stride[1] + kx * c->dilation[1];
                sum += (double)*weight++ * padded(r->in[0], image, first + i,
                                                  iy - c->pad[0], ix - c->pad[1], 0);
            }
        }
    }
    return (float)sum;
}

static float dense_at(const run *r, size_t image, size_t o, size_t y, size_t x)
{
    size_t n = r->in[0]->shape.channels;
    const float *weight = ef_net_values(r->net, r->node, EF_ROLE_WEIGHT) + o * n;
    const float *bias = ef_net_values(r->net, r->node, EF_ROLE_BIAS);
    double sum = bias ? bias[o] : 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)weight[i] * *at(r->in[0], image, i, y, x);
    }
    return (float)sum;
}

static float pool_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    const ef_pool *p = &r->op->u.pool;
    double sum = 0, most = -HUGE_VAL;
    for (size_t k = 0; k < (size_t)p->kernel[0] * p->kernel[1]; k++) {
        size_t iy = y * p->stride[0] + k / p->kernel[1];
        size_t ix = x * p->stride[1] + k % p->kernel[1];
        double value = *at(r->in[0], image, c, iy, ix);
        sum += value;
        most = value > most ? value : most;
    }
    double mean = sum / (p->kernel[0] * p->kernel[1]);
    return (float)(r->op->op == EF_OP_MAXPOOL ? most : mean);
}

static float average_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    const ef_shape *s = &r->in[0]->shape;
    size_t n = (size_t)s->height * s->width;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += at(r->in[0], image, c, y, x)[i];
    }
    return (float)(sum / (double)n);
}

static float activation_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    float value = *at(r->in[0], image, c, y, x);
    float high = r->op->u.activation.kind == EF_ACTIVATION_CLIP
                     ? r->op->u.activation.high
                     : HUGE_VALF;
    value = value > 0 ? value : 0;
    return value < high ? value : high;
}

static float add_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    double sum = 0;
    for (uint32_t k = 0; k < r->op->n_inputs; k++) {
        sum += *at(r->in[k], image, c, y, x);
    }
    return (float)sum;
}

static float concat_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    uint32_t k = 0;
    while (c >= r->in[k]->shape.channels) {
        c -= r->in[k++]->shape.channels;
    }
    return *at(r->in[k], image, c, y, x);
}

static float scale_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    return *at(r->in[0], image, c, y, x) *
               ef_net_values(r->net, r->node, EF_ROLE_SCALE)[c] +
           ef_net_values(r->net, r->node, EF_ROLE_SHIFT)[c];
}

static float flatten_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    return r->in[0]->values[image * r->out.shape.channels + c + y + x];
}

/* The running statistics are the batch's by now. */
static float batchnorm_at(const run *r, size_t image, size_t c, size_t y, size_t x)
{
    double mean = ef_net_values(r->net, r->node, EF_ROLE_MEAN)[c];
    double variance = ef_net_values(r->net, r->node, EF_ROLE_VARIANCE)[c];
    double gamma = ef_net_values(r->net, r->node, EF_ROLE_GAMMA)[c];
    double beta = ef_net_values(r->net, r->node, EF_ROLE_BETA)[c];
    double eps = r->op->u.batchnorm.epsilon;
    return (float)((*at(r->in[0], image, c, y, x) - mean) *
                       (gamma / sqrt(variance + eps)) +
                   beta);
}

static void take_statistics(const run *r)
{
    const ef_shape *s = &r->in[0]->shape;
    size_t places = (size_t)s->height * s->width;
    for (size_t c = 0; c < s->channels; c++) {
        double sum = 0, squares = 0, n = (double)(r->in[0]->n * places);
        for (size_t i = 0; i < r->in[0]->n * places; i++) {
            double v = at(r->in[0], i / places, c, 0, 0)[i % places];
            sum += v;
            squares += v * v;
        }
        double variance = squares / n - sum / n * (sum / n);
        ef_net_values(r->net, r->node, EF_ROLE_MEAN)[c] = (float)(sum / n);
        ef_net_values(r->net, r->node, EF_ROLE_VARIANCE)[c] =
            (float)(variance > 0 ? variance : 0);
    }
}

typedef float element(const run *r, size_t image, size_t c, size_t y, size_t x);

static element *const elements[EF_OP_COUNT] = {
    [EF_OP_CONV] = conv_at,
    [EF_OP_DENSE] = dense_at,
    [EF_OP_MAXPOOL] = pool_at,
    [EF_OP_AVGPOOL] = pool_at,
    [EF_OP_GLOBALAVG] = average_at,
    [EF_OP_BATCHNORM] = batchnorm_at,
    [EF_OP_ACTIVATION] = activation_at,
    [EF_OP_ADD] = add_at,
    [EF_OP_SCALE] = scale_at,
    [EF_OP_CONCAT] = concat_at,
    [EF_OP_FLATTEN] = flatten_at,
};

static void run_node(run *r)
{
    const ef_shape *s = &r->out.shape;
    size_t places = (size_t)s->height * s->width;
    cr_assert_not_null(elements[r->op->op], "%s", ef_op_name(r->op->op));
    if (r->op->op == EF_OP_BATCHNORM) {
        take_statistics(r);
    }
    for (size_t i = 0; i < r->out.n * s->channels * places; i++) {
        r->out.values[i] =
            elements[r->op->op](r, i / (s->channels * places), i / places % s->channels,
                                i % places / s->width, i % s->width);
    }
}

void batch_mode_run(ef_net *net, const float *images, size_t n, float *logits, int keep)
{
    const ef_topology *topology = net->topology;
    size_t n_nodes = ef_topology_n_nodes(topology);
    float *kept = ef_memdup(net->values, net->n_values * sizeof *kept);
    tensor *tensors = ef_calloc(n_nodes, sizeof *tensors);
    cr_assert(kept && tensors);
    for (size_t i = 0; i < n_nodes; i++) {
        run r = {.net = net, .node = i, .op = ef_topology_node(topology, i)};
        r.out.n = n;
        r.out.shape = ef_topology_shape(topology, i);
        r.out.values = ef_calloc(n * ef_shape_elements(r.out.shape), sizeof(float));
        cr_assert_not_null(r.out.values);
        for (uint32_t k = 0; k < r.op->n_inputs; k++) {
            r.in[k] = &tensors[r.op->inputs[k]];
        }
        if (r.op->op == EF_OP_INPUT) {
            memcpy(r.out.values, images,
                   n * ef_shape_elements(r.out.shape) * sizeof(float));
        } else {
            run_node(&r);
        }
        tensors[i] = r.out;
    }
    const tensor *last = &tensors[ef_topology_output(topology)];
    memcpy(logits, last->values, n * last->shape.channels * sizeof *logits);
    for (size_t i = 0; i < n_nodes; i++) {
        ef_free(tensors[i].values);
    }
    if (!keep) {
        memcpy(net->values, kept, net->n_values * sizeof *kept);
    }
    ef_free(kept);
    ef_free(tensors);
}
