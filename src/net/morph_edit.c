/* A child in the making: the edit of a copy of the parent's graph. */
#include <string.h>

#include "base/mem.h"
#include "net/morph_inherit.h"
#include "net/morph_priv.h"
#include "net/space_priv.h"

ef_status ef_edit_init(ef_edit *edit, const ef_net *parent, ef_error *err)
{
    memset(edit, 0, sizeof *edit);
    edit->parent = parent;
    edit->n_old = ef_topology_n_nodes(parent->topology);
    size_t room = edit->n_old + EF_EDIT_NEW;
    edit->nodes = ef_calloc(room, sizeof edit->nodes[0]);
    edit->graph.nodes = ef_calloc(room, sizeof edit->graph.nodes[0]);
    if (!edit->nodes || !edit->graph.nodes) {
        ef_edit_end(edit, EF_ERR_MEMORY, NULL);
        return ef_error_memory(err);
    }
    const ef_graph *graph = ef_topology_graph(parent->topology);
    memcpy(edit->graph.nodes, graph->nodes, edit->n_old * sizeof graph->nodes[0]);
    edit->graph.n_nodes = edit->n_old;
    edit->graph.capacity = room;
    for (size_t i = 0; i < room; i++) {
        edit->nodes[i].by = edit->nodes[i].where = EF_NO_NODE;
    }
    return EF_OK;
}

ef_status ef_edit_end(ef_edit *edit, ef_status status, ef_net **child)
{
    if (status) {
        ef_net_destroy(edit->child);
    } else {
        *child = edit->child;
    }
    ef_graph_clear(&edit->graph);
    ef_free(edit->nodes);
    memset(edit, 0, sizeof *edit);
    return status;
}

uint32_t ef_edit_add(ef_edit *edit, ef_node node, uint32_t input)
{
    size_t index = 0;
    node.inputs[0] = input;
    node.n_inputs = 1;
    if (edit->graph.n_nodes == edit->n_old + EF_EDIT_NEW) {
        edit->status = EF_ERR_FAILED;
    } else if (!edit->status) {
        edit->status = ef_graph_add(&edit->graph, &node, &index);
    }
    return (uint32_t)index;
}

uint32_t ef_edit_conv(ef_edit *edit, uint32_t input, uint32_t channels, uint32_t kernel,
                      uint32_t stride)
{
    return ef_edit_add(edit, ef_space_conv(channels, kernel, stride), input);
}

uint32_t ef_edit_op(ef_edit *edit, uint32_t input, ef_op op)
{
    return ef_edit_add(edit, ef_node_default(op), input);
}

uint32_t ef_edit_activation(ef_edit *edit, uint32_t input, const ef_space *space)
{
    return ef_edit_add(edit, ef_space_activation(space), input);
}

uint32_t ef_edit_join(ef_edit *edit, ef_op op, uint32_t first, uint32_t second)
{
    uint32_t index = ef_edit_op(edit, first, op);
    edit->graph.nodes[index].inputs[1] = second;
    edit->graph.nodes[index].n_inputs = 2;
    return index;
}

static void redirect(ef_edit *edit, size_t n_nodes, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < n_nodes; i++) {
        ef_node *node = &edit->graph.nodes[i];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            if (node->inputs[k] == from) {
                node->inputs[k] = to;
            }
        }
    }
}

void ef_edit_splice(ef_edit *edit, uint32_t from, uint32_t to)
{
    redirect(edit, edit->n_old, from, to);
}

void ef_edit_bypass(ef_edit *edit, uint32_t from, uint32_t to, ef_map map)
{
    redirect(edit, edit->graph.n_nodes, from, to);
    edit->nodes[from].by = to;
    edit->nodes[from].by_map = map;
}

size_t ef_edit_where(const ef_edit *edit, uint32_t node)
{
    while (edit->nodes[node].where == EF_NO_NODE &&
           edit->nodes[node].by != EF_NO_NODE) {
        node = edit->nodes[node].by;
    }
    return edit->nodes[node].where;
}

float *ef_edit_values(const ef_edit *edit, uint32_t node, ef_role role)
{
    return ef_net_values(edit->child, edit->nodes[node].where, role);
}

/* The node that took over the output, which nobody reads. */
static uint32_t find_output(const ef_edit *edit)
{
    uint32_t at = (uint32_t)ef_topology_output(edit->parent->topology);
    while (edit->nodes[at].by != EF_NO_NODE) {
        at = edit->nodes[at].by;
    }
    return at;
}

/* An activation that follows an equal one does nothing. */
static void drop_repeated(ef_edit *edit)
{
    for (uint32_t i = 0; i < edit->graph.n_nodes; i++) {
        const ef_node *node = &edit->graph.nodes[i];
        const ef_node *input = &edit->graph.nodes[node->inputs[0]];
        int idempotent = node->u.activation.kind == EF_ACTIVATION_RELU ||
                         node->u.activation.kind == EF_ACTIVATION_CLIP;
        if (node->op == EF_OP_ACTIVATION && input->op == EF_OP_ACTIVATION &&
            idempotent &&
            memcmp(&node->u.activation, &input->u.activation,
                   sizeof node->u.activation) == 0) {
            ef_edit_bypass(edit, i, node->inputs[0], (ef_map){0});
        }
    }
}

/* Marks what reaches the output with where = 0; stack, shape (n_nodes), is room. */
static void mark_live(ef_edit *edit, uint32_t *stack)
{
    size_t n = 0;
    stack[n++] = find_output(edit);
    edit->nodes[stack[0]].where = 0;
    while (n > 0) {
        const ef_node *node = &edit->graph.nodes[stack[--n]];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            ef_edit_node *input = &edit->nodes[node->inputs[k]];
            if (input->where == EF_NO_NODE) {
                input->where = 0;
                stack[n++] = node->inputs[k];
            }
        }
    }
}

/* Copies the live nodes of the edit, positions of inputs included. */
static void copy_live(ef_edit *edit, ef_graph *live)
{
    for (size_t i = 0; i < edit->graph.n_nodes; i++) {
        if (edit->nodes[i].where != EF_NO_NODE) {
            edit->nodes[i].where = (uint32_t)live->n_nodes;
            live->nodes[live->n_nodes++] = edit->graph.nodes[i];
        }
    }
    for (size_t i = 0; i < live->n_nodes; i++) {
        ef_node *node = &live->nodes[i];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            node->inputs[k] = edit->nodes[node->inputs[k]].where;
        }
    }
}

static ef_shape output_shape(const ef_topology *topology)
{
    return ef_topology_shape(topology, ef_topology_output(topology));
}

/* What operators do in front of an output that no dense layer makes can change it. */
static ef_status check_output(const ef_edit *edit, const ef_topology *topology,
                              ef_error *err)
{
    return ef_shape_equal(output_shape(edit->parent->topology), output_shape(topology))
               ? EF_OK
               : ef_error_set(err, EF_ERR_TOPOLOGY,
                              "the output would change its shape");
}

static ef_status build(ef_edit *edit, const ef_space *space, const ef_graph *live,
                       ef_error *err)
{
    ef_topology *topology = NULL;
    ef_status status = ef_topology_create(&topology, live, err);
    if (!status) {
        status = check_output(edit, topology, err);
    }
    if (!status) {
        status = ef_space_allows(space, topology, err);
    }
    if (!status) {
        status = (space->plans ? ef_net_create_plan : ef_net_create)(&edit->child,
                                                                     topology, err);
    }
    for (size_t i = 0; !status && i < edit->graph.n_nodes; i++) {
        ef_edit_node *node = &edit->nodes[i];
        if (node->where != EF_NO_NODE) {
            node->where =
                (uint32_t)ef_topology_find(topology, edit->graph.nodes[i].name);
        }
    }
    ef_topology_destroy(topology);
    return status;
}

ef_status ef_edit_finish(ef_edit *edit, const ef_space *space, ef_error *err)
{
    if (edit->status) {
        return ef_error_set(err, edit->status, "%s", ef_status_text(edit->status));
    }
    drop_repeated(edit);
    size_t n = edit->graph.n_nodes;
    uint32_t *stack = ef_calloc(n, sizeof *stack);
    ef_graph live = {ef_calloc(n, sizeof live.nodes[0]), 0, n};
    ef_status status = stack && live.nodes ? EF_OK : ef_error_memory(err);
    if (!status) {
        mark_live(edit, stack);
        copy_live(edit, &live);
        status = build(edit, space, &live, err);
    }
    if (!status && edit->child->values) {
        status = ef_edit_inherit(edit, err);
    }
    ef_graph_clear(&live);
    ef_free(stack);
    return status;
}
