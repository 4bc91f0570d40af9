/* Objectives: a topology (or what was measured on it) as a number.
 *
 * Each is one row of one table.  In text an objective is its name and, where its row
 * takes any, keys: `size:format=int4`; a list has commas between, a limit is
 * `params<=50k` or `depth>=3`.  All texts are parsed here.
 *
 * [1] C. Schorn, T. Elsken, S. Vogel, A. Runge, A. Guntoro, G. Ascheid: Automated
 *     design of error-resilient and hardware-efficient deep neural networks, Neural
 *     Computing and Applications 32, 2020, doi:10.1007/s00521-020-04969-6.
 * We differ in: [1] gives no public formula of its architecture sensitivity index
 * (ASI); `asi` is our reconstruction of what it measures, not the authors'. */
#ifndef EF_OBJECTIVES_OBJECTIVE_H
#define EF_OBJECTIVES_OBJECTIVE_H

#include <stddef.h>

#include "base/status.h"
#include "base/text.h"
#include "format/format.h"
#include "net/topology.h"
#include "objectives/accelerator.h"
#include "objectives/constants.h"

#define EF_OBJECTIVES_MAX 16
#define EF_OBJECTIVE_NAME 96

/* What must be there before the value can be known. */
typedef enum ef_cost {
    EF_COST_TOPOLOGY, /* the topology alone: microseconds */
    EF_COST_TRAINED,  /* trained weights; the driver supplies the value */
    EF_COST_INJECTED, /* a fault-injection campaign; likewise */
    EF_COST_COUNT
} ef_cost;

typedef enum ef_direction { EF_MINIMISE, EF_MAXIMISE } ef_direction;

/* What a run says about every topology that it scores; what it points to is borrowed.
 */
typedef struct ef_objective_context {
    ef_format format; /* of weights and activations whose node states none; not stated:
                         int8 */
    const ef_accelerator *accelerator; /* NULL: none was given */
    const ef_constants *constants;     /* NULL: the built-in ones */
} ef_objective_context;

/* What a row needs of the context. */
#define EF_NEEDS_ACCELERATOR 1U
/* Of one flip of both targets, the key exposure, or an accelerator. */
#define EF_NEEDS_EXPOSURE 2U

struct ef_objective_row;

/* A row with its keys; a plain value. */
typedef struct ef_objective {
    const struct ef_objective_row *row;
    char name[EF_OBJECTIVE_NAME]; /* canonical text: parsing it gives this back */
    ef_format format;             /* key `format`; not stated: the context's */
    ef_exposed target;            /* key `target` [both] */
    double ber;      /* key `ber`, of every stored bit of the target; 0: one flip */
    double exposure; /* key `exposure`, the share of flips that strike weights;
                        negative: not stated */
    unsigned form;   /* key `form`, by position in the row's own list of names */
} ef_objective;

typedef struct ef_objective_row {
    const char *name;
    const char *unit; /* "" for plain counts, "share" for 0..1 */
    ef_direction direction;
    ef_cost cost;
    const char *keys;         /* "format target", "" for none */
    const char *const *forms; /* of the key `form`, NULL at the end; NULL: none */
    unsigned needs;           /* EF_NEEDS_... */
    /* NULL where the driver supplies the value. */
    ef_status (*score)(const ef_topology *topology, const ef_objective *objective,
                       const ef_objective_context *context, double *value,
                       ef_error *err);
    const char *meaning; /* one line */
    const char *source;
} ef_objective_row;

/* Every row; the one with name NULL ends the table. */
extern const ef_objective_row ef_objective_rows[];

typedef struct ef_objective_list {
    ef_objective items[EF_OBJECTIVES_MAX];
    size_t n;
} ef_objective_list;

/* EF_ERR_INPUT without a place, which the caller knows: no such objective, no such
 * key, a value that does not parse, an objective twice, more than there is room for. */
EF_NODISCARD ef_status ef_objective_parse(ef_objective *objective, const char *text,
                                          ef_error *err);
EF_NODISCARD ef_status ef_objective_parse_list(ef_objective_list *list,
                                               const char *text, ef_error *err);

/* The values of the list, shape (list->n): the objectives of class topology are
 * computed, the others are NaN.  Takes about 60 ns for each node, 200 ns for those of
 * the lowered topology (objectives/hardware.h).  EF_ERR_MEMORY; EF_ERR_USAGE: an
 * objective needs what the context lacks; what the objective's own function says. */
EF_NODISCARD ef_status ef_objective_score(const ef_topology *topology,
                                          const ef_objective_context *context,
                                          const ef_objective_list *list, double *values,
                                          ef_error *err);

/* Whether the context has what the objective needs.  EF_ERR_USAGE says what is missing
 * and which option gives it, without a place. */
EF_NODISCARD ef_status ef_objective_check(const ef_objective_context *context,
                                          const ef_objective *objective, ef_error *err);

/* --- limits --- */

typedef struct ef_limit {
    ef_objective objective;
    int at_least; /* 0: at most */
    double bound;
} ef_limit;

/* `NAME<=BOUND` or `NAME>=BOUND`, spaces around the sign allowed; the bound as a
 * count (50k), a share (2%), or with the objective's unit (64KiB, 2ms).  EF_ERR_INPUT.
 */
EF_NODISCARD ef_status ef_limit_parse(ef_limit *limit, const char *text, ef_error *err);

/* By how much value breaks the limit, as a share of the bound (of 1 where the bound is
 * 0): 0 where it holds, +infinity for NaN. */
double ef_limit_violation(const ef_limit *limit, double value);

/* The sum of the violations of those of the n limits whose objective the topology
 * alone decides.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_limit_score(const ef_topology *topology,
                                      const ef_objective_context *context,
                                      const ef_limit *limits, size_t n,
                                      double *violation, ef_error *err);

/* "topology", "trained", "injected" */
const char *ef_cost_name(ef_cost cost);
/* "minimised", "maximised" */
const char *ef_direction_name(ef_direction direction);
/* Adds what has to be there: "topology, hardware". */
void ef_objective_write_needs(const ef_objective_row *row, ef_text *text);

#endif
