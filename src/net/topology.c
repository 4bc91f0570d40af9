/* Building topologies: every check, the sorting, and what can be asked afterwards. */
#include "net/topology.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "net/topology_priv.h"

/* One block of memory holds it and all its arrays. */
struct ef_topology {
    ef_graph graph;
    ef_shape *shapes;         /* (n_nodes) */
    uint32_t *reader_offsets; /* (n_nodes + 1) */
    uint32_t *readers;        /* (n_edges) */
    uint32_t *slots;          /* (n_slots) hash table of names: position + 1, 0 free */
    size_t n_edges;
    size_t n_slots; /* a power of two */
    size_t size;    /* of the block */
    uint64_t hash;
    uint64_t macs;
    uint64_t params;
};

/* What ef_topology_create works on. */
typedef struct build {
    const ef_graph *from;
    ef_graph graph; /* a copy in the given order, completed by ef_node_infer */
    size_t n_edges;
    uint32_t *offsets; /* (n_nodes + 1) readers, as in ef_topology */
    uint32_t *readers; /* (n_edges) */
    uint32_t *waiting; /* (n_nodes) inputs not yet sorted */
    uint32_t *sorted;  /* (n_nodes) some order with inputs first */
    uint32_t *order;   /* (n_nodes) the canonical one */
    ef_shape *shapes;  /* (n_nodes) */
    void *room;
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

static ef_status make_room(build *b)
{
    size_t n = b->from->n_nodes;
    size_t words = 4 * n + 1 + b->n_edges;
    size_t size = n * (sizeof(ef_node) + sizeof(ef_shape)) + words * sizeof(uint32_t);
    b->room = ef_calloc(size, 1);
    if (!b->room) {
        return ef_error_memory(b->err);
    }
    b->graph = (ef_graph){b->room, n, n};
    memcpy(b->graph.nodes, b->from->nodes, n * sizeof(ef_node));
    b->shapes = (ef_shape *)(b->graph.nodes + n);
    b->offsets = (uint32_t *)(b->shapes + n);
    b->readers = b->offsets + n + 1;
    b->waiting = b->readers + b->n_edges;
    b->sorted = b->waiting + n;
    b->order = b->sorted + n;
    return EF_OK;
}

/* Fills offsets (n_nodes + 1, zeroed) and readers (n_edges), ascending. */
static void list_readers(const ef_graph *graph, uint32_t *offsets, uint32_t *readers)
{
    size_t n = graph->n_nodes;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < graph->nodes[i].n_inputs; k++) {
            offsets[graph->nodes[i].inputs[k] + 1]++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        offsets[i + 1] += offsets[i];
    }
    /* Filling moves each offset to the next node's; the loop after moves them back. */
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
    size_t n = b->graph.n_nodes, n_sorted = 0;
    for (size_t i = 0; i < n; i++) {
        b->waiting[i] = b->graph.nodes[i].n_inputs;
        if (b->waiting[i] == 0) {
            b->sorted[n_sorted++] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < n_sorted; i++) {
        uint32_t index = b->sorted[i];
        for (uint32_t k = b->offsets[index]; k < b->offsets[index + 1]; k++) {
            if (--b->waiting[b->readers[k]] == 0) {
                b->sorted[n_sorted++] = b->readers[k];
            }
        }
    }
    return n_sorted;
}

/* A node on a cycle: going back along waiting inputs for long enough ends on one. */
static size_t find_cycle(const build *b)
{
    size_t n = b->graph.n_nodes, at = 0;
    while (b->waiting[at] == 0) {
        at++;
    }
    for (size_t step = 0; step < n; step++) {
        const ef_node *node = &b->graph.nodes[at];
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
    size_t n = b->graph.n_nodes;
    list_readers(&b->graph, b->offsets, b->readers);
    if (sort_nodes(b) < n) {
        size_t index = find_cycle(b);
        REFUSE(index, "%s", "it depends on its own output");
    }
    b->output = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (b->offsets[i] < b->offsets[i + 1]) {
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
    for (size_t i = 0; i < b->graph.n_nodes; i++) {
        uint32_t index = b->sorted[i];
        ef_node *node = &b->graph.nodes[index];
        ef_shape in[EF_MAX_INPUTS];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            in[k] = b->shapes[node->inputs[k]];
        }
        ef_error why;
        ef_error_clear(&why);
        if (ef_node_infer(node, in, &b->shapes[index], &why)) {
            REFUSE(index, "%s", why.text);
        }
    }
    return EF_OK;
}

/* Arrays behind the struct, each aligned for what stands in it. */
static void lay_out(ef_topology *topology, size_t n_nodes)
{
    topology->graph.nodes = (ef_node *)(topology + 1);
    topology->shapes = (ef_shape *)(topology->graph.nodes + n_nodes);
    topology->reader_offsets = (uint32_t *)(topology->shapes + n_nodes);
    topology->readers = topology->reader_offsets + n_nodes + 1;
    topology->slots = topology->readers + topology->n_edges;
}

static ef_topology *allocate(size_t n_nodes, size_t n_edges)
{
    size_t n_slots = 4;
    while (n_slots < 2 * n_nodes) {
        n_slots *= 2;
    }
    size_t size = sizeof(ef_topology) + n_nodes * (sizeof(ef_node) + sizeof(ef_shape)) +
                  (n_nodes + 1 + n_edges + n_slots) * sizeof(uint32_t);
    ef_topology *topology = ef_calloc(size, 1);
    if (topology) {
        topology->n_edges = n_edges;
        topology->n_slots = n_slots;
        topology->size = size;
        topology->graph.n_nodes = topology->graph.capacity = n_nodes;
        lay_out(topology, n_nodes);
    }
    return topology;
}

/* The slot that holds name, or the free one where it belongs. */
static size_t find_slot(const ef_topology *topology, const char *name)
{
    size_t mask = topology->n_slots - 1;
    size_t slot = (size_t)ef_hash_bytes(0, name, strlen(name)) & mask;
    while (topology->slots[slot] &&
           strcmp(topology->graph.nodes[topology->slots[slot] - 1].name, name) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
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

/* Copies the nodes in canonical order; b->waiting becomes the map of positions. */
static ef_status fill(build *b, ef_topology *topology)
{
    size_t n = b->graph.n_nodes;
    for (size_t i = 0; i < n; i++) {
        b->waiting[b->order[i]] = (uint32_t)i;
    }
    for (size_t i = 0; i < n; i++) {
        ef_node *node = &topology->graph.nodes[i];
        *node = b->graph.nodes[b->order[i]];
        topology->shapes[i] = b->shapes[b->order[i]];
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            node->inputs[k] = b->waiting[node->inputs[k]];
        }
        if (ef_op_row_of(node->op)->commutes) {
            sort_ascending(node->inputs, node->n_inputs);
        }
        size_t slot = find_slot(topology, node->name);
        if (topology->slots[slot]) {
            REFUSE(b->order[i], "%s", "another node has this name");
        }
        topology->slots[slot] = (uint32_t)i + 1;
    }
    list_readers(&topology->graph, topology->reader_offsets, topology->readers);
    return EF_OK;
}

static ef_status count_costs(build *b, ef_topology *topology)
{
    for (size_t i = 0; i < topology->graph.n_nodes; i++) {
        topology->macs += ef_topology_node_macs(topology, i);
        topology->params += ef_topology_node_params(topology, i);
        if (topology->macs > EF_MAX_MACS) {
            REFUSE(b->order[i], "with it, there are more than 2^%d MACs", 53);
        }
    }
    return EF_OK;
}

static ef_status finish(build *b, ef_topology **topology)
{
    size_t n = b->graph.n_nodes;
    ef_topology *made = allocate(n, b->n_edges);
    if (!made || ef_topology_order(&b->graph, b->sorted, b->output, b->order)) {
        ef_free(made);
        return ef_error_memory(b->err);
    }
    ef_status status = fill(b, made);
    if (!status) {
        status = count_costs(b, made);
    }
    if (status) {
        ef_free(made);
        return status;
    }
    made->hash = ef_topology_hash_graph(&made->graph);
    *topology = made;
    return EF_OK;
}

ef_status ef_topology_create_blame(ef_topology **topology, const ef_graph *graph,
                                   size_t *blame, ef_error *err)
{
    build b = {.from = graph, .blame = SIZE_MAX, .err = err};
    ef_status status = check_nodes(&b);
    if (!status) {
        status = make_room(&b);
    }
    if (!status) {
        status = check_order(&b);
    }
    if (!status) {
        status = infer_shapes(&b);
    }
    if (!status) {
        status = finish(&b, topology);
    }
    ef_free(b.room);
    *blame = b.blame;
    return status;
}

ef_status ef_topology_create(ef_topology **topology, const ef_graph *graph,
                             ef_error *err)
{
    size_t blame;
    return ef_topology_create_blame(topology, graph, &blame, err);
}

ef_status ef_topology_dup(ef_topology **copy, const ef_topology *topology)
{
    ef_topology *made = ef_memdup(topology, topology->size);
    if (!made) {
        return EF_ERR_MEMORY;
    }
    lay_out(made, made->graph.n_nodes);
    *copy = made;
    return EF_OK;
}

void ef_topology_destroy(ef_topology *topology)
{
    ef_free(topology);
}

const ef_graph *ef_topology_graph(const ef_topology *topology)
{
    return &topology->graph;
}

size_t ef_topology_n_nodes(const ef_topology *topology)
{
    return topology->graph.n_nodes;
}

const ef_node *ef_topology_node(const ef_topology *topology, size_t index)
{
    return &topology->graph.nodes[index];
}

ef_shape ef_topology_shape(const ef_topology *topology, size_t index)
{
    return topology->shapes[index];
}

const uint32_t *ef_topology_readers(const ef_topology *topology, size_t index,
                                    size_t *n_readers)
{
    uint32_t first = topology->reader_offsets[index];
    *n_readers = topology->reader_offsets[index + 1] - first;
    return topology->readers + first;
}

size_t ef_topology_input(const ef_topology *topology)
{
    (void)topology;
    return 0; /* everything else depends on it */
}

size_t ef_topology_output(const ef_topology *topology)
{
    return topology->graph.n_nodes - 1; /* it depends on everything else */
}

size_t ef_topology_find(const ef_topology *topology, const char *name)
{
    uint32_t found = topology->slots[find_slot(topology, name)];
    return found ? found - 1 : SIZE_MAX;
}

uint64_t ef_topology_hash(const ef_topology *topology)
{
    return topology->hash;
}

size_t ef_shape_elements(ef_shape shape)
{
    return (size_t)shape.channels * shape.height * shape.width;
}

int ef_shape_equal(ef_shape a, ef_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width &&
           a.rank == b.rank;
}

static size_t list_params(const ef_topology *topology, size_t index,
                          ef_param_shape shapes[EF_MAX_PARAMS])
{
    const ef_node *node = &topology->graph.nodes[index];
    size_t from = node->n_inputs ? node->inputs[0] : index;
    return ef_node_params(node, topology->shapes[from], shapes);
}

uint64_t ef_topology_node_macs(const ef_topology *topology, size_t index)
{
    const ef_op_row *row = ef_op_row_of(topology->graph.nodes[index].op);
    ef_param_shape shapes[EF_MAX_PARAMS];
    if (!row->has_weights) {
        return 0;
    }
    /* Every position of the output plane uses every weight once. */
    list_params(topology, index, shapes);
    ef_shape out = topology->shapes[index];
    return (uint64_t)ef_param_count(&shapes[0]) * out.height * out.width;
}

uint64_t ef_topology_node_params(const ef_topology *topology, size_t index)
{
    ef_param_shape shapes[EF_MAX_PARAMS];
    size_t n = list_params(topology, index, shapes);
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += ef_role_is_trained(shapes[i].role) ? ef_param_count(&shapes[i]) : 0;
    }
    return count;
}

uint64_t ef_topology_macs(const ef_topology *topology)
{
    return topology->macs;
}

uint64_t ef_topology_params(const ef_topology *topology)
{
    return topology->params;
}
