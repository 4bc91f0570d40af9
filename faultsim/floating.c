#include "faultsim/floating.h"

#include <math.h>

#include "base/mem.h"
#include "faultsim/site.h"
#include "faultsim/functions.h"
#include "net/stored.h"

/* --- codes with any scale --------------------------------------------------------- */

float ef_fcode_value(const ef_code *code, uint32_t bits)
{
    return canonical(ef_code_value(code, bits));
}

uint32_t ef_fcode_of(const ef_code *code, float value)
{
    ef_code positive = *code;
    if (isnan(code->scale)) {
        return ef_code_of(code, NAN);
    }
    if (code->scale == 0) {
        return ef_code_of(code, value != 0 ? copysignf(INFINITY, value) : value);
    }
    positive.scale = fabs(code->scale);
    return ef_code_of(&positive, code->scale < 0 ? -value : value);
}

/* Powers of two are the scales that ef_code_store expects. */
static int is_power(double scale)
{
    int exponent;
    return scale > 0 && isfinite(scale) && frexp(scale, &exponent) == 0.5;
}

void ef_fcode_store(const ef_code *code, size_t n, float *values)
{
    if (is_power(code->scale)) {
        ef_code_store(code, n, values);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = ef_fcode_value(code, ef_fcode_of(code, values[i]));
    }
}

/* --- formats ---------------------------------------------------------------------- */

static ef_status refuse_format(const ef_node *node, const ef_format *format,
                               const char *what, const char *supported, ef_error *err)
{
    char name[EF_FORMAT_NAME];
    ef_format_name(format, name);
    return ef_error_set(err, EF_ERR_UNSUPPORTED,
                        "node %s: %s in %s; supported in float execution are %s",
                        node->name, what, name, supported);
}

/* Whether codes stand for values by a scale that is stored beside them. */
static int has_scale(const ef_format *format)
{
    return format->kind == EF_FORMAT_FLOAT   ? format->scaled
           : format->kind == EF_FORMAT_FIXED ? !format->has_fraction
                                             : 1;
}

static ef_status bind_value(ef_fnet *fnet, size_t node, const ef_ranges *ranges,
                            const ef_format *fallback, ef_error *err)
{
    const ef_node *n = ef_topology_node(fnet->net->topology, node);
    const ef_format *format =
        ef_format_is_stated(&n->activation_format) ? &n->activation_format : fallback;
    ef_range range = {0, 0};
    if ((format->kind != EF_FORMAT_FLOAT && format->kind != EF_FORMAT_POW2) ||
        format->stochastic) {
        return refuse_format(n, format, "activations",
                             "floats and pow2, rounded to nearest", err);
    }
    if (has_scale(format)) {
        if (!ranges) {
            return ef_error_set(err, EF_ERR_INPUT, "node %s: its range is not known",
                                n->name);
        }
        ef_status status = ef_ranges_fit(ranges, &node, 1, format, &range, err);
        if (status) {
            return status;
        }
    }
    if (!isfinite(range.low) || !isfinite(range.high)) {
        return ef_error_set(err, EF_ERR_INPUT, "node %s: its range is not finite",
                            n->name);
    }
    return ef_code_bind(&fnet->codes[node], format, range.low, range.high, err);
}

static ef_range range_of(const float *values, size_t n)
{
    ef_range range = {values[0], values[0]};
    for (size_t i = 1; i < n; i++) {
        range.low = values[i] < range.low ? values[i] : range.low;
        range.high = values[i] > range.high ? values[i] : range.high;
    }
    return range;
}

static ef_status bind_weights(ef_fnet *fnet, size_t node, const ef_format *fallback,
                              ef_error *err)
{
    const ef_node *n = ef_topology_node(fnet->net->topology, node);
    const ef_param *param = ef_net_param(fnet->net, node, EF_ROLE_WEIGHT);
    const float *from = ef_net_values(fnet->net, node, EF_ROLE_WEIGHT);
    float *to = ef_net_values(fnet->decoded, node, EF_ROLE_WEIGHT);
    const ef_format *format =
        ef_format_is_stated(&n->weight_format) ? &n->weight_format : fallback;
    if (format->stochastic) {
        return refuse_format(n, format, "weights", "those rounded to nearest", err);
    }
    size_t n_codes = format->per_channel ? param->dims[0] : 1;
    size_t part = param->count / n_codes;
    fnet->n_weight_codes[node] = n_codes;
    fnet->weight_codes[node] = ef_calloc(n_codes, sizeof **fnet->weight_codes);
    if (!fnet->weight_codes[node]) {
        return ef_error_memory(err);
    }
    for (size_t c = 0; c < n_codes; c++) {
        ef_code *code = &fnet->weight_codes[node][c];
        ef_range range = range_of(from + c * part, part);
        ef_status status = ef_code_bind(code, format, range.low, range.high, err);
        if (status) {
            return status;
        }
        ef_code_store(code, part, to + c * part);
    }
    return EF_OK;
}

static ef_status check_finite(const ef_net *net, ef_error *err)
{
    for (size_t i = 0; i < net->n_params; i++) {
        const ef_param *param = &net->params[i];
        for (size_t k = 0; k < param->count; k++) {
            if (!isfinite(net->values[param->offset + k])) {
                return ef_error_set(err, EF_ERR_INPUT,
                                    "node %s: a value of its %s is not finite",
                                    ef_topology_node(net->topology, param->node)->name,
                                    ef_role_name((ef_role)param->role));
            }
        }
    }
    return EF_OK;
}

static ef_status bind_all(ef_fnet *fnet, const ef_ranges *ranges,
                          const ef_fnet_options *options, ef_error *err)
{
    ef_status status = check_finite(fnet->net, err);
    for (size_t i = 0; i < ef_topology_n_nodes(fnet->net->topology) && !status; i++) {
        if (ef_net_param(fnet->net, i, EF_ROLE_WEIGHT)) {
            status = bind_weights(fnet, i, &options->weights, err);
        }
        int is_rounded = fnet->stored[i] == EF_STORED_INPUT ||
                         fnet->stored[i] == EF_STORED_ACTIVATION;
        if (!status && is_rounded) {
            status = bind_value(fnet, i, ranges, &options->activations, err);
        }
    }
    return status;
}

/* --- sites ------------------------------------------------------------------------ */

static ef_status add_site(ef_fnet *fnet, size_t node, ef_fpart part, ef_role role,
                          const ef_site *site, ef_error *err)
{
    char name[EF_SITE_NAME_SIZE];
    ef_fsite *made = &fnet->sites[fnet->n_sites];
    *made = (ef_fsite){.site = *site, .part = part, .role = role};
    made->site.step = made->site.node = (uint32_t)node;
    made->site.n_moments = site->n_moments ? site->n_moments : 1;
    if (part <= EF_F_NORM) {
        ef_site_name_parameter(&made->site, fnet->net, role, name);
    } else {
        ef_site_name_output(&made->site, fnet->net, name);
    }
    made->site.name = made->name = ef_strdup(name);
    if (!made->name) {
        return ef_error_memory(err);
    }
    fnet->n_sites++;
    return EF_OK;
}

static ef_status add_weight_sites(ef_fnet *fnet, size_t node, ef_error *err)
{
    const ef_param *weights = ef_net_param(fnet->net, node, EF_ROLE_WEIGHT);
    const ef_param *bias = ef_net_param(fnet->net, node, EF_ROLE_BIAS);
    size_t elements = ef_shape_elements(ef_topology_shape(fnet->net->topology, node));
    const ef_format *format = &fnet->weight_codes[node][0].format;
    ef_site site = {EF_TARGET_WEIGHTS, .count = weights->count, .bits = format->bits};
    ef_status status = add_site(fnet, node, EF_F_WEIGHT, EF_ROLE_WEIGHT, &site, err);
    if (bias && !status) {
        site = (ef_site){EF_TARGET_BIASES, .count = bias->count, .bits = 32};
        status = add_site(fnet, node, EF_F_BIAS, EF_ROLE_BIAS, &site, err);
    }
    if (!status) {
        site = (ef_site){EF_TARGET_ACCUMULATORS, .count = elements, .bits = 32,
                         .n_moments = weights->count / weights->dims[0] + 1};
        status = add_site(fnet, node, EF_F_ACCUMULATOR, EF_ROLE_WEIGHT, &site, err);
    }
    if (!status && has_scale(format)) {
        site = (ef_site){EF_TARGET_SCALES, .count = fnet->n_weight_codes[node],
                         .bits = 32};
        status = add_site(fnet, node, EF_F_WEIGHT_SCALE, EF_ROLE_WEIGHT, &site, err);
    }
    return status;
}

static ef_status add_norm_sites(ef_fnet *fnet, size_t node, ef_error *err)
{
    static const ef_role roles[] = {EF_ROLE_GAMMA, EF_ROLE_BETA, EF_ROLE_MEAN,
                                    EF_ROLE_VARIANCE};
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0] && !status; i++) {
        ef_site site = {EF_TARGET_NORM,
                        .count = ef_net_param(fnet->net, node, roles[i])->count,
                        .bits = 32};
        status = add_site(fnet, node, EF_F_NORM, roles[i], &site, err);
    }
    return status;
}

static ef_status add_value_sites(ef_fnet *fnet, size_t node, ef_error *err)
{
    const ef_format *format = &fnet->codes[node].format;
    ef_site site = {fnet->stored[node] == EF_STORED_INPUT ? EF_TARGET_INPUTS
                                                          : EF_TARGET_ACTIVATIONS,
                    .count =
                        ef_shape_elements(ef_topology_shape(fnet->net->topology, node)),
                    .bits = format->bits};
    ef_status status = add_site(fnet, node, EF_F_VALUE, EF_ROLE_COUNT, &site, err);
    if (!status && has_scale(format)) {
        site = (ef_site){EF_TARGET_SCALES, .count = 1, .bits = 32};
        status = add_site(fnet, node, EF_F_VALUE_SCALE, EF_ROLE_COUNT, &site, err);
    }
    return status;
}

/* --- all -------------------------------------------------------------------------- */

#define SITES_OF_NODE 6 /* at most */

static ef_status make_room(ef_fnet *fnet, ef_error *err)
{
    size_t n = ef_topology_n_nodes(fnet->net->topology);
    fnet->stored = ef_calloc(n, sizeof *fnet->stored);
    fnet->codes = ef_calloc(n, sizeof *fnet->codes);
    fnet->weight_codes = ef_calloc(n, sizeof *fnet->weight_codes);
    fnet->n_weight_codes = ef_calloc(n, sizeof *fnet->n_weight_codes);
    fnet->sites = ef_calloc(n * SITES_OF_NODE, sizeof *fnet->sites);
    if (!fnet->stored || !fnet->codes || !fnet->weight_codes || !fnet->n_weight_codes ||
        !fnet->sites || ef_net_dup(&fnet->decoded, fnet->net)) {
        return ef_error_memory(err);
    }
    ef_topology_stored(fnet->net->topology, fnet->stored);
    return EF_OK;
}

static ef_status add_sites(ef_fnet *fnet, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < ef_topology_n_nodes(fnet->net->topology) && !status; i++) {
        if (fnet->weight_codes[i]) {
            status = add_weight_sites(fnet, i, err);
        } else if (ef_topology_node(fnet->net->topology, i)->op == EF_OP_BATCHNORM) {
            status = add_norm_sites(fnet, i, err);
        }
        if (!status && ef_format_is_stated(&fnet->codes[i].format)) {
            status = add_value_sites(fnet, i, err);
        }
    }
    return status;
}

ef_status ef_fnet_create(ef_fnet **fnet, const ef_net *net, const ef_ranges *ranges,
                         const ef_fnet_options *options, ef_error *err)
{
    ef_fnet *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->net = net;
    ef_status status = make_room(made, err);
    status = status ? status : bind_all(made, ranges, options, err);
    status = status ? status : add_sites(made, err);
    if (status) {
        ef_fnet_destroy(made);
        return status;
    }
    *fnet = made;
    return EF_OK;
}

void ef_fnet_destroy(ef_fnet *fnet)
{
    if (!fnet) {
        return;
    }
    for (size_t i = 0; i < fnet->n_sites; i++) {
        ef_free(fnet->sites[i].name);
    }
    for (size_t i = 0;
         fnet->weight_codes && i < ef_topology_n_nodes(fnet->net->topology); i++) {
        ef_free(fnet->weight_codes[i]);
    }
    ef_free(fnet->weight_codes);
    ef_free(fnet->n_weight_codes);
    ef_free(fnet->sites);
    ef_free(fnet->stored);
    ef_free(fnet->codes);
    ef_net_destroy(fnet->decoded);
    ef_free(fnet);
}
