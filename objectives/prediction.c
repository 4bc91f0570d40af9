#include "objectives/prediction.h"

#include <float.h>
#include <math.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "faultsim/formats.h"
#include "net/stored.h"
#include "objectives/flip_effect.h"
#include "objectives/relevance.h"

enum { TARGETS = 2 }; /* EF_EXPOSED_WEIGHTS, EF_EXPOSED_ACTIVATIONS */

/* Where ranges end, in deviations: the largest of some 10^5 activations, of some 10^4
 * weights of a layer, and of the 10^2 or so of one channel. */
#define CUT_ACTIVATIONS 4.3
#define CUT_WEIGHTS 3.7
#define CUT_CHANNEL 2.8

/* Inputs of a neuron (geometric mean) in the topologies that the constants were found
 * on. */
#define USUAL_FAN_IN 30.0

/* A format with what its flips do, for tensors that agree in both. */
typedef struct effect_row {
    ef_format format;
    ef_value_spread spread;
    ef_flip_effect effect;
} effect_row;

/* One tensor that faults strike; logarithms, as the constants are powers. */
typedef struct exposed_tensor {
    double elements;
    double log_elements;
    double log_relevance;
    double layers;       /* conv and dense layers up to it */
    double log_places;   /* height times width of the output */
    double log_averaged; /* places that average pooling behind it averages */
    size_t effect;       /* row */
} exposed_tensor;

struct ef_prediction {
    exposed_tensor *tensors[TARGETS]; /* (n_tensors) */
    size_t n_tensors[TARGETS];
    effect_row *effects; /* (n_effects) */
    size_t n_effects, capacity;
    double log_fan_in; /* geometric mean of the layers' inputs over the usual one */
};

/* While it is made. */
typedef struct build {
    ef_prediction *made;
    const ef_topology *topology;
    const ef_prediction_formats *formats;
    size_t n;
    double *energy, *rho, *layers, *averaged; /* (n) each */
    uint8_t *stored, *is_positive;            /* (n) */
    ef_error *err;
} build;

void ef_prediction_formats_init(ef_prediction_formats *formats, const ef_format *format)
{
    const ef_format int8 = {.kind = EF_FORMAT_INT, .bits = 8};
    ef_format activations = ef_format_is_stated(format) ? *format : int8;
    ef_format weights = activations;
    ef_qnet_options both = {.accumulator_bits = 0};
    if (weights.kind == EF_FORMAT_UINT) { /* only activations have a zero point */
        weights.kind = EF_FORMAT_INT;
    }
    ef_formats_set_weights(&both, &weights);
    ef_formats_set_activations(&both, &activations);
    *formats = (ef_prediction_formats){.weights = both.weights,
                                       .activations = both.activations,
                                       .fits_activations = both.fits_activations};
}

/* --- formats ------------------------------------------------------------------- */

/* Formats that have a scale of their own do the same to values of any deviation. */
static int has_scale(const ef_format *format)
{
    return !(format->kind == EF_FORMAT_FLOAT && !format->scaled) &&
           !(format->kind == EF_FORMAT_FIXED && format->has_fraction);
}

static ef_status find_effect(build *b, const ef_format *format,
                             const ef_value_spread *spread, size_t *index)
{
    ef_prediction *p = b->made;
    for (size_t i = 0; i < p->n_effects; i++) {
        const effect_row *row = &p->effects[i];
        if (ef_format_equal(&row->format, format) && row->spread.law == spread->law &&
            row->spread.cut == spread->cut &&
            row->spread.deviation == spread->deviation) {
            *index = i;
            return EF_OK;
        }
    }
    if (p->n_effects == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 4;
        effect_row *grown = ef_realloc(p->effects, capacity, sizeof *grown);
        if (!grown) {
            return ef_error_memory(b->err);
        }
        p->effects = grown;
        p->capacity = capacity;
    }
    effect_row made = {.format = *format, .spread = *spread};
    ef_status status = ef_flip_effect_init(&made.effect, format, spread, b->err);
    if (!status) {
        *index = p->n_effects;
        p->effects[p->n_effects++] = made;
    }
    return status;
}

/* He's initialisation, to a power of two so that layers share effects. */
static double weight_deviation(double fan_in)
{
    double deviation = 1;
    while (deviation * deviation > 3 / fan_in) { /* nearest to sqrt(2 / fan_in) */
        deviation /= 2;
    }
    return deviation;
}

static ef_status weight_effect(build *b, const ef_node *node, double fan_in,
                               size_t *index)
{
    ef_format format = ef_format_is_stated(&node->weight_format) ? node->weight_format
                                                                 : b->formats->weights;
    const ef_value_spread spread = {
        .law = EF_VALUES_NORMAL,
        .deviation = has_scale(&format) ? 1 : weight_deviation(fan_in),
        .cut = format.per_channel ? CUT_CHANNEL : CUT_WEIGHTS};
    format.per_channel = 0;
    return find_effect(b, &format, &spread, index);
}

static ef_status activation_effect(build *b, size_t node, size_t *index)
{
    const ef_format *stated = &ef_topology_node(b->topology, node)->activation_format;
    int is_stated = ef_format_is_stated(stated), is_positive = b->is_positive[node];
    ef_format format = is_stated ? *stated : b->formats->activations;
    if (!is_stated && b->formats->fits_activations && is_positive) {
        format.kind = EF_FORMAT_UINT;
    }
    const ef_value_spread spread = {.law = is_positive ? EF_VALUES_RECTIFIED
                                                       : EF_VALUES_NORMAL,
                                    .deviation = 1,
                                    .cut = CUT_ACTIVATIONS};
    return find_effect(b, &format, &spread, index);
}

/* --- tensors ------------------------------------------------------------------- */

/* Outputs that have no value below 0. */
static void find_positive(build *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const ef_node *node = ef_topology_node(b->topology, i);
        const ef_activation *f = &node->u.activation;
        int is_positive = node->n_inputs > 0;
        for (size_t k = 0; k < node->n_inputs; k++) {
            is_positive = is_positive && b->is_positive[node->inputs[k]];
        }
        switch (node->op) {
        case EF_OP_CONV:
        case EF_OP_DENSE:
        case EF_OP_BATCHNORM:
        case EF_OP_SCALE:
            is_positive = 0;
            break;
        case EF_OP_ACTIVATION:
            is_positive = f->kind == EF_ACTIVATION_RELU ||
                          f->kind == EF_ACTIVATION_SIGMOID ||
                          f->kind == EF_ACTIVATION_HARDSIGMOID ||
                          (f->kind == EF_ACTIVATION_CLIP && f->low >= 0) || is_positive;
            break;
        default:
            break;
        }
        b->is_positive[i] = (uint8_t)is_positive;
    }
}

static double log_of(double value)
{
    return value > 0 ? ef_log(value) : -DBL_MAX;
}

/* A tensor of so many elements that shows in the output of a node. */
static exposed_tensor *add_tensor(build *b, ef_exposed target, size_t node,
                                  double elements)
{
    ef_prediction *p = b->made;
    ef_shape shape = ef_topology_shape(b->topology, node);
    exposed_tensor *t = &p->tensors[target][p->n_tensors[target]++];
    t->elements = elements;
    t->log_elements = ef_log(elements);
    t->log_relevance = log_of(b->rho[node]);
    t->layers = b->layers[node];
    t->log_places = ef_log((double)shape.height * shape.width);
    t->log_averaged = ef_log(b->averaged[node]);
    return t;
}

static ef_status add_activation(build *b, size_t node)
{
    ef_shape shape = ef_topology_shape(b->topology, node);
    exposed_tensor *t =
        add_tensor(b, EF_EXPOSED_ACTIVATIONS, node, (double)ef_shape_elements(shape));
    return activation_effect(b, node, &t->effect);
}

static ef_status add_weights(build *b, size_t index)
{
    const ef_node *node = ef_topology_node(b->topology, index);
    double channels = ef_topology_shape(b->topology, index).channels;
    double biases = node->op == EF_OP_CONV ? node->u.conv.bias : node->u.dense.bias;
    double weights =
        (double)ef_topology_node_params(b->topology, index) - channels * biases;
    double fan_in = weights / channels;
    exposed_tensor *t = add_tensor(b, EF_EXPOSED_WEIGHTS, index, weights);
    b->made->log_fan_in += ef_log(fan_in / USUAL_FAN_IN);
    return weight_effect(b, node, fan_in, &t->effect);
}

static int has_weights(const ef_node *node)
{
    return node->op == EF_OP_CONV || node->op == EF_OP_DENSE;
}

static ef_status add_tensors(build *b)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < b->n && !status; i++) {
        if (b->stored[i] == EF_STORED_ACTIVATION) {
            status = add_activation(b, i);
        }
        if (!status && has_weights(ef_topology_node(b->topology, i))) {
            status = add_weights(b, i);
        }
    }
    size_t n_layers = b->made->n_tensors[EF_EXPOSED_WEIGHTS];
    b->made->log_fan_in /= n_layers > 0 ? (double)n_layers : 1;
    return status;
}

static ef_status allocate(build *b)
{
    b->energy = ef_calloc(4 * b->n, sizeof *b->energy);
    b->stored = ef_calloc(2 * b->n, sizeof *b->stored);
    for (size_t t = 0; t < TARGETS; t++) {
        b->made->tensors[t] = ef_calloc(b->n, sizeof *b->made->tensors[t]);
    }
    if (!b->energy || !b->stored || !b->made->tensors[0] || !b->made->tensors[1]) {
        return ef_error_memory(b->err);
    }
    b->rho = b->energy + b->n;
    b->layers = b->rho + b->n;
    b->averaged = b->layers + b->n;
    b->is_positive = b->stored + b->n;
    return EF_OK;
}

static ef_status make(build *b)
{
    ef_status status = allocate(b);
    if (!status) {
        ef_topology_stored(b->topology, b->stored);
        ef_relevance_weighted(b->topology, b->energy, b->rho);
        ef_layers_before(b->topology, b->energy, b->layers);
        ef_places_averaged(b->topology, b->averaged);
        find_positive(b);
        status = add_tensors(b);
    }
    ef_free(b->energy);
    ef_free(b->stored);
    return status;
}

ef_status ef_prediction_create(ef_prediction **prediction, const ef_topology *topology,
                               const ef_prediction_formats *formats, ef_error *err)
{
    build b = {.made = ef_calloc(1, sizeof *b.made),
               .topology = topology,
               .formats = formats,
               .n = ef_topology_n_nodes(topology),
               .err = err};
    if (!b.made) {
        return ef_error_memory(err);
    }
    ef_status status = make(&b);
    if (status) {
        ef_prediction_destroy(b.made);
        return status;
    }
    *prediction = b.made;
    return EF_OK;
}

void ef_prediction_destroy(ef_prediction *prediction)
{
    if (!prediction) {
        return;
    }
    for (size_t i = 0; i < prediction->n_effects; i++) {
        ef_flip_effect_clear(&prediction->effects[i].effect);
    }
    for (size_t t = 0; t < TARGETS; t++) {
        ef_free(prediction->tensors[t]);
    }
    ef_free(prediction->effects);
    ef_free(prediction);
}

/* --- the prediction ------------------------------------------------------------ */

/* Constants by name, in the order of ef_constant_rows. */
enum { MARGIN, SIZE, POSITION, FAN_IN, PLACES, AVERAGING };

/* What multiplies (delta / rms)^2: noise in the output by energy of the tensor's, over
 * the noise that is critical. */
static double gain_of(const ef_prediction *p, const exposed_tensor *t, const double *c)
{
    double log_gain = t->log_relevance - c[SIZE] * t->log_elements -
                      c[POSITION] * t->layers - c[FAN_IN] * p->log_fan_in -
                      c[PLACES] * t->log_places + c[AVERAGING] * t->log_averaged;
    return ef_exp(log_gain) / c[MARGIN];
}

double ef_prediction_critical(const ef_prediction *prediction, ef_exposed target,
                              const ef_constants *constants)
{
    ef_constants built_in;
    if (!constants) {
        ef_constants_init(&built_in);
        constants = &built_in;
    }
    double sum = 0;
    for (size_t i = 0; i < prediction->n_tensors[target]; i++) {
        const exposed_tensor *t = &prediction->tensors[target][i];
        double gain = gain_of(prediction, t, constants->values[target]);
        sum += t->elements *
               ef_flip_effect_sum(&prediction->effects[t->effect].effect, gain);
    }
    return sum;
}

double ef_prediction_bits(const ef_prediction *prediction, ef_exposed target)
{
    double bits = 0;
    for (size_t i = 0; i < prediction->n_tensors[target]; i++) {
        const exposed_tensor *t = &prediction->tensors[target][i];
        bits += t->elements * prediction->effects[t->effect].effect.width;
    }
    return bits;
}

static double ccr_of_flip(const ef_prediction *p, ef_exposed target,
                          const ef_constants *constants)
{
    double bits = ef_prediction_bits(p, target);
    return bits > 0 ? ef_prediction_critical(p, target, constants) / bits : 0;
}

/* 1 - exp(-x), of small x too. */
static double share_of(double x)
{
    return x < 1e-5 ? x * (1 - x / 2) : 1 - ef_exp(-x);
}

double ef_prediction_ccr(const ef_prediction *prediction, const ef_fault_model *fault,
                         const ef_constants *constants)
{
    double critical = 0, ccr = 0;
    for (ef_exposed t = EF_EXPOSED_WEIGHTS; t <= EF_EXPOSED_ACTIVATIONS; t++) {
        if (fault->target != EF_EXPOSED_BOTH && fault->target != t) {
            continue;
        }
        if (fault->ber > 0) {
            critical += ef_prediction_critical(prediction, t, constants);
        } else {
            double share = fault->target != EF_EXPOSED_BOTH ? 1
                           : t == EF_EXPOSED_WEIGHTS        ? fault->share
                                                            : 1 - fault->share;
            ccr += share * ccr_of_flip(prediction, t, constants);
        }
    }
    return fault->ber > 0 ? share_of(fault->ber * critical) : ccr;
}

ef_status ef_predict(const ef_topology *topology, const ef_prediction_formats *formats,
                     const ef_fault_model *fault, const ef_constants *constants,
                     double *ccr, ef_error *err)
{
    ef_prediction *prediction = NULL;
    ef_status status = ef_prediction_create(&prediction, topology, formats, err);
    if (!status) {
        *ccr = ef_prediction_ccr(prediction, fault, constants);
        ef_prediction_destroy(prediction);
    }
    return status;
}
