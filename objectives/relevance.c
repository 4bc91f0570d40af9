#include "objectives/relevance.h"

static int has_weights(const ef_node *node)
{
    return node->op == EF_OP_CONV || node->op == EF_OP_DENSE;
}

static double channels_of(const ef_topology *topology, size_t index)
{
    return ef_topology_shape(topology, index).channels;
}

/* --- relevance ----------------------------------------------------------------- */

/* Of its node's relevance, the share that input k is handed. */
typedef double share_of(const ef_topology *topology, size_t index, size_t k,
                        const double *energy);

static double plain_share(const ef_topology *topology, size_t index, size_t k,
                          const double *energy)
{
    (void)energy;
    const ef_node *node = ef_topology_node(topology, index);
    if (node->op == EF_OP_CONCAT) {
        return channels_of(topology, node->inputs[k]) / channels_of(topology, index);
    }
    return 1.0 / node->n_inputs;
}

static double weighted_share(const ef_topology *topology, size_t index, size_t k,
                             const double *energy)
{
    const ef_node *node = ef_topology_node(topology, index);
    double share = plain_share(topology, index, k, energy);
    if (node->op == EF_OP_CONCAT) {
        return share * energy[node->inputs[k]] / energy[index];
    }
    if (node->op == EF_OP_ADD) {
        return energy[node->inputs[k]] / energy[index];
    }
    return share;
}

static void hand_back(const ef_topology *topology, share_of *share,
                      const double *energy, double *rho)
{
    size_t n = ef_topology_n_nodes(topology);
    for (size_t i = 0; i < n; i++) {
        rho[i] = 0;
    }
    rho[ef_topology_output(topology)] = 1;
    for (size_t i = n; i-- > 0;) {
        const ef_node *node = ef_topology_node(topology, i);
        for (size_t k = 0; k < node->n_inputs; k++) {
            rho[node->inputs[k]] += rho[i] * share(topology, i, k, energy);
        }
    }
}

void ef_relevance(const ef_topology *topology, double *rho)
{
    hand_back(topology, plain_share, NULL, rho);
}

/* --- energy -------------------------------------------------------------------- */

/* How a node makes its energy of those of its inputs. */
typedef enum rule { UNIT, PASS, HALF, SUM, PRODUCT, MEAN } rule;

static const uint8_t rules[EF_OP_COUNT] = {
    [EF_OP_INPUT] = UNIT,     [EF_OP_CONV] = UNIT,    [EF_OP_DENSE] = UNIT,
    [EF_OP_BATCHNORM] = UNIT, [EF_OP_SCALE] = UNIT,   [EF_OP_ACTIVATION] = HALF,
    [EF_OP_ADD] = SUM,        [EF_OP_MUL] = PRODUCT,  [EF_OP_CONCAT] = MEAN,
    [EF_OP_MAXPOOL] = PASS,   [EF_OP_AVGPOOL] = PASS, [EF_OP_GLOBALAVG] = PASS,
    [EF_OP_GLOBALMAX] = PASS, [EF_OP_PAD] = PASS,     [EF_OP_SLICE] = PASS,
    [EF_OP_TRANSPOSE] = PASS, [EF_OP_FLATTEN] = PASS, [EF_OP_UPSAMPLE] = PASS,
    [EF_OP_RESHAPE] = PASS,   [EF_OP_SOFTMAX] = UNIT, [EF_OP_DIV] = PASS,
};

/* Activations in a row, without a layer between them, do not halve it for ever. */
#define LEAST_ENERGY 1e-30

static double mean_energy(const ef_topology *topology, size_t index,
                          const double *energy)
{
    const ef_node *node = ef_topology_node(topology, index);
    double sum = 0;
    for (size_t k = 0; k < node->n_inputs; k++) {
        sum += channels_of(topology, node->inputs[k]) * energy[node->inputs[k]];
    }
    return sum / channels_of(topology, index);
}

static double energy_of(const ef_topology *topology, size_t index, const double *energy)
{
    const ef_node *node = ef_topology_node(topology, index);
    rule how = rules[node->op];
    if (how == MEAN) {
        return mean_energy(topology, index, energy);
    }
    double made = how == UNIT ? 1 : energy[node->inputs[0]];
    for (size_t k = 1; k < node->n_inputs && (how == SUM || how == PRODUCT); k++) {
        double other = energy[node->inputs[k]];
        made = how == SUM ? made + other : made * other;
    }
    return how == HALF && made > LEAST_ENERGY ? made / 2 : made;
}

void ef_relevance_weighted(const ef_topology *topology, double *energy, double *rho)
{
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        energy[i] = energy_of(topology, i, energy);
    }
    hand_back(topology, weighted_share, energy, rho);
}

/* --- what lies before ----------------------------------------------------------- */

void ef_layers_before(const ef_topology *topology, const double *energy, double *layers)
{
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        layers[i] = has_weights(node);
        for (size_t k = 0; k < node->n_inputs; k++) {
            layers[i] +=
                weighted_share(topology, i, k, energy) * layers[node->inputs[k]];
        }
    }
}

/* --- what lies behind ----------------------------------------------------------- */

static double places_of(const ef_topology *topology, size_t index)
{
    ef_shape shape = ef_topology_shape(topology, index);
    return (double)shape.height * shape.width;
}

void ef_places_averaged(const ef_topology *topology, double *places)
{
    size_t n = ef_topology_n_nodes(topology);
    for (size_t i = 0; i < n; i++) {
        places[i] = 1;
    }
    for (size_t i = n; i-- > 0;) {
        const ef_node *node = ef_topology_node(topology, i);
        int averages = node->op == EF_OP_AVGPOOL || node->op == EF_OP_GLOBALAVG;
        for (size_t k = 0; k < node->n_inputs; k++) {
            size_t from = node->inputs[k];
            double here = places[i];
            here *= averages ? places_of(topology, from) / places_of(topology, i) : 1;
            places[from] = here > places[from] ? here : places[from];
        }
    }
}
