/* One step of a faulty run: which part of its output its inputs and its own struck
 * bits reach, that part computed again, and what of it really differs. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/floating_priv.h"
#include "faultsim/functions.h"

/* A step in hand. */
typedef struct work {
    ef_floating_worker *w;
    size_t index;
    const ef_step *step;
    ef_fstate *state;
    const ef_fhit *hits; /* (n) */
    size_t n;
    ef_area area;    /* to compute, its channels in w->wanted */
    ef_step struck;  /* the step with its struck parameters */
    ef_code code;    /* of the output, with a struck scale */
    int is_unstored; /* the output is rounded only after it is computed */
} work;

static float *own_channel(const ef_floating_worker *w, const ef_step *step, size_t c)
{
    return w->forward->arena + step->out.offset +
           c * ef_forward_plane(step->out.shape, w->forward->lanes);
}

static int is_own(const ef_floating_worker *w, const ef_step *step, size_t c)
{
    return w->forward->channels[step->out.first + c] !=
           w->block->channels[step->out.first + c];
}

/* --- areas ------------------------------------------------------------------------ */

static void copy_area(const ef_floating_worker *w, const ef_step *step, size_t c,
                      ef_area area)
{
    const float *from = w->block->channels[step->out.first + c];
    float *to = own_channel(w, step, c);
    size_t lanes = w->forward->lanes, n = (area.right - area.left) * lanes;
    for (size_t y = area.top; y < area.bottom && n > 0; y++) {
        size_t at = (y * step->out.shape.width + area.left) * lanes;
        memcpy(to + at, from + at, n * sizeof *to);
    }
}

static int contains(const ef_area *outer, const ef_area *inner)
{
    return outer->top <= inner->top && outer->bottom >= inner->bottom &&
           outer->left <= inner->left && outer->right >= inner->right;
}

void ef_fstep_ensure(ef_floating_worker *w, size_t index, ef_area area)
{
    ef_fstate *state = &w->states[index];
    const ef_step *step = &w->rerun->plan->steps[index];
    const ef_area *old = &state->valid;
    if (state->n_own == 0 || contains(old, &area)) {
        return;
    }
    ef_area all = ef_area_union(*old, area);
    const ef_area rims[] = {{all.top, old->top, all.left, all.right, NULL},
                            {old->bottom, all.bottom, all.left, all.right, NULL},
                            {old->top, old->bottom, all.left, old->left, NULL},
                            {old->top, old->bottom, old->right, all.right, NULL}};
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t i = 0; i < 4 && is_own(w, step, c); i++) {
            copy_area(w, step, c, rims[i]);
        }
    }
    state->valid = all;
}

/* Makes a channel the worker's own, and valid in an area. */
static float *take_channel(work *k, size_t c, ef_area area)
{
    ef_floating_worker *w = k->w;
    if (k->state->n_own == 0) {
        k->state->valid = area;
        k->state->changed = area;
        k->state->changed.channels = NULL;
    }
    ef_fstep_ensure(w, k->index, area);
    if (!is_own(w, k->step, c)) {
        copy_area(w, k->step, c, k->state->valid);
        w->forward->channels[k->step->out.first + c] = own_channel(w, k->step, c);
        k->state->n_own++;
    }
    k->state->changed = ef_area_union(k->state->changed, area);
    return own_channel(w, k->step, c);
}

/* --- what reaches what ------------------------------------------------------------ */

typedef enum reach { POINTS, WINDOW, ALL } reach;

static const uint8_t reaches[EF_OP_COUNT] = {
    [EF_OP_INPUT] = ALL,        [EF_OP_CONV] = WINDOW,      [EF_OP_DENSE] = WINDOW,
    [EF_OP_MAXPOOL] = WINDOW,   [EF_OP_AVGPOOL] = WINDOW,   [EF_OP_GLOBALAVG] = WINDOW,
    [EF_OP_GLOBALMAX] = WINDOW, [EF_OP_BATCHNORM] = POINTS, [EF_OP_ACTIVATION] = POINTS,
    [EF_OP_ADD] = POINTS,       [EF_OP_MUL] = POINTS,       [EF_OP_SCALE] = POINTS,
    [EF_OP_CONCAT] = POINTS,    [EF_OP_PAD] = ALL,          [EF_OP_SLICE] = ALL,
    [EF_OP_TRANSPOSE] = ALL,    [EF_OP_FLATTEN] = ALL,      [EF_OP_UPSAMPLE] = ALL,
    [EF_OP_RESHAPE] = ALL,      [EF_OP_SOFTMAX] = ALL,      [EF_OP_DIV] = POINTS,
};

/* The outputs along one axis whose taps meet inputs [begin, end). */
static void reach_axis(const ef_taps *taps, uint32_t n, uint32_t dilation,
                       uint32_t begin, uint32_t end, uint32_t *first, uint32_t *last)
{
    *first = *last = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t stop = taps[i].at + (taps[i].count - 1) * dilation + 1;
        if (taps[i].count > 0 && taps[i].at < end && stop > begin) {
            *first = *last == 0 ? i : *first;
            *last = i + 1;
        }
    }
}

/* The inputs along one axis that outputs [begin, end) read. */
static void need_axis(const ef_taps *taps, uint32_t dilation, uint32_t begin,
                      uint32_t end, uint32_t *first, uint32_t *last)
{
    *first = *last = 0;
    for (uint32_t i = begin; i < end; i++) {
        if (taps[i].count > 0) {
            uint32_t stop = taps[i].at + (taps[i].count - 1) * dilation + 1;
            *first = *last == 0 || taps[i].at < *first ? taps[i].at : *first;
            *last = stop > *last ? stop : *last;
        }
    }
}

/* Alike in rows and columns: element by element. */
static int is_alike(const ef_step *a, const ef_step *b)
{
    return a->out.shape.height == b->out.shape.height &&
           a->out.shape.width == b->out.shape.width;
}

static ef_area area_reached(const ef_step *step, const ef_step *from, ef_area in)
{
    ef_area out = whole_area(step->out.shape);
    if (reaches[step->node->op] == WINDOW) {
        reach_axis(step->rows, step->out.shape.height, step->dilation[0], in.top,
                   in.bottom, &out.top, &out.bottom);
        reach_axis(step->columns, step->out.shape.width, step->dilation[1], in.left,
                   in.right, &out.left, &out.right);
    } else if (reaches[step->node->op] == POINTS && is_alike(step, from)) {
        out = in;
    }
    return out;
}

static ef_area area_needed(const ef_step *step, const ef_step *from, ef_area out)
{
    ef_area in = whole_area(from->out.shape);
    if (reaches[step->node->op] == WINDOW) {
        need_axis(step->rows, step->dilation[0], out.top, out.bottom, &in.top,
                  &in.bottom);
        need_axis(step->columns, step->dilation[1], out.left, out.right, &in.left,
                  &in.right);
    } else if (reaches[step->node->op] == POINTS && is_alike(step, from)) {
        in = out;
    }
    in.channels = NULL;
    return in;
}

static void ensure_inputs(const work *k, ef_area out)
{
    for (uint32_t i = 0; i < k->step->n_inputs; i++) {
        const ef_step *from = &k->w->rerun->plan->steps[k->step->inputs[i]];
        ef_fstep_ensure(k->w, k->step->inputs[i], area_needed(k->step, from, out));
    }
}

/* Output channels that channel c of input i reaches, which begins at channel `offset`
 * of the output of a concat. */
static void want_reached(const work *k, const ef_step *from, size_t c, size_t offset)
{
    const ef_step *step = k->step;
    size_t n = step->out.shape.channels, begin = 0, end = n;
    ef_op op = step->node->op;
    int is_sum = op == EF_OP_CONV || op == EF_OP_DENSE;
    if (is_sum) {
        size_t n_in = from->out.shape.channels / step->groups;
        begin = c / n_in * (n / step->groups);
        end = begin + n / step->groups;
    } else if (reaches[op] != ALL) {
        begin = offset + c;
        end = begin + 1;
    }
    memset(k->w->wanted + begin, 1, end - begin);
}

static void want_inputs(work *k)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < k->step->n_inputs; i++) {
        const ef_fstate *state = &k->w->states[k->step->inputs[i]];
        const ef_step *from = &k->w->rerun->plan->steps[k->step->inputs[i]];
        size_t n = state->n_own > 0 ? from->out.shape.channels : 0;
        ef_area reached = {0};
        if (n > 0) {
            reached = area_reached(k->step, from, state->changed);
            n = ef_area_is_empty(&reached) ? 0 : n;
        }
        for (size_t c = 0; c < n; c++) {
            if (is_own(k->w, from, c)) {
                want_reached(k, from, c, offset);
            }
        }
        k->area = ef_area_union(k->area, reached);
        offset += k->step->node->op == EF_OP_CONCAT ? from->out.shape.channels : 0;
    }
}

/* --- struck parameters ------------------------------------------------------------ */

static void want_all(work *k)
{
    memset(k->w->wanted, 1, k->step->out.shape.channels);
    k->area = whole_area(k->step->out.shape);
}

/* The first hit of a part, and how many there are. */
static const ef_fhit *hits_of(const work *k, ef_fpart part, size_t *n)
{
    size_t first = 0;
    while (first < k->n && k->hits[first].part < part) {
        first++;
    }
    size_t end = first;
    while (end < k->n && k->hits[end].part == part) {
        end++;
    }
    *n = end - first;
    return k->hits + first;
}

static size_t weights_of_channel(const work *k)
{
    const ef_net *net = k->w->rerun->fnet->net;
    const ef_param *param = ef_net_param(net, k->step->head, EF_ROLE_WEIGHT);
    return param->count / param->dims[0];
}

static void want_struck(work *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const ef_fhit *hit = &k->hits[i];
        size_t n_codes = k->w->rerun->fnet->n_weight_codes[k->step->head];
        if (hit->part > EF_F_VALUE_SCALE) {
            break;
        }
        k->area = whole_area(k->step->out.shape);
        if (hit->part == EF_F_VALUE_SCALE ||
            (hit->part == EF_F_WEIGHT_SCALE && n_codes == 1)) {
            want_all(k);
        } else {
            size_t each = hit->part == EF_F_WEIGHT ? weights_of_channel(k) : 1;
            k->w->wanted[hit->index / each] = 1;
        }
    }
}

/* Where the first weight of an output channel is packed. */
static size_t packed_at(const work *k, size_t c)
{
    size_t block = k->w->rerun->plan->kernels->block;
    size_t n_out = k->step->out.shape.channels / k->step->groups;
    size_t n_blocks = (n_out + block - 1) / block;
    size_t at = c / n_out * n_blocks + c % n_out / block;
    return at * weights_of_channel(k) * block + c % n_out % block;
}

/* The blocks of weights that are read: those of wanted channels and struck sums. */
static void copy_weights(work *k)
{
    size_t block = k->w->rerun->plan->kernels->block;
    size_t n = weights_of_channel(k) * block, n_sums;
    size_t channels = k->step->out.shape.channels, last = SIZE_MAX;
    hits_of(k, EF_F_ACCUMULATOR, &n_sums);
    for (size_t c = 0; c < channels; c++) {
        size_t at = packed_at(k, c) / n * n;
        if (at != last && (k->w->wanted[c] || n_sums > 0)) {
            memcpy(k->w->weights + at, k->step->weights + at, n * sizeof(float));
            last = at;
        }
    }
    k->struck.weights = k->w->weights;
}

/* All weights that have a struck scale. */
static void strike_weight_scale(work *k, const ef_fhit *hit, size_t n_codes)
{
    const ef_fnet *fnet = k->w->rerun->fnet;
    const float *from = ef_net_values(fnet->net, k->step->head, EF_ROLE_WEIGHT);
    size_t channels = k->step->out.shape.channels, n = weights_of_channel(k);
    size_t block = k->w->rerun->plan->kernels->block;
    size_t begin = n_codes == 1 ? 0 : hit->index;
    size_t end = n_codes == 1 ? channels : begin + 1;
    ef_code *code = &k->w->codes[hit->index];
    code->scale = (double)float_of_bits(hit->bits);
    for (size_t c = begin; c < end; c++) {
        float *to = k->w->weights + packed_at(k, c);
        for (size_t t = 0; t < n; t++) {
            uint32_t bits = ef_code_of(&fnet->weight_codes[k->step->head][hit->index],
                                       from[c * n + t]);
            to[t * block] = ef_fcode_value(code, bits);
        }
    }
}

static void strike_weights(work *k)
{
    const ef_fnet *fnet = k->w->rerun->fnet;
    size_t n_codes = fnet->n_weight_codes[k->step->head], n_scales, n_weights;
    const ef_fhit *scales = hits_of(k, EF_F_WEIGHT_SCALE, &n_scales);
    const ef_fhit *weights = hits_of(k, EF_F_WEIGHT, &n_weights);
    if (n_scales + n_weights == 0) {
        return;
    }
    size_t each = weights_of_channel(k);
    copy_weights(k);
    memcpy(k->w->codes, fnet->weight_codes[k->step->head], n_codes * sizeof(ef_code));
    for (size_t i = 0; i < n_scales; i++) {
        strike_weight_scale(k, &scales[i], n_codes);
    }
    for (size_t i = 0; i < n_weights; i++) {
        size_t c = weights[i].index / each, tap = weights[i].index % each;
        size_t at = packed_at(k, c) + tap * k->w->rerun->plan->kernels->block;
        k->w->weights[at] =
            ef_fcode_value(&k->w->codes[n_codes == 1 ? 0 : c], weights[i].bits);
    }
}

/* A copy of the coefficients of the step's function of this kind. */
static float *copy_coefs(work *k, ef_span_kind kind)
{
    size_t n = k->step->out.shape.channels * EF_SPAN_COEF;
    float *to = k->w->coefs + (kind == EF_SPAN_NORM ? n : 0);
    if (k->struck.spans != k->w->spans) {
        memcpy(k->w->spans, k->step->spans, k->step->n_spans * sizeof(ef_span));
        k->struck.spans = k->w->spans;
    }
    for (size_t i = 0; i < k->step->n_spans; i++) {
        if (k->w->spans[i].kind == kind) {
            memcpy(to, k->w->spans[i].coef, n * sizeof *to);
            k->w->spans[i].coef = to;
        }
    }
    return to;
}

static void strike_bias(work *k)
{
    size_t n;
    const ef_fhit *hits = hits_of(k, EF_F_BIAS, &n);
    float *coefs = n > 0 ? copy_coefs(k, EF_SPAN_BIAS) : NULL;
    for (size_t i = 0; i < n; i++) {
        coefs[hits[i].index * EF_SPAN_COEF] = canonical(float_of_bits(hits[i].bits));
    }
}

/* The node of the step that is a batch norm. */
static size_t norm_of(const work *k)
{
    const ef_topology *topology = k->w->rerun->fnet->net->topology;
    size_t node = k->step->tail;
    while (ef_topology_node(topology, node)->op != EF_OP_BATCHNORM) {
        node = ef_topology_node(topology, node)->inputs[0];
    }
    return node;
}

/* A parameter of a batch norm, struck or not. */
static float norm_value(const work *k, const ef_fhit *hits, size_t n, size_t node,
                        ef_role role, size_t c)
{
    size_t low = 0, high = n; /* hits are in the order of role, then index */
    while (low < high) {
        size_t middle = (low + high) / 2;
        const ef_fhit *hit = &hits[middle];
        if (hit->role < role || (hit->role == role && hit->index < c)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int is_struck = low < n && hits[low].role == role && hits[low].index == c;
    return is_struck ? canonical(float_of_bits(hits[low].bits))
                     : ef_net_values(k->w->rerun->fnet->net, node, role)[c];
}

static void strike_norm(work *k)
{
    size_t n;
    const ef_fhit *hits = hits_of(k, EF_F_NORM, &n);
    if (n == 0) {
        return;
    }
    size_t node = norm_of(k);
    const ef_topology *topology = k->w->rerun->fnet->net->topology;
    float epsilon = ef_topology_node(topology, node)->u.batchnorm.epsilon;
    float *coefs = copy_coefs(k, EF_SPAN_NORM);
    for (size_t i = 0; i < n; i++) {
        size_t c = hits[i].index;
        float *coef = coefs + c * EF_SPAN_COEF;
        coef[0] = norm_value(k, hits, n, node, EF_ROLE_MEAN, c);
        coef[1] = norm_value(k, hits, n, node, EF_ROLE_GAMMA, c) /
                  sqrtf(norm_value(k, hits, n, node, EF_ROLE_VARIANCE, c) + epsilon);
        coef[2] = norm_value(k, hits, n, node, EF_ROLE_BETA, c);
    }
}

static void strike_parameters(work *k)
{
    size_t n;
    const ef_fhit *scale = hits_of(k, EF_F_VALUE_SCALE, &n);
    k->struck = *k->step;
    k->code = k->w->rerun->fnet->codes[k->step->tail];
    strike_weights(k);
    strike_bias(k);
    strike_norm(k);
    if (n > 0) {
        k->code.scale = (double)float_of_bits(scale->bits);
        k->struck.code = NULL;
        k->is_unstored = 1;
    }
}

/* --- struck sums ------------------------------------------------------------------ */

/* One element's sum as it grows, in w->lane_values. */
typedef struct chain {
    const work *k;
    uint32_t c, y, x;
    uint64_t moment;
} chain;

/* Products of input channels [in, in + n_in) of the group with kernel rows [top,
 * bottom) and columns [left, right), as far as they are not padding. */
static void take_products(const chain *a, size_t in, size_t n_in, uint32_t top,
                          uint32_t bottom, uint32_t left, uint32_t right)
{
    const work *k = a->k;
    const ef_step *step = k->step, *from = &k->w->rerun->plan->steps[step->inputs[0]];
    const ef_taps *rows = &step->rows[a->y], *columns = &step->columns[a->x];
    size_t lanes = k->w->forward->lanes, block = k->w->rerun->plan->kernels->block;
    size_t n_taps = step->kernel[0] * (size_t)step->kernel[1];
    size_t group = a->c / (step->out.shape.channels / step->groups);
    size_t in_row = from->out.shape.width * lanes;
    uint32_t first = top > rows->first ? top : rows->first;
    uint32_t end = rows->first + rows->count;
    end = bottom < end ? bottom : end;
    ef_taps taps = {left > columns->first ? left : columns->first, 0, 0, 0};
    uint32_t stop = columns->first + columns->count;
    stop = right < stop ? right : stop;
    if (first >= end || taps.first >= stop) {
        return;
    }
    taps.count = stop - taps.first;
    taps.at = columns->at + (taps.first - columns->first) * step->dilation[1];
    in += group * (from->out.shape.channels / step->groups);
    ef_conv_row row = {.in_row = step->dilation[0] * in_row,
                       .in_column = step->dilation[1] * lanes,
                       .n_in = 1,
                       .n_rows = end - first,
                       .columns = &taps,
                       .n_columns = 1,
                       .w_row = step->kernel[1] * block,
                       .out = k->w->lane_values,
                       .n_out = 1,
                       .lanes = lanes};
    size_t within = in - group * (from->out.shape.channels / step->groups);
    uint32_t at = rows->at + (first - rows->first) * step->dilation[0];
    for (size_t i = 0; i < n_in; i++) {
        row.in = k->w->forward->channels[from->out.first + in + i] + at * in_row;
        row.weights = k->struck.weights + packed_at(k, a->c) +
                      ((within + i) * n_taps + first * step->kernel[1]) * block;
        k->w->rerun->plan->kernels->conv_row(&row);
    }
}

/* On to a moment: what is left of a row, of a channel, then channels whole. */
static void advance(chain *a, uint64_t to)
{
    uint32_t height = a->k->step->kernel[0], width = a->k->step->kernel[1];
    uint64_t n_taps = (uint64_t)height * width;
    while (a->moment < to) {
        uint64_t rest = to - a->moment, in = a->moment / n_taps;
        uint32_t y = (uint32_t)(a->moment % n_taps / width);
        uint32_t x = (uint32_t)(a->moment % width), n;
        if (x == 0 && y == 0 && rest >= n_taps) {
            take_products(a, in, rest / n_taps, 0, height, 0, width);
            a->moment += rest / n_taps * n_taps;
        } else if (x == 0 && rest >= width) {
            n = rest / width < height - y ? (uint32_t)(rest / width) : height - y;
            take_products(a, in, 1, y, y + n, 0, width);
            a->moment += (uint64_t)n * width;
        } else {
            n = rest < width - x ? (uint32_t)rest : width - x;
            take_products(a, in, 1, y, y + 1, x, x + n);
            a->moment += n;
        }
    }
}

static int hits_lane(const ef_floating_worker *w, const ef_fhit *hit, size_t lane)
{
    return hit->image < 0 || (size_t)hit->image == w->block->first + lane;
}

static int hits_block(const ef_floating_worker *w, const ef_fhit *hit)
{
    return hit->image < 0 || ((size_t)hit->image >= w->block->first &&
                              (size_t)hit->image < w->block->first + w->block->n);
}

/* n hits of one element at one moment. */
static void strike_sum(const ef_floating_worker *w, const ef_fhit *hits, size_t n)
{
    for (size_t lane = 0; lane < w->block->n; lane++) {
        uint32_t bits = bits_of_float(canonical(w->lane_values[lane]));
        int is_struck = 0;
        for (size_t i = 0; i < n; i++) {
            if (hits_lane(w, &hits[i], lane)) {
                bits = (uint32_t)ef_fault_bits(hits[i].kind, bits, hits[i].mask);
                is_struck = 1;
            }
        }
        if (is_struck) {
            w->lane_values[lane] = float_of_bits(bits);
        }
    }
}

static ef_area pixel_of(const ef_step *step, uint64_t index)
{
    uint32_t width = step->out.shape.width;
    uint64_t plane = (uint64_t)step->out.shape.height * width;
    uint32_t y = (uint32_t)(index % plane / width), x = (uint32_t)(index % width);
    return (ef_area){y, y + 1, x, x + 1, NULL};
}

/* How many of the n hits strike the element of the first; of those, at its moment. */
static size_t same_element(const ef_fhit *hits, size_t n, int at_moment)
{
    size_t i = 1;
    while (i < n && hits[i].index == hits[0].index &&
           (!at_moment || hits[i].moment == hits[0].moment)) {
        i++;
    }
    return i;
}

static int hit_block(const ef_floating_worker *w, const ef_fhit *hits, size_t n)
{
    int is_hit = 0;
    for (size_t i = 0; i < n && !is_hit; i++) {
        is_hit = hits_block(w, &hits[i]);
    }
    return is_hit;
}

/* n hits of one element. */
static void strike_element_sum(work *k, const ef_fhit *hits, size_t n)
{
    ef_floating_worker *w = k->w;
    ef_area pixel = pixel_of(k->step, hits->index);
    size_t plane = (size_t)k->step->out.shape.height * k->step->out.shape.width;
    size_t lanes = w->forward->lanes;
    chain a = {k, (uint32_t)(hits->index / plane), pixel.top, pixel.left, 0};
    ensure_inputs(k, pixel);
    memset(w->lane_values, 0, lanes * sizeof *w->lane_values);
    for (size_t i = 0, same; i < n; i += same) {
        same = same_element(hits + i, n - i, 1);
        advance(&a, hits[i].moment);
        strike_sum(w, hits + i, same);
    }
    const ef_step *from = &w->rerun->plan->steps[k->step->inputs[0]];
    advance(&a, from->out.shape.channels / k->step->groups *
                    (uint64_t)k->step->kernel[0] * k->step->kernel[1]);
    ef_step_end_span(w->forward, &k->struck, a.c, w->lane_values, lanes);
    float *to = take_channel(k, a.c, pixel);
    memcpy(to + hits->index % plane * lanes, w->lane_values, lanes * sizeof *to);
}

static void strike_sums(work *k)
{
    size_t n;
    const ef_fhit *hits = hits_of(k, EF_F_ACCUMULATOR, &n);
    for (size_t i = 0, same; i < n; i += same) {
        same = same_element(hits + i, n - i, 0);
        if (hit_block(k->w, hits + i, same)) {
            strike_element_sum(k, hits + i, same);
        }
    }
}

/* --- struck values ---------------------------------------------------------------- */

/* n hits of one element, whose values before they were stored, or after, are raw. */
static void strike_value(const work *k, const ef_fhit *hits, size_t n, const float *raw,
                         float *to)
{
    for (size_t lane = 0; lane < k->w->block->n; lane++) {
        uint32_t bits = 0;
        int is_struck = 0;
        for (size_t i = 0; i < n; i++) {
            if (hits_lane(k->w, &hits[i], lane)) {
                bits = is_struck ? bits : ef_fcode_of(&k->code, raw[lane]);
                bits = (uint32_t)ef_fault_bits(hits[i].kind, bits, hits[i].mask);
                is_struck = 1;
            }
        }
        if (is_struck) {
            to[lane] = ef_fcode_value(&k->code, bits);
        }
    }
}

static void strike_values(work *k)
{
    size_t n, lanes = k->w->forward->lanes;
    const ef_fhit *hits = hits_of(k, EF_F_VALUE, &n);
    size_t plane = (size_t)k->step->out.shape.height * k->step->out.shape.width;
    for (size_t i = 0, same; i < n; i += same) {
        same = same_element(hits + i, n - i, 0);
        if (hit_block(k->w, hits + i, same)) {
            size_t at = hits[i].index % plane * lanes;
            float *to = take_channel(k, hits[i].index / plane,
                                     pixel_of(k->step, hits[i].index)) +
                        at;
            strike_value(k, hits + i, same, to, to);
        }
    }
}

/* The same where values are still to be stored, with a scale that is struck: a channel
 * at a time, since what was not yet stored is struck. */
static void store_values(work *k)
{
    size_t n, lanes = k->w->forward->lanes, h = 0;
    const ef_fhit *hits = hits_of(k, EF_F_VALUE, &n);
    size_t plane = (size_t)k->step->out.shape.height * k->step->out.shape.width;
    for (size_t c = 0; c < k->step->out.shape.channels; c++) {
        float *to = own_channel(k->w, k->step, c);
        memcpy(k->w->plane, to, plane * lanes * sizeof *to);
        ef_fcode_store(&k->code, plane * lanes, to);
        for (size_t same; h < n && hits[h].index / plane == c; h += same) {
            size_t at = hits[h].index % plane * lanes;
            same = same_element(hits + h, n - h, 0);
            strike_value(k, hits + h, same, k->w->plane + at, to + at);
        }
    }
}

/* --- what differs ----------------------------------------------------------------- */

/* Whether two channels differ in an area, by its first row that does. */
static int find_difference(const float *a, const float *b, size_t width, size_t lanes,
                           const ef_area *area, uint32_t *row)
{
    size_t n = (area->right - area->left) * lanes * sizeof *a;
    for (uint32_t y = area->top; y < area->bottom; y++) {
        size_t at = (y * width + area->left) * lanes;
        if (memcmp(a + at, b + at, n) != 0) {
            *row = y;
            return 1;
        }
    }
    return 0;
}

static int row_differs(const float *a, const float *b, size_t width, size_t lanes,
                       ef_area area, uint32_t y)
{
    area.top = y;
    area.bottom = y + 1;
    return find_difference(a, b, width, lanes, &area, &y);
}

static int column_differs(const float *a, const float *b, size_t width, size_t lanes,
                          ef_area area, uint32_t x)
{
    uint32_t row;
    area.left = x;
    area.right = x + 1;
    return find_difference(a, b, width, lanes, &area, &row);
}

/* Widens `found` to what differs in an area of a channel; 0: nothing does. */
static int widen(const ef_area *area, const float *a, const float *b, size_t width,
                 size_t lanes, ef_area *found)
{
    uint32_t top;
    if (!find_difference(a, b, width, lanes, area, &top)) {
        return 0;
    }
    if (ef_area_is_empty(found)) {
        *found = (ef_area){top, top + 1, area->right, area->left, NULL};
    }
    found->top = top < found->top ? top : found->top;
    uint32_t bottom = area->bottom, left = area->left, right = area->right;
    while (bottom > found->bottom &&
           !row_differs(a, b, width, lanes, *area, bottom - 1)) {
        bottom--;
    }
    found->bottom = bottom > found->bottom ? bottom : found->bottom;
    while (left < found->left && !column_differs(a, b, width, lanes, *area, left)) {
        left++;
    }
    found->left = left < found->left ? left : found->left;
    while (right > found->right &&
           !column_differs(a, b, width, lanes, *area, right - 1)) {
        right--;
    }
    found->right = right > found->right ? right : found->right;
    return 1;
}

/* Channels in which nothing differs are the kept ones again. */
static void compare(const work *k)
{
    const ef_floating_worker *w = k->w;
    const ef_tensor *out = &k->step->out;
    ef_area found = {0};
    for (size_t c = 0; c < out->shape.channels; c++) {
        float **now = &w->forward->channels[out->first + c];
        float *kept = w->block->channels[out->first + c];
        if (*now != kept && !widen(&k->state->changed, *now, kept, out->shape.width,
                                   w->forward->lanes, &found)) {
            *now = kept;
            k->state->n_own--;
        }
    }
    k->state->changed = found;
}

/* --- all -------------------------------------------------------------------------- */

static void count_macs(const work *k)
{
    const ef_topology *topology = k->w->rerun->fnet->net->topology;
    size_t n = 0, elements = ef_shape_elements(k->step->out.shape);
    for (size_t c = 0; c < k->step->out.shape.channels; c++) {
        n += k->w->wanted[c];
    }
    n *= (size_t)(k->area.bottom - k->area.top) * (k->area.right - k->area.left);
    k->w->base.macs +=
        ef_topology_node_macs(topology, k->step->head) / elements * n * k->w->block->n;
}

static void compute(work *k)
{
    ef_floating_worker *w = k->w;
    size_t channels = k->step->out.shape.channels;
    if (reaches[k->step->node->op] == ALL) {
        want_all(k);
    }
    k->area.channels = w->wanted;
    ensure_inputs(k, k->area);
    k->state->valid = k->state->changed = k->area;
    for (size_t c = 0; c < channels; c++) {
        if (w->wanted[c]) {
            w->forward->channels[k->step->out.first + c] = own_channel(w, k->step, c);
            k->state->n_own++;
        }
    }
    k->struck.run(w->forward, &k->struck, &k->area);
    count_macs(k);
}

void ef_fstep_run(ef_floating_worker *w, size_t index, const ef_fhit *hits, size_t n)
{
    const ef_step *step = &w->rerun->plan->steps[index];
    work k = {.w = w,
              .index = index,
              .step = step,
              .state = &w->states[index],
              .hits = hits,
              .n = n};
    memset(w->wanted, 0, step->out.shape.channels);
    want_inputs(&k);
    want_struck(&k);
    if (w->is_whole) {
        want_all(&k);
    }
    strike_parameters(&k);
    if (!ef_area_is_empty(&k.area)) {
        compute(&k);
    }
    strike_sums(&k);
    if (k.is_unstored) {
        store_values(&k);
    } else {
        strike_values(&k);
    }
    if (!w->is_whole && k.state->n_own > 0) {
        compare(&k);
    }
}
