/* What the files of evoflip inject share. */
#ifndef EF_CMD_INJECT_PRIV_H
#define EF_CMD_INJECT_PRIV_H

#include "cmd/command.h"
#include "cmd/subject.h"
#include "study/campaign.h"

typedef struct ef_inject_settings {
    ef_common common;
    const char *target, *fault, *nodes, *channels, *bits;
    int per_image;
    const char *replay;
    uint64_t count;
    const char *precision;
    int exhaustive;
    size_t design; /* ef_design */
    ef_format weights, activations;
    const char *accumulator;
    uint64_t calibrate;
    const char *outcomes, *save_faults, *run;
    int resume, plan;
    size_t recompute; /* 0: what is touched; 1: all */
} ef_inject_settings;

extern const ef_option ef_inject_options[];

/* One call from the command line to the results.  Functions that take it do what their
 * name says and leave what they make in it. */
typedef struct ef_inject_job {
    const ef_call *call;
    const ef_inject_settings *set;
    ef_selection selection;
    unsigned targets; /* set of 1u << ef_target */
    ef_strike strike;
    ef_stop_rule rule;
    ef_qnet_options formats;
    ef_testbed bed;
    ef_subject subject;
    size_t *calibration; /* (n_calibration) */
    size_t n_calibration;
    size_t n_float_errors;
    ef_injector *injector;
    ef_fault_list list; /* of --replay */
    ef_campaign *campaigns[EF_TARGET_COUNT];
    size_t n_campaigns;
    ef_store *store; /* NULL: no run file */
    ef_text text;    /* for people */
    ef_table table;  /* for programs */
} ef_inject_job;

/* --- inject_choice.c: what the options say ---------------------------------------- */

/* EF_ERR_USAGE: options that contradict each other, or say nothing that exists. */
EF_NODISCARD ef_status ef_inject_choose(ef_inject_job *job, ef_error *err);
/* Outputs that exist without --force, or cannot be written: before time is spent. */
EF_NODISCARD ef_status ef_inject_check_outputs(const ef_inject_job *job, ef_error *err);

/* --- inject_formats.c --------------------------------------------------------------
 */

EF_NODISCARD ef_status ef_inject_choose_formats(ef_inject_job *job, ef_error *err);

/* --- inject_prepare.c: the network, its images and its campaigns -------------------
 */

EF_NODISCARD ef_status ef_inject_prepare(ef_inject_job *job, ef_error *err);
/* What results were made with: version, seed, data, configuration, as notes. */
EF_NODISCARD ef_status ef_inject_describe(const ef_inject_job *job, ef_table *table,
                                          ef_error *err);
/* Adds "target=weights ...": the settings that results depend on. */
void ef_inject_write_configuration(const ef_inject_job *job, ef_text *text);

/* --- inject_run.c ------------------------------------------------------------------
 */

/* Strikes every campaign to its end.  EF_STOPPED with the command that resumes. */
EF_NODISCARD ef_status ef_inject_run(ef_inject_job *job, ef_error *err);

/* --- inject_plan.c -----------------------------------------------------------------
 */

EF_NODISCARD ef_status ef_inject_print_plan(ef_inject_job *job, ef_error *err);

/* --- inject_report.c ---------------------------------------------------------------
 */

/* The model, its images, what is wrong without a fault. */
void ef_inject_print_head(ef_inject_job *job);
/* The tables of all campaigns into job's text and table, and to where --csv and --json
 * say. */
EF_NODISCARD ef_status ef_inject_report(ef_inject_job *job, ef_error *err);

/* --- inject_lists.c: a row for each fault ------------------------------------------
 */

/* --save-faults and --outcomes, where they are given. */
EF_NODISCARD ef_status ef_inject_write_lists(const ef_inject_job *job, ef_error *err);

#endif
