/* Writing the text form of topologies: one line a node. */
#include "net/topology_yaml.h"

#include <stdio.h>
#include <string.h>

#include "net/topology_keys_priv.h"

/* A name in quotes where YAML would read something else. */
static void write_name(const char *name, ef_text *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_./-";
    int is_plain = name[0] != '-' && name[0] != '.' && !name[strspn(name, plain)];
    ef_text_add(text, is_plain ? "%s" : "\"%s\"", name);
}

static void write_format(const char *key, const ef_format *format, ef_text *text)
{
    char name[EF_FORMAT_NAME];
    if (ef_format_is_stated(format)) {
        ef_format_name(format, name);
        ef_text_add(text, ", %s: %s", key, name);
    }
}

static void write_inputs(const ef_topology *topology, const ef_node *node,
                         ef_text *text)
{
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        ef_text_add(text, "%s", k ? ", " : ": [");
        write_name(ef_topology_node(topology, node->inputs[k])->name, text);
    }
    ef_text_add(text, "]");
}

/* The keys that differ from what the reader would take without them. */
static void write_keys(const ef_word *word, const ef_node *node, ef_shape in,
                       ef_text *text)
{
    ef_node plain = ef_word_default(word);
    if (word->value.layout) {
        ef_text_add(text, ": ");
        ef_key_write(&word->value, node, text);
        ef_key_copy(&word->value, node, &plain);
    }
    if (word->follow) {
        word->follow(&plain, in);
    }
    for (const ef_key *key = word->keys; key->name; key++) {
        if (key->is_required || !ef_key_equal(key, node, &plain)) {
            ef_text_add(text, ", %s: ", key->name);
            ef_key_write(key, node, text);
        }
    }
}

static void write_node(const ef_topology *topology, size_t index, ef_text *text)
{
    const ef_node *node = ef_topology_node(topology, index);
    const ef_word *word = ef_word_of(node);
    ef_text_add(text, "  - {%s", word->name);
    if (word->lists_inputs) {
        write_inputs(topology, node, text);
    } else {
        write_keys(word, node, ef_topology_shape(topology, node->inputs[0]), text);
        if (node->inputs[0] + 1 != index) {
            ef_text_add(text, ", from: ");
            write_name(ef_topology_node(topology, node->inputs[0])->name, text);
        }
    }
    ef_text_add(text, ", name: ");
    write_name(node->name, text);
    write_format("weights", &node->weight_format, text);
    write_format("activations", &node->activation_format, text);
    ef_text_add(text, "}\n");
}

static void write_input(const ef_node *node, ef_text *text)
{
    const ef_shape *shape = &node->u.input;
    int is_plain = strcmp(node->name, "input") == 0 &&
                   !ef_format_is_stated(&node->activation_format);
    ef_text_add(text, "input: %s[%u", is_plain ? "" : "{shape: ", shape->channels);
    if (shape->rank == 4) {
        ef_text_add(text, ", %u, %u", shape->height, shape->width);
    }
    ef_text_add(text, "]");
    if (!is_plain) {
        ef_text_add(text, ", name: ");
        write_name(node->name, text);
        write_format("activations", &node->activation_format, text);
        ef_text_add(text, "}");
    }
    ef_text_add(text, "\n");
}

void ef_topology_write(const ef_topology *topology, ef_text *text)
{
    write_input(ef_topology_node(topology, 0), text);
    ef_text_add(text, "nodes:\n");
    for (size_t i = 1; i < ef_topology_n_nodes(topology); i++) {
        write_node(topology, i, text);
    }
}
