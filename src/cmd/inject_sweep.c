/* Sweeps over bit error rates, and faults in several targets together. */
#include "cmd/inject_sweep_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"

/* Trials at each rate where none are asked for: the mean is then known to a tenth of
 * the deviation between trials, and five of them lie on either side of the band of nine
 * in ten. */
#define TRIALS 100
/* Of single faults in several targets, most of which do nothing: as many as a campaign
 * strikes before it looks. */
#define SINGLE_TRIALS 1000
/* A trial is one value of a mean, and all are in memory. */
#define MOST_TRIALS 1000000

/* --- what was asked for ------------------------------------------------------ */

static int strikes_images(unsigned targets)
{
    const unsigned images = 1U << EF_TARGET_ACTIVATIONS | 1U << EF_TARGET_INPUTS |
                            1U << EF_TARGET_ACCUMULATORS;
    return (targets & images) != 0;
}

static unsigned all_targets(const ef_inject_job *job)
{
    return job->strikes.together ? job->strikes.together : job->targets;
}

/* Options that have no meaning for sweeps, or only for them. */
static ef_status check_options(const ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    int has_rates = job->strikes.n_rates > 0, is_sweep = job->is_sweep;
    const struct {
        int is_wrong;
        const char *why;
    } rules[] = {
        {set->common.svg && !has_rates, "--svg: a picture needs a bit error rate"},
        {set->by_node && !has_rates, "--by-node is for bit error rates"},
        {set->by_node && job->strikes.together,
         "--by-node: what is struck together has no node in common"},
        {job->strikes.together && set->target,
         "--target and --fault TARGET=FAULT exclude each other"},
        {is_sweep && set->exhaustive, "--exhaustive: trials have no end"},
        {is_sweep && set->precision, "--precision: --count fixes the number of trials"},
        {is_sweep && set->design == EF_DESIGN_STRATIFIED,
         "--design: every stored bit is struck by itself"},
        {is_sweep && set->per_image && !strikes_images(all_targets(job)),
         "--per-image: all images share their weights"},
        {is_sweep && (set->safety || set->severity || set->protect ||
                      set->fit_per_mbit > 0 || ef_call_given(job->call, "worst")),
         "--safety, --fit-per-mbit, --severity, --worst and --protect are of single "
         "faults"},
        {is_sweep && set->count > MOST_TRIALS, "--count: at most 1M trials"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].is_wrong) {
            return ef_error_set(err, EF_ERR_USAGE, "%s", rules[i].why);
        }
    }
    return EF_OK;
}

ef_status ef_inject_choose_sweep(ef_inject_job *job, ef_error *err)
{
    job->is_sweep = job->strikes.n_rates > 0 || job->strikes.together;
    ef_status status = check_options(job, err);
    if (status || !job->set->common.svg) {
        return status;
    }
    return ef_call_check_picture(job->call, "svg", job->set->common.svg, ".svg", err);
}

uint64_t inject_trials(const ef_inject_job *job)
{
    return ef_call_given(job->call, "count") ? job->set->count
           : job->strikes.n_rates > 0        ? TRIALS
                                             : SINGLE_TRIALS;
}

/* --- the sweeps of a call ---------------------------------------------------- */

static ef_status make_sweep(const ef_inject_job *job, unsigned targets, size_t site,
                            uint64_t trials, ef_sweep **sweep, ef_error *err)
{
    const ef_sweep_options options = {.strikes = &job->strikes,
                                      .targets = targets,
                                      .selection = &job->selection,
                                      .only_site = site,
                                      .per_image = job->set->per_image,
                                      .trials = trials,
                                      .seed = job->set->common.seed,
                                      .n_threads = (size_t)job->set->common.threads};
    return ef_sweep_create(sweep, job->injector, &options, err);
}

/* The sets of targets that are struck together, (EF_TARGET_COUNT).  A target that was
 * not asked for by name may have nothing that is chosen, as long as another has. */
static ef_status list_sets(const ef_inject_job *job, unsigned *sets, size_t *n,
                           ef_error *err)
{
    ef_error first = {EF_OK, ""};
    *n = job->strikes.together != 0;
    sets[0] = job->strikes.together;
    for (unsigned t = 0; t < EF_TARGET_COUNT && !job->strikes.together; t++) {
        ef_error why = {EF_OK, ""};
        ef_sweep *sweep = NULL;
        if (!(job->targets >> t & 1)) {
            continue;
        }
        ef_status status = make_sweep(job, 1U << t, SIZE_MAX, 1, &sweep, &why);
        ef_sweep_destroy(sweep);
        if (status && (status != EF_ERR_USAGE || job->set->target)) {
            return ef_error_set(err, status, "%s", why.text);
        }
        sets[*n] = 1U << t;
        *n += !status;
        first = status && !first.status ? why : first;
    }
    return *n > 0 ? EF_OK : ef_error_set(err, first.status, "%s", first.text);
}

/* --- running ----------------------------------------------------------------- */

typedef struct watcher {
    ef_inject_job *job;
    uint64_t id; /* in the run file */
    ef_progress *progress;
} watcher;

static void show(void *context, double done, double total)
{
    (void)total;
    ef_progress_show(((watcher *)context)->progress, (size_t)done, "%s", "");
}

static ef_status commit(void *context, ef_sweep *sweep, ef_error *err)
{
    const watcher *w = context;
    ef_store *store = w->job->store;
    ef_status status = store ? ef_store_begin(store, err) : EF_OK;
    if (status || !store) {
        return status;
    }
    status = ef_sweep_save(sweep, store, w->id, err);
    if (status) {
        ef_store_rollback(store);
        return status;
    }
    return ef_store_commit(store, err);
}

static int stop(void *context)
{
    return ((const watcher *)context)->job->store && ef_stop_requested();
}

static ef_status strike(watcher *w, ef_sweep *sweep, ef_error *err)
{
    ef_inject_job *job = w->job;
    const ef_sweep_watch watch = {
        .context = w, .progress = show, .commit = commit, .stop = stop};
    ef_text what = {0};
    ef_text_add(&what, "inject ");
    ef_targets_write(ef_sweep_targets(sweep), &what);
    ef_status status = what.failed ? ef_error_memory(err)
                       : job->set->resume
                           ? ef_sweep_restore(sweep, job->store, w->id, err)
                           : EF_OK;
    if (!status) {
        w->progress =
            ef_call_progress(job->call, what.bytes, (size_t)ef_sweep_n_trials(sweep));
        status = ef_sweep_run(sweep, &watch, err);
        ef_progress_destroy(w->progress);
    }
    ef_text_clear(&what);
    return status;
}

/* Sweeps of one call as they come. */
typedef struct march {
    watcher watcher;
    ef_inject_lists lists;
    ef_inject_lines lines;
    ef_sweep_view view;
    ef_table people; /* of a set */
} march;

/* One sweep: struck, listed, as rows of both tables. */
static ef_status run_one(march *m, size_t site, ef_error *err)
{
    ef_inject_job *job = m->watcher.job;
    ef_sweep *sweep = NULL;
    ef_status status =
        make_sweep(job, m->view.targets, site, inject_trials(job), &sweep, err);
    status = status ? status : strike(&m->watcher, sweep, err);
    for (size_t r = 0; !status && r < m->view.n; r++) {
        status = ef_sweep_summarize(sweep, r, &m->view.rates[r], err);
        m->view.rates[r].rates = job->strikes.rates[r];
    }
    status = status ? status : inject_lists_add(&m->lists, job, sweep, err);
    ef_sweep_destroy(sweep);
    if (!status) {
        inject_sweep_rows(&m->view, &job->table);
        inject_sweep_people_rows(&m->view, job->set->by_node, &m->people);
        m->watcher.id++;
    }
    return status;
}

/* The nodes of a set one after the other. */
static ef_status run_nodes(march *m, ef_error *err)
{
    const ef_inject_job *job = m->watcher.job;
    size_t n_sites;
    ef_sweep *whole = NULL;
    ef_status status = make_sweep(job, m->view.targets, SIZE_MAX, 1, &whole, err);
    ef_injector_sites(job->injector, &n_sites);
    for (size_t i = 0; i < n_sites && !status; i++) {
        if (ef_sweep_site_bits(whole, i) > 0) {
            m->view.node = ef_inject_site_name(job->injector, i);
            status = run_one(m, i, err);
        }
    }
    ef_sweep_destroy(whole);
    return status;
}

static void print_set(const march *m)
{
    ef_inject_job *job = m->watcher.job;
    ef_targets_write(m->view.targets, &job->text);
    ef_text_add(&job->text, ": %" PRIu64 " trials%s%s\n", inject_trials(job),
                job->strikes.n_rates > 0 ? " at each rate" : "",
                !strikes_images(m->view.targets) ? ""
                : job->set->per_image ? ", each image struck in its own places"
                                      : ", all images struck in the same places");
    ef_table_print(&m->people, &job->text);
    ef_text_add(&job->text, "\n");
}

static ef_status run_set(march *m, unsigned targets, ef_error *err)
{
    const ef_inject_job *job = m->watcher.job;
    m->view.targets = targets;
    m->view.node = NULL;
    ef_table_init(&m->people);
    inject_sweep_people_columns(&job->strikes, job->set->by_node, &m->people);
    ef_status status = run_one(m, SIZE_MAX, err);
    if (!status && job->set->common.svg) {
        status = inject_lines_add(&m->lines, &m->view, err);
    }
    if (!status && job->set->by_node) {
        status = run_nodes(m, err);
    }
    if (!status) {
        print_set(m);
    }
    ef_table_clear(&m->people);
    return status;
}

static ef_status begin(march *m, ef_inject_job *job, ef_error *err)
{
    m->watcher.job = job;
    m->view.strikes = &job->strikes;
    m->view.images = ef_injector_n_images(job->injector);
    m->view.n = job->strikes.n_rates > 0 ? job->strikes.n_rates : 1;
    m->view.rates = ef_calloc(m->view.n, sizeof *m->view.rates);
    ef_inject_print_head(job);
    inject_sweep_columns(&job->strikes, &job->table);
    return m->view.rates ? inject_lists_open(&m->lists, job, err)
                         : ef_error_memory(err);
}

static void explain(ef_text *text)
{
    ef_text_add(
        text, "CCR: share of images whose class changed, mean of the trials; low and "
              "high: interval\nof 95 %% of the mean; deviation: between trials; "
              "nonfinite: share of images with a NaN or\ninfinity instead of a class, "
              "which are wrong in accuracy.\n");
}

ef_status ef_inject_run_sweeps(ef_inject_job *job, ef_error *err)
{
    march m = {.people = {0}};
    unsigned sets[EF_TARGET_COUNT];
    size_t n = 0;
    ef_status status = begin(&m, job, err);
    status = status ? status : list_sets(job, sets, &n, err);
    for (size_t i = 0; i < n && !status; i++) {
        status = run_set(&m, sets[i], err);
    }
    explain(&job->text);
    status = inject_lists_close(&m.lists, status, err);
    if (!status && job->set->common.svg) {
        status = inject_lines_draw(&m.lines, job, err);
    }
    inject_lines_clear(&m.lines);
    ef_free(m.view.rates);
    return status;
}

/* --- the plan ---------------------------------------------------------------- */

#define TRIED_TRIALS 4

/* Sweeps of a set: of the whole network, and with --by-node of each node. */
static size_t count_sweeps(const ef_inject_job *job, const ef_sweep *sweep)
{
    size_t n_sites, n = 1;
    ef_injector_sites(job->injector, &n_sites);
    for (size_t i = 0; job->set->by_node && i < n_sites; i++) {
        n += ef_sweep_site_bits(sweep, i) > 0;
    }
    return n;
}

static ef_status add_plan(const ef_inject_job *job, unsigned targets, ef_table *table,
                          ef_error *err)
{
    ef_sweep *sweep = NULL;
    ef_sweep_rate last;
    ef_text name = {0};
    ef_targets_write(targets, &name);
    ef_status status =
        name.failed ? ef_error_memory(err)
                    : make_sweep(job, targets, SIZE_MAX, TRIED_TRIALS, &sweep, err);
    double start_s = ef_clock_s();
    status = status ? status : ef_sweep_run(sweep, NULL, err);
    double trial_s = (ef_clock_s() - start_s) / TRIED_TRIALS;
    if (!status) {
        status = ef_sweep_summarize(sweep, ef_sweep_n_rates(sweep) - 1, &last, err);
    }
    if (!status) {
        ef_table_add_text(table, name.bytes);
        ef_table_add_number(table, (double)ef_sweep_bits(sweep));
        ef_table_add_number(table, last.expected_bits);
        double n_trials = (double)inject_trials(job) * (double)count_sweeps(job, sweep);
        ef_table_add_number(table, (double)ef_sweep_n_rates(sweep));
        ef_table_add_number(table, n_trials);
        ef_table_add_number(table, ef_inject_round(1000 * trial_s));
        ef_table_add_number(table, ef_inject_round(n_trials * trial_s));
    }
    ef_sweep_destroy(sweep);
    ef_text_clear(&name);
    return status;
}

ef_status ef_inject_plan_sweeps(ef_inject_job *job, ef_error *err)
{
    static const char *const columns[][2] = {
        {"target", ""}, {"stored bits", ""}, {"struck at the last rate", ""},
        {"rates", ""},  {"trials", ""},      {"a trial at all rates", "ms"},
        {"in", "s"}};
    unsigned sets[EF_TARGET_COUNT];
    size_t n = 0;
    ef_table table;
    ef_table_init(&table);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(&table, columns[i][0], columns[i][1]);
    }
    ef_inject_print_head(job);
    ef_status status = list_sets(job, sets, &n, err);
    for (size_t i = 0; i < n && !status; i++) {
        status = add_plan(job, sets[i], &table, err);
    }
    ef_table_print(&table, &job->text);
    ef_text_add(&job->text, "\nmemory for the fault-free run: %.0f MB\n",
                ef_injector_memory_bytes(job->injector) / 1e6);
    ef_table_clear(&table);
    return status ? status : ef_print_text(&job->text, err);
}
