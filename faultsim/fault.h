/* Faults: which bits of which stored elements change, and how. */
#ifndef EF_FAULTSIM_FAULT_H
#define EF_FAULTSIM_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "net/layout.h"
#include "net/net.h"

/* name on the command line and in fault lists */
#define EF_TARGET_LIST(X)                                                              \
    X(WEIGHTS, "weights")                                                              \
    X(BIASES, "biases")                                                                \
    X(ACTIVATIONS, "activations")                                                      \
    X(INPUTS, "inputs")                                                                \
    X(ACCUMULATORS, "accumulators") /* running sums */                                 \
    X(SCALES, "scales")             /* of quantized tensors, as float32 */             \
    X(NORM, "norm")                 /* statistics of batch norms that are not folded */

typedef enum ef_target {
#define X(target, name) EF_TARGET_##target,
    EF_TARGET_LIST(X)
#undef X
        EF_TARGET_COUNT
} ef_target;

#define EF_FAULT_KIND_LIST(X)                                                          \
    X(FLIP, "flip")                                                                    \
    X(STUCK0, "stuck0")                                                                \
    X(STUCK1, "stuck1")

typedef enum ef_fault_kind {
#define X(kind, name) EF_FAULT_##kind,
    EF_FAULT_KIND_LIST(X)
#undef X
        EF_FAULT_KIND_COUNT
} ef_fault_kind;

/* A stored tensor that faults can strike. */
typedef struct ef_site {
    ef_target target;
    uint32_t step; /* of the executed network: a step of integers, a node of floats */
    uint32_t node; /* of the topology: owner of the parameter, or of the output */
    const char *name;   /* of the initialiser, or of the output, in the user's file; a
                           bias that folding made is <node>.bias, and what is not in
                           the file as it is here is called as evoflip would write it */
    uint64_t count;     /* elements; of one image, for what an image brings about */
    unsigned bits;      /* of one element, at most 64 */
    uint64_t n_moments; /* times at which an element can be struck: 1; of accumulators
                           the products of an element, and one more */
    ef_layout layout;   /* of the file's tensor beside this one */
} ef_site;

/* A change of one stored element. */
typedef struct ef_flip {
    uint32_t site;
    uint64_t index; /* element, row-major as the network has it; a list of faults has
                       its place in the file, see the site's layout */
    uint64_t mask;  /* of bits */
    ef_fault_kind kind;
    int64_t image;   /* -1: of every image; else its number among all that are struck */
    uint64_t moment; /* below the site's n_moments: products that a running sum has
                        taken, padded positions included; 0: none, in integers after
                        the bias */
} ef_flip;

/* What strikes together. */
typedef struct ef_fault {
    const ef_flip *flips; /* (n) */
    size_t n;
} ef_fault;

typedef enum ef_outcome {
    EF_OUTCOME_MASKED,   /* logits equal */
    EF_OUTCOME_BENIGN,   /* class equal */
    EF_OUTCOME_SDC,      /* class changed */
    EF_OUTCOME_NONFINITE /* a NaN or infinity among the logits */
} ef_outcome;

/* Of one fault on some images. */
typedef struct ef_outcomes {
    uint64_t images, masked, benign, sdc, nonfinite;
    uint64_t corrected; /* of sdc: the class became the label's */
} ef_outcomes;

/* bits with a fault of this kind in them */
static inline uint64_t ef_fault_bits(ef_fault_kind kind, uint64_t bits, uint64_t mask)
{
    return kind == EF_FAULT_FLIP     ? bits ^ mask
           : kind == EF_FAULT_STUCK0 ? bits & ~mask
                                     : bits | mask;
}

#endif
