/* Running a plan: blocks of images through the steps, each step in rows that end with
 * the elementwise functions while they are in the cache. */
#include "faultsim/forward_priv.h"

#include <string.h>

#include "base/mem.h"
#include "faultsim/functions.h"

#define CACHED_FLOATS 4096 /* that surely are in the nearest cache when read again */

static void end_span(const ef_forward *forward, const ef_step *step, size_t c, float *x,
                     size_t n)
{
    for (size_t k = 0; k < step->n_spans; k++) {
        const ef_span *span = &step->spans[k];
        forward->plan->kernels->spans[span->kind](x, n, span->coef + c * EF_SPAN_COEF);
    }
}

void ef_step_end(const ef_forward *forward, const ef_step *step)
{
    size_t n = step->n_spans > 0 ? step->out.shape.channels : 0;
    for (size_t c = 0; c < n; c++) {
        end_span(forward, step, c, channel(forward, step, c),
                 channel_size(forward, step));
    }
}

/* --- input ------------------------------------------------------------------- */

static void run_input(ef_forward *forward, const ef_step *step)
{
    ef_shape shape = step->out.shape;
    size_t plane = (size_t)shape.height * shape.width, lanes = forward->lanes;
    for (size_t c = 0; c < shape.channels; c++) {
        float *to = channel(forward, step, c);
        for (size_t lane = 0; lane < lanes; lane++) {
            const float *from = forward->images + (lane * shape.channels + c) * plane;
            int is_image = lane < forward->n_images;
            for (size_t i = 0; i < plane; i++) {
                to[i * lanes + lane] = is_image ? canonical(from[i]) : 0.0f;
            }
        }
    }
    ef_step_end(forward, step);
}

/* --- windows ----------------------------------------------------------------- */

/* What all rows of a convolution have in common. */
typedef struct conv_work {
    const ef_forward *forward;
    const ef_step *step;
    ef_conv_row row;   /* but for its input, weights, output and taps */
    const float *in;   /* of the first channel */
    float *out;        /* likewise */
    size_t in_row;     /* floats of one input row */
    size_t out_row;    /* floats of one output row */
    size_t n_in;       /* input channels of a group */
    size_t chunk;      /* of them whose input stays in the cache */
    size_t w_group;    /* floats between the weights of two groups */
    size_t n_end_rows; /* output rows that end together, still in the cache */
} conv_work;

static conv_work conv_work_of(const ef_forward *forward, const ef_step *step)
{
    const ef_step *from = input_step(forward, step, 0);
    size_t lanes = forward->lanes, block = forward->plan->kernels->block;
    size_t n_taps = step->kernel[0] * (size_t)step->kernel[1];
    size_t n_in = from->out.shape.channels / step->groups;
    size_t n_out = step->out.shape.channels / step->groups;
    size_t in_row = from->out.shape.width * lanes;
    size_t out_row = step->out.shape.width * lanes;
    ef_conv_row row = {
        .in_plane = ef_forward_plane(from->out.shape, lanes),
        .in_row = step->dilation[0] * in_row,
        .in_column = step->dilation[1] * lanes,
        .columns = step->columns,
        .n_columns = step->out.shape.width,
        .w_block = n_in * n_taps * block,
        .w_in = n_taps * block,
        .w_row = step->kernel[1] * block,
        .out_plane = ef_forward_plane(step->out.shape, lanes),
        .n_out = n_out,
        .lanes = lanes,
    };
    return (conv_work){
        .forward = forward,
        .step = step,
        .row = row,
        .in = channel(forward, from, 0),
        .out = channel(forward, step, 0),
        .in_row = in_row,
        .out_row = out_row,
        .n_in = n_in,
        .chunk = CACHED_FLOATS / (n_taps * lanes) + 1,
        .w_group = (n_out + block - 1) / block * row.w_block,
        .n_end_rows = CACHED_FLOATS / (n_out * out_row) + 1,
    };
}

/* One group at output row y, in ranges of input channels. */
static void conv_row(conv_work *w, size_t group, size_t y)
{
    const ef_taps *taps = &w->step->rows[y];
    const float *in = w->in + group * w->n_in * w->row.in_plane + taps->at * w->in_row;
    const float *weights =
        w->step->weights + group * w->w_group + taps->first * w->row.w_row;
    w->row.n_rows = taps->count;
    w->row.out = w->out + group * w->row.n_out * w->row.out_plane + y * w->out_row;
    for (size_t i = 0; i < w->n_in; i += w->chunk) {
        w->row.first = i == 0;
        w->row.n_in = w->n_in - i < w->chunk ? w->n_in - i : w->chunk;
        w->row.in = in + i * w->row.in_plane;
        w->row.weights = weights + i * w->row.w_in;
        w->forward->plan->kernels->conv_row(&w->row);
    }
}

/* What follows the sums of output rows [begin, end) of one group. */
static void end_rows(const conv_work *w, size_t group, size_t begin, size_t end)
{
    size_t first = group * w->row.n_out;
    for (size_t c = first; c < first + w->row.n_out; c++) {
        end_span(w->forward, w->step, c,
                 w->out + c * w->row.out_plane + begin * w->out_row,
                 (end - begin) * w->out_row);
    }
}

static void run_conv(ef_forward *forward, const ef_step *step)
{
    conv_work w = conv_work_of(forward, step);
    size_t height = step->out.shape.height;
    for (size_t g = 0; g < step->groups; g++) {
        for (size_t begin = 0, end; begin < height; begin = end) {
            size_t rest = height - begin;
            end = begin + (rest < w.n_end_rows ? rest : w.n_end_rows);
            for (size_t y = begin; y < end; y++) {
                conv_row(&w, g, y);
            }
            end_rows(&w, g, begin, end);
        }
    }
}

static void run_pool(ef_forward *forward, const ef_step *step)
{
    const ef_kernels *kernels = forward->plan->kernels;
    const ef_step *from = input_step(forward, step, 0);
    size_t lanes = forward->lanes, in_row = from->out.shape.width * lanes;
    ef_op op = step->node->op;
    int is_max = op == EF_OP_MAXPOOL || op == EF_OP_GLOBALMAX;
    ef_pool_row row = {
        .in_row = step->dilation[0] * in_row,
        .in_column = step->dilation[1] * lanes,
        .columns = step->columns,
        .n_columns = step->out.shape.width,
        .lanes = lanes,
    };
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t y = 0; y < step->out.shape.height; y++) {
            const ef_taps *taps = &step->rows[y];
            row.n_rows = taps->count;
            row.row_area = taps->area;
            row.in = channel(forward, from, c) + taps->at * in_row;
            row.out = channel(forward, step, c) + y * row.n_columns * lanes;
            (is_max ? kernels->maxpool_row : kernels->avgpool_row)(&row);
            end_span(forward, step, c, row.out, row.n_columns * lanes);
        }
    }
}

/* --- sums, products ---------------------------------------------------------- */

static void add_channel(const ef_forward *forward, const ef_step *step, size_t c)
{
    const ef_kernels *kernels = forward->plan->kernels;
    size_t size = channel_size(forward, step);
    for (size_t at = 0; at < size; at += CACHED_FLOATS) {
        size_t n = size - at < CACHED_FLOATS ? size - at : CACHED_FLOATS;
        float *out = channel(forward, step, c) + at;
        const float *sum = channel(forward, input_step(forward, step, 0), c) + at;
        for (size_t k = 1; k < step->n_inputs; k++) {
            kernels->add(out, sum,
                         channel(forward, input_step(forward, step, k), c) + at, n);
            sum = out;
        }
        end_span(forward, step, c, out, n);
    }
}

static void run_add(ef_forward *forward, const ef_step *step)
{
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        add_channel(forward, step, c);
    }
}

static void run_mul(ef_forward *forward, const ef_step *step)
{
    const ef_kernels *kernels = forward->plan->kernels;
    const ef_step *image = input_step(forward, step, 0);
    const ef_step *gate = input_step(forward, step, 1);
    if (!ef_shape_equal(image->out.shape, step->out.shape)) {
        gate = image;
        image = input_step(forward, step, 1);
    }
    int is_gate = !ef_shape_equal(gate->out.shape, step->out.shape);
    size_t n = channel_size(forward, step);
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        float *out = channel(forward, step, c);
        const float *x = channel(forward, image, c), *y = channel(forward, gate, c);
        if (is_gate) {
            kernels->gate(out, x, y, n, forward->lanes);
        } else {
            kernels->mul(out, x, y, n);
        }
    }
    ef_step_end(forward, step);
}

static void run_div(ef_forward *forward, const ef_step *step)
{
    const ef_step *image = input_step(forward, step, 0);
    const ef_step *divisor = input_step(forward, step, 1);
    int is_one = !ef_shape_equal(divisor->out.shape, step->out.shape);
    size_t n = channel_size(forward, step), run = is_one ? forward->lanes : n;
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        float *out = channel(forward, step, c);
        const float *x = channel(forward, image, c), *y = channel(forward, divisor, c);
        for (size_t at = 0; at < n; at += run) {
            forward->plan->kernels->div(out + at, x + at, y, run);
        }
    }
    ef_step_end(forward, step);
}

/* Lines along the axis; those that begin in neighbouring floats go together. */
static void run_softmax(ef_forward *forward, const ef_step *step)
{
    ef_shape shape = step->out.shape;
    size_t row = shape.width * forward->lanes, size = channel_size(forward, step);
    const size_t sides[3] = {shape.channels, shape.height, shape.width};
    const size_t strides[3] = {ef_forward_plane(shape, forward->lanes), row,
                               forward->lanes};
    const size_t runs[3] = {size, row, forward->lanes};
    uint32_t axis = step->node->u.softmax.axis;
    size_t n_channels = axis == 0 ? 1 : shape.channels;
    size_t chunk = axis == 2 ? row : size; /* a line's whole, beside its neighbours */
    for (size_t c = 0; c < n_channels; c++) {
        float *out = channel(forward, step, c);
        const float *in = channel(forward, input_step(forward, step, 0), c);
        for (size_t at = 0; at < size; at += chunk) {
            forward->plan->kernels->softmax(out + at, in + at, sides[axis],
                                            strides[axis], runs[axis]);
        }
    }
    ef_step_end(forward, step);
}

static ef_step_run *const runners[EF_OP_COUNT] = {
    [EF_OP_INPUT] = run_input,
    [EF_OP_CONV] = run_conv,
    [EF_OP_DENSE] = run_conv,
    [EF_OP_MAXPOOL] = run_pool,
    [EF_OP_AVGPOOL] = run_pool,
    [EF_OP_GLOBALAVG] = run_pool,
    [EF_OP_GLOBALMAX] = run_pool,
    [EF_OP_BATCHNORM] = ef_step_run_concat,
    [EF_OP_ACTIVATION] = ef_step_run_concat,
    [EF_OP_ADD] = run_add,
    [EF_OP_MUL] = run_mul,
    [EF_OP_SCALE] = ef_step_run_concat,
    [EF_OP_CONCAT] = ef_step_run_concat,
    [EF_OP_PAD] = ef_step_run_move,
    [EF_OP_SLICE] = ef_step_run_move,
    [EF_OP_TRANSPOSE] = ef_step_run_move,
    [EF_OP_FLATTEN] = ef_step_run_reshape,
    [EF_OP_UPSAMPLE] = ef_step_run_move,
    [EF_OP_RESHAPE] = ef_step_run_reshape,
    [EF_OP_SOFTMAX] = run_softmax,
    [EF_OP_DIV] = run_div,
};

ef_step_run *ef_forward_runner(ef_op op)
{
    return runners[op];
}

/* --- the whole --------------------------------------------------------------- */

static void read_logits(const ef_forward *forward, float *logits)
{
    const ef_step *step = &forward->plan->steps[forward->plan->output];
    size_t plane = (size_t)step->out.shape.height * step->out.shape.width;
    size_t n = ef_shape_elements(step->out.shape);
    for (size_t i = 0; i < n; i++) {
        const float *from =
            channel(forward, step, i / plane) + i % plane * forward->lanes;
        for (size_t image = 0; image < forward->n_images; image++) {
            logits[image * n + i] = from[image];
        }
    }
}

static void run_step(ef_forward *forward, const ef_step *step)
{
    step->run(forward, step);
    if (forward->observer) {
        forward->observer(forward->context, step->node, step->out.shape,
                          channel(forward, step, 0), forward->lanes, forward->n_images);
    }
}

void ef_forward_run(ef_forward *forward, const float *images, size_t n, float *logits)
{
    const ef_forward_plan *plan = forward->plan;
    size_t image_size = ef_forward_image_size(forward);
    size_t classes = ef_forward_classes(forward), width = plan->kernels->width;
    for (size_t at = 0; at < n; at += plan->most_lanes) {
        size_t rest = n - at;
        forward->n_images = rest < plan->most_lanes ? rest : plan->most_lanes;
        forward->lanes = (forward->n_images + width - 1) / width * width;
        forward->images = images + at * image_size;
        for (size_t i = 0; i < plan->n_steps; i++) {
            run_step(forward, &plan->steps[i]);
        }
        read_logits(forward, logits + at * classes);
    }
}

size_t ef_forward_image_size(const ef_forward *forward)
{
    const ef_topology *topology = forward->plan->net->topology;
    return ef_shape_elements(ef_topology_shape(topology, ef_topology_input(topology)));
}

size_t ef_forward_classes(const ef_forward *forward)
{
    return ef_shape_elements(forward->plan->steps[forward->plan->output].out.shape);
}

/* plan is the new one's where owns is set. */
static ef_status create_on(ef_forward **forward, ef_forward_plan *plan, int owns,
                           ef_error *err)
{
    ef_forward *made = ef_calloc(1, sizeof *made);
    float *arena = ef_calloc_aligned(plan->arena_size, sizeof *arena);
    if (!made || !arena) {
        ef_free(made);
        ef_free(arena);
        return ef_error_memory(err);
    }
    made->plan = plan;
    made->owns = owns;
    made->arena = arena;
    *forward = made;
    return EF_OK;
}

static ef_status create(ef_forward **forward, const ef_net *net, size_t max_batch,
                        const ef_kernels *kernels, int is_separate, ef_error *err)
{
    ef_forward_plan *plan = NULL;
    ef_status status =
        ef_forward_plan_create(&plan, net, max_batch, kernels, is_separate, err);
    if (!status) {
        status = create_on(forward, plan, 1, err);
    }
    if (status) {
        ef_forward_plan_destroy(plan);
    }
    return status;
}

ef_status ef_forward_create_with(ef_forward **forward, const ef_net *net,
                                 size_t max_batch, const ef_kernels *kernels,
                                 ef_error *err)
{
    return create(forward, net, max_batch, kernels, 0, err);
}

ef_status ef_forward_create_observed(ef_forward **forward, const ef_net *net,
                                     ef_forward_observer *observer, void *context,
                                     ef_error *err)
{
    size_t n;
    ef_status status = create(forward, net, 0, ef_kernels_available(&n)[0], 1, err);
    if (!status) {
        (*forward)->observer = observer;
        (*forward)->context = context;
    }
    return status;
}

ef_status ef_forward_create(ef_forward **forward, const ef_net *net, size_t max_batch,
                            ef_error *err)
{
    size_t n;
    return ef_forward_create_with(forward, net, max_batch, ef_kernels_available(&n)[0],
                                  err);
}

ef_status ef_forward_share(ef_forward **copy, const ef_forward *forward, ef_error *err)
{
    return create_on(copy, forward->plan, 0, err);
}

void ef_forward_destroy(ef_forward *forward)
{
    if (!forward) {
        return;
    }
    if (forward->owns) {
        ef_forward_plan_destroy(forward->plan);
    }
    ef_free(forward->arena);
    ef_free(forward);
}

size_t ef_forward_argmax(const float *logits, size_t n)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        if (logits[i] == logits[i] && (best == n || logits[i] > logits[best])) {
            best = i;
        }
    }
    return best == n ? 0 : best;
}
