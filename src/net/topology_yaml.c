/* Reading the text form of topologies, evoflip-topology(5). */
#include "net/topology_yaml.h"

#include <string.h>

#include "base/mem.h"
#include "net/topology_keys_priv.h"
#include "net/topology_priv.h"

typedef struct reader {
    ef_graph graph;
    ef_shape *shapes;           /* (n_items + 1) of the nodes read so far */
    const ef_yaml_node **items; /* (n_items + 1) where each node stands */
    ef_error *err;
} reader;

/* Fields every node may have, and those of its own. */
typedef struct entries {
    const ef_yaml_node *value; /* of the word */
    const ef_yaml_node *own[EF_MAX_KEYS];
    const char *name;
    const ef_yaml_node *from;
    const ef_yaml_node *weights;
    const ef_yaml_node *activations;
} entries;

#define REFUSE(node, ...)                                                              \
    return ef_error_at(r->err, EF_ERR_INPUT, ef_yaml_place(node), __VA_ARGS__)

/* --- names and formats ------------------------------------------------------ */

static ef_status set_name(reader *r, const ef_yaml_node *item, const char *name,
                          ef_node *node)
{
    if (!ef_name_is_valid(name)) {
        REFUSE(item, "a name is 1 to %d letters, digits and _ . / : -",
               EF_NAME_SIZE - 1);
    }
    for (size_t i = 0; i < r->graph.n_nodes; i++) {
        if (strcmp(r->graph.nodes[i].name, name) == 0) {
            REFUSE(item, "the name %s is taken by the node in line %zu", name,
                   ef_yaml_place(r->items[i]).line);
        }
    }
    strcpy(node->name, name);
    return EF_OK;
}

static ef_status read_format(reader *r, const ef_yaml_node *value, const char *key,
                             ef_format *format)
{
    if (!value) {
        return EF_OK;
    }
    ef_error why;
    ef_error_clear(&why);
    const char *text = ef_yaml_text(value);
    if (!text) {
        REFUSE(value, "%s: expected the name of a number format", key);
    }
    ef_status status = ef_format_parse(text, format, &why);
    return status ? ef_error_at(r->err, status, ef_yaml_place(value), "%s: %s", key,
                                why.text)
                  : EF_OK;
}

/* --- inputs of a node ------------------------------------------------------- */

static ef_status add_input(reader *r, const ef_yaml_node *value, ef_node *node)
{
    const char *name = ef_yaml_text(value);
    if (!name) {
        REFUSE(value, "expected the name of a node");
    }
    if (node->n_inputs == EF_MAX_INPUTS) {
        REFUSE(value, "a node has at most %d inputs", EF_MAX_INPUTS);
    }
    size_t i = r->graph.n_nodes;
    while (i > 0 && strcmp(r->graph.nodes[i - 1].name, name) != 0) {
        i--;
    }
    if (i == 0) {
        REFUSE(value, "no node above has the name '%.*s'", EF_NAME_SIZE, name);
    }
    node->inputs[node->n_inputs++] = (uint32_t)(i - 1);
    return EF_OK;
}

static void add_previous(const reader *r, ef_node *node)
{
    node->inputs[node->n_inputs++] = (uint32_t)(r->graph.n_nodes - 1);
}

/* `add: [a, b]`, or `add: a` for the node before and a. */
static ef_status read_list(reader *r, const ef_yaml_node *value, const ef_word *word,
                           ef_node *node)
{
    if (ef_yaml_node_kind(value) != EF_YAML_LIST) {
        add_previous(r, node);
        return add_input(r, value, node);
    }
    for (size_t i = 0; i < ef_yaml_length(value); i++) {
        ef_status status = add_input(r, ef_yaml_item(value, i), node);
        if (status) {
            return status;
        }
    }
    const ef_op_row *row = ef_op_row_of(word->op);
    if (node->n_inputs < row->least_inputs || node->n_inputs > row->most_inputs) {
        REFUSE(value, "%s takes %s2 inputs, found %u", word->name,
               row->most_inputs == 2 ? "" : "at least ", node->n_inputs);
    }
    return EF_OK;
}

static ef_status read_inputs(reader *r, const entries *e, const ef_word *word,
                             const ef_yaml_node *item, ef_node *node)
{
    if (!word->lists_inputs) {
        if (e->from) {
            return add_input(r, e->from, node);
        }
        add_previous(r, node);
        return EF_OK;
    }
    if (!e->value) {
        REFUSE(item, "%s needs its inputs: {%s: [a, b]}", word->name, word->name);
    }
    return read_list(r, e->value, word, node);
}

/* --- values of a node ------------------------------------------------------- */

/* Padding with which the window gives ceil(size / stride) positions; an odd one goes
 * behind (SAME_UPPER of ONNX). */
static void pad_same(const uint32_t *kernel, const uint32_t *stride,
                     const uint32_t *dilation, ef_shape in, uint32_t *pad)
{
    const uint32_t sizes[2] = {in.height, in.width};
    for (size_t i = 0; i < 2; i++) {
        uint64_t n = (sizes[i] + (uint64_t)stride[i] - 1) / stride[i];
        uint64_t needed =
            (n - 1) * stride[i] + (uint64_t)dilation[i] * (kernel[i] - 1) + 1;
        uint64_t total = needed > sizes[i] ? needed - sizes[i] : 0;
        /* More than any pad may be stays so; ef_node_infer refuses it. */
        total = total > EF_MAX_ELEMENTS ? UINT32_MAX : total;
        pad[i] = (uint32_t)(total / 2);
        pad[i + 2] = (uint32_t)(total - total / 2);
    }
}

static ef_status read_key(reader *r, const ef_key *key, const ef_yaml_node *value,
                          ef_shape in, ef_node *node)
{
    const char *text = ef_yaml_text(value);
    if (text && strcmp(key->name, "pad") == 0 && strcmp(text, "same") == 0) {
        ef_conv *conv = &node->u.conv;
        ef_pool *pool = &node->u.pool;
        if (node->op == EF_OP_CONV) {
            pad_same(conv->kernel, conv->stride, conv->dilation, in, conv->pad);
        } else {
            pad_same(pool->kernel, pool->stride, pool->dilation, in, pool->pad);
        }
        return EF_OK;
    }
    return ef_key_read(key, value, node, r->err);
}

static ef_status read_value(reader *r, const entries *e, const ef_word *word,
                            const ef_yaml_node *item, ef_node *node)
{
    if (word->value.layout) {
        ef_key key = word->value;
        key.name = word->name;
        if (!e->value) {
            REFUSE(item, "%s: expected %s", word->name, key.layout->meaning);
        }
        return ef_key_read(&key, e->value, node, r->err);
    }
    if (e->value && !word->lists_inputs) {
        const char *text = ef_yaml_text(e->value);
        if (!text || *text) {
            REFUSE(e->value, "%s takes no value", word->name);
        }
    }
    return EF_OK;
}

static ef_status read_values(reader *r, const entries *e, const ef_word *word,
                             const ef_yaml_node *item, ef_node *node)
{
    ef_shape in = r->shapes[node->inputs[0]];
    ef_status status = read_value(r, e, word, item, node);
    if (!status && word->follow) {
        word->follow(node, in);
    }
    for (size_t i = 0; !status && word->keys[i].name; i++) {
        const ef_key *key = &word->keys[i];
        if (e->own[i]) {
            status = read_key(r, key, e->own[i], in, node);
        } else if (key->is_required) {
            REFUSE(item, "%s lacks the key '%s'", word->name, key->name);
        }
    }
    return status;
}

/* --- nodes ------------------------------------------------------------------ */

#define FIELD(name, type, field)                                                       \
    {                                                                                  \
        name, type, offsetof(entries, field), 0, 0, 0, 0, 0                            \
    }

/* Sorts the keys of a map into entries. */
static ef_status read_entries(reader *r, const ef_yaml_node *map, const ef_word *word,
                              entries *e)
{
    ef_yaml_key keys[EF_MAX_KEYS + 5];
    size_t n = 0;
    keys[n++] = (ef_yaml_key)FIELD(word->name, EF_YAML_NODE, value);
    for (size_t i = 0; word->keys[i].name; i++) {
        keys[n] = (ef_yaml_key)FIELD(word->keys[i].name, EF_YAML_NODE, own);
        keys[n++].offset += i * sizeof e->own[0];
    }
    if (!word->lists_inputs) {
        keys[n++] = (ef_yaml_key)FIELD("from", EF_YAML_NODE, from);
    }
    keys[n++] = (ef_yaml_key)FIELD("name", EF_YAML_TEXT, name);
    if (ef_op_row_of(word->op)->has_weights) {
        keys[n++] = (ef_yaml_key)FIELD("weights", EF_YAML_NODE, weights);
    }
    keys[n++] = (ef_yaml_key)FIELD("activations", EF_YAML_NODE, activations);
    return ef_yaml_read_map(map, word->name, keys, n, e, r->err);
}

/* The word of `- relu` or of the first key in `- {conv: 8, ...}`. */
static ef_status find_word(reader *r, const ef_yaml_node *item, const ef_word **word)
{
    const char *name = ef_yaml_text(item);
    if (ef_yaml_node_kind(item) == EF_YAML_MAP && ef_yaml_length(item) > 0) {
        name = ef_yaml_map_key(item, 0);
    }
    if (!name || !*name) {
        REFUSE(item, "expected a node, such as {conv: 8, kernel: 3} or relu");
    }
    *word = ef_word_find(name);
    if (!*word) {
        char known[EF_ERROR_TEXT / 2];
        ef_word_list(known, sizeof known);
        REFUSE(item, "no operation '%.80s'; a node begins with one of %s", name, known);
    }
    return EF_OK;
}

/* Appends a node whose fields are known, and infers its shape. */
static ef_status append(reader *r, const ef_yaml_node *item, ef_node *node)
{
    size_t index = r->graph.n_nodes;
    if (ef_graph_add(&r->graph, node, NULL)) {
        return ef_error_memory(r->err);
    }
    r->items[index] = item;
    ef_node *added = &r->graph.nodes[index];
    ef_shape in[EF_MAX_INPUTS];
    for (uint32_t k = 0; k < added->n_inputs; k++) {
        in[k] = r->shapes[added->inputs[k]];
    }
    ef_error why;
    ef_error_clear(&why);
    ef_status status = ef_node_infer(added, in, &r->shapes[index], &why);
    return status ? ef_error_at(r->err, status, ef_yaml_place(item), "node %s: %s",
                                added->name, why.text)
                  : EF_OK;
}

static ef_status read_node(reader *r, const ef_yaml_node *item)
{
    const ef_word *word;
    ef_status status = find_word(r, item, &word);
    if (status) {
        return status;
    }
    entries e;
    memset(&e, 0, sizeof e);
    ef_node node = ef_word_default(word);
    if (ef_yaml_node_kind(item) == EF_YAML_MAP) {
        status = read_entries(r, item, word, &e);
    }
    if (!status && e.name) {
        status = set_name(r, ef_yaml_find(item, "name"), e.name, &node);
    }
    if (!status) {
        status = read_inputs(r, &e, word, item, &node);
    }
    if (!status) {
        status = read_values(r, &e, word, item, &node);
    }
    if (!status) {
        status = read_format(r, e.weights, "weights", &node.weight_format);
    }
    if (!status) {
        status = read_format(r, e.activations, "activations", &node.activation_format);
    }
    return status ? status : append(r, item, &node);
}

/* --- the document ----------------------------------------------------------- */

static ef_status read_shape(reader *r, const ef_yaml_node *value, ef_shape *shape)
{
    uint64_t sides[3] = {1, 1, 1};
    size_t n;
    ef_status status =
        ef_yaml_read_u64s(value, "input", 1, EF_MAX_ELEMENTS, sides, 3, &n, r->err);
    if (status) {
        return status;
    }
    if (n == 2 || n == 0) {
        REFUSE(value, "input: expected [channels, height, width], or [values]");
    }
    *shape = (ef_shape){(uint32_t)sides[0], (uint32_t)sides[1], (uint32_t)sides[2],
                        n == 3 ? 4 : 2};
    return EF_OK;
}

typedef struct input_entries {
    const ef_yaml_node *shape;
    const char *name;
    const ef_yaml_node *activations;
} input_entries;

static const ef_yaml_key input_keys[] = {
    {"shape", EF_YAML_NODE, offsetof(input_entries, shape), 1, 0, 0, NULL, NULL},
    {"name", EF_YAML_TEXT, offsetof(input_entries, name), 0, 0, 0, NULL, NULL},
    {"activations", EF_YAML_NODE, offsetof(input_entries, activations), 0, 0, 0, NULL,
     NULL},
};

/* `input: [1, 8, 8]` or `input: {shape: [1, 8, 8], name: image}`. */
static ef_status read_input(reader *r, const ef_yaml_node *value)
{
    ef_node node = ef_node_default(EF_OP_INPUT);
    input_entries e = {value, "input", NULL};
    ef_status status = EF_OK;
    if (ef_yaml_node_kind(value) == EF_YAML_MAP) {
        status = ef_yaml_read_map(value, "input", input_keys, 3, &e, r->err);
    }
    if (!status) {
        status = set_name(r, value, e.name, &node);
    }
    if (!status) {
        status = read_shape(r, e.shape, &node.u.input);
    }
    if (!status) {
        status = read_format(r, e.activations, "activations", &node.activation_format);
    }
    return status ? status : append(r, value, &node);
}

typedef struct document {
    const char *name;
    const ef_yaml_node *input;
    const ef_yaml_node *nodes;
} document;

static const ef_yaml_key document_keys[] = {
    {"name", EF_YAML_TEXT, offsetof(document, name), 0, 0, 0, NULL, NULL},
    {"input", EF_YAML_NODE, offsetof(document, input), 1, 0, 0, NULL, NULL},
    {"nodes", EF_YAML_NODE, offsetof(document, nodes), 1, 0, 0, NULL, NULL},
};

static ef_status read_nodes(reader *r, const document *d)
{
    if (ef_yaml_node_kind(d->nodes) != EF_YAML_LIST) {
        REFUSE(d->nodes, "nodes: expected a list");
    }
    size_t n = ef_yaml_length(d->nodes);
    if (n == 0 || n >= EF_MAX_NODES) {
        REFUSE(d->nodes, "nodes: expected a list of 1 to %d nodes, found %zu",
               EF_MAX_NODES - 1, n);
    }
    r->shapes = ef_calloc(n + 1, sizeof *r->shapes);
    r->items = ef_calloc(n + 1, sizeof *r->items);
    if (!r->shapes || !r->items) {
        return ef_error_memory(r->err);
    }
    ef_status status = read_input(r, d->input);
    for (size_t i = 0; !status && i < n; i++) {
        status = read_node(r, ef_yaml_item(d->nodes, i));
    }
    return status;
}

static ef_status build(reader *r, ef_topology **topology)
{
    size_t blame;
    ef_error why;
    ef_error_clear(&why);
    ef_status status = ef_topology_create_blame(topology, &r->graph, &blame, &why);
    if (status) {
        const ef_yaml_node *item = r->items[blame == SIZE_MAX ? 0 : blame];
        ef_error_at(r->err, status, ef_yaml_place(item), "%s", why.text);
    }
    return status;
}

static ef_status read_document(const ef_yaml *yaml, ef_topology **topology,
                               ef_error *err)
{
    reader r = {.err = err};
    document d = {NULL, NULL, NULL};
    ef_status status =
        ef_yaml_read_map(ef_yaml_root(yaml), "a topology", document_keys, 3, &d, err);
    if (!status) {
        status = read_nodes(&r, &d);
    }
    if (!status) {
        status = build(&r, topology);
    }
    ef_graph_clear(&r.graph);
    ef_free(r.shapes);
    ef_free(r.items);
    return status;
}

ef_status ef_topology_load(ef_topology **topology, const char *path, ef_error *err)
{
    ef_yaml *yaml;
    ef_status status = ef_yaml_load(&yaml, path, err);
    if (!status) {
        status = read_document(yaml, topology, err);
        ef_yaml_destroy(yaml);
    }
    return status;
}

ef_status ef_topology_parse(ef_topology **topology, const char *name, const char *text,
                            size_t size, ef_error *err)
{
    ef_yaml *yaml;
    ef_status status = ef_yaml_parse(&yaml, name, text, size, err);
    if (!status) {
        status = read_document(yaml, topology, err);
        ef_yaml_destroy(yaml);
    }
    return status;
}
