/* What the files of the engine share. */
#ifndef EF_EVOLVE_NSGA2_PRIV_H
#define EF_EVOLVE_NSGA2_PRIV_H

#include "evolve/keyset.h"
#include "evolve/nsga2.h"
#include "evolve/survival.h"

/* A list of genomes, with what is known of each before it is evaluated. */
typedef struct pool {
    unsigned char *genomes; /* records */
    double *cheap;          /* (room, n_cheap) */
    double *violations;     /* (room) */
    uint64_t *keys;         /* (room); 0 where duplicates are kept */
    size_t n, room;
} pool;

/* Individuals with everything known. */
typedef struct flock {
    unsigned char *genomes; /* (room) records */
    double *objectives;     /* (room, n_objectives) */
    double *violations;     /* (room) */
    uint32_t *ranks;        /* (room) */
    double *crowding;       /* (room) */
} flock;

/* Draws that are made together: two genomes each at most. */
#define DRAWS 64

/* One draw of a generation, by its number. */
typedef struct draw {
    uint64_t number;
    const unsigned char *parents[2]; /* NULL: a sample */
    size_t n;                        /* genomes that came of it */
    ef_status status;
    ef_error err;
} draw;

struct ef_nsga2 {
    const ef_problem *problem;
    ef_nsga2_config config;
    size_t n_threads; /* to draw on */
    uint64_t generation;
    uint64_t evaluations;
    int is_started;
    size_t n;     /* living */
    size_t room;  /* of both flocks: population and a generation */
    flock living; /* the first n; behind them stand the children in hand */
    flock other;  /* where the next population is put together */
    ef_survival survival;
    ef_keyset seen;       /* keys of all that was evaluated */
    ef_keyset proposed;   /* keys of this generation's proposals */
    pool proposals;       /* within the limits that are known before evaluation */
    pool aside;           /* not so, in case nothing else is found */
    double *places;       /* (population + proposals, n_cheap) */
    draw *draws;          /* (DRAWS) */
    unsigned char *drawn; /* (2 DRAWS) records: what came of them */
    size_t *chosen;       /* (children) */
    uint64_t *child_keys; /* (children) of those in hand; 0 where duplicates are kept */
    size_t *lots;         /* (population): the order of tournaments */
    size_t next_lot;
    uint64_t n_shuffles; /* of lots in this generation */
};

/* nsga2.c: a place in an array of records; what a genome owns is freed. */
unsigned char *engine_record(const ef_nsga2 *engine, unsigned char *genomes, size_t i);
void engine_clear_genome(const ef_nsga2 *engine, unsigned char *genome);
void engine_empty_pools(ef_nsga2 *engine);
/* Whether more is proposed than evaluated; whether what was seen is dropped. */
int engine_preselects(const ef_nsga2 *engine);
int engine_drops_duplicates(const ef_nsga2 *engine);

/* nsga2_propose.c: proposes for a generation and puts up to *n children behind the
 * living, their keys into child_keys; *n becomes their number.  The pools are empty
 * then, and on failure there are no children. */
EF_NODISCARD ef_status engine_propose(ef_nsga2 *engine, uint64_t generation, size_t *n,
                                      ef_error *err);

#endif
