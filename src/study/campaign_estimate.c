/* What a campaign's counts say of the population. */
#include <math.h>

#include "base/mem.h"
#include "study/campaign_priv.h"

static int is_of(const stratum *s, int64_t site, int64_t bit)
{
    return (site == EF_CAMPAIGN_ALL || s->place.site == (uint64_t)site) &&
           (bit == EF_CAMPAIGN_ALL || s->place.bit == (uint64_t)bit);
}

static void merge(ef_campaign_count *to, const ef_campaign_count *from)
{
    ef_tally_merge(&to->tally, &from->tally);
    ef_tally_merge(&to->nonfinite, &from->nonfinite);
    to->critical += from->critical;
    to->corrected += from->corrected;
}

ef_campaign_count ef_campaign_counts(const ef_campaign *campaign, int64_t site,
                                     int64_t bit)
{
    ef_campaign_count sum = {.population = 0};
    uint64_t each = campaign->is_per_image ? campaign->n_images : 1;
    for (size_t i = 0; i < campaign->n_strata; i++) {
        const stratum *s = &campaign->strata[i];
        if (is_of(s, site, bit)) {
            merge(&sum, &s->counts[0]);
            merge(&sum, &s->counts[1]);
            sum.population += s->place.size * each;
        }
    }
    return sum;
}

/* --- what is estimated ------------------------------------------------------- */

static ef_tally ccr_tally(const ef_campaign_count *count)
{
    return count->tally;
}

static ef_tally nonfinite_tally(const ef_campaign_count *count)
{
    return count->nonfinite;
}

static ef_tally critical_tally(const ef_campaign_count *count)
{
    return (ef_tally){count->tally.n, count->critical, count->critical,
                      count->critical};
}

/* Only the share of it is used: nothing is known of single faults. */
static ef_tally corrected_tally(const ef_campaign_count *count)
{
    return (ef_tally){count->tally.n, count->corrected,
                      count->corrected * count->corrected, count->corrected > 0};
}

typedef ef_tally tally_of(const ef_campaign_count *count);

/* --- strata ------------------------------------------------------------------ */

static ef_stratum as_counted(const stratum *s, tally_of *tally)
{
    return (ef_stratum){.population = s->place.size,
                        .group = s->place.bit,
                        .pilot = tally(&s->counts[0]),
                        .rest = tally(&s->counts[1])};
}

static ef_status estimate_strata(const ef_campaign *c, const size_t *chosen, size_t n,
                                 tally_of *tally, uint64_t images, ef_estimate *to,
                                 ef_error *err)
{
    ef_stratum *list = ef_calloc(n, sizeof *list);
    if (!list) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = as_counted(&c->strata[chosen[i]], tally);
    }
    ef_status status = ef_estimate_strata(list, n, images, to, err);
    ef_free(list);
    return status;
}

/* What is estimated of strata, by which tally of how many images, and where it goes. */
enum { N_ESTIMATES = 4 };
typedef struct estimate_row {
    tally_of *tally;
    uint64_t images;
    ef_estimate *to;
} estimate_row;

static void list_estimates(const ef_campaign *c, ef_campaign_result *result,
                           ef_estimate *corrected, estimate_row rows[N_ESTIMATES])
{
    rows[0] = (estimate_row){ccr_tally, c->n_images, &result->ccr};
    rows[1] = (estimate_row){nonfinite_tally, c->n_images, &result->nonfinite};
    rows[2] = (estimate_row){critical_tally, 1, &result->critical};
    rows[3] = (estimate_row){corrected_tally, c->n_images, corrected};
}

static ef_status estimate_stratified(const ef_campaign *c, int64_t site, int64_t bit,
                                     ef_campaign_result *result, ef_error *err)
{
    ef_estimate corrected = {.share = NAN};
    size_t *chosen = ef_calloc(c->n_strata, sizeof *chosen), n = 0;
    if (!chosen) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < c->n_strata; i++) {
        if (is_of(&c->strata[i], site, bit)) {
            chosen[n++] = i;
        }
    }
    estimate_row rows[N_ESTIMATES];
    list_estimates(c, result, &corrected, rows);
    ef_status status = EF_OK;
    for (size_t i = 0; n > 0 && !status && i < N_ESTIMATES; i++) {
        status = estimate_strata(c, chosen, n, rows[i].tally, rows[i].images,
                                 rows[i].to, err);
    }
    result->corrected = corrected.share;
    ef_free(chosen);
    return status;
}

static ef_status estimate_weighted(const ef_campaign *c, const double *each,
                                   tally_of *tally, uint64_t images, ef_estimate *to,
                                   ef_error *err)
{
    ef_stratum *list = ef_calloc(c->n_strata, sizeof *list);
    if (!list) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < c->n_strata; i++) {
        list[i] = as_counted(&c->strata[i], tally);
    }
    ef_status status =
        ef_estimate_strata_weighted(list, each, c->n_strata, images, to, err);
    ef_free(list);
    return status;
}

ef_status ef_campaign_estimate_weighted(const ef_campaign *campaign,
                                        const double *weights,
                                        ef_campaign_result *result, ef_error *err)
{
    const ef_campaign *c = campaign;
    ef_estimate corrected = {.share = NAN};
    double *each = ef_calloc(c->n_strata, sizeof *each);
    if (!each) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < c->n_strata; i++) {
        each[i] = weights[c->strata[i].place.site];
    }
    *result = (ef_campaign_result){
        .count = ef_campaign_counts(c, EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL)};
    estimate_row rows[N_ESTIMATES];
    list_estimates(c, result, &corrected, rows);
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < N_ESTIMATES; i++) {
        status =
            estimate_weighted(c, each, rows[i].tally, rows[i].images, rows[i].to, err);
    }
    result->corrected = corrected.share;
    ef_free(each);
    return status;
}

/* --- one sample -------------------------------------------------------------- */

ef_status ef_campaign_estimate(const ef_campaign *campaign, int64_t site, int64_t bit,
                               ef_campaign_result *result, ef_error *err)
{
    uint64_t images = ef_campaign_images(campaign);
    ef_campaign_count count = ef_campaign_counts(campaign, site, bit);
    *result = (ef_campaign_result){.count = count};
    if (campaign->design == EF_DESIGN_STRATIFIED && campaign->planned > 0 &&
        campaign->n_outcomes >= campaign->pilot) {
        return estimate_stratified(campaign, site, bit, result, err);
    }
    ef_tally critical = critical_tally(&count);
    result->ccr = ef_estimate_rate(&count.tally, images, count.population);
    result->nonfinite = ef_estimate_rate(&count.nonfinite, images, count.population);
    result->critical = ef_estimate_rate(&critical, 1, count.population);
    result->corrected =
        (double)count.corrected / ((double)count.tally.n * (double)images);
    return EF_OK;
}
