/* The front of a run: read from its records, as a table for programs and for people. */
#ifndef EF_STUDY_FRONT_H
#define EF_STUDY_FRONT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "store/store.h"

#define EF_FRONT_OPERATOR 32

typedef struct ef_front_row {
    uint64_t id, generation, parent_a, parent_b;
    char operator_name[EF_FRONT_OPERATOR];
    ef_record_status status;
    uint64_t hash;
    double violation, test_error, loss;
    int in_front;
} ef_front_row;

/* Every record of a run, and which of them are its front: trained, feasible, and not
 * dominated by another such. */
typedef struct ef_front {
    size_t n, n_objectives, n_front;
    ef_front_row *rows; /* (n), by id */
    double *objectives; /* (n, n_objectives) */
    size_t *order;      /* (n_front): members, by the first objective, then the next */
    size_t knee;        /* a row; n where the front is empty */
} ef_front;

EF_NODISCARD ef_status ef_front_load(ef_front *front, ef_store *store, ef_error *err);
void ef_front_clear(ef_front *front);

/* The member with the least first objective; ties by loss, then by the other
 * objectives: of several networks with equal validation error the surest one.
 * n where the front is empty. */
size_t ef_front_best(const ef_front *front);

/* As evoflip-front(1) describes; all: every record by id. */
void ef_front_write_csv(const ef_front *front, const ef_store *store, int all,
                        ef_text *text);

/* At most `most` members, evenly spread along the first objective, ends and knee
 * included; the header names the columns, the knee is starred. */
void ef_front_print(const ef_front *front, const ef_store *store, size_t most,
                    ef_text *text);

#endif
