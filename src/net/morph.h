/* Network operators: from a parent network to a child that computes the same function,
 * or nearly, with other topology; so it needs little training.
 *
 * [1] T. Elsken, J. H. Metzen, F. Hutter, Efficient Multi-Objective Neural Architecture
 *     Search via Lamarckian Evolution, ICLR 2019, arXiv:1804.09081 (LEMONADE).
 * [2] T. Chen, I. Goodfellow, J. Shlens, Net2Net: Accelerating Learning via Knowledge
 *     Transfer, ICLR 2016, arXiv:1511.05641.
 *
 * We differ in: batch norm of an inserted layer starts from the closed-form moments of
 * what it normalises, so that the function is nearly kept with batch statistics too;
 * replicated channels share their outgoing weights unevenly, which breaks their
 * symmetry without noise; what a near operator drops is replaced by its mean; channels
 * that are tied (channels.h) are widened and pruned together; crossover, which [1] has
 * not.
 *
 * `exact` operators keep the function with running statistics up to the rounding of
 * float32, `near` ones approximate it, `none` do not try but keep the weights. */
#ifndef EF_NET_MORPH_H
#define EF_NET_MORPH_H

#include "base/rng.h"
#include "base/status.h"
#include "net/net.h"
#include "net/space.h"

typedef enum ef_keeps { EF_KEEPS_EXACT, EF_KEEPS_NEAR, EF_KEEPS_NONE } ef_keeps;

/* Makes *child from parent, which stays as it is.  The place is drawn among those where
 * the operator fits.  EF_ERR_TOPOLOGY: there is none, or the space does not hold the
 * child drawn; nothing is wrong, draw another.  EF_ERR_MEMORY. */
typedef ef_status ef_operator_apply(ef_rng *rng, const ef_space *space,
                                    const ef_net *parent, ef_net **child,
                                    ef_error *err);

typedef struct ef_operator_row {
    const char *name;
    ef_keeps keeps;
    double weight; /* in the built-in space */
    const char *meaning;
    ef_operator_apply *apply;
} ef_operator_row;

/* (EF_OPERATOR_COUNT) rows, by ef_operator. */
extern const ef_operator_row ef_operators[];

/* Draws operators by the space's weights until one gives a child that the space holds,
 * at most 100 times.  *name (may be NULL) becomes the operator's, static.
 * EF_ERR_TOPOLOGY: none did; EF_ERR_MEMORY.  Cost: linear in nodes and parameters. */
EF_NODISCARD ef_status ef_morph_mutate(ef_rng *rng, const ef_space *space,
                                       const ef_net *parent, ef_net **child,
                                       const char **name, ef_error *err);

/* *child gets what a computes up to a tensor through which everything passes, and what
 * b computes behind such a tensor of equal shape, each with at least one layer that has
 * weights.  EF_ERR_TOPOLOGY: a and b have no such pair, or the space does not hold the
 * child drawn; EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_morph_crossover(ef_rng *rng, const ef_space *space,
                                          const ef_net *a, const ef_net *b,
                                          ef_net **child, ef_error *err);

#endif
