/* What decides the outcome of a search: all of it, as it stands in the run file. */
#ifndef EF_STUDY_SEARCH_CONFIG_H
#define EF_STUDY_SEARCH_CONFIG_H

#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "store/store.h"

/* Texts are owned; NULL where the user said nothing. */
typedef struct ef_search_config {
    char *data, *shape, *label, *group, *mean, *std, *range; /* as typed */
    uint64_t crop;                                           /* 0 or 1 */
    uint64_t images;  /* of the training part; 0: all */
    char *space;      /* the search space, whole, as YAML */
    char *space_name; /* its file, for errors; not kept in run files */
    char *hardware;   /* the accelerator, whole, as YAML */
    char *constants;  /* likewise */
    char *hardware_name, *constants_name; /* their files, as space_name */
    char *objectives;                     /* as typed */
    char *limits;                         /* one a line, as typed */
    char *format;                         /* of all weights and activations */
    char *algorithm;                      /* nsga2, random */
    char *seed_models;                    /* "NAME HASH; NAME HASH" */
    uint64_t seed;
    uint64_t population;
    uint64_t children;    /* trained in a generation */
    uint64_t evaluations; /* trainings before it ends; 0: no bound */
    uint64_t generations; /* likewise, after the first population */
    uint64_t proposals; /* children proposed for each one trained; 1: no preselection */
    uint64_t start_epochs;
    uint64_t epochs;
    uint64_t batch;                            /* images for one step */
    double rate;                               /* of learning, at its peak */
    double momentum, decay, warmup, smoothing; /* see train/train.h */
    uint64_t shift;                            /* pixels, of training images */
    uint64_t flip;                             /* 0 or 1: mirror every second one */
    uint64_t fault_count;                      /* faults, or trials, of a measurement */
    uint64_t fault_images;                     /* of the validation part, at most */
} ef_search_config;

/* Zeroed, then the defaults of evoflip-search(1) for what is not text. */
void ef_search_config_init(ef_search_config *config);
void ef_search_config_clear(ef_search_config *config);

/* Replaces a text by a copy; value may be NULL.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_search_config_set_text(char **field, const char *value,
                                                 ef_error *err);

/* To and from the table `config` of a run file.  Loading checks every number.
 * EF_ERR_INPUT names the key. */
EF_NODISCARD ef_status ef_search_config_store(const ef_search_config *config,
                                              ef_store *store, ef_error *err);
EF_NODISCARD ef_status ef_search_config_load(ef_search_config *config, ef_store *store,
                                             ef_error *err);

/* One line for the head of a table: "seed 1, data digits, ...", without paths. */
void ef_search_config_describe(const ef_search_config *config, ef_text *text);

#endif
