/* Running a plan: blocks of images through the steps, each step in rows that end with
 * the elementwise functions while they are in the cache. */
#include "faultsim/forward_priv.h"

#include <string.h>

#include "base/mem.h"
#include "faultsim/functions.h"

#define CACHED_FLOATS 4096 /* that surely are in the nearest cache when read again */

void ef_step_end_span(const ef_forward *forward, const ef_step *step, size_t c,
                      float *x, size_t n)
{
    for (size_t k = 0; k < step->n_spans; k++) {
        const ef_span *span = &step->spans[k];
        forward->plan->kernels->spans[span->kind](x, n, span->coef + c * EF_SPAN_COEF);
    }
    if (step->code) {
        ef_code_store(step->code, n, x);
    }
}

ef_area_runs ef_area_runs_of(ef_shape shape, size_t lanes, const ef_area *area)
{
    size_t row = shape.width * lanes, n_rows = area->bottom - area->top;
    size_t width = (area->right - area->left) * lanes;
    int is_one = width == row;
    return (ef_area_runs){.n = is_one ? 1 : n_rows,
                          .at = area->top * row + area->left * lanes,
                          .size = is_one ? n_rows * row : width,
                          .stride = row};
}

void ef_step_end(const ef_forward *forward, const ef_step *step, const ef_area *area)
{
    ef_area_runs runs = ef_area_runs_of(step->out.shape, forward->lanes, area);
    size_t n = step->n_spans > 0 || step->code ? step->out.shape.channels : 0;
    for (size_t c = 0; c < n; c++) {
        float *x = channel(forward, step, c) + runs.at;
        for (size_t i = 0; is_wanted(area, c) && i < runs.n; i++) {
            ef_step_end_span(forward, step, c, x + i * runs.stride, runs.size);
        }
    }
}

/* --- input ------------------------------------------------------------------- */

static void run_input(const ef_forward *forward, const ef_step *step,
                      const ef_area *area)
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
    ef_step_end(forward, step, area);
}

/* --- windows ----------------------------------------------------------------- */

/* What all rows of a convolution have in common. */
typedef struct conv_work {
    const ef_forward *forward;
    const ef_step *step;
    const ef_area *area;
    ef_conv_row row;  /* but for its input, weights, output and taps */
    size_t in_first;  /* of the input's channels in the table */
    size_t in_row;    /* floats of one input row */
    size_t out_row;   /* floats of one output row */
    size_t n_in;      /* input channels of a group */
    size_t group_out; /* output channels of a group */
    size_t chunk;     /* input channels that stay in the cache */
    size_t w_group;   /* floats between the weights of two groups */
    /* the range of output channels in hand */
    size_t group, begin;
    const float *weights;
    float *out;
} conv_work;

static conv_work conv_work_of(const ef_forward *forward, const ef_step *step,
                              const ef_area *area)
{
    const ef_step *from = input_step(forward, step, 0);
    size_t lanes = forward->lanes, block = forward->plan->kernels->block;
    size_t n_taps = step->kernel[0] * (size_t)step->kernel[1];
    size_t n_in = from->out.shape.channels / step->groups;
    size_t n_out = step->out.shape.channels / step->groups;
    size_t in_row = from->out.shape.width * lanes;
    ef_conv_row row = {
        .in_plane = ef_forward_plane(from->out.shape, lanes),
        .in_row = step->dilation[0] * in_row,
        .in_column = step->dilation[1] * lanes,
        .columns = step->columns + area->left,
        .n_columns = area->right - area->left,
        .w_block = n_in * n_taps * block,
        .w_in = n_taps * block,
        .w_row = step->kernel[1] * block,
        .out_plane = ef_forward_plane(step->out.shape, lanes),
        .lanes = lanes,
    };
    return (conv_work){
        .forward = forward,
        .step = step,
        .area = area,
        .row = row,
        .in_first = from->out.first,
        .in_row = in_row,
        .out_row = step->out.shape.width * lanes,
        .n_in = n_in,
        .group_out = n_out,
        .chunk = CACHED_FLOATS / (n_taps * lanes) + 1,
        .w_group = (n_out + block - 1) / block * row.w_block,
    };
}

/* How many of the n channels from here on lie behind each other. */
static size_t neighbours(float *const *channels, size_t n, size_t plane)
{
    size_t i = 1;
    while (i < n && channels[i] == channels[0] + i * plane) {
        i++;
    }
    return i;
}

/* The range at output row y, in ranges of input channels. */
static void conv_row(conv_work *w, size_t y)
{
    const ef_taps *taps = &w->step->rows[y];
    float *const *in = w->forward->channels + w->in_first + w->group * w->n_in;
    const float *weights = w->weights + taps->first * w->row.w_row;
    w->row.n_rows = taps->count;
    w->row.out = w->out + y * w->out_row + w->area->left * w->row.lanes;
    for (size_t i = w->step->in_begin; i < w->step->in_end; i += w->row.n_in) {
        size_t n = w->step->in_end - i < w->chunk ? w->step->in_end - i : w->chunk;
        w->row.first = i == 0;
        w->row.n_in = neighbours(in + i, n, w->row.in_plane);
        w->row.in = in[i] + taps->at * w->in_row;
        w->row.weights = weights + i * w->row.w_in;
        w->forward->plan->kernels->conv_row(&w->row);
    }
}

/* What follows the sums of output rows [top, bottom) of the range. */
static void end_rows(const conv_work *w, size_t top, size_t bottom)
{
    ef_area rows = {(uint32_t)top, (uint32_t)bottom, w->area->left, w->area->right,
                    NULL};
    ef_area_runs runs = ef_area_runs_of(w->step->out.shape, w->row.lanes, &rows);
    for (size_t c = 0; c < w->row.n_out; c++) {
        float *out = w->out + c * w->row.out_plane + runs.at;
        for (size_t i = 0; i < runs.n; i++) {
            ef_step_end_span(w->forward, w->step, w->begin + c, out + i * runs.stride,
                             runs.size);
        }
    }
}

/* n output channels from `within` their group on, which begin a block of weights or
 * stay inside one; they end in rows that are still in the cache. */
static void conv_range(conv_work *w, size_t within, size_t n)
{
    size_t block = w->forward->plan->kernels->block;
    size_t end_rows_at_once = CACHED_FLOATS / (n * w->row.n_columns * w->row.lanes) + 1;
    w->begin = w->group * w->group_out + within;
    w->weights = w->step->weights + w->group * w->w_group +
                 within / block * w->row.w_block + within % block;
    w->out = channel(w->forward, w->step, w->begin);
    w->row.n_out = n;
    for (size_t top = w->area->top, bottom; top < w->area->bottom; top = bottom) {
        size_t rest = w->area->bottom - top;
        bottom = top + (rest < end_rows_at_once ? rest : end_rows_at_once);
        for (size_t y = top; y < bottom; y++) {
            conv_row(w, y);
        }
        end_rows(w, top, bottom);
    }
}

/* The wanted channels of the group in hand. */
static void conv_group(conv_work *w)
{
    size_t block = w->forward->plan->kernels->block, n = w->group_out, end;
    for (size_t i = 0; i < n; i = end) {
        end = i + 1;
        if (!is_wanted(w->area, w->group * n + i)) {
            continue;
        }
        size_t last = i % block == 0 ? n : i - i % block + block;
        while (end < n && end < last && is_wanted(w->area, w->group * n + end)) {
            end++;
        }
        conv_range(w, i, end - i);
    }
}

static void run_conv(const ef_forward *forward, const ef_step *step,
                     const ef_area *area)
{
    conv_work w = conv_work_of(forward, step, area);
    for (w.group = 0; w.group < step->groups; w.group++) {
        conv_group(&w);
    }
}

static void run_pool(const ef_forward *forward, const ef_step *step,
                     const ef_area *area)
{
    const ef_kernels *kernels = forward->plan->kernels;
    const ef_step *from = input_step(forward, step, 0);
    size_t lanes = forward->lanes, in_row = from->out.shape.width * lanes;
    size_t out_row = step->out.shape.width * lanes;
    ef_op op = step->node->op;
    int is_max = op == EF_OP_MAXPOOL || op == EF_OP_GLOBALMAX;
    ef_pool_row row = {
        .in_row = step->dilation[0] * in_row,
        .in_column = step->dilation[1] * lanes,
        .columns = step->columns + area->left,
        .n_columns = area->right - area->left,
        .lanes = lanes,
    };
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t y = area->top; is_wanted(area, c) && y < area->bottom; y++) {
            const ef_taps *taps = &step->rows[y];
            row.n_rows = taps->count;
            row.row_area = taps->area;
            row.in = channel(forward, from, c) + taps->at * in_row;
            row.out = channel(forward, step, c) + y * out_row + area->left * lanes;
            (is_max ? kernels->maxpool_row : kernels->avgpool_row)(&row);
            ef_step_end_span(forward, step, c, row.out, row.n_columns * lanes);
        }
    }
}

/* --- sums, products ---------------------------------------------------------- */

/* n floats from `at` on of a channel. */
static void add_run(const ef_forward *forward, const ef_step *step, size_t c, size_t at,
                    size_t n)
{
    float *out = channel(forward, step, c) + at;
    const float *sum = channel(forward, input_step(forward, step, 0), c) + at;
    for (size_t k = 1; k < step->n_inputs; k++) {
        const float *term = channel(forward, input_step(forward, step, k), c) + at;
        forward->plan->kernels->add(out, sum, term, n);
        sum = out;
    }
    ef_step_end_span(forward, step, c, out, n);
}

static void run_add(const ef_forward *forward, const ef_step *step, const ef_area *area)
{
    ef_area_runs runs = ef_area_runs_of(step->out.shape, forward->lanes, area);
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t i = 0; is_wanted(area, c) && i < runs.n; i++) {
            size_t at = runs.at + i * runs.stride, end = at + runs.size;
            for (; at < end; at += CACHED_FLOATS) {
                add_run(forward, step, c, at,
                        end - at < CACHED_FLOATS ? end - at : CACHED_FLOATS);
            }
        }
    }
}

static void run_mul(const ef_forward *forward, const ef_step *step, const ef_area *area)
{
    const ef_kernels *kernels = forward->plan->kernels;
    const ef_step *image = input_step(forward, step, 0);
    const ef_step *gate = input_step(forward, step, 1);
    if (!ef_shape_equal(image->out.shape, step->out.shape)) {
        gate = image;
        image = input_step(forward, step, 1);
    }
    int is_gate = !ef_shape_equal(gate->out.shape, step->out.shape);
    ef_area_runs runs = ef_area_runs_of(step->out.shape, forward->lanes, area);
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t i = 0; is_wanted(area, c) && i < runs.n; i++) {
            size_t at = runs.at + i * runs.stride;
            float *out = channel(forward, step, c) + at;
            const float *x = channel(forward, image, c) + at;
            const float *y = channel(forward, gate, c);
            if (is_gate) {
                kernels->gate(out, x, y, runs.size, forward->lanes);
            } else {
                kernels->mul(out, x, y + at, runs.size);
            }
        }
    }
    ef_step_end(forward, step, area);
}

static void div_run(const ef_forward *forward, float *out, const float *x,
                    const float *y, size_t n, int is_one)
{
    size_t run = is_one ? forward->lanes : n;
    for (size_t at = 0; at < n; at += run) {
        forward->plan->kernels->div(out + at, x + at, y, run);
    }
}

static void run_div(const ef_forward *forward, const ef_step *step, const ef_area *area)
{
    const ef_step *image = input_step(forward, step, 0);
    const ef_step *divisor = input_step(forward, step, 1);
    int is_one = !ef_shape_equal(divisor->out.shape, step->out.shape);
    ef_area_runs runs = ef_area_runs_of(step->out.shape, forward->lanes, area);
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t i = 0; is_wanted(area, c) && i < runs.n; i++) {
            size_t at = runs.at + i * runs.stride;
            const float *y = channel(forward, divisor, c);
            div_run(forward, channel(forward, step, c) + at,
                    channel(forward, image, c) + at, is_one ? y : y + at, runs.size,
                    is_one);
        }
    }
    ef_step_end(forward, step, area);
}

/* Lines along the axis; those that begin in neighbouring floats go together.  They are
 * made of what the output holds where they would cross channels that do not lie behind
 * each other. */
static void run_softmax(const ef_forward *forward, const ef_step *step,
                        const ef_area *area)
{
    const ef_step *from = input_step(forward, step, 0);
    ef_shape shape = step->out.shape;
    size_t row = shape.width * forward->lanes, size = channel_size(forward, step);
    const size_t sides[3] = {shape.channels, shape.height, shape.width};
    const size_t strides[3] = {ef_forward_plane(shape, forward->lanes), row,
                               forward->lanes};
    const size_t runs[3] = {size, row, forward->lanes};
    uint32_t axis = step->node->u.softmax.axis;
    size_t n_channels = axis == 0 ? 1 : shape.channels;
    size_t chunk = axis == 2 ? row : size; /* a line's whole, beside its neighbours */
    int is_apart = axis == 0 && neighbours(forward->channels + from->out.first,
                                           shape.channels, strides[0]) < shape.channels;
    for (size_t c = 0; is_apart && c < shape.channels; c++) {
        memcpy(channel(forward, step, c), channel(forward, from, c),
               size * sizeof(float));
    }
    for (size_t c = 0; c < n_channels; c++) {
        float *out = channel(forward, step, c);
        const float *in = is_apart ? out : channel(forward, from, c);
        for (size_t at = 0; at < size; at += chunk) {
            forward->plan->kernels->softmax(out + at, in + at, sides[axis],
                                            strides[axis], runs[axis]);
        }
    }
    ef_step_end(forward, step, area);
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

void ef_forward_read_logits(const ef_forward *forward, float *logits)
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
    ef_area area = whole_area(step->out.shape);
    step->run(forward, step, &area);
    if (forward->observer) {
        forward->observer(forward->context, step->node, step->out.shape,
                          channel(forward, step, 0), forward->lanes, forward->n_images);
    }
}

void ef_forward_point(ef_forward *forward, size_t lanes)
{
    const ef_forward_plan *plan = forward->plan;
    if (lanes == forward->lanes) {
        return;
    }
    forward->lanes = lanes;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const ef_tensor *out = &plan->steps[i].out;
        size_t plane = ef_forward_plane(out->shape, lanes);
        for (size_t c = 0; c < out->shape.channels; c++) {
            forward->channels[out->first + c] =
                forward->arena + out->offset + c * plane;
        }
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
        ef_forward_point(forward, (forward->n_images + width - 1) / width * width);
        forward->images = images + at * image_size;
        for (size_t i = 0; i < plan->n_steps; i++) {
            run_step(forward, &plan->steps[i]);
        }
        ef_forward_read_logits(forward, logits + at * classes);
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

ef_status ef_forward_create_on(ef_forward **forward, ef_forward_plan *plan, int owns,
                               ef_error *err)
{
    ef_forward *made = ef_calloc(1, sizeof *made);
    float *arena = ef_calloc_aligned(plan->arena_size, sizeof *arena);
    float **channels = ef_calloc(plan->n_channels, sizeof *channels);
    if (!made || !arena || !channels) {
        ef_free(made);
        ef_free(arena);
        ef_free(channels);
        return ef_error_memory(err);
    }
    made->plan = plan;
    made->owns = owns;
    made->arena = arena;
    made->channels = channels;
    *forward = made;
    return EF_OK;
}

static ef_status create(ef_forward **forward, const ef_net *net,
                        const ef_forward_options *options, ef_error *err)
{
    ef_forward_plan *plan = NULL;
    ef_status status = ef_forward_plan_create(&plan, net, options, err);
    if (!status) {
        status = ef_forward_create_on(forward, plan, 1, err);
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
    const ef_forward_options options = {.max_batch = max_batch, .kernels = kernels};
    return create(forward, net, &options, err);
}

ef_status ef_forward_create_observed(ef_forward **forward, const ef_net *net,
                                     ef_forward_observer *observer, void *context,
                                     ef_error *err)
{
    size_t n;
    const ef_forward_options options = {.kernels = ef_kernels_available(&n)[0],
                                        .is_separate = 1};
    ef_status status = create(forward, net, &options, err);
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
    return ef_forward_create_on(copy, forward->plan, 0, err);
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
    ef_free(forward->channels);
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
