/* The run file of evoflip validate: it keeps the options that results depend on, so
 * that --resume needs none of them. */
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "cmd/validate_priv.h"
#include "store/validations.h"

#define OPTIONS_KEY "options"

/* What is not kept: how and where, not what. */
static const char *const passing[] = {
    "space",     "run", "resume", "csv", "svg",   "json",    "force",   "correlations",
    "constants", "fit", "folds",  "isa", "quiet", "threads", "verbose", NULL};
/* What is kept, and may be said anew: it changes what is made of measurements. */
static const char *const analysis[] = {"max-error", "resamples", NULL};

static int is_among(const char *const *names, const char *option)
{
    for (; *names; names++) {
        if (strcmp(*names, option) == 0) {
            return 1;
        }
    }
    return 0;
}

/* --- keeping them ------------------------------------------------------------ */

/* Given, by default, or found in the data, which is the shift. */
static int is_kept(const ef_validate_job *job, size_t row)
{
    const ef_option *o = &ef_validate_options[row];
    return !is_among(passing, o->name) &&
           (job->call->given[row] || o->fallback || strcmp(o->name, "shift") == 0);
}

static ef_status keep_options(const ef_validate_job *job, ef_error *err)
{
    size_t n = ef_options_count(ef_validate_options);
    unsigned char *kept = ef_calloc(n, 1);
    ef_text text = {0};
    if (!kept) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        kept[i] = (unsigned char)is_kept(job, i);
    }
    ef_options_write_given(ef_validate_options, kept, &job->set, &text);
    ef_status status = text.failed
                           ? ef_error_memory(err)
                           : ef_store_set(job->store, OPTIONS_KEY, text.bytes, err);
    ef_text_clear(&text);
    ef_free(kept);
    return status;
}

/* One transaction, so that a run file without its options is never there. */
static ef_status begin(ef_validate_job *job, ef_error *err)
{
    ef_status status = ef_store_begin(job->store, err);
    if (status) {
        return status;
    }
    status = keep_options(job, err);
    if (status) {
        ef_store_rollback(job->store);
        return status;
    }
    return ef_store_commit(job->store, err);
}

ef_status ef_validate_begin(ef_validate_job *job, ef_error *err)
{
    if (!job->set.run) {
        return EF_OK;
    }
    ef_status status =
        ef_store_create(&job->store, job->set.run, job->set.common.force, err);
    status = status ? status : begin(job, err);
    return status ? status : ef_validation_start(job->validation, job->store, err);
}

/* --- taking them up ---------------------------------------------------------- */

/* The words of a text as a shell reads those of ef_options_write_word, each ended by a
 * NUL in place; words: room for as many as text has spaces, and one more. */
static size_t split_words(char *text, const char **words)
{
    size_t n = 0;
    char *to = text;
    for (char *from = text; *from;) {
        int is_quoted = 0;
        if (*from == ' ') {
            from++;
            continue;
        }
        words[n++] = to;
        for (; *from && (is_quoted || *from != ' '); from++) {
            if (*from == '\'') {
                is_quoted = !is_quoted;
            } else if (*from == '\\' && !is_quoted && from[1]) {
                *to++ = *++from;
            } else {
                *to++ = *from;
            }
        }
        from += *from == ' ';
        *to++ = '\0';
    }
    return n;
}

static ef_status parse_stored(ef_validate_job *job, ef_validate_settings *settings,
                              ef_error *err)
{
    size_t n_spaces = 1;
    for (size_t i = 0; i < job->stored.size; i++) {
        n_spaces += job->stored.bytes[i] == ' ';
    }
    const char **words = ef_calloc(n_spaces, sizeof *words);
    if (!words) {
        return ef_error_memory(err);
    }
    ef_error why = {0};
    size_t n = split_words(job->stored.bytes, words);
    ef_status status =
        ef_options_parse(ef_validate_options, words, n, &job->parsed, settings, &why);
    ef_free(words);
    return status ? ef_error_set(err, EF_ERR_INPUT, "%s: damaged: its options: %s",
                                 job->set.run, why.text)
                  : EF_OK;
}

static const size_t field_sizes[] = {
    [EF_OPTION_FLAG] = sizeof(int),          [EF_OPTION_U64] = sizeof(uint64_t),
    [EF_OPTION_COUNT] = sizeof(uint64_t),    [EF_OPTION_F64] = sizeof(double),
    [EF_OPTION_CHOICE] = sizeof(size_t),     [EF_OPTION_TEXT] = sizeof(const char *),
    [EF_OPTION_PATH] = sizeof(const char *), [EF_OPTION_LIST] = sizeof(ef_words),
    [EF_OPTION_FORMAT] = sizeof(ef_format),
};

/* What the call says goes over what the run file says. */
static ef_status overlay(const ef_validate_job *job, ef_validate_settings *settings,
                         ef_error *err)
{
    for (size_t i = 0; ef_validate_options[i].name; i++) {
        const ef_option *row = &ef_validate_options[i];
        if (!job->call->given[i]) {
            continue;
        }
        if (strcmp(row->name, "space") == 0 ||
            (!is_among(passing, row->name) && !is_among(analysis, row->name))) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "--resume goes on with the configuration of %s: leave "
                                "out --%s",
                                job->set.run, row->name);
        }
        memcpy((char *)settings + row->offset,
               (const char *)job->call->settings + row->offset, field_sizes[row->type]);
    }
    return EF_OK;
}

static ef_status check_kind(const ef_validate_job *job, ef_error *err)
{
    ef_text command = {0};
    ef_status status = ef_store_get(job->store, "command", &command, err);
    if (!status && (!command.bytes || strcmp(command.bytes, "validate") != 0)) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s: not a run file of evoflip validate", job->set.run);
    }
    ef_text_clear(&command);
    return status ? status : ef_store_check_validations(job->store, err);
}

ef_status ef_validate_reopen(ef_validate_job *job, ef_error *err)
{
    ef_validate_settings settings = {.run = NULL};
    ef_status status = ef_store_open(&job->store, job->set.run, 1, err);
    status = status ? status : check_kind(job, err);
    status = status ? status : ef_store_get(job->store, OPTIONS_KEY, &job->stored, err);
    if (!status && !job->stored.bytes) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s: damaged: it has no options",
                              job->set.run);
    }
    status = status ? status : parse_stored(job, &settings, err);
    status = status ? status : overlay(job, &settings, err);
    if (!status) {
        job->set = settings;
    }
    return status;
}

/* --- running ----------------------------------------------------------------- */

static void show(void *context, const char *what, size_t done, size_t total)
{
    ef_validate_job *job = context;
    if (!job->phase || strcmp(job->phase, what) != 0) {
        ef_progress_destroy(job->progress);
        job->progress = ef_call_progress(job->call, what, total);
        job->phase = what;
        ef_progress_start(job->progress, done - 1);
    }
    (void)total; /* the progress knows it */
    ef_progress_show(job->progress, done, "%s", "");
}

static int stop(void *context)
{
    return ((const ef_validate_job *)context)->store && ef_stop_requested();
}

ef_status ef_validate_run(ef_validate_job *job, ef_error *err)
{
    const ef_validation_watch watch = {.context = job, .progress = show, .stop = stop};
    if (job->store) {
        ef_stop_install();
    }
    ef_status status = ef_validation_run(job->validation, &watch, err);
    ef_progress_destroy(job->progress);
    job->progress = NULL;
    if (status == EF_STOPPED) {
        ef_error_clear(err);
        ef_error_set(err, status, "stopped; evoflip validate --resume --run=%s goes on",
                     job->set.run);
    }
    return status;
}
