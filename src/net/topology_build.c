/* Building topologies: every check, and the sorting. */
#include "net/topology.h"

#include <string.h>

#include "base/mem.h"
#include "net/topology_priv.h"

/* What ef_topology_create works on. */
typedef struct build {
    const ef_graph *from;
    ef_topology *made; /* its nodes in the given order, until `arrange` */
    size_t n_edges;
    uint64_t *own;     /* (n_nodes) hashes of the nodes by themselves */
    uint32_t *waiting; /* (n_nodes) inputs not yet sorted; then new positions */
    uint32_t *sorted;  /* (n_nodes) some order with inputs first */
    uint32_t *order;   /* (n_nodes) the canonical one */
    size_t output;
    size_t blame;
    ef_error *err;
} build;

static const char *name_of(const build *b, size_t index)
{
    return b->from->nodes[index].name;
}

#define REFUSE(index, format, ...)                                                     \
    return (b->blame = (index),                                                        \
            ef_error_set(b->err, EF_ERR_TOPOLOGY, "node %s: " format,                  \
                         name_of(b, index), __VA_ARGS__))

int ef_name_is_valid(const char *name)
{
    static const char marks[] = "_./:-";
    size_t n = 0;
    for (; n < EF_NAME_SIZE && name[n]; n++) {
        char c = name[n];
        int is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        int is_digit = c >= '0' && c <= '9';
        if (!is_letter && !is_digit && !strchr(marks, c)) {
            return 0;
        }
    }
    return n > 0 && n < EF_NAME_SIZE;
}

static ef_status check_node(build *b, size_t index)
{
    const ef_node *node = &b->from->nodes[index];
    if (!ef_name_is_valid(node->name)) {
        b->blame = index;
        return ef_error_set(
            b->err, EF_ERR_TOPOLOGY,
            "node %zu: its name \"%.*s\" is not 1 to %d letters, digits "
            "and _ . / : -",
            index, EF_NAME_SIZE - 1, node->name, EF_NAME_SIZE - 1);
    }
    if ((unsigned)node->op >= EF_OP_COUNT) {
        REFUSE(index, "no operation has the number %u", (unsigned)node->op);
    }
    const ef_op_row *row = ef_op_row_of(node->op);
    if (node->n_inputs < row->least_inputs || node->n_inputs > row->most_inputs) {
        REFUSE(index, "%s takes %s%u input%s, not %u", row->name,
               row->least_inputs == row->most_inputs ? "" : "at least ",
               node->n_inputs > row->most_inputs ? row->most_inputs : row->least_inputs,
               row->least_inputs == 1 ? "" : "s", node->n_inputs);
    }
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] >= b->from->n_nodes) {
            REFUSE(index, "its input is number %u of only %zu nodes", node->inputs[k],
                   b->from->n_nodes);
        }
    }
    b->n_edges += node->n_inputs;
    return EF_OK;
}

static ef_status check_nodes(build *b)
{
    size_t n = b->from->n_nodes;
    if (n < 2 || n > EF_MAX_NODES) {
        return ef_error_set(b->err, EF_ERR_TOPOLOGY,
                            "a topology has an input and at least one node more, %d in "
                            "all at most; this has %zu",
                            EF_MAX_NODES, n);
    }
    size_t input = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        ef_status status = check_node(b, i);
        if (status) {
            return status;
        }
        if (b->from->nodes[i].op == EF_OP_INPUT) {
            if (input != SIZE_MAX) {
                REFUSE(i, "a second input, beside %s", name_of(b, input));
            }
            input = i;
        }
    }
    if (input == SIZE_MAX) {
        return ef_error_set(b->err, EF_ERR_TOPOLOGY, "there is no input");
    }
    return EF_OK;
}

/* A topology with a copy of the nodes as they are, and nothing else. */
static ef_topology *allocate(const ef_graph *graph, size_t n_edges)
{
    size_t n = graph->n_nodes, n_slots = 4;
    while (n_slots < 2 * n) {
        n_slots *= 2;
    }
    size_t size = sizeof(ef_topology) + n * (sizeof(ef_node) + sizeof(ef_shape)) +
                  (n + 1 + n_edges + n_slots) * sizeof(uint32_t);
    /* Not zeroed: most of it is nodes, which are copied over it. */
    ef_topology *made = ef_realloc(NULL, size, 1);
    if (made) {
        *made = (ef_topology){
            .n_edges = n_edges, .n_slots = n_slots, .size = size, .graph = {0}};
        made->graph.n_nodes = made->graph.capacity = n;
        ef_topology_lay_out(made, n);
        memcpy(made->graph.nodes, graph->nodes, n * sizeof(ef_node));
        memset(made->slots, 0, n_slots * sizeof made->slots[0]);
    }
    return made;
}

static ef_status make_room(build *b)
{
    size_t n = b->from->n_nodes;
    b->made = allocate(b->from, b->n_edges);
    b->own = ef_realloc(NULL, n, sizeof b->own[0] + 3 * sizeof b->waiting[0]);
    if (!b->made || !b->own) {
        return ef_error_memory(b->err);
    }
    b->waiting = (uint32_t *)(b->own + n);
    b->sorted = b->waiting + n;
    b->order = b->sorted + n;
    return EF_OK;
}

/* Fills the lists of readers, ascending. */
static void list_readers(ef_topology *topology)
{
    const ef_graph *graph = &topology->graph;
    uint32_t *offsets = topology->reader_offsets, *readers = topology->readers;
    size_t n = graph->n_nodes;
    memset(offsets, 0, (n + 1) * sizeof offsets[0]);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < graph->nodes[i].n_inputs; k++) {
            offsets[graph->nodes[i].inputs[k] + 1]++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        offsets[i + 1] += offsets[i];
    }
    /* Filling moves each offset to where the next node's readers begin. */
    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < graph->nodes[i].n_inputs; k++) {
            readers[offsets[graph->nodes[i].inputs[k]]++] = (uint32_t)i;
        }
    }
    memmove(offsets + 1, offsets, n * sizeof offsets[0]);
    offsets[0] = 0;
}

/* Kahn's algorithm; what it cannot reach lies on or behind a cycle. */
static size_t sort_nodes(build *b)
{
    const ef_topology *made = b->made;
    size_t n = made->graph.n_nodes, n_sorted = 0;
    for (size_t i = 0; i < n; i++) {
        b->waiting[i] = made->graph.nodes[i].n_inputs;
        if (b->waiting[i] == 0) {
            b->sorted[n_sorted++] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < n_sorted; i++) {
        size_t n_readers;
        const uint32_t *readers = ef_topology_readers(made, b->sorted[i], &n_readers);
        for (size_t k = 0; k < n_readers; k++) {
            if (--b->waiting[readers[k]] == 0) {
                b->sorted[n_sorted++] = readers[k];
            }
        }
    }
    return n_sorted;
}

/* A node on a cycle: going back along waiting inputs for long enough ends on one. */
static size_t find_cycle(const build *b)
{
    size_t n = b->from->n_nodes, at = 0;
    while (b->waiting[at] == 0) {
        at++;
    }
    for (size_t step = 0; step < n; step++) {
        const ef_node *node = &b->from->nodes[at];
        uint32_t k = 0;
        while (b->waiting[node->inputs[k]] == 0) {
            k++;
        }
        at = node->inputs[k];
    }
    return at;
}

static ef_status check_order(build *b)
{
    size_t n = b->from->n_nodes;
    list_readers(b->made);
    if (sort_nodes(b) < n) {
        size_t index = find_cycle(b);
        REFUSE(index, "%s", "it depends on its own output");
    }
    b->output = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t n_readers;
        ef_topology_readers(b->made, i, &n_readers);
        if (n_readers > 0) {
            continue;
        }
        if (b->output != SIZE_MAX) {
            REFUSE(b->output, "nobody reads it, nor %s, and a topology has one output",
                   name_of(b, i));
        }
        b->output = i;
    }
    return EF_OK;
}

static ef_status infer_shapes(build *b)
{
    ef_shape *shapes = b->made->shapes;
    for (size_t i = 0; i < b->from->n_nodes; i++) {
        uint32_t index = b->sorted[i];
        ef_node *node = &b->made->graph.nodes[index];
        ef_shape in[EF_MAX_INPUTS];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            in[k] = shapes[node->inputs[k]];
        }
        ef_error why;
        ef_error_clear(&why);
        if (ef_node_infer(node, in, &shapes[index], &why)) {
            REFUSE(index, "%s", why.text);
        }
    }
    return EF_OK;
}

static void sort_ascending(uint32_t *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t value = values[i];
        size_t k = i;
        for (; k > 0 && values[k - 1] > value; k--) {
            values[k] = values[k - 1];
        }
        values[k] = value;
    }
}

/* Moves nodes and shapes into canonical order, along the cycles of the permutation;
 * `from`, a copy of the order, ends as the identity. */
static void permute(ef_topology *topology, uint32_t *from)
{
    ef_node *nodes = topology->graph.nodes;
    ef_shape *shapes = topology->shapes;
    for (uint32_t i = 0; i < topology->graph.n_nodes; i++) {
        if (from[i] == i) {
            continue;
        }
        ef_node node = nodes[i];
        ef_shape shape = shapes[i];
        uint32_t at = i;
        while (from[at] != i) {
            uint32_t next = from[at];
            nodes[at] = nodes[next];
            shapes[at] = shapes[next];
            from[at] = at;
            at = next;
        }
        nodes[at] = node;
        shapes[at] = shape;
        from[at] = at;
    }
}

/* Brings the nodes into canonical order, their inputs and readers with them. */
static void arrange(build *b)
{
    ef_topology *made = b->made;
    size_t n = made->graph.n_nodes;
    for (size_t i = 0; i < n; i++) {
        b->waiting[b->order[i]] = (uint32_t)i;
    }
    memcpy(b->sorted, b->order, n * sizeof b->sorted[0]);
    permute(made, b->sorted);
    for (size_t i = 0; i < n; i++) {
        ef_node *node = &made->graph.nodes[i];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            node->inputs[k] = b->waiting[node->inputs[k]];
        }
        if (ef_op_row_of(node->op)->commutes) {
            sort_ascending(node->inputs, node->n_inputs);
        }
    }
    list_readers(made);
}

static ef_status list_names(build *b)
{
    ef_topology *made = b->made;
    for (size_t i = 0; i < made->graph.n_nodes; i++) {
        size_t slot = ef_topology_slot(made, made->graph.nodes[i].name);
        if (made->slots[slot]) {
            REFUSE(b->order[i], "%s", "another node has this name");
        }
        made->slots[slot] = (uint32_t)i + 1;
    }
    return EF_OK;
}

static ef_status count_costs(build *b)
{
    ef_topology *made = b->made;
    for (size_t i = 0; i < made->graph.n_nodes; i++) {
        made->macs += ef_topology_node_macs(made, i);
        made->params += ef_topology_node_params(made, i);
        if (made->macs > EF_MAX_MACS) {
            REFUSE(b->order[i], "with it, there are more than 2^%d MACs", 53);
        }
    }
    return EF_OK;
}

static ef_status finish(build *b)
{
    if (ef_topology_order(&b->made->graph, b->sorted, b->output, b->order, b->own)) {
        return ef_error_memory(b->err);
    }
    arrange(b);
    ef_status status = list_names(b);
    if (!status) {
        status = count_costs(b);
    }
    if (!status) {
        b->made->hash = ef_topology_hash_graph(&b->made->graph, b->order, b->own);
    }
    return status;
}

ef_status ef_topology_create_blame(ef_topology **topology, const ef_graph *graph,
                                   size_t *blame, ef_error *err)
{
    static ef_status (*const steps[])(build *) = {check_nodes, make_room, check_order,
                                                  infer_shapes, finish};
    build b = {.from = graph, .blame = SIZE_MAX, .err = err};
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < sizeof steps / sizeof steps[0]; i++) {
        status = steps[i](&b);
    }
    ef_free(b.own);
    if (status) {
        ef_free(b.made);
    } else {
        *topology = b.made;
    }
    *blame = b.blame;
    return status;
}

ef_status ef_topology_create(ef_topology **topology, const ef_graph *graph,
                             ef_error *err)
{
    size_t blame;
    return ef_topology_create_blame(topology, graph, &blame, err);
}
