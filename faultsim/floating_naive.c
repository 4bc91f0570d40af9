/* The definition of a network in float formats with flipped bits: all of its codes in
 * a row, struck one flip after the other, and every node run whole. */
#include <string.h>

#include "base/mem.h"
#include "faultsim/floating.h"
#include "faultsim/forward_naive.h"
#include "faultsim/functions.h"

typedef struct naive {
    const ef_fnet *fnet;
    const ef_fault *fault; /* NULL: none */
    int64_t number;
    ef_net *net;     /* with struck parameters */
    uint32_t *bits;  /* (net->n_values) codes of all parameters */
    uint32_t *codes; /* (elements of the largest tensor) of the node in hand */
    ef_code *scaled; /* codes of weights in hand, with struck scales */
    float **tensors;
    size_t node; /* in hand */
} naive;

/* Calls for each flip of the image in hand that strikes this part of the node. */
typedef void visitor(naive *n, const ef_fsite *site, const ef_flip *flip, void *to);

static void visit(naive *n, size_t node, ef_fpart part, visitor *strike_it, void *to)
{
    for (size_t i = 0; n->fault && i < n->fault->n; i++) {
        const ef_flip *flip = &n->fault->flips[i];
        const ef_fsite *site = &n->fnet->sites[flip->site];
        if (site->site.node == node && site->part == part &&
            (flip->image < 0 || flip->image == n->number)) {
            strike_it(n, site, flip, to);
        }
    }
}

static uint32_t strike(const ef_flip *flip, uint32_t bits)
{
    return (uint32_t)ef_fault_bits(flip->kind, bits, flip->mask);
}

static void strike_parameter(naive *n, const ef_fsite *site, const ef_flip *flip,
                             void *to)
{
    (void)to;
    size_t at = ef_net_param(n->net, site->site.node, site->role)->offset;
    n->bits[at + flip->index] = strike(flip, n->bits[at + flip->index]);
}

/* of codes */
static void strike_scale(naive *n, const ef_fsite *site, const ef_flip *flip, void *to)
{
    ef_code *code = (ef_code *)to + flip->index;
    (void)n, (void)site;
    uint32_t bits = bits_of_float((float)code->scale);
    code->scale = (double)float_of_bits(strike(flip, bits));
}

static void strike_value(naive *n, const ef_fsite *site, const ef_flip *flip, void *to)
{
    (void)site, (void)to;
    n->codes[flip->index] = strike(flip, n->codes[flip->index]);
}

/* --- parameters ------------------------------------------------------------------- */

static size_t scale_of(const naive *n, const ef_param *param, size_t i)
{
    return i / (param->count / n->fnet->n_weight_codes[param->node]);
}

static void encode(naive *n, const ef_param *param)
{
    const float *from = n->fnet->net->values + param->offset;
    for (size_t i = 0; i < param->count; i++) {
        const ef_code *codes = n->fnet->weight_codes[param->node];
        n->bits[param->offset + i] =
            param->role == EF_ROLE_WEIGHT
                ? ef_code_of(&codes[scale_of(n, param, i)], from[i])
                : bits_of_float(from[i]);
    }
}

static void decode(naive *n, const ef_param *param)
{
    const ef_code *codes = n->fnet->weight_codes[param->node];
    if (param->role == EF_ROLE_WEIGHT) {
        memcpy(n->scaled, codes,
               n->fnet->n_weight_codes[param->node] * sizeof *n->scaled);
        visit(n, param->node, EF_F_WEIGHT_SCALE, strike_scale, n->scaled);
    }
    for (size_t i = 0; i < param->count; i++) {
        uint32_t bits = n->bits[param->offset + i];
        n->net->values[param->offset + i] =
            param->role == EF_ROLE_WEIGHT
                ? ef_fcode_value(&n->scaled[scale_of(n, param, i)], bits)
                : canonical(float_of_bits(bits));
    }
}

static void strike_parameters(naive *n)
{
    for (size_t i = 0; i < n->net->n_params; i++) {
        encode(n, &n->net->params[i]);
    }
    for (size_t i = 0; i < ef_topology_n_nodes(n->net->topology); i++) {
        visit(n, i, EF_F_WEIGHT, strike_parameter, NULL);
        visit(n, i, EF_F_BIAS, strike_parameter, NULL);
        visit(n, i, EF_F_NORM, strike_parameter, NULL);
    }
    for (size_t i = 0; i < n->net->n_params; i++) {
        decode(n, &n->net->params[i]);
    }
}

/* --- nodes ------------------------------------------------------------------------ */

typedef struct chain {
    size_t element;
    uint64_t moment;
    uint32_t bits;
    int is_struck;
} chain;

static void strike_moment(naive *n, const ef_fsite *site, const ef_flip *flip, void *to)
{
    chain *c = to;
    (void)n, (void)site;
    if (flip->index == c->element && flip->moment == c->moment) {
        c->bits = strike(flip, c->bits);
        c->is_struck = 1;
    }
}

static void note(naive *n, const ef_fsite *site, const ef_flip *flip, void *to)
{
    (void)n, (void)site, (void)flip;
    *(int *)to = 1;
}

static float strike_sum(void *context, size_t element, uint64_t moment, float sum)
{
    naive *n = context;
    chain c = {element, moment, bits_of_float(canonical(sum)), 0};
    visit(n, n->node, EF_F_ACCUMULATOR, strike_moment, &c);
    return c.is_struck ? float_of_bits(c.bits) : sum;
}

/* Stores the output in its format, where bits are struck. */
static void store(naive *n, float *values, size_t n_values)
{
    ef_code code = n->fnet->codes[n->node];
    visit(n, n->node, EF_F_VALUE_SCALE, strike_scale, &code);
    for (size_t i = 0; i < n_values; i++) {
        n->codes[i] = ef_fcode_of(&code, values[i]);
    }
    visit(n, n->node, EF_F_VALUE, strike_value, NULL);
    for (size_t i = 0; i < n_values; i++) {
        values[i] = ef_fcode_value(&code, n->codes[i]);
    }
}

static void run_node(naive *n, const float *image)
{
    ef_node_job job = ef_node_job_of(n->net, n->node, n->tensors, image);
    int is_struck = 0;
    visit(n, n->node, EF_F_ACCUMULATOR, note, &is_struck);
    job.strike = is_struck ? strike_sum : NULL;
    job.context = n;
    ef_node_run_naive(&job);
    if (ef_format_is_stated(&n->fnet->codes[n->node].format)) {
        store(n, job.out, ef_shape_elements(job.out_shape));
    }
}

static ef_status begin(naive *n)
{
    const ef_topology *topology = n->fnet->net->topology;
    size_t most_codes = 1, most_elements = 1;
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        size_t n_codes = n->fnet->n_weight_codes[i];
        size_t n_elements = ef_shape_elements(ef_topology_shape(topology, i));
        most_codes = n_codes > most_codes ? n_codes : most_codes;
        most_elements = n_elements > most_elements ? n_elements : most_elements;
    }
    if (ef_net_dup(&n->net, n->fnet->decoded)) {
        return EF_ERR_MEMORY;
    }
    n->bits = ef_calloc(n->net->n_values, sizeof *n->bits);
    n->scaled = ef_calloc(most_codes, sizeof *n->scaled);
    n->codes = ef_calloc(most_elements, sizeof *n->codes);
    ef_status status = ef_node_tensors_create(&n->tensors, topology);
    return n->bits && n->scaled && n->codes ? status : EF_ERR_MEMORY;
}

static void end(naive *n)
{
    if (n->net) {
        ef_node_tensors_destroy(n->tensors, n->net->topology);
    }
    ef_net_destroy(n->net);
    ef_free(n->bits);
    ef_free(n->scaled);
    ef_free(n->codes);
}

ef_status ef_fnet_run_naive(const ef_fnet *fnet, const float *image,
                            const ef_fault *fault, int64_t number, float *logits,
                            ef_error *err)
{
    naive n = {.fnet = fnet, .fault = fault, .number = number};
    const ef_topology *topology = fnet->net->topology;
    size_t output = ef_topology_output(topology);
    ef_status status = begin(&n);
    if (!status) {
        strike_parameters(&n);
        for (n.node = 0; n.node < ef_topology_n_nodes(topology); n.node++) {
            run_node(&n, image);
        }
        memcpy(logits, n.tensors[output],
               ef_shape_elements(ef_topology_shape(topology, output)) * sizeof *logits);
    }
    end(&n);
    return status ? ef_error_memory(err) : EF_OK;
}
