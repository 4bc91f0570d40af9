/* Operators that change the size of images inside a network. */
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"
#include "net/space_priv.h"

/* Images keep at least this many places a side. */
#define LEAST_SIDE 2

/* Tensors behind which a pooling makes sense: images that are large enough. */
static int takes_pool(const ef_topology *topology, size_t node)
{
    ef_op op = ef_topology_node(topology, node)->op;
    ef_shape shape = ef_topology_shape(topology, node);
    return (op == EF_OP_ACTIVATION || op == EF_OP_ADD || op == EF_OP_CONCAT) &&
           node != ef_topology_output(topology) && shape.rank == 4 &&
           shape.height >= 2 * LEAST_SIDE && shape.width >= 2 * LEAST_SIDE;
}

ef_status ef_morph_pool(ef_rng *rng, const ef_space *space, const ef_net *parent,
                        ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t picked = EF_NO_NODE, n_seen = 0;
    int any = space->max_pool || space->avg_pool;
    for (uint32_t i = 0; any && i < ef_topology_n_nodes(topology); i++) {
        if (takes_pool(topology, i) && ef_morph_keep(rng, &n_seen)) {
            picked = i;
        }
    }
    if (picked == EF_NO_NODE) {
        return ef_morph_no_place(err, "pool");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    ef_edit_splice(&edit, picked,
                   ef_edit_add(&edit, ef_space_pool(rng, space, 2), picked));
    return ef_edit_end(&edit, ef_edit_finish(&edit, space, err), child);
}

static int is_pool(const ef_node *node)
{
    return (node->op == EF_OP_MAXPOOL || node->op == EF_OP_AVGPOOL) &&
           (node->u.pool.stride[0] > 1 || node->u.pool.stride[1] > 1);
}

ef_status ef_morph_unpool(ef_rng *rng, const ef_space *space, const ef_net *parent,
                          ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t picked = EF_NO_NODE, n_seen = 0;
    for (uint32_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        if (is_pool(ef_topology_node(topology, i)) && ef_morph_keep(rng, &n_seen)) {
            picked = i;
        }
    }
    if (picked == EF_NO_NODE) {
        return ef_morph_no_place(err, "remove-pool");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    ef_edit_bypass(&edit, picked, ef_topology_node(topology, picked)->inputs[0],
                   (ef_map){0});
    return ef_edit_end(&edit, ef_edit_finish(&edit, space, err), child);
}

/* The flatten in front of the first dense layer; EF_NO_NODE where there is none. */
static uint32_t find_flatten(const ef_topology *topology)
{
    for (uint32_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        if (ef_topology_node(topology, i)->op == EF_OP_FLATTEN) {
            return i;
        }
    }
    return EF_NO_NODE;
}

/* The average goes, and each place gets its share of the weights that the average had:
 * the same function. */
ef_status ef_morph_flatten(ef_rng *rng, const ef_space *space, const ef_net *parent,
                           ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t flatten = find_flatten(topology);
    (void)rng;
    size_t average =
        flatten == EF_NO_NODE ? 0 : ef_topology_node(topology, flatten)->inputs[0];
    const ef_node *node = ef_topology_node(topology, average);
    if (!space->flatten || node->op != EF_OP_GLOBALAVG) {
        return ef_morph_no_place(err, "flatten");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    ef_edit_bypass(&edit, (uint32_t)average, node->inputs[0], (ef_map){0});
    return ef_edit_end(&edit, ef_edit_finish(&edit, space, err), child);
}

/* Sums the columns of a dense layer that stand for the places of one channel. */
static void sum_places(const ef_edit *edit, uint32_t dense, size_t places)
{
    const ef_param *now =
        ef_net_param(edit->child, ef_edit_where(edit, dense), EF_ROLE_WEIGHT);
    const float *from = ef_net_values(edit->parent, dense, EF_ROLE_WEIGHT);
    float *to = edit->child->values + now->offset;
    for (size_t i = 0; i < now->count; i++) {
        double sum = 0;
        for (size_t k = 0; k < places; k++) {
            sum += from[i * places + k];
        }
        to[i] = (float)sum;
    }
}

ef_status ef_morph_average(ef_rng *rng, const ef_space *space, const ef_net *parent,
                           ef_net **child, ef_error *err)
{
    const ef_topology *topology = parent->topology;
    uint32_t flatten = find_flatten(topology);
    size_t dense = SIZE_MAX;
    (void)rng;
    if (!space->average || flatten == EF_NO_NODE ||
        !ef_morph_only_reader(topology, flatten, EF_OP_DENSE, &dense)) {
        return ef_morph_no_place(err, "average");
    }
    uint32_t input = ef_topology_node(topology, flatten)->inputs[0];
    ef_shape shape = ef_topology_shape(topology, input);
    size_t places = (size_t)shape.height * shape.width;
    if (places == 1) {
        return ef_morph_no_place(err, "average");
    }
    ef_edit edit;
    ef_status status = ef_edit_init(&edit, parent, err);
    if (status) {
        return status;
    }
    edit.graph.nodes[flatten].inputs[0] = ef_edit_op(&edit, input, EF_OP_GLOBALAVG);
    status = ef_edit_finish(&edit, space, err);
    if (!status && edit.child->values) {
        sum_places(&edit, (uint32_t)dense, places);
    }
    return ef_edit_end(&edit, status, child);
}
