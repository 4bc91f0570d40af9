/* The words and keys of the text form of topologies: one table for reader and writer.
 */
#ifndef EF_NET_TOPOLOGY_KEYS_PRIV_H
#define EF_NET_TOPOLOGY_KEYS_PRIV_H

#include "base/text.h"
#include "base/yaml.h"
#include "net/topology.h"

#define EF_MAX_KEYS 8    /* of one operation's own */
#define EF_MAX_NUMBERS 4 /* in the value of a key */

/* How numbers stand in a value: one, a pair, four sides ... */
typedef struct ef_layout {
    const char *meaning;            /* for errors: "a number or [height, width]" */
    size_t n;                       /* numbers in the node */
    size_t words[EF_MAX_NUMBERS];   /* where, in 32-bit words from the key's offset */
    size_t lengths[EF_MAX_NUMBERS]; /* numbers that a value may have, least first */
    int repeats;  /* a shorter value repeats itself; else the rest keeps its default */
    int is_real;  /* floats; else uint32_t */
    int is_flag;  /* yes or no */
    int is_bound; /* floats that may be infinite */
    int is_shape; /* an ef_shape, its rank by how many numbers there are */
} ef_layout;

typedef struct ef_key {
    const char *name;
    const ef_layout *layout;
    size_t offset; /* in ef_node */
    uint32_t least;
    int is_required;
} ef_key;

/* What stands in front: the operation, or one kind of activation. */
typedef struct ef_word {
    const char *name;
    ef_op op;
    uint32_t kind;    /* of an activation */
    int has_preset;   /* an activation's parameters are given by the word: */
    float low, high;  /* these */
    ef_key value;     /* of the word itself; layout NULL: none */
    int lists_inputs; /* its value is the list of inputs */
    /* Defaults that depend on the value or the shape of the input; may be NULL. */
    void (*follow)(ef_node *node, ef_shape in);
    ef_key keys[EF_MAX_KEYS]; /* ends with a row without a name */
} ef_word;

/* NULL where there is none. */
const ef_word *ef_word_find(const char *name);
/* The word that stands for a node that is no input. */
const ef_word *ef_word_of(const ef_node *node);
/* Adds all words, "conv, dense, ...". */
void ef_word_list(char *text, size_t size);
/* A node of this word with everything at its default. */
ef_node ef_word_default(const ef_word *word);

/* Reads a key's value into the node.  EF_ERR_INPUT with its place. */
EF_NODISCARD ef_status ef_key_read(const ef_key *key, const ef_yaml_node *value,
                                   ef_node *node, ef_error *err);
/* The value as it would be written, the shortest way. */
void ef_key_write(const ef_key *key, const ef_node *node, ef_text *text);
int ef_key_equal(const ef_key *key, const ef_node *a, const ef_node *b);
void ef_key_copy(const ef_key *key, const ef_node *from, ef_node *to);

#endif
