/* What the files of evoflip inject share. */
#ifndef EF_CMD_INJECT_PRIV_H
#define EF_CMD_INJECT_PRIV_H

#include "cmd/command.h"
#include "cmd/subject.h"
#include "faultsim/strikes.h"
#include "report/severity.h"
#include "study/campaign.h"
#include "study/weighing.h"

typedef struct ef_inject_settings {
    ef_common common;
    const char *target, *fault, *nodes, *channels, *bits;
    int per_image, by_node;
    const char *replay;
    uint64_t count;
    const char *precision;
    int exhaustive;
    size_t design; /* ef_design */
    ef_format weights, activations;
    const char *accumulator, *ranges, *calibrate;
    const char *outcomes, *save_faults, *run;
    int resume, plan;
    size_t recompute; /* 0: what is touched; 1: all */
    int safety;
    double fit_per_mbit;
    const char *severity, *protect;
    uint64_t worst;
} ef_inject_settings;

extern const ef_option ef_inject_options[];

/* The images that set the ranges of activations; some of those of the call, or those of
 * a data set of their own. */
typedef struct ef_inject_calibration {
    int is_file;
    uint64_t wanted; /* how many of the call's */
    ef_dataset set;  /* empty without a file */
    char hash[EF_MODEL_HASH_SIZE];
    size_t *indices; /* (n) */
    size_t n;
} ef_inject_calibration;

/* With --hardware: by memory, on chip and off, the share of an image's time that a bit
 * of each site sits there, shape (sites of the injector). */
#define EF_INJECT_MEMORIES 2
typedef struct ef_inject_exposure {
    double *shares[EF_INJECT_MEMORIES];
    double time_s; /* of an image */
    char name[64]; /* of the accelerator */
} ef_inject_exposure;

/* One call from the command line to the results.  Functions that take it do what their
 * name says and leave what they make in it. */
typedef struct ef_inject_job {
    const ef_call *call;
    const ef_inject_settings *set;
    ef_selection selection;
    unsigned targets;   /* set of 1u << ef_target */
    ef_strikes strikes; /* of --fault */
    int is_sweep;       /* at bit error rates, or in several targets together */
    ef_stop_rule rule;
    ef_qnet_options formats;
    ef_range_rule ranges;
    ef_testbed bed;
    ef_subject subject;
    ef_inject_calibration calibration;
    size_t n_float_errors;
    ef_injector *injector;
    ef_inject_exposure exposure;
    ef_fault_list list; /* of --replay */
    ef_campaign *campaigns[EF_TARGET_COUNT];
    size_t n_campaigns;
    ef_severity severity;                    /* without --severity empty */
    ef_weighing *weighings[EF_TARGET_COUNT]; /* (n_campaigns), with --severity */
    ef_store *store;                         /* NULL: no run file */
    ef_text text;                            /* for people */
    ef_table table;                          /* for programs */
} ef_inject_job;

/* --- inject_choice.c: what the options say ---------------------------------------- */

/* EF_ERR_USAGE: options that contradict each other, or say nothing that exists. */
EF_NODISCARD ef_status ef_inject_choose(ef_inject_job *job, ef_error *err);
/* Outputs that exist without --force, or cannot be written: before time is spent. */
EF_NODISCARD ef_status ef_inject_check_outputs(const ef_inject_job *job, ef_error *err);

/* --- inject_formats.c --------------------------------------------------------------
 */

EF_NODISCARD ef_status ef_inject_choose_formats(ef_inject_job *job, ef_error *err);

/* --- inject_calibration.c ----------------------------------------------------------
 */

EF_NODISCARD ef_status ef_inject_choose_calibration(ef_inject_job *job, ef_error *err);
/* The subject is there already.  What loading data fails with; EF_ERR_INPUT: images
 * that the model does not take. */
EF_NODISCARD ef_status ef_inject_load_calibration(ef_inject_job *job, ef_error *err);
/* Adds " calibrate=...". */
void ef_inject_write_calibration(const ef_inject_job *job, ef_text *text);
void ef_inject_calibration_clear(ef_inject_calibration *calibration);

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

/* --- inject_sweep.c ----------------------------------------------------------------
 */

/* Whether the strikes are for sweeps, and what cannot be said together then. */
EF_NODISCARD ef_status ef_inject_choose_sweep(ef_inject_job *job, ef_error *err);
/* Strikes every sweep to its end, into the run file where there is one; lists of faults
 * and outcomes, the picture, and what to print are made on the way.  EF_STOPPED. */
EF_NODISCARD ef_status ef_inject_run_sweeps(ef_inject_job *job, ef_error *err);
EF_NODISCARD ef_status ef_inject_plan_sweeps(ef_inject_job *job, ef_error *err);

/* --- inject_plan.c -----------------------------------------------------------------
 */

/* A time in any unit, for people. */
double ef_inject_round(double time);
EF_NODISCARD ef_status ef_inject_print_plan(ef_inject_job *job, ef_error *err);
/* Faults that Leveugle et al. ask for to know a share of faults to this margin. */
#define EF_INJECT_LEVEUGLE_MARGIN 0.01
uint64_t ef_inject_leveugle(const ef_campaign *campaign);

/* --- inject_report.c ---------------------------------------------------------------
 */

/* The model, its images, what is wrong without a fault. */
void ef_inject_print_head(ef_inject_job *job);
/* A share in percent for people: three digits, none of them behind 0.0001 %. */
double ef_inject_percent(double share);
/* Of a site: its node, or its own where the node has several of the target. */
const char *ef_inject_site_name(const ef_injector *injector, size_t site);
/* The tables of all campaigns into job's text and table, and to where --csv and --json
 * say. */
EF_NODISCARD ef_status ef_inject_report(ef_inject_job *job, ef_error *err);

/* A row of a table: the whole network, a node, a bit position. */
typedef struct ef_inject_part {
    const char *kind, *name; /* "network" "", "exposed" "on chip", "node" "conv1" ... */
    int64_t site, bit;       /* EF_CAMPAIGN_ALL: every one */
} ef_inject_part;

/* campaign: which of the job's. */
typedef ef_status ef_inject_add_part(const ef_inject_job *job, size_t campaign,
                                     ef_table *table, const ef_inject_part *part,
                                     const ef_campaign_result *result, ef_error *err);
/* Calls add for each part that has faults: the network, nodes, bits from the highest.
 */
EF_NODISCARD ef_status ef_inject_each_part(const ef_inject_job *job, size_t campaign,
                                           ef_table *table, ef_inject_add_part *add,
                                           ef_error *err);

/* --- inject_exposure.c: how long tensors sit where faults strike --------------------
 */

/* EF_ERR_USAGE: options that mean nothing with --hardware. */
EF_NODISCARD ef_status ef_inject_check_exposure(const ef_inject_job *job,
                                                ef_error *err);
/* The injector is there already.  What reading and scheduling fail with. */
EF_NODISCARD ef_status ef_inject_load_exposure(ef_inject_job *job, ef_error *err);
void ef_inject_exposure_clear(ef_inject_exposure *exposure);
/* What the rows below mean. */
void ef_inject_print_exposure(ef_inject_job *job);
/* Calls add for each memory that holds bits of what the campaign strikes; population is
 * how many, on average over the time of an image. */
EF_NODISCARD ef_status ef_inject_each_memory(const ef_inject_job *job, size_t campaign,
                                             ef_table *table, ef_inject_add_part *add,
                                             ef_error *err);

/* --- inject_safety.c: FIT, and what changed classes weigh --------------------------
 */

/* EF_ERR_USAGE: options that mean nothing for these faults. */
EF_NODISCARD ef_status ef_inject_check_safety(const ef_inject_job *job, ef_error *err);
EF_NODISCARD ef_status ef_inject_load_severity(ef_inject_job *job, ef_error *err);
/* (n_classes) of the network, NULL where the data have none. */
char *const *ef_inject_class_names(const ef_inject_job *job);
/* Strikes again what changed a class, with --severity. */
EF_NODISCARD ef_status ef_inject_weigh(ef_inject_job *job, ef_error *err);
/* Columns, and cells of one row, for programs; notes of what they were made with. */
void ef_inject_add_safety_columns(const ef_inject_job *job, ef_table *table);
EF_NODISCARD ef_status ef_inject_add_safety_cells(const ef_inject_job *job,
                                                  size_t campaign, ef_table *table,
                                                  int64_t site, int64_t bit,
                                                  const ef_campaign_result *result,
                                                  ef_error *err);
/* What was asked for of one campaign, for people; then what is of all of them. */
EF_NODISCARD ef_status ef_inject_print_safety(ef_inject_job *job, size_t campaign,
                                              ef_error *err);
EF_NODISCARD ef_status ef_inject_print_fit_sum(ef_inject_job *job, ef_error *err);

/* --- inject_worst.c: changed classes, worst faults, fragile images -----------------
 */

void ef_inject_print_changes(ef_inject_job *job, size_t campaign);
EF_NODISCARD ef_status ef_inject_print_worst(ef_inject_job *job, size_t campaign,
                                             ef_error *err);

/* --- inject_protect.c: which bits to protect ---------------------------------------
 */

/* Nothing of a list, or of a site per image. */
EF_NODISCARD ef_status ef_inject_print_protection(ef_inject_job *job, size_t campaign,
                                                  ef_error *err);
/* --protect: the CSV, and the picture beside it. */
EF_NODISCARD ef_status ef_inject_write_protection(const ef_inject_job *job,
                                                  ef_error *err);

/* --- inject_lists.c: a row for each fault ------------------------------------------
 */

/* --save-faults and --outcomes, where they are given. */
EF_NODISCARD ef_status ef_inject_write_lists(const ef_inject_job *job, ef_error *err);

#endif
