/* What the engines of the rerun share. */
#ifndef EF_FAULTSIM_RERUN_PRIV_H
#define EF_FAULTSIM_RERUN_PRIV_H

#include "faultsim/rerun.h"

/* One kind of arithmetic.  Its own types begin with an ef_rerun and an
 * ef_rerun_worker. */
typedef struct ef_rerun_engine {
    const char *name;
    void (*destroy)(ef_rerun *rerun); /* of an incomplete one too */
    ef_status (*worker_create)(ef_rerun_worker **worker, const ef_rerun *rerun,
                               ef_error *err);
    void (*worker_destroy)(ef_rerun_worker *worker);
    /* Judges each fault on each image once, by ef_rerun_judge or ef_rerun_masked. */
    ef_status (*strike)(ef_rerun_worker *worker, const ef_fault *faults,
                        size_t n_faults, int is_whole);
} ef_rerun_engine;

struct ef_rerun {
    const ef_rerun_engine *engine;
    ef_site *sites;
    char **names; /* (n_sites), owned: what sites have */
    size_t n_sites, sites_capacity;
    size_t n, first, classes;
    double *logits;      /* (n, classes) */
    uint16_t *class_of;  /* (n) */
    uint16_t *labels;    /* (n), or NULL */
};

struct ef_rerun_worker {
    const ef_rerun *rerun;
    const ef_struck *to; /* of the strike in hand */
    uint64_t macs;
};

/* Room for logits and classes, and labels; clear frees these and the sites. */
EF_NODISCARD ef_status ef_rerun_init(ef_rerun *rerun, const ef_rerun_engine *engine,
                                     const ef_rerun_images *images, size_t classes,
                                     ef_error *err);
void ef_rerun_clear(ef_rerun *rerun);

/* Adds a site, whose name is copied; its number into *index.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_rerun_add_site(ef_rerun *rerun, const ef_site *site,
                                         size_t *index, ef_error *err);
/* The same for a parameter or an output of net, named as its file does: site.h. */
EF_NODISCARD ef_status ef_rerun_add_parameter(ef_rerun *rerun, const ef_site *site,
                                              const ef_net *net, ef_role role,
                                              size_t *index, ef_error *err);
EF_NODISCARD ef_status ef_rerun_add_output(ef_rerun *rerun, const ef_site *site,
                                           const ef_net *net, size_t *index,
                                           ef_error *err);

/* The fault-free logits of an image are known: sets its class.  EF_ERR_INPUT: one is
 * not finite. */
EF_NODISCARD ef_status ef_rerun_set_class(ef_rerun *rerun, size_t image, ef_error *err);

/* Counts a fault's logits of an image, (classes). */
void ef_rerun_judge(ef_rerun_worker *worker, size_t fault, size_t image,
                    const double *logits);
/* The same where nothing differs. */
void ef_rerun_masked(ef_rerun_worker *worker, size_t fault, size_t image);

/* Whether a flip is of this image of the rerun. */
static inline int ef_rerun_hits(const ef_rerun *rerun, const ef_flip *flip,
                                size_t image)
{
    return flip->image < 0 || (size_t)flip->image == rerun->first + image;
}

#endif
