/* What the files of evoflip validate share. */
#ifndef EF_CMD_VALIDATE_PRIV_H
#define EF_CMD_VALIDATE_PRIV_H

#include "cmd/command.h"
#include "study/validation.h"
#include "study/validation_analysis.h"

typedef struct ef_validate_settings {
    ef_common common;
    const char *space, *formats;
    uint64_t topologies, seeds;
    uint64_t epochs;
    double max_error;
    double ber_weights, ber_activations;
    uint64_t calibrate, pilot, trials, count, resamples;
    const char *run, *correlations, *fit;
    uint64_t folds;
    int resume;
} ef_validate_settings;

extern const ef_option ef_validate_options[];

/* One call from the command line to the results. */
typedef struct ef_validate_job {
    const ef_call *call;
    ef_validate_settings set; /* of the run file, with --resume */
    ef_text stored;           /* options of the run file, which set points into */
    ef_parsed parsed;         /* of them */
    ef_dataset data;
    ef_parts *parts;
    ef_normalisation norm;
    ef_constants constants; /* of --constants, which context then points to */
    ef_objective_context context;
    ef_store *store; /* NULL: no run file */
    ef_validation *validation;
    ef_progress *progress;
    const char *phase; /* that progress is of */
} ef_validate_job;

/* --- validate_run.c: the run file, and the options that it keeps --------------------
 */

/* With --resume: opens the run file and takes the settings from it.  EF_ERR_USAGE: an
 * option that would change what the run is of. */
EF_NODISCARD ef_status ef_validate_reopen(ef_validate_job *job, ef_error *err);
/* Begins a run file where one was named. */
EF_NODISCARD ef_status ef_validate_begin(ef_validate_job *job, ef_error *err);
/* Trains and measures.  EF_STOPPED with the command that resumes. */
EF_NODISCARD ef_status ef_validate_run(ef_validate_job *job, ef_error *err);

/* --- validate_fit.c -----------------------------------------------------------------
 */

/* "int8, weights, BER 1e-4" */
void ef_validate_name_measure(const ef_validate_job *job, size_t measure,
                              ef_text *text);
/* With --fit: fits constants, writes them, and tells in text how well they do. */
EF_NODISCARD ef_status ef_validate_fit(const ef_validate_job *job,
                                       const ef_validation_data *data, ef_text *text,
                                       ef_error *err);

/* --- validate_report.c --------------------------------------------------------------
 */

/* Correlations, tables, pictures, to where the options say. */
EF_NODISCARD ef_status ef_validate_report(ef_validate_job *job, ef_error *err);

#endif
