#include "faultsim/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/mathfn.h"
#include "base/mem.h"

#define FIRST_LOOK 1000

/* Of the rest this share goes by size: a stratum whose pilot missed its failures is
 * then weighed no more than 1 / EVEN times as in a uniform sample. */
#define EVEN 0.5

void ef_tally_add(ef_tally *tally, uint64_t failures)
{
    tally->n++;
    tally->failures += failures;
    tally->squares += (ef_u128)failures * failures;
    tally->hit += failures > 0;
}

void ef_tally_merge(ef_tally *tally, const ef_tally *other)
{
    tally->n += other->n;
    tally->failures += other->failures;
    tally->squares += other->squares;
    tally->hit += other->hit;
}

/* --- one sample -------------------------------------------------------------- */

/* Sum of the squared distances of per-fault shares to their mean, exact but for the
 * last divisions. */
static double deviations(const ef_tally *tally, uint64_t images)
{
    if (tally->n == 0) {
        return 0;
    }
    ef_u128 sum =
        (ef_u128)tally->n * tally->squares - (ef_u128)tally->failures * tally->failures;
    return (double)sum / (double)tally->n / ((double)images * (double)images);
}

static double share_of(const ef_tally *tally, uint64_t images)
{
    return (double)tally->failures / (double)tally->n / (double)images;
}

/* The effective size of n faults of which none failed.  Of K failing ones among N all
 * are missed with chance (1 - n / N)^K, as of the share K / N with n draws with
 * replacement with exp(-n K / N). */
static double blind_size(uint64_t n, uint64_t population)
{
    double left = (double)(population - n) / (double)population;
    return fmax((double)n, -(double)population * ef_log(left));
}

/* variance of share; blind: the size that counts where few of the faults failed.  No
 * size goes beyond that of independent pairs. */
static ef_estimate conclude(ef_estimate e, uint64_t images, double variance,
                            double blind, uint64_t hit)
{
    if (e.n >= e.population) {
        e.n_effective = INFINITY;
        e.interval = (ef_interval){e.share, e.share};
        return e;
    }
    double left = (double)(e.population - e.n) / (double)e.population;
    double pairs = (double)e.n * (double)images / left;
    e.n_effective = variance > 0 ? e.share * (1 - e.share) / variance : blind;
    if (hit < EF_FEW) {
        e.n_effective = fmin(e.n_effective, blind);
    }
    e.n_effective = fmin(e.n_effective, pairs);
    e.interval = ef_interval_wilson(e.share, e.n_effective, EF_INTERVAL_Z95);
    return e;
}

ef_estimate ef_estimate_units(const ef_tally *tally, uint64_t images, uint64_t most,
                              uint64_t population)
{
    ef_estimate e = {.n = tally->n, .population = population};
    if (e.n == 0) {
        e.share = NAN;
        e.interval = (ef_interval){0, 1};
        return e;
    }
    double n = (double)e.n, left = (double)(population - e.n) / (double)population;
    e.share = share_of(tally, images * most);
    double sum = deviations(tally, images * most);
    double variance = e.n > 1 ? sum / (n - 1) / n * left : 0;
    return conclude(e, images, variance, blind_size(e.n, population), tally->hit);
}

ef_estimate ef_estimate_rate(const ef_tally *tally, uint64_t images,
                             uint64_t population)
{
    return ef_estimate_units(tally, images, 1, population);
}

ef_estimate ef_estimate_critical(const ef_tally *tally, uint64_t population)
{
    ef_tally faults = {tally->n, tally->hit, tally->hit, tally->hit};
    return ef_estimate_rate(&faults, 1, population);
}

uint64_t ef_leveugle_faults(uint64_t population, double share, double margin, double z)
{
    double n = (double)population;
    double faults = n / (1 + margin * margin * (n - 1) / (z * z * share * (1 - share)));
    return faults < n ? (uint64_t)ceil(faults) : population;
}

/* --- strata ------------------------------------------------------------------ */

/* A variance of the shares of faults: its own, with that of others as one more fault.
 */
static double drawn_together(double sum, uint64_t n, double others)
{
    return n > 0 ? (sum + others) / (double)n : others;
}

typedef struct group {
    uint32_t name;
    ef_tally pilot;
    double variance;
} group;

static int compare_groups(const void *a, const void *b)
{
    uint32_t x = ((const group *)a)->name, y = ((const group *)b)->name;
    return (x > y) - (x < y);
}

/* One row for each group, ascending; returns their number. */
static size_t merge_groups(group *groups, size_t n, uint64_t images)
{
    ef_tally all = {0, 0, 0, 0};
    size_t n_groups = 0;
    qsort(groups, n, sizeof *groups, compare_groups);
    for (size_t i = 0; i < n; i++) {
        ef_tally_merge(&all, &groups[i].pilot);
        if (n_groups > 0 && groups[n_groups - 1].name == groups[i].name) {
            ef_tally_merge(&groups[n_groups - 1].pilot, &groups[i].pilot);
        } else {
            groups[n_groups++] = groups[i];
        }
    }
    double whole = all.n > 1 ? deviations(&all, images) / ((double)all.n - 1) : 0;
    for (size_t i = 0; i < n_groups; i++) {
        groups[i].variance = drawn_together(deviations(&groups[i].pilot, images),
                                            groups[i].pilot.n, whole);
    }
    return n_groups;
}

/* Variances of the strata into variances, shape (n); by the pilots alone, or by all. */
static ef_status find_variances(const ef_stratum *strata, size_t n, uint64_t images,
                                int by_all, double *variances, ef_error *err)
{
    group *groups = ef_calloc(n, sizeof *groups);
    if (!groups) {
        return ef_error_memory(err);
    }
    for (size_t h = 0; h < n; h++) {
        groups[h] = (group){strata[h].group, strata[h].pilot, 0};
    }
    size_t n_groups = merge_groups(groups, n, images);
    for (size_t h = 0; h < n; h++) {
        group key = {.name = strata[h].group};
        const group *g =
            bsearch(&key, groups, n_groups, sizeof *groups, compare_groups);
        ef_tally own = strata[h].pilot;
        if (by_all) {
            ef_tally_merge(&own, &strata[h].rest);
        }
        variances[h] = drawn_together(deviations(&own, images), own.n, g->variance);
    }
    ef_free(groups);
    return EF_OK;
}

/* Sums over strata, faults counted by their share of failing images. */
typedef struct sums {
    double total;    /* estimated in the population */
    double error;    /* variance of that */
    double heaviest; /* faults that one that was drawn stands for, at most */
    double blind;    /* faults that one of weight 1 stands for in doubt, as
                        blind_size, at least */
    double weights;  /* of the whole population */
    ef_tally all;
    uint64_t population;
} sums;

/* weight: of each of its faults. */
static void add_stratum(sums *sum, const ef_stratum *s, double weight, uint64_t images,
                        double variance)
{
    int has_rest = s->rest.n > 0;
    const ef_tally *drawn = has_rest ? &s->rest : &s->pilot;
    double n = (double)drawn->n;
    double from = (double)(has_rest ? s->population - s->pilot.n : s->population);
    double known = has_rest ? (double)s->pilot.failures / (double)images : 0;
    sum->total += weight * (known + from * share_of(drawn, images));
    sum->error += weight * weight * from * (from - n) * variance / n;
    if (from > n) {
        sum->heaviest = fmax(sum->heaviest, weight * from / n);
    }
    double seen = (double)(s->pilot.n + s->rest.n) / (double)s->population;
    if (seen < 1 && weight > 0) {
        sum->blind = fmin(sum->blind, -ef_log(1 - seen) / weight);
    }
    sum->weights += weight * (double)s->population;
    ef_tally_merge(&sum->all, &s->pilot);
    ef_tally_merge(&sum->all, &s->rest);
    sum->population += s->population;
}

static ef_estimate conclude_strata(const sums *sum, uint64_t images, uint64_t most)
{
    double m = (double)(images * most);
    ef_estimate e = {.share = fmin(1, sum->total / sum->weights),
                     .n = sum->all.n,
                     .population = sum->population};
    double variance = 0;
    if (sum->all.hit > 0) {
        double square = (double)sum->all.squares / (double)sum->all.hit / (m * m);
        double further = EF_INTERVAL_Z95 * EF_INTERVAL_Z95 / 2;
        variance = sum->error + further * sum->heaviest * sum->heaviest * square;
    }
    /* all that fails could be in the stratum of which least was seen */
    double blind =
        isinf(sum->blind) ? (double)sum->population : sum->weights * sum->blind;
    return conclude(e, images, variance / (sum->weights * sum->weights), blind,
                    sum->all.hit);
}

/* weights may be NULL: all alike. */
static ef_status estimate_strata(const ef_stratum *strata, const double *weights,
                                 size_t n, uint64_t images, uint64_t most,
                                 ef_estimate *estimate, ef_error *err)
{
    double *variances = ef_calloc(n, sizeof *variances);
    ef_status status = variances
                           ? find_variances(strata, n, images * most, 1, variances, err)
                           : ef_error_memory(err);
    if (!status) {
        sums sum = {.blind = INFINITY};
        for (size_t h = 0; h < n; h++) {
            add_stratum(&sum, &strata[h], weights ? weights[h] : 1, images * most,
                        variances[h]);
        }
        *estimate = conclude_strata(&sum, images, most);
    }
    ef_free(variances);
    return status;
}

ef_status ef_estimate_strata_units(const ef_stratum *strata, size_t n, uint64_t images,
                                   uint64_t most, ef_estimate *estimate, ef_error *err)
{
    return estimate_strata(strata, NULL, n, images, most, estimate, err);
}

ef_status ef_estimate_strata_weighted(const ef_stratum *strata, const double *weights,
                                      size_t n, uint64_t images, ef_estimate *estimate,
                                      ef_error *err)
{
    return estimate_strata(strata, weights, n, images, 1, estimate, err);
}

ef_status ef_estimate_strata(const ef_stratum *strata, size_t n, uint64_t images,
                             ef_estimate *estimate, ef_error *err)
{
    return ef_estimate_strata_units(strata, n, images, 1, estimate, err);
}

/* --- allocation -------------------------------------------------------------- */

typedef struct quota {
    size_t stratum;
    double weight;
    uint64_t left; /* that may still be drawn */
    double part;   /* behind the point, of what is due */
} quota;

static int compare_parts(const void *a, const void *b)
{
    const quota *x = a, *y = b;
    if (x->part != y->part) {
        return x->part < y->part ? 1 : -1;
    }
    return (x->stratum > y->stratum) - (x->stratum < y->stratum);
}

static double sum_weights(const quota *quotas, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += quotas[i].left > 0 ? quotas[i].weight : 0;
    }
    return sum;
}

/* Fills strata that are due all they have left, until none is; returns what remains. */
static uint64_t fill_small(quota *quotas, size_t n, uint64_t faults, uint64_t *more)
{
    for (int again = 1; again;) {
        again = 0;
        double weights = sum_weights(quotas, n);
        uint64_t all = faults;
        for (size_t i = 0; i < n; i++) {
            double due = (double)all * quotas[i].weight / weights;
            if (quotas[i].left > 0 && due >= (double)quotas[i].left) {
                uint64_t taken = quotas[i].left < faults ? quotas[i].left : faults;
                more[quotas[i].stratum] += taken;
                quotas[i].left = 0;
                faults -= taken;
                again = 1;
            }
        }
    }
    return faults;
}

/* By the largest parts behind the point; of equals the first stratum. */
static void share_out(quota *quotas, size_t n, uint64_t faults, uint64_t *more)
{
    faults = fill_small(quotas, n, faults, more);
    double weights = sum_weights(quotas, n);
    uint64_t all = faults;
    for (size_t i = 0; i < n; i++) {
        if (quotas[i].left > 0 && weights > 0) {
            double due = (double)all * quotas[i].weight / weights;
            uint64_t whole = (uint64_t)due < faults ? (uint64_t)due : faults;
            more[quotas[i].stratum] += whole;
            quotas[i].part = due - floor(due);
            quotas[i].left -= whole;
            faults -= whole;
        }
    }
    qsort(quotas, n, sizeof *quotas, compare_parts);
    for (size_t i = 0; i < n && faults > 0; i++) {
        uint64_t one = quotas[i].left > 0;
        more[quotas[i].stratum] += one;
        faults -= one;
    }
}

ef_status ef_allocate_pilot(const ef_stratum *strata, size_t n, uint64_t faults,
                            uint64_t *more, ef_error *err)
{
    quota *quotas = ef_calloc(n, sizeof *quotas);
    if (!quotas) {
        return ef_error_memory(err);
    }
    for (size_t h = 0; h < n; h++) {
        uint64_t size = strata[h].population, least = size > 0;
        more[h] = least;
        quotas[h] = (quota){h, (double)size, size - least, 0};
        faults -= least < faults ? least : faults;
    }
    share_out(quotas, n, faults, more);
    ef_free(quotas);
    return EF_OK;
}

ef_status ef_allocate_rest(const ef_stratum *strata, size_t n, uint64_t faults,
                           uint64_t *more, ef_error *err)
{
    quota *quotas = ef_calloc(n, sizeof *quotas);
    double *variances = ef_calloc(n, sizeof *variances);
    ef_status status = quotas && variances
                           ? find_variances(strata, n, 1, 0, variances, err)
                           : ef_error_memory(err);
    double all = 0, due = 0;
    for (size_t h = 0; h < n && !status; h++) {
        variances[h] = sqrt(variances[h]);
        all += (double)strata[h].population;
        due += (double)strata[h].population * variances[h];
    }
    for (size_t h = 0; h < n && !status; h++) {
        const ef_stratum *s = &strata[h];
        double by_size = (double)s->population / all;
        double neyman = due > 0 ? by_size * all * variances[h] / due : by_size;
        more[h] = 0;
        quotas[h] = (quota){h, EVEN * by_size + (1 - EVEN) * neyman,
                            s->population - s->pilot.n - s->rest.n, 0};
    }
    if (!status) {
        share_out(quotas, n, faults, more);
    }
    ef_free(quotas);
    ef_free(variances);
    return status;
}

/* --- when to stop ------------------------------------------------------------ */

uint64_t ef_next_look(const ef_stop_rule *rule, uint64_t n, uint64_t population)
{
    uint64_t most = rule->faults < population ? rule->faults : population;
    uint64_t look = FIRST_LOOK;
    while (look <= n && look < most) {
        look *= 2;
    }
    return look < most ? look : most;
}

int ef_is_enough(const ef_stop_rule *rule, const ef_estimate *estimate)
{
    if (estimate->n >= rule->faults || estimate->n >= estimate->population) {
        return 1;
    }
    double half = (estimate->interval.high - estimate->interval.low) / 2;
    return estimate->n >= FIRST_LOOK && (half <= rule->precision * estimate->share ||
                                         estimate->interval.high < rule->negligible);
}
