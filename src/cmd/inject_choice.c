/* What the options of evoflip inject say, before anything is read. */
#include <string.h>

#include "base/parse.h"
#include "cmd/inject_priv.h"
#include "faultsim/permutation.h"

/* --- which faults ------------------------------------------------------------ */

static ef_status parse_numbers(ef_numbers *numbers, const char *option,
                               const char *text, ef_error *err)
{
    return text ? ef_numbers_parse(numbers, option, text, err) : EF_OK;
}

static ef_status choose_faults(ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    ef_error why = {EF_OK, ""};
    job->targets = 1U << EF_TARGET_WEIGHTS | 1U << EF_TARGET_ACTIVATIONS;
    job->selection.nodes = set->nodes;
    ef_status status = ef_strikes_parse(&job->strikes, set->fault, &why);
    if (!status && set->target) {
        status = ef_targets_parse(&job->targets, set->target, &why);
    }
    if (status) {
        return ef_error_set(err, status, "--%s", why.text);
    }
    status = parse_numbers(&job->selection.channels, "--channels", set->channels, err);
    return status ? status
                  : parse_numbers(&job->selection.bits, "--bits", set->bits, err);
}

/* --- how many ---------------------------------------------------------------- */

/* "20%", "0.2" */
static ef_status parse_share(const char *option, const char *text, double *share,
                             ef_error *err)
{
    ef_error why = {EF_OK, ""};
    size_t n = strlen(text);
    int is_percent = n > 0 && text[n - 1] == '%';
    ef_status status = is_percent ? ef_parse_quantity(text, "", 0.0001, 1, share, &why)
                                  : ef_parse_f64(text, 0.0001, 1, share, &why);
    return status
               ? ef_error_set(err, EF_ERR_USAGE, "--%s %s: %s", option, text, why.text)
               : EF_OK;
}

static ef_status choose_rule(ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    int is_counted = ef_call_given(job->call, "count");
    job->rule = EF_STOP_RULE_DEFAULT;
    if (set->exhaustive) {
        job->rule = (ef_stop_rule){-1, -1, EF_PERMUTATION_MAX};
    } else if (set->precision) {
        job->rule.faults = is_counted ? set->count : EF_PERMUTATION_MAX;
        return parse_share("precision", set->precision, &job->rule.precision, err);
    } else if (is_counted) {
        job->rule = (ef_stop_rule){-1, -1, set->count};
    }
    return EF_OK;
}

/* --- what cannot be said together -------------------------------------------- */

static ef_status check_pairs(const ef_inject_job *job, ef_error *err)
{
    static const struct {
        const char *option, *with, *why;
    } rows[] = {
        {"count", "exhaustive", ""},
        {"precision", "exhaustive", ""},
        {"replay", "count", ": a list is struck as it is"},
        {"replay", "precision", ": a list is struck as it is"},
        {"replay", "exhaustive", ": a list is struck as it is"},
        {"replay", "design", ": a list is struck as it is"},
        {"replay", "per-image", ": the list says which images are struck"},
        {"replay", "target", ": the list says what is struck"},
        {"replay", "fault", ": the list says what is struck"},
        {"replay", "nodes", ": the list says what is struck"},
        {"replay", "channels", ": the list says what is struck"},
        {"replay", "bits", ": the list says what is struck"},
        {"replay", "save-faults", ": the list is there already"},
        {"plan", "replay", ""},
        {"plan", "csv", ": it strikes nothing"},
        {"plan", "json", ": it strikes nothing"},
        {"plan", "outcomes", ": it strikes nothing"},
        {"plan", "save-faults", ": it strikes nothing"},
        {"plan", "run", ": it strikes nothing"},
        {"plan", "protect", ": it strikes nothing"},
        {"protect", "replay", ": a list has no population"},
        {"protect", "per-image", ": it is of faults that strike every image"},
        {"fit-per-mbit", "replay", ": a list has no population"},
        {"plan", "svg", ": it strikes nothing"},
        {"replay", "by-node", ": the list says what is struck"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (ef_call_given(job->call, rows[i].option) &&
            ef_call_given(job->call, rows[i].with)) {
            return ef_error_set(err, EF_ERR_USAGE, "--%s and --%s exclude each other%s",
                                rows[i].option, rows[i].with, rows[i].why);
        }
    }
    if (job->set->resume && !job->set->run) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--resume goes on with a run file: --run names it");
    }
    if (job->set->per_image && job->set->design == EF_DESIGN_STRATIFIED) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--per-image and --design stratified exclude each other");
    }
    if (job->set->exhaustive && job->set->design == EF_DESIGN_STRATIFIED) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--exhaustive and --design stratified exclude each other");
    }
    return EF_OK;
}

ef_status ef_inject_choose(ef_inject_job *job, ef_error *err)
{
    ef_status status = check_pairs(job, err);
    status = status ? status : choose_faults(job, err);
    status = status ? status : ef_inject_check_safety(job, err);
    status = status ? status : ef_inject_choose_sweep(job, err);
    status = status ? status : ef_inject_check_exposure(job, err);
    return status ? status : choose_rule(job, err);
}

ef_status ef_inject_check_outputs(const ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    const char *const paths[] = {set->common.csv, set->common.svg,
                                 set->outcomes,   set->save_faults,
                                 set->protect,    set->resume ? NULL : set->run};
    size_t n = sizeof paths / sizeof *paths, n_stdout = (size_t)set->common.json;
    ef_status status = EF_OK;
    if (set->protect) {
        status = ef_call_check_picture(job->call, "protect", set->protect, ".csv", err);
    }
    for (size_t i = 0; i < n && !status; i++) {
        n_stdout += paths[i] && strcmp(paths[i], "-") == 0;
        for (size_t k = 0; k < i && paths[i] && !status; k++) {
            if (paths[k] && strcmp(paths[i], paths[k]) == 0 && strcmp(paths[i], "-")) {
                status = ef_error_set(err, EF_ERR_USAGE, "%s is named twice", paths[i]);
            }
        }
        if (!status && paths[i]) {
            status = ef_call_check_output(job->call, paths[i], err);
        }
    }
    if (!status && n_stdout > 1) {
        status = ef_error_set(err, EF_ERR_USAGE,
                              "only one of --json, --csv - and --outcomes - can have "
                              "standard output");
    }
    return status;
}
