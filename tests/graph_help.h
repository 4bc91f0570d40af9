/* Graphs for tests of topologies: appended by one call, grown at random, shuffled. */
#ifndef EF_TESTS_GRAPH_HELP_H
#define EF_TESTS_GRAPH_HELP_H

#include "base/rng.h"
#include "net/topology.h"

/* An input of 3 x 9 x 8. */
extern const ef_shape image;

/* Position 0 of an empty graph. */
void begin(ef_graph *graph, ef_shape shape);
/* Each asserts that it succeeds, and returns the position. */
size_t append(ef_graph *graph, ef_node node, size_t n_inputs, size_t a, size_t b);
size_t append_plain(ef_graph *graph, ef_op op, size_t input);
/* Square, with the padding that keeps the size. */
size_t append_conv(ef_graph *graph, uint32_t channels, uint32_t kernel, size_t input);
size_t append_add(ef_graph *graph, size_t a, size_t b);

/* A topology of it; asserts. */
ef_topology *build(const ef_graph *graph);
uint64_t hash_of(const ef_graph *graph);

/* The same graph with its nodes in another order, other names, and the inputs of what
 * commutes shuffled. */
void shuffle(ef_graph *to, const ef_graph *from, ef_rng *rng);

/* Whether two topologies are the same list of nodes, names aside. */
int are_same(const ef_topology *a, const ef_topology *b);

/* A random graph of few different operations, so that equal colours are common: each
 * node reads one or two of the last few; what nobody reads is added up. */
void grow(ef_graph *graph, uint64_t seed, size_t n);

/* n equal convolutions, sums of neighbours along rings of the given length, all added
 * up: colours alone cannot tell one ring of 6 from two of 3. */
void make_rings(ef_graph *graph, size_t n, size_t length);

#endif
