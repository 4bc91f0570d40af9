/* The struck parameters of a step: the step as it is with them. */
#include <math.h>
#include <string.h>

#include "faultsim/floating_step.h"
#include "faultsim/functions.h"

/* --- which ------------------------------------------------------------------------ */

/* The first hit of a part, and how many there are. */
const ef_fhit *ef_fwork_hits(const ef_fwork *k, ef_fpart part, size_t *n)
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

static size_t weights_of_channel(const ef_fwork *k)
{
    const ef_net *net = k->w->rerun->fnet->net;
    const ef_param *param = ef_net_param(net, k->step->head, EF_ROLE_WEIGHT);
    return param->count / param->dims[0];
}

void ef_fwork_want_struck(ef_fwork *k)
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
            ef_fwork_want_all(k);
        } else {
            size_t each = hit->part == EF_F_WEIGHT ? weights_of_channel(k) : 1;
            k->w->wanted[hit->index / each] = 1;
        }
    }
}

/* Where the first weight of an output channel is packed. */
size_t ef_fwork_packed_at(const ef_fwork *k, size_t c)
{
    size_t block = k->w->rerun->plan->kernels->block;
    size_t n_out = k->step->out.shape.channels / k->step->groups;
    size_t n_blocks = (n_out + block - 1) / block;
    size_t at = c / n_out * n_blocks + c % n_out / block;
    return at * weights_of_channel(k) * block + c % n_out % block;
}

/* The blocks of weights that are read: those of wanted channels and struck sums. */
static void copy_weights(ef_fwork *k)
{
    size_t block = k->w->rerun->plan->kernels->block;
    size_t n = weights_of_channel(k) * block, n_sums;
    size_t channels = k->step->out.shape.channels, last = SIZE_MAX;
    ef_fwork_hits(k, EF_F_ACCUMULATOR, &n_sums);
    for (size_t c = 0; c < channels; c++) {
        size_t at = ef_fwork_packed_at(k, c) / n * n;
        if (at != last && (k->w->wanted[c] || n_sums > 0)) {
            memcpy(k->w->weights + at, k->step->weights + at, n * sizeof(float));
            last = at;
        }
    }
    k->struck.weights = k->w->weights;
}

/* All weights that have a struck scale. */
static void strike_weight_scale(ef_fwork *k, const ef_fhit *hit, size_t n_codes)
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
        float *to = k->w->weights + ef_fwork_packed_at(k, c);
        for (size_t t = 0; t < n; t++) {
            uint32_t bits = ef_code_of(&fnet->weight_codes[k->step->head][hit->index],
                                       from[c * n + t]);
            to[t * block] = ef_fcode_value(code, bits);
        }
    }
}

static void strike_weights(ef_fwork *k)
{
    const ef_fnet *fnet = k->w->rerun->fnet;
    size_t n_codes = fnet->n_weight_codes[k->step->head], n_scales, n_weights;
    const ef_fhit *scales = ef_fwork_hits(k, EF_F_WEIGHT_SCALE, &n_scales);
    const ef_fhit *weights = ef_fwork_hits(k, EF_F_WEIGHT, &n_weights);
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
        size_t at = ef_fwork_packed_at(k, c) + tap * k->w->rerun->plan->kernels->block;
        k->w->weights[at] =
            ef_fcode_value(&k->w->codes[n_codes == 1 ? 0 : c], weights[i].bits);
    }
}

/* A copy of the coefficients of the step's function of this kind. */
static float *copy_coefs(ef_fwork *k, ef_span_kind kind)
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

static void strike_bias(ef_fwork *k)
{
    size_t n;
    const ef_fhit *hits = ef_fwork_hits(k, EF_F_BIAS, &n);
    float *coefs = n > 0 ? copy_coefs(k, EF_SPAN_BIAS) : NULL;
    for (size_t i = 0; i < n; i++) {
        coefs[hits[i].index * EF_SPAN_COEF] = canonical(float_of_bits(hits[i].bits));
    }
}

/* The node of the step that is a batch norm. */
static size_t norm_of(const ef_fwork *k)
{
    const ef_topology *topology = k->w->rerun->fnet->net->topology;
    size_t node = k->step->tail;
    while (ef_topology_node(topology, node)->op != EF_OP_BATCHNORM) {
        node = ef_topology_node(topology, node)->inputs[0];
    }
    return node;
}

/* A parameter of a batch norm, struck or not. */
static float norm_value(const ef_fwork *k, const ef_fhit *hits, size_t n, size_t node,
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

static void strike_norm(ef_fwork *k)
{
    size_t n;
    const ef_fhit *hits = ef_fwork_hits(k, EF_F_NORM, &n);
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

void ef_fwork_strike_parameters(ef_fwork *k)
{
    size_t n;
    const ef_fhit *scale = ef_fwork_hits(k, EF_F_VALUE_SCALE, &n);
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
