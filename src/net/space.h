/* The search space: what evolution may build, evoflip-space(5).
 *
 * A space bounds the topologies (depth, width, kernels, ...), weights the network
 * operators, and carries hard limits.  Topologies of a space are made of conv, dense,
 * pooling, batch norm, activation, add, concat, flatten, and a scale behind the input
 * that normalises it. */
#ifndef EF_NET_SPACE_H
#define EF_NET_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"
#include "base/text.h"
#include "net/net.h"
#include "net/topology.h"

/* The network operators: ef_morph_<function>, name, what it keeps of the computed
 * function, weight by default, what it does.  A row's position is in no file format. */
#define EF_OPERATOR_LIST(X)                                                            \
    X(INSERT, insert, "insert", EXACT, 3,                                              \
      "insert convolution, batch norm and activation")                                 \
    X(RESIDUAL, residual, "insert-residual", EXACT, 1,                                 \
      "insert a block with a shortcut")                                                \
    X(HIDDEN, hidden, "insert-dense", EXACT, 0.5, "insert a hidden dense layer")       \
    X(WIDEN, widen, "widen", EXACT, 3, "widen a layer and all that is tied to it")     \
    X(ADD, add, "add-skip", EXACT, 1, "add a skip that is added")                      \
    X(CONCAT, concat, "concat-skip", EXACT, 1, "add a skip that is concatenated")      \
    X(GROW, grow, "grow-kernel", EXACT, 1, "enlarge a kernel")                         \
    X(FLATTEN, flatten, "flatten", EXACT, 0.5,                                         \
      "classify from all places, not their average")                                   \
    X(REMOVE, remove, "remove-layer", NEAR, 2,                                         \
      "remove a convolution or hidden dense layer")                                    \
    X(UNSKIP, unskip, "remove-skip", NEAR, 1, "remove an input of an add or concat")   \
    X(PRUNE, prune, "prune", NEAR, 4, "remove the least of a layer's filters")         \
    X(SEPARATE, separate, "separate", NEAR, 2,                                         \
      "split a convolution into depth- and pointwise")                                 \
    X(SHRINK, shrink, "shrink-kernel", NEAR, 2, "make a kernel smaller")               \
    X(AVERAGE, average, "average", NEAR, 0.5, "classify from the average over places") \
    X(STRIDE, stride, "stride", NONE, 1, "change a convolution's stride")              \
    X(POOL, pool, "pool", NONE, 1, "insert a pooling")                                 \
    X(UNPOOL, unpool, "remove-pool", NONE, 1, "remove a pooling")

typedef enum ef_operator {
#define X(id, function, name, keeps, weight, meaning) EF_OPERATOR_##id,
    EF_OPERATOR_LIST(X)
#undef X
        EF_OPERATOR_COUNT
} ef_operator;

#define EF_SPACE_KERNELS 16 /* different kernel sizes, strides */

/* A hard limit as it was written (`params <= 50k`), for those who know the names of
 * objectives. */
typedef struct ef_space_limit {
    char *text;
    size_t line, column; /* in the space's file; 0: not from a file */
} ef_space_limit;

/* Open for reading; made and freed only by the functions below. */
typedef struct ef_space {
    char *name;                    /* of its file, for errors; "built-in" */
    uint32_t depth_min, depth_max; /* convolutions and dense layers */
    uint32_t width_min, width_max,
        width_step;                     /* their output channels but the last's */
    uint64_t kernels[EF_SPACE_KERNELS]; /* odd, ascending */
    size_t n_kernels;
    uint64_t strides[EF_SPACE_KERNELS]; /* ascending, 1 is among them */
    size_t n_strides;
    uint32_t max_nodes;
    int max_pool, avg_pool;    /* poolings allowed, 0 or 1 */
    int add_skip, concat_skip; /* skips allowed */
    int average, flatten;      /* what may stand before the first dense layer */
    int separable;             /* depthwise convolutions allowed */
    int hidden;                /* hidden dense layers allowed */
    ef_activation activation;  /* of every hidden layer: relu, or clip to [0, 6] */
    double crossover;          /* share of children that have two parents, 0..1 */
    double noise; /* on widened filters, share of their standard deviation */
    double weights[EF_OPERATOR_COUNT]; /* of the operators, >= 0 */
    ef_space_limit *limits;            /* (n_limits) */
    size_t n_limits;
    const ef_topology *const *kept; /* (n_kept), borrowed: see ef_space_keep */
    size_t n_kept;
    int plans; /* operators make children without values (ef_net_create_plan), equal in
                  topology, and leave the stream where it would be; parents have values
                */
} ef_space;

/* The built-in space, equal to data/spaces/default.yaml.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_space_default(ef_space **space, ef_error *err);
/* Keys that the file does not name are as in the built-in space.  EF_ERR_IO,
 * EF_ERR_INPUT (file:line:column), EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_space_load(ef_space **space, const char *path, ef_error *err);
EF_NODISCARD ef_status ef_space_parse(ef_space **space, const char *name,
                                      const char *text, size_t size, ef_error *err);
void ef_space_destroy(ef_space *space);

/* All keys; reading it back gives an equal space. */
void ef_space_write(const ef_space *space, ef_text *text);

/* From now on the space holds these topologies too, (n), which are borrowed as long as
 * it lives: bounds of depth and nodes give way to theirs, and a node of the name and
 * operation of one of theirs may be, in each respect, what that one is.  Operators
 * still make only what the space has. */
void ef_space_keep(ef_space *space, const ef_topology *const *topologies, size_t n);

/* Whether the space holds this topology: EF_OK, or EF_ERR_TOPOLOGY with the reason.
 * Limits are not looked at. */
EF_NODISCARD ef_status ef_space_allows(const ef_space *space,
                                       const ef_topology *topology, ef_error *err);

/* Whether width is one of the space's. */
int ef_space_allows_width(const ef_space *space, uint32_t width);

/* Number of convolutions and dense layers. */
size_t ef_topology_depth(const ef_topology *topology);

/* What a network takes and gives.  scale and shift, shape (input.channels): the input
 * is multiplied and shifted first, the normalisation; both NULL: no such node. */
typedef struct ef_task {
    ef_shape input; /* rank 4 */
    uint32_t n_classes;
    const float *scale;
    const float *shift;
} ef_task;

/* A random small network to start from: one to three convolutions (as far as depth
 * allows), some with a shortcut, sizes spread over the lower part of the space;
 * initialised by ef_net_initialise_node.  Images are reduced to about 2 to 8 places a
 * side where strides or poolings are allowed.  EF_ERR_TOPOLOGY: the space has no
 * network for the task; EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_space_sample(ef_rng *rng, const ef_space *space,
                                       const ef_task *task, ef_net **net,
                                       ef_error *err);

/* The same over the whole space: depth uniform, widths uniform up to a greatest one
 * that is uniform itself, blocks of every kind, then a few random operators.
 * Independent draws of it are the random search that a search has to beat. */
EF_NODISCARD ef_status ef_space_random(ef_rng *rng, const ef_space *space,
                                       const ef_task *task, ef_net **net,
                                       ef_error *err);

#endif
