/* The table of network operators, and what they share. */
#include "net/morph.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"

#define MOST_TRIES 100

const ef_operator_row ef_operators[EF_OPERATOR_COUNT] = {
#define X(id, function, name, keeps, weight, meaning)                                  \
    [EF_OPERATOR_##id] = {name, EF_KEEPS_##keeps, weight, meaning, ef_morph_##function},
    EF_OPERATOR_LIST(X)
#undef X
};

ef_status ef_morph_no_place(ef_error *err, const char *name)
{
    return ef_error_set(err, EF_ERR_TOPOLOGY, "%s finds no place in the network", name);
}

int ef_morph_keep(ef_rng *rng, uint32_t *n_seen)
{
    return ef_rng_below(rng, ++*n_seen) == 0;
}

int ef_morph_only_reader(const ef_topology *topology, size_t node, ef_op op,
                         size_t *reader)
{
    size_t n_readers;
    const uint32_t *readers = ef_topology_readers(topology, node, &n_readers);
    if (n_readers != 1 || ef_topology_node(topology, readers[0])->op != op) {
        return 0;
    }
    *reader = readers[0];
    return 1;
}

ef_status ef_morph_start(ef_rng *rng, const ef_edit *edit, uint32_t layer,
                         uint32_t norm, float gamma, ef_error *err)
{
    ef_moments moments = {0};
    size_t at = ef_edit_where(edit, layer);
    if (!edit->child->values) {
        ef_net_initialise_node(edit->child, at, rng);
        return EF_OK;
    }
    uint32_t n = ef_topology_shape(edit->child->topology, at).channels;
    double *sums = ef_calloc((size_t)2 * n, sizeof *sums);
    ef_net_initialise_node(edit->child, at, rng);
    ef_status status =
        sums ? ef_moments_init(&moments, edit->child, err) : ef_error_memory(err);
    if (!status) {
        ef_moments_layer(&moments, at, sums, sums + n);
        for (uint32_t i = 0; i < n; i++) {
            ef_edit_values(edit, norm, EF_ROLE_MEAN)[i] = (float)sums[i];
            ef_edit_values(edit, norm, EF_ROLE_VARIANCE)[i] = (float)sums[n + i];
            ef_edit_values(edit, norm, EF_ROLE_GAMMA)[i] = gamma;
        }
    }
    ef_moments_clear(&moments);
    ef_free(sums);
    return status;
}

#define INF HUGE_VALF

/* Least and greatest values; clip has its own. */
static const float activation_ranges[EF_ACTIVATION_COUNT][2] = {
    [EF_ACTIVATION_RELU] = {0, INF},       [EF_ACTIVATION_CLIP] = {-INF, INF},
    [EF_ACTIVATION_LEAKY] = {-INF, INF},   [EF_ACTIVATION_PRELU] = {-INF, INF},
    [EF_ACTIVATION_SIGMOID] = {0, 1},      [EF_ACTIVATION_HARDSIGMOID] = {0, 1},
    [EF_ACTIVATION_HARDSWISH] = {-1, INF}, [EF_ACTIVATION_TANH] = {-1, 1},
};

/* What an operation does to ranges: knows nothing, passes its input's on, has them in
 * its parameters, adds them, takes the widest. */
typedef enum range_rule { UNKNOWN, PASS, OWN, SUM, WIDEST } range_rule;

static const uint8_t range_rules[EF_OP_COUNT] = {
    [EF_OP_MAXPOOL] = PASS,   [EF_OP_AVGPOOL] = PASS,   [EF_OP_GLOBALAVG] = PASS,
    [EF_OP_GLOBALMAX] = PASS, [EF_OP_ACTIVATION] = OWN, [EF_OP_ADD] = SUM,
    [EF_OP_CONCAT] = WIDEST,  [EF_OP_SLICE] = PASS,     [EF_OP_TRANSPOSE] = PASS,
    [EF_OP_FLATTEN] = PASS,   [EF_OP_UPSAMPLE] = PASS,  [EF_OP_RESHAPE] = PASS,
};

static void own_range(const ef_activation *activation, float *low, float *high)
{
    int clip = activation->kind == EF_ACTIVATION_CLIP;
    *low = clip ? activation->low : activation_ranges[activation->kind][0];
    *high = clip ? activation->high : activation_ranges[activation->kind][1];
}

static void find_range(ef_ranges *ranges, const ef_node *node, size_t index)
{
    range_rule rule = (range_rule)range_rules[node->op];
    float low = -INF, high = INF;
    if (rule == OWN) {
        own_range(&node->u.activation, &low, &high);
    } else if (rule != UNKNOWN) {
        low = ranges->low[node->inputs[0]];
        high = ranges->high[node->inputs[0]];
        if (node->op == EF_OP_AVGPOOL && node->u.pool.count_include_pad) {
            low = low < 0 ? low : 0;
            high = high > 0 ? high : 0;
        }
    }
    for (uint32_t k = 1; k < node->n_inputs && rule != UNKNOWN; k++) {
        float other_low = ranges->low[node->inputs[k]];
        float other_high = ranges->high[node->inputs[k]];
        low = rule == SUM ? low + other_low : low < other_low ? low : other_low;
        high = rule == SUM ? high + other_high : high > other_high ? high : other_high;
    }
    ranges->low[index] = low;
    ranges->high[index] = high;
}

ef_status ef_ranges_init(ef_ranges *ranges, const ef_topology *topology, ef_error *err)
{
    size_t n = ef_topology_n_nodes(topology);
    float *room = ef_calloc(2 * n, sizeof *room);
    if (!room) {
        return ef_error_memory(err);
    }
    *ranges = (ef_ranges){room, room + n};
    for (size_t i = 0; i < n; i++) {
        find_range(ranges, ef_topology_node(topology, i), i);
    }
    return EF_OK;
}

void ef_ranges_clear(ef_ranges *ranges)
{
    ef_free(ranges->low);
    memset(ranges, 0, sizeof *ranges);
}

int ef_ranges_keep(const ef_ranges *ranges, size_t node,
                   const ef_activation *activation)
{
    float low, high;
    own_range(activation, &low, &high);
    int clips = activation->kind == EF_ACTIVATION_RELU ||
                activation->kind == EF_ACTIVATION_CLIP;
    return clips && ranges->low[node] >= low && ranges->high[node] <= high;
}

static ef_operator draw_operator(ef_rng *rng, const ef_space *space)
{
    double total = 0;
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        total += space->weights[i];
    }
    double at = ef_rng_unit(rng) * total;
    size_t last = 0;
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        if (space->weights[i] > 0) {
            last = i;
            at -= space->weights[i];
            if (at < 0) {
                break;
            }
        }
    }
    return (ef_operator)last;
}

ef_status ef_morph_mutate(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, const char **name, ef_error *err)
{
    for (size_t i = 0; i < MOST_TRIES; i++) {
        const ef_operator_row *row = &ef_operators[draw_operator(rng, space)];
        ef_status status = row->apply(rng, space, parent, child, NULL);
        if (status != EF_ERR_TOPOLOGY) {
            if (!status && name) {
                *name = row->name;
            }
            return status ? ef_error_set(err, status, "%s", ef_status_text(status))
                          : EF_OK;
        }
    }
    return ef_error_set(err, EF_ERR_TOPOLOGY,
                        "no operator finds a place in the network that the search "
                        "space %s allows",
                        space->name);
}
