/* A graph of ONNX read into a reader: what came before the nodes, and the nodes. */
#ifndef EF_ONNX_GRAPH_H
#define EF_ONNX_GRAPH_H

#include "onnx/reader.h"

/* Whether a node or operator set is ONNX's own. */
int ef_onnx_is_own_domain(const char *domain);

/* Counts the uses of every name; takes the constants and the one input; makes the
 * nodes; *output is the node of the topology that gives the graph's output. */
void ef_onnx_read_graph(ef_reader *reader, uint32_t *output);

#endif
