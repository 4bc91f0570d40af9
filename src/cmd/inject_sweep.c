#include "cmd/inject_sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/inject_sweep_priv.h"
#include "faultsim/fault_list.h"
#include "report/sweep_plot.h"

int ef_inject_is_sweep(const ef_strikes *strikes)
{
    return strikes->n_rates > 0 || strikes->together != 0;
}

/* --- what was asked for ------------------------------------------------------ */

static unsigned all_targets(const ef_inject_sweeps *s)
{
    return s->strikes->together ? s->strikes->together : s->targets;
}

static int strikes_images(unsigned targets)
{
    return (targets >> EF_TARGET_ACTIVATIONS & 1) ||
           (targets >> EF_TARGET_INPUTS & 1) || (targets >> EF_TARGET_ACCUMULATORS & 1);
}

static ef_status check_outputs(const ef_inject_sweeps *s, ef_error *err)
{
    const char *const paths[] = {s->svg, s->faults, s->outcomes};
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !status; i++) {
        status = paths[i] ? ef_call_check_output(s->call, paths[i], err) : EF_OK;
    }
    return status;
}

ef_status ef_inject_check_sweeps(const ef_inject_sweeps *sweeps, ef_error *err)
{
    const struct {
        int is_wrong;
        const char *why;
    } rules[] = {
        {sweeps->strikes->together && ef_call_given(sweeps->call, "target"),
         "--fault TARGET=FAULT and --target exclude each other"},
        {ef_call_given(sweeps->call, "exhaustive"),
         "--exhaustive: trials have no end; --count fixes their number"},
        {sweeps->by_node && sweeps->strikes->together,
         "--by-node: targets that are struck together have no nodes in common"},
        {sweeps->svg && sweeps->strikes->n_rates == 0, "--svg wants a bit error rate"},
        {sweeps->per_image && !strikes_images(all_targets(sweeps)),
         "--per-image: all images share their weights and biases"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].is_wrong) {
            return ef_error_set(err, EF_ERR_USAGE, "%s", rules[i].why);
        }
    }
    return check_outputs(sweeps, err);
}

/* --- the sweeps of a call ---------------------------------------------------- */

static uint64_t trials_of(const ef_inject_sweeps *s)
{
    return s->trials > 0             ? s->trials
           : s->strikes->n_rates > 0 ? EF_SWEEP_TRIALS
                                     : EF_SWEEP_SINGLE_TRIALS;
}

static ef_status make_sweep(const ef_inject_sweeps *s, unsigned targets, size_t site,
                            uint64_t trials, ef_sweep **sweep, ef_error *err)
{
    const ef_common *common = ef_call_common(s->call);
    const ef_sweep_options options = {.strikes = s->strikes,
                                      .targets = targets,
                                      .selection = s->selection,
                                      .only_site = site,
                                      .per_image = s->per_image,
                                      .trials = trials,
                                      .seed = common->seed,
                                      .n_threads = (size_t)common->threads};
    return ef_sweep_create(sweep, s->injector, &options, err);
}

/* The sets of targets that are struck together: shape (EF_TARGET_COUNT).  A target that
 * was not asked for by name may have nothing that is chosen, as long as another has. */
static ef_status list_sets(const ef_inject_sweeps *s, unsigned *sets, size_t *n,
                           ef_error *err)
{
    ef_error first = {EF_OK, ""};
    *n = 0;
    if (s->strikes->together) {
        sets[(*n)++] = s->strikes->together;
        return EF_OK;
    }
    for (unsigned t = 0; t < EF_TARGET_COUNT; t++) {
        ef_error why = {EF_OK, ""};
        ef_sweep *sweep = NULL;
        if (!(s->targets >> t & 1)) {
            continue;
        }
        ef_status status = make_sweep(s, 1U << t, SIZE_MAX, 1, &sweep, &why);
        ef_sweep_destroy(sweep);
        if (status && (status != EF_ERR_USAGE || s->are_named)) {
            return ef_error_set(err, status, "%s", why.text);
        }
        sets[*n] = 1U << t;
        *n += !status;
        first = status && !first.status ? why : first;
    }
    return *n > 0 ? EF_OK : ef_error_set(err, first.status, "%s", first.text);
}

/* --- files ------------------------------------------------------------------- */

/* Outputs that grow trial by trial. */
typedef struct files {
    ef_output faults, outcomes; /* without a stream where not asked for */
} files;

static ef_status open_file(const ef_inject_sweeps *s, const char *path, ef_output *file,
                           ef_error *err)
{
    return path ? ef_output_open(file, path, ef_call_common(s->call)->force, err)
                : EF_OK;
}

static ef_status write_text(ef_output *file, ef_text *text, ef_error *err)
{
    ef_status status = text->failed ? ef_error_memory(err) : EF_OK;
    if (!status && text->size > 0 &&
        fwrite(text->bytes, 1, text->size, file->stream) != text->size) {
        status = ef_error_io(err, file->path, "cannot write");
    }
    ef_text_clear(text);
    return status;
}

static ef_status open_files(const ef_inject_sweeps *s, files *f, ef_error *err)
{
    ef_text head = {0};
    ef_status status = open_file(s, s->faults, &f->faults, err);
    status = status ? status : open_file(s, s->outcomes, &f->outcomes, err);
    if (!status && s->faults) {
        ef_fault_list_write_head(&head);
        status = write_text(&f->faults, &head, err);
    }
    if (!status && s->outcomes) {
        ef_text_add(&head, "fault,images,masked,benign,sdc,nonfinite,corrected\n");
        status = write_text(&f->outcomes, &head, err);
    }
    return status;
}

static ef_status close_files(const ef_inject_sweeps *s, files *f, ef_status status,
                             ef_error *err)
{
    if (!status && s->faults) {
        status = ef_output_commit(&f->faults, err);
    }
    if (!status && s->outcomes) {
        status = ef_output_commit(&f->outcomes, err);
    }
    ef_output_abandon(&f->faults);
    ef_output_abandon(&f->outcomes);
    return status;
}

static ef_status save_faults(const ef_inject_sweeps *s, files *f, const ef_sweep *sweep,
                             uint64_t trial, uint64_t first, ef_error *err)
{
    size_t n_sites, n_rates = ef_sweep_n_rates(sweep);
    const ef_site *sites = ef_injector_sites(s->injector, &n_sites);
    ef_ber_flips *flips = ef_calloc(n_rates, sizeof *flips);
    ef_status status =
        flips ? ef_sweep_draw(sweep, trial, flips, err) : ef_error_memory(err);
    for (size_t r = 0; flips && r < n_rates; r++) {
        ef_text rows = {0};
        if (!status) {
            const ef_fault fault = {flips[r].items, flips[r].n};
            ef_fault_list_write(&rows, first + r, &fault, sites);
            status = write_text(&f->faults, &rows, err);
        }
        ef_ber_flips_clear(&flips[r]);
    }
    ef_free(flips);
    return status;
}

static void add_outcomes(ef_text *text, const ef_sweep *sweep, uint64_t trial,
                         uint64_t first)
{
    for (size_t r = 0; r < ef_sweep_n_rates(sweep); r++) {
        const ef_outcomes *o = &ef_sweep_trial(sweep, trial, r)->outcomes;
        ef_text_add(text,
                    "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                    ",%" PRIu64 ",%" PRIu64 "\n",
                    first + r, o->images, o->masked, o->benign, o->sdc, o->nonfinite,
                    o->corrected);
    }
}

/* Trial t at rate r is fault base + t * rates + r; *base goes on to the next sweep. */
static ef_status write_files(const ef_inject_sweeps *s, files *f, const ef_sweep *sweep,
                             uint64_t *base, ef_error *err)
{
    uint64_t n_rates = ef_sweep_n_rates(sweep);
    ef_status status = EF_OK;
    for (uint64_t t = 0; t < ef_sweep_n_trials(sweep) && !status; t++) {
        uint64_t first = *base + t * n_rates;
        if (s->outcomes) {
            ef_text rows = {0};
            add_outcomes(&rows, sweep, t, first);
            status = write_text(&f->outcomes, &rows, err);
        }
        if (s->faults && !status) {
            status = save_faults(s, f, sweep, t, first, err);
        }
    }
    *base += ef_sweep_n_trials(sweep) * n_rates;
    return status;
}

/* --- running ----------------------------------------------------------------- */

/* Of the picture; owned. */
typedef struct line {
    ef_text name;
    double *rates;             /* (n) */
    ef_spread *ccr, *accuracy; /* (n) */
    size_t n;
} line;

typedef struct run {
    const ef_inject_sweeps *job;
    ef_text *text;
    ef_table *table;
    files files;
    uint64_t next_fault;
    line lines[EF_TARGET_COUNT]; /* (n_lines) */
    size_t n_lines;
} run;

static void show(void *context, double done, double total)
{
    (void)total;
    ef_progress_show(context, (size_t)done, "%s", "");
}

static ef_status strike(const ef_inject_sweeps *s, ef_sweep *sweep, const char *what,
                        ef_error *err)
{
    ef_progress *progress =
        ef_call_progress(s->call, what, (size_t)ef_sweep_n_trials(sweep));
    ef_status status = ef_sweep_run(sweep, show, progress, err);
    ef_progress_destroy(progress);
    return status;
}

static ef_status add_line(run *r, unsigned targets, const ef_sweep_rate *rates,
                          size_t n, ef_error *err)
{
    line *to = &r->lines[r->n_lines++];
    size_t axis = ef_inject_sweep_axis(r->job->strikes, targets);
    ef_inject_sweep_name(targets, &to->name);
    to->rates = ef_calloc(n, sizeof *to->rates);
    to->ccr = ef_calloc(n, sizeof *to->ccr);
    to->accuracy = ef_calloc(n, sizeof *to->accuracy);
    if (to->name.failed || !to->rates || !to->ccr || !to->accuracy) {
        return ef_error_memory(err);
    }
    to->n = n;
    for (size_t i = 0; i < n; i++) {
        to->rates[i] = rates[i].rates[axis];
        to->ccr[i] = rates[i].ccr;
        to->accuracy[i] = rates[i].accuracy;
    }
    return EF_OK;
}

static void clear_lines(run *r)
{
    for (size_t i = 0; i < r->n_lines; i++) {
        ef_text_clear(&r->lines[i].name);
        ef_free(r->lines[i].rates);
        ef_free(r->lines[i].ccr);
        ef_free(r->lines[i].accuracy);
    }
}

/* One sweep, of all nodes or of one site; rates: (n_rates) of it. */
static ef_status run_one(run *r, unsigned targets, size_t site, ef_sweep_rate *rates,
                         ef_error *err)
{
    const ef_inject_sweeps *s = r->job;
    ef_sweep *sweep = NULL;
    ef_text what = {0};
    ef_text_add(&what, "inject ");
    ef_inject_sweep_name(targets, &what);
    ef_status status = make_sweep(s, targets, site, trials_of(s), &sweep, err);
    status = !status && what.failed ? ef_error_memory(err) : status;
    status = status ? status : strike(s, sweep, what.bytes, err);
    for (size_t i = 0; !status && i < ef_sweep_n_rates(sweep); i++) {
        status = ef_sweep_summarize(sweep, i, &rates[i], err);
        rates[i].rates = s->strikes->rates[i];
    }
    if (!status) {
        status = write_files(s, &r->files, sweep, &r->next_fault, err);
    }
    ef_sweep_destroy(sweep);
    ef_text_clear(&what);
    return status;
}

/* One sweep as rows of both tables. */
static ef_status add_one(run *r, ef_sweep_view *view, size_t site, ef_table *people,
                         ef_error *err)
{
    ef_status status = run_one(r, view->targets, site, view->rates, err);
    if (!status) {
        ef_inject_sweep_rows(view, r->table);
        ef_inject_sweep_people_rows(view, r->job->by_node, people);
    }
    return status;
}

/* The nodes of a set one after the other. */
static ef_status add_nodes(run *r, ef_sweep_view *view, ef_table *people, ef_error *err)
{
    const ef_inject_sweeps *s = r->job;
    size_t n_sites;
    const ef_site *sites = ef_injector_sites(s->injector, &n_sites);
    const ef_topology *topology = ef_injector_topology(s->injector);
    ef_sweep *whole = NULL;
    ef_status status = make_sweep(s, view->targets, SIZE_MAX, 1, &whole, err);
    for (size_t i = 0; i < n_sites && !status; i++) {
        if (ef_sweep_site_bits(whole, i) > 0) {
            view->node = ef_topology_node(topology, sites[i].node)->name;
            status = add_one(r, view, i, people, err);
        }
    }
    ef_sweep_destroy(whole);
    return status;
}

static void print_set(const run *r, unsigned targets, const ef_table *people)
{
    const ef_inject_sweeps *s = r->job;
    ef_inject_sweep_name(targets, r->text);
    ef_text_add(r->text, ": %" PRIu64 " trials%s%s\n", trials_of(s),
                s->strikes->n_rates > 0 ? " at each rate" : "",
                !strikes_images(targets) ? ""
                : s->per_image           ? ", each image struck in places of its own"
                                         : ", all images struck in the same places");
    ef_table_print(people, r->text);
    ef_text_add(r->text, "\n");
}

static ef_status run_set(run *r, unsigned targets, ef_error *err)
{
    const ef_inject_sweeps *s = r->job;
    ef_sweep_view view = {.strikes = s->strikes,
                          .targets = targets,
                          .images = ef_injector_n_images(s->injector),
                          .n = s->strikes->n_rates > 0 ? s->strikes->n_rates : 1};
    ef_table people;
    ef_table_init(&people);
    ef_inject_sweep_people_columns(s->strikes, s->by_node, &people);
    view.rates = ef_calloc(view.n, sizeof *view.rates);
    ef_status status =
        view.rates ? add_one(r, &view, SIZE_MAX, &people, err) : ef_error_memory(err);
    if (!status && s->svg) {
        status = add_line(r, targets, view.rates, view.n, err);
    }
    if (!status && s->by_node) {
        status = add_nodes(r, &view, &people, err);
    }
    if (!status) {
        print_set(r, targets, &people);
    }
    ef_table_clear(&people);
    ef_free(view.rates);
    return status;
}

static void explain(ef_text *text)
{
    ef_text_add(
        text,
        "CCR: share of images whose class changed, on average of the trials; low "
        "and high: an\ninterval of 95 %% of that mean; deviation: between trials; "
        "nonfinite: images with a NaN\nor infinity among their logits.\n");
}

static ef_status draw_picture(const run *r, ef_error *err)
{
    const ef_inject_sweeps *s = r->job;
    ef_text title = {0}, label = {0};
    ef_sweep_line lines[EF_TARGET_COUNT];
    for (size_t i = 0; i < r->n_lines; i++) {
        const line *l = &r->lines[i];
        lines[i] = (ef_sweep_line){l->name.bytes, l->n, l->rates, l->ccr, l->accuracy};
    }
    double n = (double)ef_injector_n_images(s->injector);
    ef_text_add(&title,
                "%s, %g images: means of %" PRIu64 " trials; bands hold nine in ten",
                s->call->operands[0], n, trials_of(s));
    ef_text_add(&label, "bit error rate");
    if (s->strikes->together) {
        ef_text_add(
            &label, " of %s",
            ef_target_names[ef_inject_sweep_axis(s->strikes, s->strikes->together)]);
    }
    const ef_sweep_plot plot = {.title = title.bytes,
                                .rate_label = label.bytes,
                                .lines = lines,
                                .n_lines = r->n_lines,
                                .accuracy =
                                    1 - (double)ef_injector_n_errors(s->injector) / n};
    ef_status status = title.failed || label.failed
                           ? ef_error_memory(err)
                           : ef_sweep_plot_draw(&plot, s->svg, err);
    ef_text_clear(&title);
    ef_text_clear(&label);
    return status;
}

ef_status ef_inject_run_sweeps(const ef_inject_sweeps *sweeps, ef_text *text,
                               ef_table *table, ef_error *err)
{
    unsigned sets[EF_TARGET_COUNT];
    size_t n = 0;
    run r = {.job = sweeps, .text = text, .table = table};
    ef_inject_sweep_columns(sweeps->strikes, table);
    ef_status status = list_sets(sweeps, sets, &n, err);
    status = status ? status : open_files(sweeps, &r.files, err);
    for (size_t i = 0; i < n && !status; i++) {
        status = run_set(&r, sets[i], err);
    }
    status = close_files(sweeps, &r.files, status, err);
    explain(text);
    if (!status && sweeps->svg) {
        status = draw_picture(&r, err);
    }
    clear_lines(&r);
    return status;
}

/* --- the plan ---------------------------------------------------------------- */

#define TIMED_TRIALS 4

static ef_status add_plan(const ef_inject_sweeps *s, unsigned targets, ef_table *table,
                          ef_error *err)
{
    size_t n_sites;
    ef_injector_sites(s->injector, &n_sites);
    ef_sweep *sweep = NULL;
    ef_status status = make_sweep(s, targets, SIZE_MAX, TIMED_TRIALS, &sweep, err);
    double start_s = ef_clock_s();
    status = status ? status : ef_sweep_run(sweep, NULL, NULL, err);
    double trial_s = (ef_clock_s() - start_s) / TIMED_TRIALS;
    if (!status) {
        ef_sweep_rate last;
        ef_text name = {0};
        double bits = 0;
        status = ef_sweep_summarize(sweep, ef_sweep_n_rates(sweep) - 1, &last, err);
        for (size_t i = 0; i < n_sites; i++) {
            bits += (double)ef_sweep_site_bits(sweep, i);
        }
        ef_inject_sweep_name(targets, &name);
        ef_table_add_text(table, name.bytes ? name.bytes : "");
        ef_table_add_number(table, bits);
        ef_table_add_number(table, status ? 0 : last.expected_bits);
        ef_table_add_number(table, (double)ef_sweep_n_rates(sweep));
        ef_table_add_number(table, (double)trials_of(s));
        ef_table_add_number(table, 1000 * trial_s);
        ef_table_add_number(table, (double)trials_of(s) * trial_s);
        status = !status && name.failed ? ef_error_memory(err) : status;
        ef_text_clear(&name);
    }
    ef_sweep_destroy(sweep);
    return status;
}

ef_status ef_inject_plan_sweeps(const ef_inject_sweeps *sweeps, ef_text *text,
                                ef_error *err)
{
    static const char *const columns[][2] = {
        {"target", ""},     {"stored bits", ""}, {"struck at the highest rate", ""},
        {"rates", ""},      {"trials", ""},      {"a trial at all rates", "ms"},
        {"all trials", "s"}};
    unsigned sets[EF_TARGET_COUNT];
    size_t n = 0;
    ef_table table;
    ef_table_init(&table);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        ef_table_add_column(&table, columns[i][0], columns[i][1]);
    }
    ef_status status = list_sets(sweeps, sets, &n, err);
    for (size_t i = 0; i < n && !status; i++) {
        status = add_plan(sweeps, sets[i], &table, err);
    }
    ef_table_print(&table, text);
    ef_table_clear(&table);
    return status;
}
