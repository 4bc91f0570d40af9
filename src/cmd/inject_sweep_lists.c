/* What sweeps write beside their tables: rows for each trial, and a picture. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/inject_sweep_priv.h"
#include "faultsim/fault_list.h"
#include "report/sweep_plot.h"

#define FLUSH_BYTES 65536

/* --- rows -------------------------------------------------------------------- */

static ef_status flush(inject_list *list, size_t least, ef_error *err)
{
    ef_text *text = &list->text;
    ef_status status = text->failed ? ef_error_memory(err) : EF_OK;
    if (!status && text->size > least) {
        if (fwrite(text->bytes, 1, text->size, list->output.stream) != text->size) {
            status = ef_error_io(err, list->output.path, "cannot write");
        }
        text->size = 0;
    }
    return status;
}

static ef_status open_list(inject_list *list, const char *path, int force,
                           ef_error *err)
{
    ef_status status = path ? ef_output_open(&list->output, path, force, err) : EF_OK;
    list->is_open = path && !status;
    return status;
}

ef_status inject_lists_open(ef_inject_lists *lists, const ef_inject_job *job,
                            ef_error *err)
{
    const ef_inject_settings *set = job->set;
    int force = set->common.force;
    ef_status status = open_list(&lists->faults, set->save_faults, force, err);
    if (!status) {
        status = open_list(&lists->outcomes, set->outcomes, force, err);
    }
    ef_fault_list_write_head(&lists->faults.text);
    ef_text_add(&lists->outcomes.text,
                "fault,images,masked,benign,sdc,nonfinite,corrected\n");
    return status;
}

static ef_status add_faults(ef_inject_lists *lists, const ef_inject_job *job,
                            const ef_sweep *sweep, uint64_t trial, ef_error *err)
{
    size_t n_sites, n_rates = ef_sweep_n_rates(sweep);
    const ef_site *sites = ef_injector_sites(job->injector, &n_sites);
    ef_ber_flips *flips = ef_calloc(n_rates, sizeof *flips);
    ef_status status =
        flips ? ef_sweep_draw(sweep, trial, flips, err) : ef_error_memory(err);
    for (size_t r = 0; flips && r < n_rates; r++) {
        const ef_fault fault = {flips[r].items, flips[r].n};
        if (!status) {
            ef_fault_list_write(&lists->faults.text, lists->next + r, &fault, sites);
            status = flush(&lists->faults, FLUSH_BYTES, err);
        }
        ef_ber_flips_clear(&flips[r]);
    }
    ef_free(flips);
    return status;
}

static ef_status add_outcomes(ef_inject_lists *lists, const ef_sweep *sweep,
                              uint64_t trial, ef_error *err)
{
    for (size_t r = 0; r < ef_sweep_n_rates(sweep); r++) {
        const ef_outcomes *o = &ef_sweep_trial(sweep, trial, r)->outcomes;
        ef_text_add(&lists->outcomes.text,
                    "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                    ",%" PRIu64 ",%" PRIu64 "\n",
                    lists->next + r, o->images, o->masked, o->benign, o->sdc,
                    o->nonfinite, o->corrected);
    }
    return flush(&lists->outcomes, FLUSH_BYTES, err);
}

ef_status inject_lists_add(ef_inject_lists *lists, const ef_inject_job *job,
                           const ef_sweep *sweep, ef_error *err)
{
    ef_status status = EF_OK;
    for (uint64_t t = 0; t < ef_sweep_n_trials(sweep) && !status; t++) {
        if (lists->outcomes.is_open) {
            status = add_outcomes(lists, sweep, t, err);
        }
        if (lists->faults.is_open && !status) {
            status = add_faults(lists, job, sweep, t, err);
        }
        lists->next += ef_sweep_n_rates(sweep);
    }
    return status;
}

static ef_status close_list(inject_list *list, ef_status status, ef_error *err)
{
    if (list->is_open && !status) {
        status = flush(list, 0, err);
        status = status ? status : ef_output_commit(&list->output, err);
    }
    if (list->is_open) {
        ef_output_abandon(&list->output);
    }
    ef_text_clear(&list->text);
    return status;
}

ef_status inject_lists_close(ef_inject_lists *lists, ef_status status, ef_error *err)
{
    status = close_list(&lists->faults, status, err);
    return close_list(&lists->outcomes, status, err);
}

/* --- the picture ------------------------------------------------------------- */

ef_status inject_lines_add(ef_inject_lines *lines, const ef_sweep_view *view,
                           ef_error *err)
{
    inject_line *to = &lines->items[lines->n++];
    size_t axis = inject_sweep_axis(view->strikes, view->targets);
    ef_targets_write(view->targets, &to->name);
    to->rates = ef_calloc(view->n, sizeof *to->rates);
    to->ccr = ef_calloc(view->n, sizeof *to->ccr);
    to->nonfinite = ef_calloc(view->n, sizeof *to->nonfinite);
    to->accuracy = ef_calloc(view->n, sizeof *to->accuracy);
    if (to->name.failed || !to->rates || !to->ccr || !to->nonfinite || !to->accuracy) {
        return ef_error_memory(err);
    }
    to->n = view->n;
    for (size_t i = 0; i < view->n; i++) {
        to->rates[i] = view->rates[i].rates[axis];
        to->ccr[i] = view->rates[i].ccr;
        to->nonfinite[i] = view->rates[i].nonfinite;
        to->accuracy[i] = view->rates[i].accuracy;
    }
    return EF_OK;
}

void inject_lines_clear(ef_inject_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        ef_text_clear(&lines->items[i].name);
        ef_free(lines->items[i].rates);
        ef_free(lines->items[i].ccr);
        ef_free(lines->items[i].nonfinite);
        ef_free(lines->items[i].accuracy);
    }
    lines->n = 0;
}

static void add_words(const ef_inject_job *job, ef_text *title, ef_text *label)
{
    unsigned together = job->strikes.together;
    const char *model = job->call->operands[0], *slash = strrchr(model, '/');
    ef_text_add(title,
                "%s, %zu images: means of %" PRIu64 " trials; bands hold nine in ten",
                slash ? slash + 1 : model, ef_injector_n_images(job->injector),
                inject_trials(job));
    ef_text_add(label, "bit error rate%s%s", together ? " of " : "",
                together ? ef_target_names[inject_sweep_axis(&job->strikes, together)]
                         : "");
}

/* A picture that gnuplot does not make is no reason to lose the tables. */
static ef_status draw(const ef_inject_job *job, const ef_sweep_plot *plot,
                      ef_error *err)
{
    ef_error why = {EF_OK, ""};
    ef_status status = ef_sweep_plot_draw(plot, job->set->common.svg, &why);
    if (status == EF_ERR_UNSUPPORTED || status == EF_ERR_FAILED) {
        ef_call_note(job->call, "%s", why.text);
        return EF_OK;
    }
    return status ? ef_error_set(err, status, "%s", why.text) : EF_OK;
}

ef_status inject_lines_draw(const ef_inject_lines *lines, const ef_inject_job *job,
                            ef_error *err)
{
    ef_text title = {0}, label = {0};
    ef_sweep_line items[EF_TARGET_COUNT];
    double n = (double)ef_injector_n_images(job->injector);
    for (size_t i = 0; i < lines->n; i++) {
        const inject_line *l = &lines->items[i];
        items[i] = (ef_sweep_line){l->name.bytes, l->n,         l->rates,
                                   l->ccr,        l->nonfinite, l->accuracy};
    }
    add_words(job, &title, &label);
    const ef_sweep_plot plot = {
        .title = title.bytes,
        .rate_label = label.bytes,
        .lines = items,
        .n_lines = lines->n,
        .accuracy = 1 - (double)ef_injector_n_errors(job->injector) / n};
    ef_status status =
        title.failed || label.failed ? ef_error_memory(err) : draw(job, &plot, err);
    ef_text_clear(&title);
    ef_text_clear(&label);
    return status;
}
