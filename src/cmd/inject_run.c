/* Campaigns strike, with progress, into a run file, and stop where they can go on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/stop.h"
#include "cmd/inject_priv.h"
#include "config.h"
#include "store/campaigns.h"

/* --- what a run file is of --------------------------------------------------- */

#define N_KEYS 7

/* Key and value; equal in every call that may go on with the file. */
typedef struct identity {
    const char *keys[N_KEYS];
    char values[N_KEYS][24]; /* of short ones */
    ef_text configuration;
} identity;

/* Topology, names and parameters. */
static uint64_t model_hash(const ef_net *net)
{
    uint64_t hash = ef_topology_hash(net->topology);
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        const char *name = ef_topology_node(net->topology, i)->name;
        hash = ef_hash_bytes(hash, name, strlen(name) + 1);
    }
    return ef_hash_bytes(hash, net->values, net->n_values * sizeof *net->values);
}

static uint64_t list_hash(const ef_fault_list *list)
{
    uint64_t hash = ef_hash_word(0, list->n);
    for (size_t i = 0; i < list->n; i++) {
        hash = ef_hash_word(ef_hash_word(hash, list->numbers[i]), list->faults[i].n);
    }
    for (size_t i = 0; i < list->n_flips; i++) {
        const ef_flip *f = &list->flips[i];
        const uint64_t words[] = {f->site,           f->index,           f->mask,
                                  (uint64_t)f->kind, (uint64_t)f->image, f->moment};
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            hash = ef_hash_word(hash, words[k]);
        }
    }
    return hash;
}

static void identify(const ef_inject_job *job, identity *to)
{
    static const char *const keys[N_KEYS] = {"command",      "version",    "seed",
                                             "data_hash",    "model_hash", "list_hash",
                                             "configuration"};
    memcpy(to->keys, keys, sizeof keys);
    snprintf(to->values[0], sizeof *to->values, "inject");
    snprintf(to->values[1], sizeof *to->values, "%s", PACKAGE_VERSION);
    snprintf(to->values[2], sizeof *to->values, "%" PRIu64, job->set->common.seed);
    snprintf(to->values[3], sizeof *to->values, "%s", job->bed.hash);
    snprintf(to->values[4], sizeof *to->values, "%016" PRIx64,
             model_hash(job->subject.net));
    snprintf(to->values[5], sizeof *to->values, "%016" PRIx64, list_hash(&job->list));
    ef_inject_write_configuration(job, &to->configuration);
}

static const char *value_of(const identity *id, size_t i)
{
    return i + 1 < N_KEYS            ? id->values[i]
           : id->configuration.bytes ? id->configuration.bytes
                                     : "";
}

static ef_status check_key(const ef_inject_job *job, const identity *id, size_t i,
                           ef_error *err)
{
    ef_text then = {0};
    const char *now = value_of(id, i);
    ef_status status = ef_store_get(job->store, id->keys[i], &then, err);
    const char *stored = then.bytes ? then.bytes : "";
    if (!status && strcmp(stored, now) != 0) {
        status = i == 0 ? ef_error_set(err, EF_ERR_INPUT,
                                       "%s: a run file without campaigns of evoflip "
                                       "inject",
                                       job->set->run)
                        : ef_error_set(err, EF_ERR_INPUT,
                                       "%s: made with another %s: %s; here %s",
                                       job->set->run, id->keys[i], stored, now);
    }
    ef_text_clear(&then);
    return status;
}

/* --- the run file ------------------------------------------------------------ */

static ef_status put_sites(const ef_inject_job *job, ef_error *err)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(job->injector, &n);
    const ef_topology *topology = ef_injector_topology(job->injector);
    ef_status status = EF_OK;
    for (size_t i = 0; i < n && !status; i++) {
        const ef_store_site row = {.number = i,
                                   .target = ef_target_names[sites[i].target],
                                   .tensor = sites[i].name,
                                   .node =
                                       ef_topology_node(topology, sites[i].node)->name,
                                   .elements = sites[i].count,
                                   .bits = sites[i].bits};
        status = ef_store_put_site(job->store, &row, err);
    }
    return status;
}

static ef_status write_start(const ef_inject_job *job, const identity *id,
                             ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < N_KEYS && !status; i++) {
        status = ef_store_set(job->store, id->keys[i], value_of(id, i), err);
    }
    return status ? status : put_sites(job, err);
}

static ef_status start(ef_inject_job *job, const identity *id, ef_error *err)
{
    ef_status status =
        ef_store_create(&job->store, job->set->run, job->set->common.force, err);
    status = status ? status : ef_store_begin(job->store, err);
    if (status) {
        return status;
    }
    status = write_start(job, id, err);
    if (status) {
        ef_store_rollback(job->store);
        return status;
    }
    return ef_store_commit(job->store, err);
}

static ef_status take_up(ef_inject_job *job, const identity *id, ef_error *err)
{
    ef_status status = ef_store_open(&job->store, job->set->run, 1, err);
    for (size_t i = 0; i < N_KEYS && !status; i++) {
        status = check_key(job, id, i, err);
    }
    status = status ? status : ef_store_check_campaigns(job->store, err);
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = ef_campaign_restore(job->campaigns[i], job->store, i, err);
    }
    return status;
}

static ef_status open_run(ef_inject_job *job, ef_error *err)
{
    identity id = {.configuration = {0}};
    if (!job->set->run) {
        return EF_OK;
    }
    identify(job, &id);
    ef_status status = id.configuration.failed ? ef_error_memory(err)
                       : job->set->resume      ? take_up(job, &id, err)
                                               : start(job, &id, err);
    ef_text_clear(&id.configuration);
    return status;
}

/* --- watching ---------------------------------------------------------------- */

typedef struct watcher {
    ef_inject_job *job;
    size_t at; /* campaign */
    ef_progress *progress;
} watcher;

static void show(void *context, uint64_t done, uint64_t most, const ef_estimate *rate)
{
    (void)most;
    ef_progress *progress = ((watcher *)context)->progress;
    if (rate->n > 0) {
        ef_progress_show(progress, (size_t)done, "CCR %.3g %%, %.3g to %.3g %%",
                         100 * rate->share, 100 * rate->interval.low,
                         100 * rate->interval.high);
    } else {
        ef_progress_show(progress, (size_t)done, "%s", "");
    }
}

static ef_status save(const watcher *w, ef_campaign *campaign, ef_error *err)
{
    ef_store *store = w->job->store;
    ef_status status = ef_store_begin(store, err);
    if (status) {
        return status;
    }
    status = ef_campaign_save(campaign, store, w->at, err);
    if (status) {
        ef_store_rollback(store);
        return status;
    }
    return ef_store_commit(store, err);
}

static ef_status commit(void *context, ef_campaign *campaign, ef_error *err)
{
    const watcher *w = context;
    ef_status status = w->job->store ? save(w, campaign, err) : EF_OK;
    if (!status && w->job->set->common.verbose) {
        ef_campaign_count count =
            ef_campaign_counts(campaign, EF_CAMPAIGN_ALL, EF_CAMPAIGN_ALL);
        ef_call_note(w->job->call,
                     "%s: %zu struck, %" PRIu64 " changed a class or are not finite",
                     ef_campaign_name(campaign), ef_campaign_n_outcomes(campaign),
                     count.critical);
    }
    return status;
}

static int stop(void *context)
{
    return ((const watcher *)context)->job->store && ef_stop_requested();
}

/* --- running ----------------------------------------------------------------- */

static ef_status run_campaign(ef_inject_job *job, size_t at, ef_error *err)
{
    char what[32];
    ef_campaign *campaign = job->campaigns[at];
    watcher w = {.job = job, .at = at};
    const ef_campaign_watch watch = {
        .context = &w, .progress = show, .commit = commit, .stop = stop};
    snprintf(what, sizeof what, "inject %s", ef_campaign_name(campaign));
    w.progress = ef_call_progress(job->call, what, (size_t)ef_campaign_most(campaign));
    ef_progress_start(w.progress, ef_campaign_n_outcomes(campaign));
    ef_status status = ef_campaign_run(campaign, &watch, err);
    ef_progress_destroy(w.progress);
    return status;
}

static ef_status say_how_to_resume(const ef_inject_job *job, ef_error *err)
{
    ef_text command = {0};
    ef_call_write(job->call, &command);
    ef_error_clear(err);
    ef_error_set(err, EF_STOPPED, "stopped; %s%s goes on",
                 command.bytes ? command.bytes : "",
                 job->set->resume ? "" : " --resume");
    ef_text_clear(&command);
    return EF_STOPPED;
}

ef_status ef_inject_run(ef_inject_job *job, ef_error *err)
{
    if (job->set->run) {
        ef_stop_install();
    }
    ef_status status = open_run(job, err);
    for (size_t i = 0; i < job->n_campaigns && !status; i++) {
        status = run_campaign(job, i, err);
    }
    if (!status && job->is_sweep) {
        status = ef_inject_run_sweeps(job, err);
    }
    return status == EF_STOPPED ? say_how_to_resume(job, err) : status;
}
