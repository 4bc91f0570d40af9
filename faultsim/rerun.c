#include "faultsim/rerun.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/rerun_priv.h"
#include "faultsim/site.h"

/* --- what engines fill ------------------------------------------------------------ */

ef_status ef_rerun_init(ef_rerun *rerun, const ef_rerun_engine *engine,
                        const ef_rerun_images *images, size_t classes, ef_error *err)
{
    rerun->engine = engine;
    rerun->n = images->n;
    rerun->first = images->first;
    rerun->classes = classes;
    rerun->logits = ef_calloc(images->n * classes, sizeof *rerun->logits);
    rerun->class_of = ef_calloc(images->n, sizeof *rerun->class_of);
    if (images->labels) {
        rerun->labels = ef_memdup(images->labels, images->n * sizeof *rerun->labels);
    }
    int has_all =
        rerun->logits && rerun->class_of && (rerun->labels || !images->labels);
    return has_all ? EF_OK : ef_error_memory(err);
}

void ef_rerun_clear(ef_rerun *rerun)
{
    for (size_t i = 0; i < rerun->n_sites; i++) {
        ef_free(rerun->names[i]);
    }
    ef_free(rerun->names);
    ef_free(rerun->sites);
    ef_free(rerun->logits);
    ef_free(rerun->class_of);
    ef_free(rerun->labels);
}

static ef_status reserve_site(ef_rerun *rerun)
{
    if (rerun->n_sites < rerun->sites_capacity) {
        return EF_OK;
    }
    size_t capacity = rerun->sites_capacity > 0 ? 2 * rerun->sites_capacity : 32;
    ef_site *sites = ef_realloc(rerun->sites, capacity, sizeof *sites);
    if (!sites) {
        return EF_ERR_MEMORY;
    }
    rerun->sites = sites;
    char **names = ef_realloc(rerun->names, capacity, sizeof *names);
    if (!names) {
        return EF_ERR_MEMORY;
    }
    rerun->names = names;
    rerun->sites_capacity = capacity;
    return EF_OK;
}

ef_status ef_rerun_add_site(ef_rerun *rerun, const ef_site *site, size_t *index,
                            ef_error *err)
{
    char *own = ef_strdup(site->name);
    if (!own || reserve_site(rerun)) {
        ef_free(own);
        return ef_error_memory(err);
    }
    *index = rerun->n_sites;
    rerun->names[rerun->n_sites] = own;
    rerun->sites[rerun->n_sites] = *site;
    rerun->sites[rerun->n_sites++].name = own;
    return EF_OK;
}

ef_status ef_rerun_add_parameter(ef_rerun *rerun, const ef_site *site,
                                 const ef_net *net, ef_role role, size_t *index,
                                 ef_error *err)
{
    ef_site own = *site;
    char buffer[EF_SITE_NAME_SIZE];
    ef_site_name_parameter(&own, net, role, buffer);
    return ef_rerun_add_site(rerun, &own, index, err);
}

ef_status ef_rerun_add_output(ef_rerun *rerun, const ef_site *site, const ef_net *net,
                              size_t *index, ef_error *err)
{
    ef_site own = *site;
    char buffer[EF_SITE_NAME_SIZE];
    ef_site_name_output(&own, net, buffer);
    return ef_rerun_add_site(rerun, &own, index, err);
}

/* --- outcomes --------------------------------------------------------------------- */

/* The lowest index of the largest. */
static uint16_t class_of(const double *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return (uint16_t)best;
}

static int are_finite(const double *logits, size_t n)
{
    int finite = 1;
    for (size_t i = 0; i < n; i++) {
        finite &= isfinite(logits[i]) != 0;
    }
    return finite;
}

static int are_equal(const double *a, const double *b, size_t n)
{
    int equal = 1;
    for (size_t i = 0; i < n && equal; i++) {
        equal = a[i] == b[i];
    }
    return equal;
}

ef_status ef_rerun_set_class(ef_rerun *rerun, size_t image, ef_error *err)
{
    const double *logits = rerun->logits + image * rerun->classes;
    if (!are_finite(logits, rerun->classes)) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "the logits of image %zu are not finite without a fault",
                            rerun->first + image);
    }
    rerun->class_of[image] = class_of(logits, rerun->classes);
    return EF_OK;
}

static ef_outcome outcome_of(const ef_rerun *rerun, size_t image, const double *logits,
                             uint16_t class)
{
    const double *before = rerun->logits + image * rerun->classes;
    if (!are_finite(logits, rerun->classes)) {
        return EF_OUTCOME_NONFINITE;
    }
    if (class != rerun->class_of[image]) {
        return EF_OUTCOME_SDC;
    }
    return are_equal(before, logits, rerun->classes) ? EF_OUTCOME_MASKED
                                                     : EF_OUTCOME_BENIGN;
}

static void write_outcome(ef_rerun_worker *w, size_t fault, size_t image,
                          ef_outcome outcome, uint16_t class)
{
    const ef_rerun *rerun = w->rerun;
    const ef_struck *to = w->to;
    ef_outcomes *counts = &to->counts[fault];
    counts->images++;
    counts->masked += outcome == EF_OUTCOME_MASKED;
    counts->benign += outcome == EF_OUTCOME_BENIGN;
    counts->sdc += outcome == EF_OUTCOME_SDC;
    counts->nonfinite += outcome == EF_OUTCOME_NONFINITE;
    counts->corrected +=
        outcome == EF_OUTCOME_SDC && rerun->labels && class == rerun->labels[image];
    if (to->outcomes) {
        to->outcomes[fault * rerun->n + image] = (uint8_t)outcome;
    }
    if (to->classes) {
        to->classes[fault * rerun->n + image] = class;
    }
}

void ef_rerun_judge(ef_rerun_worker *w, size_t fault, size_t image,
                    const double *logits)
{
    size_t n = w->rerun->classes;
    uint16_t class = class_of(logits, n);
    write_outcome(w, fault, image, outcome_of(w->rerun, image, logits, class), class);
    if (w->to->logits) {
        memcpy(w->to->logits + (fault * w->rerun->n + image) * n, logits,
               n * sizeof *logits);
    }
}

void ef_rerun_masked(ef_rerun_worker *w, size_t fault, size_t image)
{
    size_t n = w->rerun->classes;
    write_outcome(w, fault, image, EF_OUTCOME_MASKED, w->rerun->class_of[image]);
    if (w->to->logits) {
        memcpy(w->to->logits + (fault * w->rerun->n + image) * n,
               w->rerun->logits + image * n, n * sizeof *w->rerun->logits);
    }
}

/* --- what callers see ------------------------------------------------------------- */

void ef_rerun_destroy(ef_rerun *rerun)
{
    if (rerun) {
        rerun->engine->destroy(rerun);
    }
}

const char *ef_rerun_engine_name(const ef_rerun *rerun)
{
    return rerun->engine->name;
}

const ef_site *ef_rerun_sites(const ef_rerun *rerun, size_t *n)
{
    *n = rerun->n_sites;
    return rerun->sites;
}

const double *ef_rerun_logits(const ef_rerun *rerun)
{
    return rerun->logits;
}

const uint16_t *ef_rerun_classes(const ef_rerun *rerun)
{
    return rerun->class_of;
}

size_t ef_rerun_n_images(const ef_rerun *rerun)
{
    return rerun->n;
}

size_t ef_rerun_n_classes(const ef_rerun *rerun)
{
    return rerun->classes;
}

ef_status ef_rerun_worker_create(ef_rerun_worker **worker, const ef_rerun *rerun,
                                 ef_error *err)
{
    return rerun->engine->worker_create(worker, rerun, err);
}

void ef_rerun_worker_destroy(ef_rerun_worker *worker)
{
    if (worker) {
        worker->rerun->engine->worker_destroy(worker);
    }
}

static ef_status strike(ef_rerun_worker *w, const ef_fault *faults, size_t n_faults,
                        const ef_struck *to, int is_whole)
{
    memset(to->counts, 0, n_faults * sizeof *to->counts);
    w->to = to;
    return w->rerun->engine->strike(w, faults, n_faults, is_whole);
}

ef_status ef_rerun_strike(ef_rerun_worker *worker, const ef_fault *faults,
                          size_t n_faults, const ef_struck *to)
{
    return strike(worker, faults, n_faults, to, 0);
}

ef_status ef_rerun_strike_all(ef_rerun_worker *worker, const ef_fault *faults,
                              size_t n_faults, const ef_struck *to)
{
    return strike(worker, faults, n_faults, to, 1);
}

uint64_t ef_rerun_macs(const ef_rerun_worker *worker)
{
    return worker->macs;
}
