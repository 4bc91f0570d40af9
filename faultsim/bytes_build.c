/* Layouts, packed weights and sites of a network whose faults are to be run. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/bytes_priv.h"

static size_t up_to(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* --- layouts ---------------------------------------------------------------------- */

static uint32_t border_of(const ef_bytes *rerun, size_t index)
{
    uint32_t border = 0;
    for (size_t i = index + 1; i < rerun->n_steps; i++) {
        const ef_qstep *reader = rerun->steps[i].q;
        for (uint32_t k = 0; k < reader->n_inputs; k++) {
            for (size_t side = 0; side < 4; side++) {
                int counts = reader->kind == EF_Q_CONV && reader->inputs[k] == index &&
                             reader->window.pad[side] > border;
                border = counts ? reader->window.pad[side] : border;
            }
        }
    }
    return border;
}

static void lay_out(ef_bytes *rerun, size_t index)
{
    ef_bstep *step = &rerun->steps[index];
    ef_shape shape = step->q->shape;
    ef_blayout *layout = &step->layout;
    layout->border = border_of(rerun, index);
    layout->width = shape.width + 2 * (size_t)layout->border;
    layout->n_pixels = layout->width * (shape.height + 2 * (size_t)layout->border);
    layout->pixel = up_to(shape.channels, EF_INT_GROUP);
    layout->size = up_to(layout->n_pixels * layout->pixel + EF_BYTES_SLACK, 64);
    layout->plane = layout->n_pixels;
    step->offset = step->q->code.format.kind == EF_FORMAT_UINT ? 0 : 128;
    step->zero = (uint8_t)(step->q->code.zero + step->offset);
    step->rounding = (ef_int_rounding){
        .zero = step->zero,
        .least = step->q->least + step->offset,
        .most = step->q->most + step->offset,
        .unused = 32 - rerun->qnet->accumulator_bits,
    };
}

static ef_status make_places(const ef_bytes *rerun, ef_bstep *step, ef_error *err)
{
    ef_shape shape = step->q->shape;
    size_t n = ef_bplane(step);
    int is_conv = step->q->kind == EF_Q_CONV;
    step->spots = ef_calloc(n, sizeof *step->spots);
    step->places = ef_calloc(n, sizeof *step->places);
    step->corners = is_conv ? ef_calloc(n, sizeof *step->corners) : NULL;
    if (!step->spots || !step->places || (is_conv && !step->corners)) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        size_t y = i / shape.width, x = i % shape.width;
        step->spots[i][0] = (uint16_t)y;
        step->spots[i][1] = (uint16_t)x;
        step->places[i] = (uint32_t)ef_bplace(&step->layout, y, x);
        if (is_conv) {
            const ef_blayout *in = &rerun->steps[step->q->inputs[0]].layout;
            step->corners[i] = (uint32_t)ef_bcorner(step, in, y, x);
        }
    }
    return EF_OK;
}

/* --- weights ---------------------------------------------------------------------- */

void ef_bpart_bind(ef_bpart *part, const unsigned char *weights, const int32_t *starts)
{
    part->conv.weights = weights + part->weights_at;
    part->conv.start = starts + part->start_at;
}

static size_t n_values(const ef_bpart *part)
{
    return part->conv.n_blocks * EF_INT_BLOCK * part->conv.n_taps *
           part->conv.n_groups * EF_INT_GROUP;
}

static ef_status make_taps(const ef_bytes *rerun, ef_bstep *step, ef_error *err)
{
    const ef_qwindow *w = &step->q->window;
    const ef_blayout *in = &rerun->steps[step->q->inputs[0]].layout;
    step->n_taps = (size_t)w->kernel[0] * w->kernel[1];
    step->taps = ef_calloc(step->n_taps, sizeof *step->taps);
    step->tap_pixels = ef_calloc(step->n_taps, sizeof *step->tap_pixels);
    if (!step->taps || !step->tap_pixels) {
        return ef_error_memory(err);
    }
    for (size_t t = 0; t < step->n_taps; t++) {
        step->tap_pixels[t] = (uint32_t)(t / w->kernel[1] * w->dilation[0] * in->width +
                                         t % w->kernel[1] * w->dilation[1]);
        step->taps[t] = (ptrdiff_t)(step->tap_pixels[t] * in->pixel);
    }
    return EF_OK;
}

/* Where taps lie apart, each is a run of its own. */
static ef_status make_runs(ef_bstep *step, ef_error *err)
{
    const ef_qwindow *w = &step->q->window;
    size_t length = w->dilation[1] == 1 ? w->kernel[1] : 1;
    step->n_runs = step->n_taps / length;
    step->runs = ef_calloc(step->n_runs, sizeof *step->runs);
    if (!step->runs) {
        return ef_error_memory(err);
    }
    for (size_t r = 0; r < step->n_runs; r++) {
        step->runs[r] = (ef_int_run){.place = step->tap_pixels[r * length],
                                     .length = (uint32_t)length,
                                     .tap = (uint32_t)(r * length)};
    }
    return EF_OK;
}

static ef_status make_parts(ef_bytes *rerun, ef_bstep *step, ef_error *err)
{
    const ef_qwindow *w = &step->q->window;
    const ef_bstep *in = &rerun->steps[step->q->inputs[0]];
    size_t n_in = in->q->shape.channels / w->groups;
    size_t n_out = step->q->shape.channels / w->groups;
    size_t together = n_out < EF_INT_BLOCK ? EF_INT_BLOCK / n_out : 1;
    step->n_parts = (w->groups + together - 1) / together;
    step->parts = ef_calloc(step->n_parts, sizeof *step->parts);
    ef_status status = step->parts ? make_taps(rerun, step, err) : ef_error_memory(err);
    status = status ? status : make_runs(step, err);
    for (size_t p = 0; p < step->n_parts && !status; p++) {
        size_t first = p * together, left = w->groups - first;
        size_t groups = left < together ? left : together;
        ef_bpart *part = &step->parts[p];
        *part = (ef_bpart){.in = first * n_in,
                           .out = first * n_out,
                           .n_in = groups * n_in,
                           .n_out = groups * n_out,
                           .weights_at = rerun->weights_size,
                           .start_at = rerun->n_starts};
        part->conv =
            (ef_int_conv){.n_blocks = up_to(part->n_out, EF_INT_BLOCK) / EF_INT_BLOCK,
                          .n_groups = up_to(part->n_in, EF_INT_GROUP) / EF_INT_GROUP,
                          .n_taps = step->n_taps,
                          .taps = step->taps};
        rerun->weights_size += up_to(rerun->kernels->packed_size(n_values(part)), 64);
        rerun->n_starts += part->conv.n_blocks * EF_INT_BLOCK;
        step->acc_pixel += part->conv.n_blocks * EF_INT_BLOCK;
    }
    return status;
}

/* One part: weights of channels of other groups are 0. */
static void pack_part(ef_bytes *rerun, const ef_bstep *step, ef_bpart *part)
{
    const ef_qwindow *w = &step->q->window;
    const ef_bstep *from = &rerun->steps[step->q->inputs[0]];
    size_t n_in = from->q->shape.channels / w->groups;
    size_t n_out = step->q->shape.channels / w->groups;
    unsigned char *weights = rerun->weights + part->weights_at;
    for (size_t o = 0; o < part->n_out; o++) {
        size_t channel = part->out + o, in = channel / n_out * n_in - part->in;
        uint32_t start = (uint32_t)step->q->bias[channel];
        for (size_t i = 0; i < n_in; i++) {
            for (size_t t = 0; t < part->conv.n_taps; t++) {
                int32_t value =
                    step->q->weights[(channel * n_in + i) * part->conv.n_taps + t];
                rerun->kernels->pack(weights, &part->conv, o / EF_INT_BLOCK, t, in + i,
                                     o % EF_INT_BLOCK, value);
                start -= (uint32_t)from->zero * (uint32_t)value;
            }
        }
        rerun->starts[part->start_at + o] = (int32_t)start;
    }
}

static ef_status pack(ef_bytes *rerun, ef_error *err)
{
    rerun->weights = ef_calloc_aligned(rerun->weights_size + 64, 1);
    rerun->starts = ef_calloc(rerun->n_starts + 1, sizeof *rerun->starts);
    if (!rerun->weights || !rerun->starts) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < rerun->n_steps; i++) {
        ef_bstep *step = &rerun->steps[i];
        for (size_t p = 0; p < step->n_parts; p++) {
            pack_part(rerun, step, &step->parts[p]);
            ef_bpart_bind(&step->parts[p], rerun->weights, rerun->starts);
        }
    }
    return EF_OK;
}

static ef_status copy_factors(ef_bstep *step, int is_output, ef_error *err)
{
    size_t n = step->q->shape.channels;
    step->factors = ef_calloc(n + 2 * EF_INT_BLOCK, sizeof *step->factors);
    step->quick = ef_calloc(n + 2 * EF_INT_BLOCK, sizeof *step->quick);
    if (!step->factors || !step->quick) {
        return ef_error_memory(err);
    }
    memcpy(step->factors, is_output ? step->q->scales : step->q->factors,
           n * sizeof *step->factors);
    for (size_t i = 0; i < n; i++) {
        step->quick[i] = (float)step->factors[i];
    }
    return EF_OK;
}

/* --- who reads what --------------------------------------------------------------- */

static void find_last_reader(ef_bytes *rerun, size_t index)
{
    const ef_qstep *q = rerun->steps[index].q;
    for (uint32_t k = 0; k < q->n_inputs; k++) {
        rerun->steps[q->inputs[k]].last_reader = (uint32_t)index; /* ascending */
    }
}

/* --- sites ------------------------------------------------------------------------ */

static ef_status add_sites(ef_bytes *rerun, uint32_t index, ef_error *err)
{
    ef_bstep *step = &rerun->steps[index];
    const ef_qstep *q = step->q;
    const ef_net *net = rerun->qnet->net;
    ef_site site = {.step = index, .node = q->head, .n_moments = 1};
    ef_status status = EF_OK;
    uint64_t n_products = 0;
    if (q->kind == EF_Q_CONV) {
        size_t n_in = rerun->steps[q->inputs[0]].q->shape.channels / q->window.groups;
        n_products = (uint64_t)n_in * q->window.kernel[0] * q->window.kernel[1];
        site.target = EF_TARGET_WEIGHTS;
        site.count = q->shape.channels * n_products;
        site.bits = q->weight_codes[0].format.bits;
        status = ef_rerun_add_parameter(&rerun->base, &site, net, EF_ROLE_WEIGHT,
                                        &step->weight_site, err);
    }
    if (!status && q->kind == EF_Q_CONV && q->has_bias) {
        site.target = EF_TARGET_BIASES;
        site.count = q->shape.channels;
        site.bits = 32;
        status = ef_rerun_add_parameter(&rerun->base, &site, net, EF_ROLE_BIAS,
                                        &step->bias_site, err);
    }
    if (!status && q->kind == EF_Q_CONV) {
        site.target = EF_TARGET_ACCUMULATORS;
        site.count = ef_shape_elements(q->shape);
        site.bits = rerun->qnet->accumulator_bits;
        site.n_moments = n_products + 1;
        status = ef_rerun_add_output(&rerun->base, &site, net, &step->sum_site, err);
        site.n_moments = 1;
    }
    if (!status && q->is_stored && index + 1 < rerun->n_steps) {
        site.target = index == 0 ? EF_TARGET_INPUTS : EF_TARGET_ACTIVATIONS;
        site.node = q->node;
        site.count = ef_shape_elements(q->shape);
        site.bits = q->code.format.bits;
        status = ef_rerun_add_output(&rerun->base, &site, net, &step->value_site, err);
    }
    return status;
}

/* --- all -------------------------------------------------------------------------- */

/* Whether no sum of the step can reach the ends of a saturating accumulator, whatever
 * bits of its inputs and weights are struck. */
static int is_safe(const ef_bytes *rerun, const ef_bstep *step)
{
    const ef_qstep *q = step->q;
    size_t n_in = rerun->steps[q->inputs[0]].q->shape.channels / q->window.groups;
    double n = (double)n_in * q->window.kernel[0] * q->window.kernel[1];
    return n * 128 * 255 + 2147483648.0 <
           (double)(UINT64_C(1) << (rerun->qnet->accumulator_bits - 1));
}

static ef_status check(const ef_bytes *rerun, const ef_bstep *step, ef_error *err)
{
    const ef_qstep *q = step->q;
    int is_output = step == &rerun->steps[rerun->n_steps - 1];
    int is_wide = (!is_output && q->code.format.bits > 8) ||
                  (q->kind == EF_Q_CONV && q->weight_codes[0].format.bits > 8);
    int is_held =
        q->kind == EF_Q_CONV && rerun->qnet->saturates && !is_safe(rerun, step);
    int is_long =
        q->shape.height > 0xffff || q->shape.width > 0xffff; /* ef_bstep.spots */
    if (is_wide || is_held || is_long || rerun->qnet->accumulator_bits > 32) {
        return ef_error_set(
            err, EF_ERR_UNSUPPORTED,
            "node %s: faults are run in formats of at most 8 bits, with "
            "accumulators of at most 32 that wrap",
            ef_topology_node(rerun->qnet->net->topology, q->head)->name);
    }
    return EF_OK;
}

ef_status ef_bytes_build(ef_bytes *rerun, ef_error *err)
{
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < rerun->n_steps && !status; i++) {
        ef_bstep *step = &rerun->steps[i];
        step->q = &rerun->qnet->steps[i];
        step->weight_site = step->bias_site = SIZE_MAX;
        step->value_site = step->sum_site = SIZE_MAX;
    }
    for (uint32_t i = 0; i < rerun->n_steps && !status; i++) {
        ef_bstep *step = &rerun->steps[i];
        lay_out(rerun, i);
        status = check(rerun, step, err);
        status = status ? status : make_places(rerun, step, err);
        find_last_reader(rerun, i);
        status = status ? status : add_sites(rerun, i, err);
        if (!status && step->q->kind == EF_Q_CONV) {
            status = make_parts(rerun, step, err);
            status = status ? status : copy_factors(step, i + 1 == rerun->n_steps, err);
        }
    }
    return status ? status : pack(rerun, err);
}
