/* A step of a faulty run, as the files that compute it share it. */
#ifndef EF_FAULTSIM_FLOATING_STEP_H
#define EF_FAULTSIM_FLOATING_STEP_H

#include "faultsim/floating_priv.h"

/* A step in hand. */
typedef struct ef_fwork {
    ef_floating_worker *w;
    size_t index;
    const ef_step *step;
    ef_fstate *state;
    const ef_fhit *hits; /* (n) */
    size_t n;
    ef_area area;    /* to compute, its channels in w->wanted */
    ef_step struck;  /* the step with its struck parameters */
    ef_code code;    /* of the output, with a struck scale */
    int is_unstored; /* the output is rounded only after it is computed */
} ef_fwork;

/* The first hit of a part, and how many there are. */
const ef_fhit *ef_fwork_hits(const ef_fwork *k, ef_fpart part, size_t *n);

/* Areas; floating_area.c.  What changed inputs reach; all of the output; whether inputs
 * are valid where an area of the output reads them. */
void ef_fwork_want_inputs(ef_fwork *k);
void ef_fwork_want_all(ef_fwork *k);
void ef_fwork_ensure_inputs(const ef_fwork *k, ef_area out);
/* All of the output where some is wanted of an operation that knows no less. */
void ef_fwork_complete(ef_fwork *k);
/* Makes a channel the worker's own, and valid in an area, which changes. */
float *ef_fwork_take_channel(ef_fwork *k, size_t c, ef_area area);
/* Channels in which nothing differs are the kept ones again. */
void ef_fwork_compare(const ef_fwork *k);

/* Parameters; floating_params.c.  What struck ones reach; the step that has them. */
void ef_fwork_want_struck(ef_fwork *k);
void ef_fwork_strike_parameters(ef_fwork *k);
/* Where the first weight of an output channel is packed. */
size_t ef_fwork_packed_at(const ef_fwork *k, size_t c);

/* Elements as they come about; floating_values.c.  Running sums, and values; the
 * latter also where they are still to be stored, with a scale that is struck. */
void ef_fwork_strike_sums(ef_fwork *k);
void ef_fwork_strike_values(ef_fwork *k);
void ef_fwork_store_values(const ef_fwork *k);

static inline float *ef_fown_channel(const ef_floating_worker *w, const ef_step *step,
                                     size_t c)
{
    return w->forward->arena + step->out.offset +
           c * ef_forward_plane(step->out.shape, w->forward->lanes);
}

static inline int ef_fis_own(const ef_floating_worker *w, const ef_step *step, size_t c)
{
    return w->forward->channels[step->out.first + c] !=
           w->block->channels[step->out.first + c];
}

#endif
