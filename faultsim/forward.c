/* Running a plan: blocks of images through the steps, each step in rows that end with
 * the elementwise functions while they are in the cache. */
#include "faultsim/forward_priv.h"

#include <string.h>

#include "base/mem.h"
#include "faultsim/functions.h"

#define CHUNK_SIZE (16 * 1024) /* bytes of input that one pass over channels reads */
#define SPAN_SIZE 2048         /* floats between a sum and what follows it */

static float *channel(const ef_forward *forward, const ef_step *step, size_t c)
{
    return forward->arena + step->out.offset +
           c * ef_forward_plane(step->out.shape, forward->lanes);
}

static const ef_step *input_step(const ef_forward *forward, const ef_step *step,
                                 size_t k)
{
    return &forward->plan->steps[step->inputs[k]];
}

/* Floats of a channel without the gap behind it. */
static size_t channel_size(const ef_forward *forward, const ef_step *step)
{
    return (size_t)step->out.shape.height * step->out.shape.width * forward->lanes;
}

static void end_span(const ef_forward *forward, const ef_step *step, size_t c, float *x,
                     size_t n)
{
    for (size_t k = 0; k < step->n_spans; k++) {
        const ef_span *span = &step->spans[k];
        forward->plan->kernels->spans[span->kind](x, n, span->coef + c * EF_SPAN_COEF);
    }
}

static void end_channels(const ef_forward *forward, const ef_step *step)
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
    end_channels(forward, step);
}

/* --- windows ----------------------------------------------------------------- */

/* One group at output row y: its channels in ranges whose input stays in the cache,
 * then what follows the sums. */
static void run_conv_group(const ef_forward *forward, const ef_step *step, size_t group,
                           size_t y)
{
    const ef_kernels *kernels = forward->plan->kernels;
    const ef_step *from = input_step(forward, step, 0);
    const ef_taps *taps = &step->rows[y];
    size_t lanes = forward->lanes,
           taps_kernel = step->kernel[0] * (size_t)step->kernel[1];
    size_t n_in = from->out.shape.channels / step->groups;
    size_t n_out = step->out.shape.channels / step->groups;
    size_t n_blocks = (n_out + kernels->block - 1) / kernels->block;
    size_t in_row = from->out.shape.width * lanes;
    size_t chunk = CHUNK_SIZE / (taps_kernel * lanes * sizeof(float)) + 1;
    float *out =
        channel(forward, step, group * n_out) + y * step->out.shape.width * lanes;
    ef_conv_row row = {
        .in_plane = ef_forward_plane(from->out.shape, lanes),
        .in_row = step->dilation[0] * in_row,
        .in_column = step->dilation[1] * lanes,
        .n_rows = taps->count,
        .columns = step->columns,
        .n_columns = step->out.shape.width,
        .w_block = n_in * taps_kernel * kernels->block,
        .w_in = taps_kernel * kernels->block,
        .w_row = step->kernel[1] * kernels->block,
        .out = out,
        .out_plane = ef_forward_plane(step->out.shape, lanes),
        .n_out = n_out,
        .lanes = lanes,
    };
    for (size_t i = 0; i < n_in; i += chunk) {
        row.first = i == 0;
        row.n_in = n_in - i < chunk ? n_in - i : chunk;
        row.in = channel(forward, from, group * n_in + i) + taps->at * in_row;
        row.weights = step->weights + group * n_blocks * row.w_block + i * row.w_in +
                      taps->first * row.w_row;
        kernels->conv_row(&row);
    }
    for (size_t o = 0; o < n_out; o++) {
        end_span(forward, step, group * n_out + o, out + o * row.out_plane,
                 step->out.shape.width * lanes);
    }
}

static void run_conv(ef_forward *forward, const ef_step *step)
{
    for (size_t y = 0; y < step->out.shape.height; y++) {
        for (size_t g = 0; g < step->groups; g++) {
            run_conv_group(forward, step, g, y);
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
    for (size_t at = 0; at < size; at += SPAN_SIZE) {
        size_t n = size - at < SPAN_SIZE ? size - at : SPAN_SIZE;
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
    end_channels(forward, step);
}

/* --- moves: elements keep their values --------------------------------------- */

static void run_concat(ef_forward *forward, const ef_step *step)
{
    size_t to = 0, size = channel_size(forward, step) * sizeof(float);
    for (size_t k = 0; k < step->n_inputs; k++) {
        const ef_step *from = input_step(forward, step, k);
        for (size_t c = 0; c < from->out.shape.channels; c++) {
            memcpy(channel(forward, step, to++), channel(forward, from, c), size);
        }
    }
    end_channels(forward, step);
}

static void run_flatten(ef_forward *forward, const ef_step *step)
{
    const ef_step *from = input_step(forward, step, 0);
    size_t plane = (size_t)from->out.shape.height * from->out.shape.width;
    size_t lanes = forward->lanes;
    for (size_t i = 0; i < step->out.shape.channels; i++) {
        memcpy(channel(forward, step, i),
               channel(forward, from, i / plane) + i % plane * lanes,
               lanes * sizeof(float));
    }
    end_channels(forward, step);
}

/* The input element behind an output element; 0: padding. */
static int locate(const ef_node *node, ef_shape shape, const size_t out[3],
                  size_t in[3])
{
    const size_t sizes[3] = {shape.channels, shape.height, shape.width};
    int inside = 1;
    for (size_t a = 0; a < 3; a++) {
        switch (node->op) {
        case EF_OP_PAD:
            in[a] = out[a] - node->u.pad.before[a];
            inside &= in[a] < sizes[a]; /* wraps round to a large number below 0 */
            break;
        case EF_OP_SLICE:
            in[a] = node->u.slice.begin[a] + out[a] * node->u.slice.step[a];
            break;
        case EF_OP_UPSAMPLE:
            in[a] = a > 0 ? out[a] / node->u.upsample.factor[a - 1] : out[a];
            break;
        default:
            in[node->u.transpose.order[a]] = out[a];
            break;
        }
    }
    return inside;
}

static void fill_element(float *to, float value, size_t lanes)
{
    for (size_t lane = 0; lane < lanes; lane++) {
        to[lane] = value;
    }
}

static void run_move(ef_forward *forward, const ef_step *step)
{
    const ef_step *from = input_step(forward, step, 0);
    size_t lanes = forward->lanes;
    size_t out[3], in[3];
    for (out[0] = 0; out[0] < step->out.shape.channels; out[0]++) {
        float *to = channel(forward, step, out[0]);
        for (out[1] = 0; out[1] < step->out.shape.height; out[1]++) {
            for (out[2] = 0; out[2] < step->out.shape.width; out[2]++, to += lanes) {
                if (locate(step->node, from->out.shape, out, in)) {
                    size_t at = in[1] * from->out.shape.width + in[2];
                    memcpy(to, channel(forward, from, in[0]) + at * lanes,
                           lanes * sizeof(float));
                } else {
                    fill_element(to, step->node->u.pad.value, lanes);
                }
            }
        }
    }
    end_channels(forward, step);
}

static ef_step_run *const runners[EF_OP_COUNT] = {
    [EF_OP_INPUT] = run_input,       [EF_OP_CONV] = run_conv,
    [EF_OP_DENSE] = run_conv,        [EF_OP_MAXPOOL] = run_pool,
    [EF_OP_AVGPOOL] = run_pool,      [EF_OP_GLOBALAVG] = run_pool,
    [EF_OP_GLOBALMAX] = run_pool,    [EF_OP_BATCHNORM] = run_concat,
    [EF_OP_ACTIVATION] = run_concat, [EF_OP_ADD] = run_add,
    [EF_OP_MUL] = run_mul,           [EF_OP_SCALE] = run_concat,
    [EF_OP_CONCAT] = run_concat,     [EF_OP_PAD] = run_move,
    [EF_OP_SLICE] = run_move,        [EF_OP_TRANSPOSE] = run_move,
    [EF_OP_FLATTEN] = run_flatten,   [EF_OP_UPSAMPLE] = run_move,
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
            plan->steps[i].run(forward, &plan->steps[i]);
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

ef_status ef_forward_create_with(ef_forward **forward, const ef_net *net,
                                 size_t max_batch, const ef_kernels *kernels,
                                 ef_error *err)
{
    ef_forward_plan *plan = NULL;
    ef_status status = ef_forward_plan_create(&plan, net, max_batch, kernels, err);
    if (!status) {
        status = create_on(forward, plan, 1, err);
    }
    if (status) {
        ef_forward_plan_destroy(plan);
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
