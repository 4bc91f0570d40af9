/* What the files of a campaign share. */
#ifndef EF_STUDY_CAMPAIGN_PRIV_H
#define EF_STUDY_CAMPAIGN_PRIV_H

#include "faultsim/permutation.h"
#include "study/campaign.h"

/* Of a site at one place of bits. */
typedef struct stratum {
    ef_stratum_place place;
    ef_campaign_count counts[2]; /* of the pilot, or of a uniform sample; of the rest;
                                    their populations are not used */
    uint64_t planned[2];         /* faults that the plan has so far */
    ef_permutation order;        /* of a stratified design */
} stratum;

/* Consecutive faults of the campaign, in one stratum. */
typedef struct segment {
    uint64_t first; /* of the campaign's faults */
    size_t stratum;
    uint64_t begin; /* of the stratum's */
    int is_rest;
} segment;

/* What a fault did on all images; what is missing is masked. */
typedef struct outcome {
    uint64_t number;
    uint32_t benign, sdc, nonfinite, corrected;
} outcome;

struct ef_campaign {
    ef_injector *injector;
    size_t n_images, n_classes;
    ef_target target;
    ef_design design;
    int is_per_image;
    uint64_t seed, pilot;
    ef_stop_rule rule;
    const ef_fault_list *list; /* NULL: the faults are drawn */
    size_t n_flips;            /* of one fault, at most */
    ef_population *population;
    ef_permutation *orders; /* uniform: (1); per image: (n_images) */
    stratum *strata;        /* (n_strata) */
    size_t n_strata;
    segment *segments; /* (n_segments), of a stratified design, ascending */
    size_t n_segments, segments_capacity;
    uint64_t planned;  /* faults that they hold */
    outcome *outcomes; /* (n_outcomes) */
    size_t n_outcomes, outcomes_capacity;
    size_t n_saved; /* of them, that a run file has */
    ef_image_failures *image_failures;
    uint64_t *changes;
    ef_campaign_end end;
};

/* Faults [first, first + n) of the campaign and their number; flips has room for
 * n * n_flips, which the faults point into. */
void campaign_draw(const ef_campaign *c, uint64_t first, size_t n, ef_flip *flips,
                   ef_fault *faults, uint64_t *numbers);
/* The stratum that fault k strikes, and which of its counts. */
size_t campaign_stratum_of(const ef_campaign *c, uint64_t k, uint64_t number,
                           int *is_rest);
/* The stratum of fault k on an image, per image. */
size_t campaign_stratum_of_image(const ef_campaign *c, uint64_t k, size_t image);
/* Plans a stratified campaign up to its look after `planned` faults, whose pilot is
 * counted. */
EF_NODISCARD ef_status campaign_plan(ef_campaign *c, ef_error *err);
/* The look after n faults. */
uint64_t campaign_next_look(const ef_campaign *c, uint64_t n);

/* Room for `more` further outcomes. */
EF_NODISCARD ef_status campaign_reserve(ef_campaign *c, size_t more, ef_error *err);

#endif
