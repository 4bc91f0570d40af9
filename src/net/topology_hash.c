/* The canonical order and hash of a topology.
 *
 * [1] B. Weisfeiler, A. Leman, The reduction of a graph to canonical form and the
 *     algebra which appears therein, Nauchno-Technicheskaya Informatsia 2(9), 1968.
 * [2] B. D. McKay, A. Piperno, Practical graph isomorphism, II, Journal of Symbolic
 *     Computation 60, 2014, doi:10.1016/j.jsc.2013.09.003.
 *
 * Every node gets a colour: a hash of what it is, of all that it is made from (a pass
 * along the order) and of all that is made from it (a pass against it) [1].  The order
 * is that of a depth-first walk from the output which finishes a node's inputs before
 * the node: inputs in their order, or, where the operation commutes, the longer path
 * first and then by colour.  Inputs of one colour are told apart as in [2]: one of them
 * is marked, and the colours are spread again.  The hash is that of the list in this
 * order, so that a shared node and two equal ones differ.
 *
 * We differ in: where several inputs of one colour are left, the one is marked whose
 * colours then come out smallest, and those that come out equal are taken to be images
 * of each other without a search below them, and the number of trials is bounded.
 * Graphs regular enough to defeat this do not arise from layers; if they did, equal
 * ones could get two hashes. */
#include "net/topology_priv.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define MARK UINT64_C(0x6d61726b)

/* Candidates for marks that are tried in one topology; later ones are taken as they
 * come.  Networks need a few dozen; without a bound, thousands of nodes that are all
 * images of each other would take seconds. */
#define MAX_TRIALS 512

typedef struct walk {
    const ef_graph *graph;
    const uint32_t *sorted;
    uint64_t *own;       /* (n_nodes) what each node is by itself */
    uint64_t *colors;    /* (n_nodes) */
    uint64_t *trial;     /* (n_nodes) colours after one mark */
    uint64_t *best;      /* (n_nodes) the smallest of them */
    uint64_t *heard;     /* (n_nodes) sums over readers, inside refine */
    uint32_t *depth;     /* (n_nodes) longest path from the input */
    uint32_t *n_readers; /* (n_nodes) */
    uint32_t *stack;     /* (n_nodes) the path from the output to where the walk is */
    uint32_t *next;      /* (n_nodes) the input to visit next, of nodes on the stack */
    uint8_t *placed;     /* (n_nodes) on the stack or in the order */
    uint32_t *order;     /* (n_nodes) */
    size_t n_ordered;
    size_t n_trials;
} walk;

/* What a node is by itself: operation, parameters, formats. */
static uint64_t hash_node(const ef_node *node)
{
    int has_weights = ef_format_is_stated(&node->weight_format);
    int has_activations = ef_format_is_stated(&node->activation_format);
    uint64_t hash = ef_hash_word(node->op, (uint64_t)node->n_inputs << 2 |
                                               (uint64_t)(has_weights << 1) |
                                               (uint64_t)has_activations);
    uint32_t words[sizeof node->u / sizeof(uint32_t)];
    size_t n = ef_op_row_of(node->op)->n_words;
    memcpy(words, &node->u, n * sizeof words[0]);
    for (size_t i = 0; i < n; i++) {
        /* -0 and +0 are one number */
        hash = ef_hash_word(hash, words[i] == UINT32_C(0x80000000) ? 0 : words[i]);
    }
    if (has_weights) {
        hash = ef_hash_bytes(hash, &node->weight_format, sizeof node->weight_format);
    }
    if (has_activations) {
        hash = ef_hash_bytes(hash, &node->activation_format,
                             sizeof node->activation_format);
    }
    return hash;
}

/* Spreads colours once along the order and once against it. */
static void refine(const walk *w, uint64_t *colors)
{
    size_t n = w->graph->n_nodes;
    for (size_t i = 0; i < n; i++) {
        const ef_node *node = &w->graph->nodes[w->sorted[i]];
        uint64_t *color = &colors[w->sorted[i]];
        if (ef_op_row_of(node->op)->commutes) {
            uint64_t sum = 0;
            for (uint32_t k = 0; k < node->n_inputs; k++) {
                sum += ef_hash_word(0, colors[node->inputs[k]]);
            }
            *color = ef_hash_word(*color, sum);
        } else {
            for (uint32_t k = 0; k < node->n_inputs; k++) {
                *color = ef_hash_word(*color, colors[node->inputs[k]]);
            }
        }
    }
    memset(w->heard, 0, n * sizeof w->heard[0]);
    for (size_t i = n; i-- > 0;) {
        const ef_node *node = &w->graph->nodes[w->sorted[i]];
        uint64_t *color = &colors[w->sorted[i]];
        *color = ef_hash_word(*color, w->heard[w->sorted[i]]);
        uint32_t commutes = ef_op_row_of(node->op)->commutes;
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            w->heard[node->inputs[k]] += ef_hash_word(*color, commutes ? 0 : k);
        }
    }
}

/* Marks one of n nodes of equal colour: the one whose colours come out smallest. */
static void mark_one(walk *w, const uint32_t *tied, size_t n)
{
    size_t n_nodes = w->graph->n_nodes;
    uint64_t least = 0;
    n = w->n_trials + n > MAX_TRIALS ? 1 : n;
    w->n_trials += n;
    for (size_t i = 0; i < n; i++) {
        memcpy(w->trial, w->colors, n_nodes * sizeof w->trial[0]);
        w->trial[tied[i]] = ef_hash_word(w->trial[tied[i]], MARK);
        refine(w, w->trial);
        refine(w, w->trial);
        uint64_t sum = 0;
        for (size_t j = 0; j < n_nodes; j++) {
            sum += ef_hash_word(1, w->trial[j]);
        }
        if (i == 0 || sum < least) {
            uint64_t *swap = w->best;
            w->best = w->trial;
            w->trial = swap;
            least = sum;
        }
    }
    uint64_t *swap = w->colors;
    w->colors = w->best;
    w->best = swap;
}

/* Whether input a is visited before b. */
static int goes_before(const walk *w, uint32_t a, uint32_t b)
{
    if (w->depth[a] != w->depth[b]) {
        return w->depth[a] > w->depth[b];
    }
    return w->colors[a] < w->colors[b];
}

/* The inputs of an operation that commutes which were not visited before, each once,
 * in the order of their visit; their number. */
static size_t list_inputs(const walk *w, const ef_node *node,
                          uint32_t list[EF_MAX_INPUTS])
{
    size_t n = 0;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        uint32_t input = node->inputs[k];
        size_t at = 0;
        while (at < n && list[at] != input) {
            at++;
        }
        if (w->placed[input] || at < n) {
            continue;
        }
        for (at = n++; at > 0 && goes_before(w, input, list[at - 1]); at--) {
            list[at] = list[at - 1];
        }
        list[at] = input;
    }
    return n;
}

/* Whether two nodes of one colour end two chains that part from one node and that
 * nobody else reads: swapping the chains changes nothing. */
static int are_twins(const walk *w, uint32_t a, uint32_t b)
{
    while (a != b) {
        const ef_node *node_a = &w->graph->nodes[a], *node_b = &w->graph->nodes[b];
        if (w->n_readers[a] != 1 || w->n_readers[b] != 1 || node_a->n_inputs != 1 ||
            node_b->n_inputs != 1) {
            return 0;
        }
        a = node_a->inputs[0];
        b = node_b->inputs[0];
    }
    return 1;
}

/* The first input in list that has the colour of the one before it and is not its
 * twin; n where there is none. */
static size_t find_tie(const walk *w, const uint32_t *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (w->colors[list[i]] == w->colors[list[i - 1]] &&
            !are_twins(w, list[i - 1], list[i])) {
            return i;
        }
    }
    return n;
}

/* Puts the inputs of a commuting node in the order of their visit, those visited
 * before in front. */
static void settle_inputs(walk *w, ef_node *node)
{
    uint32_t list[EF_MAX_INPUTS];
    size_t n, tie;
    do {
        n = list_inputs(w, node, list);
        tie = find_tie(w, list, n);
        if (tie < n) {
            size_t end = tie + 1;
            while (end < n && w->colors[list[end]] == w->colors[list[tie]]) {
                end++;
            }
            mark_one(w, &list[tie - 1], end - tie + 1);
        }
    } while (tie < n);
    uint32_t sorted[EF_MAX_INPUTS];
    size_t n_sorted = 0;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
        if (w->placed[node->inputs[k]]) {
            sorted[n_sorted++] = node->inputs[k];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            if (node->inputs[k] == list[i]) {
                sorted[n_sorted++] = list[i];
            }
        }
    }
    memcpy(node->inputs, sorted, n_sorted * sizeof sorted[0]);
}

/* Puts a node on the stack. */
static void enter(walk *w, size_t *n_stack, uint32_t index)
{
    ef_node *node = &w->graph->nodes[index];
    if (ef_op_row_of(node->op)->commutes) {
        settle_inputs(w, node);
    }
    w->placed[index] = 1;
    w->next[index] = 0;
    w->stack[(*n_stack)++] = index;
}

static void walk_from(walk *w, uint32_t output)
{
    size_t n_stack = 0;
    enter(w, &n_stack, output);
    while (n_stack > 0) {
        uint32_t index = w->stack[n_stack - 1];
        const ef_node *node = &w->graph->nodes[index];
        if (w->next[index] == node->n_inputs) {
            w->order[w->n_ordered++] = index;
            n_stack--;
        } else {
            uint32_t input = node->inputs[w->next[index]++];
            if (!w->placed[input]) {
                enter(w, &n_stack, input);
            }
        }
    }
}

static void colour(walk *w)
{
    for (size_t i = 0; i < w->graph->n_nodes; i++) {
        uint32_t index = w->sorted[i];
        const ef_node *node = &w->graph->nodes[index];
        w->colors[index] = w->own[index] = hash_node(node);
        w->depth[index] = 0;
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            uint32_t depth = w->depth[node->inputs[k]] + 1;
            w->n_readers[node->inputs[k]]++;
            w->depth[index] = depth > w->depth[index] ? depth : w->depth[index];
        }
    }
    refine(w, w->colors);
}

ef_status ef_topology_order(ef_graph *graph, const uint32_t *sorted, size_t output,
                            uint32_t *order, uint64_t *own)
{
    size_t n = graph->n_nodes;
    uint64_t *room =
        ef_calloc(n, 4 * sizeof(uint64_t) + 4 * sizeof(uint32_t) + sizeof(uint8_t));
    if (!room) {
        return EF_ERR_MEMORY;
    }
    uint32_t *words = (uint32_t *)(room + 4 * n);
    walk w = {
        .graph = graph,
        .sorted = sorted,
        .own = own,
        .colors = room,
        .trial = room + n,
        .best = room + 2 * n,
        .heard = room + 3 * n,
        .depth = words,
        .stack = words + n,
        .next = words + 2 * n,
        .n_readers = words + 3 * n,
        .placed = (uint8_t *)(words + 4 * n),
        .order = order,
    };
    colour(&w);
    walk_from(&w, (uint32_t)output);
    ef_free(room);
    return EF_OK;
}

uint64_t ef_topology_hash_graph(const ef_graph *graph, const uint32_t *order,
                                const uint64_t *own)
{
    uint64_t hash = ef_hash_word(0, graph->n_nodes);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ef_node *node = &graph->nodes[i];
        hash = ef_hash_word(hash, own[order[i]]);
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            hash = ef_hash_word(hash, node->inputs[k]);
        }
    }
    return hash;
}
