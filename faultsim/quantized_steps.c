/* Which nodes make one step, and what the steps read. */
#include "faultsim/quantized_priv.h"

#include <string.h>

#include "base/mem.h"
#include "net/stored.h"

static const struct {
    ef_qkind kind;
    uint8_t is_known, is_view;
} rows[EF_OP_COUNT] = {
    [EF_OP_INPUT] = {EF_Q_INPUT, 1, 0},
    [EF_OP_CONV] = {EF_Q_CONV, 1, 0},
    [EF_OP_DENSE] = {EF_Q_CONV, 1, 0},
    [EF_OP_MAXPOOL] = {EF_Q_MAXPOOL, 1, 0},
    [EF_OP_AVGPOOL] = {EF_Q_AVGPOOL, 1, 0},
    [EF_OP_GLOBALAVG] = {EF_Q_AVGPOOL, 1, 0},
    [EF_OP_GLOBALMAX] = {EF_Q_MAXPOOL, 1, 0},
    [EF_OP_BATCHNORM] = {EF_Q_NORM, 1, 0},
    [EF_OP_ACTIVATION] = {EF_Q_TABLE, 1, 0},
    [EF_OP_ADD] = {EF_Q_ADD, 1, 0},
    [EF_OP_MUL] = {EF_Q_MUL, 1, 0},
    [EF_OP_SCALE] = {EF_Q_NORM, 1, 0},
    [EF_OP_CONCAT] = {EF_Q_CONCAT, 1, 1},
    [EF_OP_PAD] = {EF_Q_PAD, 1, 1},
    [EF_OP_SLICE] = {EF_Q_SLICE, 1, 1},
    [EF_OP_TRANSPOSE] = {EF_Q_TRANSPOSE, 1, 1},
    [EF_OP_FLATTEN] = {EF_Q_VIEW, 1, 1},
    [EF_OP_RESHAPE] = {EF_Q_VIEW, 1, 1},
    [EF_OP_UPSAMPLE] = {EF_Q_UPSAMPLE, 1, 1},
};

int ef_qkind_moves(ef_qkind kind)
{
    return kind == EF_Q_MAXPOOL || kind == EF_Q_CONCAT || kind == EF_Q_PAD ||
           kind == EF_Q_SLICE || kind == EF_Q_TRANSPOSE || kind == EF_Q_VIEW ||
           kind == EF_Q_UPSAMPLE;
}

static const ef_node *node_of(const ef_qbuild *b, size_t index)
{
    return ef_topology_node(b->topology, index);
}

/* --- where a node's values are in the network before folding --------------------- */

/* The node with this output in the original: behind the batch norms that were folded
 * into it. */
static uint32_t original_of(const ef_qbuild *b, size_t index)
{
    const ef_topology *from = b->qnet->original->topology;
    size_t at = ef_topology_find(from, node_of(b, index)->name), n;
    for (;;) {
        const uint32_t *readers = ef_topology_readers(from, at, &n);
        const ef_node *next = n == 1 ? ef_topology_node(from, readers[0]) : NULL;
        if (!next || next->op != EF_OP_BATCHNORM ||
            ef_topology_find(b->topology, next->name) != SIZE_MAX) {
            return (uint32_t)at;
        }
        at = readers[0];
    }
}

/* --- windows ---------------------------------------------------------------------- */

#define COPY(to, from) memcpy(to, from, sizeof(to))

static ef_qwindow window_of(const ef_node *node, ef_shape in)
{
    ef_qwindow w = {
        .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    if (node->op == EF_OP_CONV) {
        COPY(w.kernel, node->u.conv.kernel);
        COPY(w.stride, node->u.conv.stride);
        COPY(w.dilation, node->u.conv.dilation);
        COPY(w.pad, node->u.conv.pad);
        w.groups = node->u.conv.groups;
    } else if (node->op == EF_OP_MAXPOOL || node->op == EF_OP_AVGPOOL) {
        COPY(w.kernel, node->u.pool.kernel);
        COPY(w.stride, node->u.pool.stride);
        COPY(w.dilation, node->u.pool.dilation);
        COPY(w.pad, node->u.pool.pad);
        w.counts_padding = node->u.pool.count_include_pad != 0;
    } else if (node->op == EF_OP_GLOBALAVG || node->op == EF_OP_GLOBALMAX) {
        w.kernel[0] = in.height;
        w.kernel[1] = in.width;
    }
    return w;
}

/* --- steps ------------------------------------------------------------------------ */

static ef_qstep *add_step(ef_qbuild *b, ef_qkind kind, size_t head)
{
    ef_qnet *qnet = b->qnet;
    const ef_node *node = node_of(b, head);
    ef_qstep *step = &qnet->steps[qnet->n_steps];
    step->kind = kind;
    step->head = step->node = (uint32_t)head;
    step->shape = ef_topology_shape(b->topology, head);
    step->n_inputs = node->n_inputs;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        step->inputs[k] = b->step_of[node->inputs[k]];
    }
    if (node->n_inputs > 0) {
        step->window = window_of(node, qnet->steps[step->inputs[0]].shape);
    }
    b->step_of[head] = (uint32_t)qnet->n_steps;
    b->range_of[qnet->n_steps] = original_of(b, head);
    qnet->n_steps++;
    return step;
}

/* Relu and clip end a step that rounds; other functions are one of their own. */
static int is_clamp(const ef_node *node)
{
    return node->op == EF_OP_ACTIVATION &&
           (node->u.activation.kind == EF_ACTIVATION_RELU ||
            node->u.activation.kind == EF_ACTIVATION_CLIP);
}

/* The node that joins the group of this one, or SIZE_MAX. */
static size_t next_of(const ef_qbuild *b, const uint8_t *stored, size_t index)
{
    size_t n;
    const uint32_t *readers = ef_topology_readers(b->topology, index, &n);
    int goes_on =
        stored[index] == EF_STORED_NOT && !rows[node_of(b, index)->op].is_view;
    return goes_on && n == 1 ? readers[0] : SIZE_MAX;
}

/* The nodes behind the step whose output is the logits, as functions of them. */
static ef_status add_tail(ef_qbuild *b, const uint8_t *stored, size_t head)
{
    ef_qnet *qnet = b->qnet;
    qnet->output = qnet->n_steps - 1;
    for (size_t i = next_of(b, stored, head); i != SIZE_MAX;
         i = next_of(b, stored, i)) {
        qnet->tail[qnet->n_tail++].node = (uint32_t)i;
        b->step_of[i] = (uint32_t)qnet->output;
    }
    return EF_OK;
}

static size_t last_of_group(const ef_qbuild *b, const uint8_t *stored, size_t head)
{
    size_t last = head;
    for (size_t i = head; i != SIZE_MAX; i = next_of(b, stored, i)) {
        last = i;
    }
    return last;
}

/* A step for the first node of a group, and those for the rest of it. */
static ef_status add_group(ef_qbuild *b, const uint8_t *stored, size_t head)
{
    const ef_node *node = node_of(b, head);
    if (!rows[node->op].is_known) {
        return ef_error_set(b->err, EF_ERR_UNSUPPORTED,
                            "node %s: %s has no execution in integer formats",
                            node->name, ef_op_name(node->op));
    }
    ef_qstep *step = add_step(b, rows[node->op].kind, head);
    size_t last = last_of_group(b, stored, head);
    if (stored[last] == EF_STORED_OUTPUT) {
        return add_tail(b, stored, head);
    }
    for (size_t i = next_of(b, stored, head); i != SIZE_MAX;
         i = next_of(b, stored, i)) {
        if (step->kind == EF_Q_INPUT ||
            (is_clamp(node_of(b, i)) && step->kind != EF_Q_TABLE)) {
            step->node = (uint32_t)i;
            b->step_of[i] = (uint32_t)(b->qnet->n_steps - 1);
            b->range_of[b->qnet->n_steps - 1] = original_of(b, i);
        } else {
            step = add_step(b, rows[node_of(b, i)->op].kind, i);
        }
    }
    step->is_stored = stored[last] != EF_STORED_NOT;
    return EF_OK;
}

static ef_status add_groups(ef_qbuild *b, const uint8_t *stored)
{
    size_t n = ef_topology_n_nodes(b->topology);
    ef_status status = EF_OK;
    b->qnet->output = SIZE_MAX;
    for (size_t i = 0; i < n && !status; i++) {
        const ef_node *node = node_of(b, i);
        int is_first = node->n_inputs == 0 || next_of(b, stored, node->inputs[0]) != i;
        status = is_first ? add_group(b, stored, i) : EF_OK;
    }
    if (b->qnet->output == SIZE_MAX) { /* what ends in a concat, or is all views */
        b->qnet->output = b->qnet->n_steps - 1;
    }
    if (!status && b->qnet->output == 0) {
        status = ef_error_set(b->err, EF_ERR_UNSUPPORTED,
                              "the network passes its images on as they are");
    }
    b->qnet->n_views = b->qnet->n_steps - 1 - b->qnet->output;
    return status;
}

ef_status ef_qbuild_steps(ef_qbuild *b)
{
    uint8_t *stored = ef_calloc(ef_topology_n_nodes(b->topology), sizeof *stored);
    if (!stored) {
        return ef_error_memory(b->err);
    }
    ef_topology_stored(b->topology, stored);
    ef_status status = add_groups(b, stored);
    ef_free(stored);
    return status;
}
