/* A validation: topologies are trained to a comparable state, struck by faults in
 * several number formats, and what was measured is held against what objectives say of
 * the topology alone.
 *
 * Everything but the topology is the same for all: normalisation, training, its seeds,
 * images, formats (one for weights and activations, one scale per tensor, signed,
 * rounded to the nearest), bit error rates, trials. */
#ifndef EF_STUDY_VALIDATION_H
#define EF_STUDY_VALIDATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "format/format.h"
#include "net/space.h"
#include "net/topology.h"
#include "objectives/constants.h"
#include "store/store.h"
#include "study/measure.h"
#include "study/measure_faults.h"

#define EF_VALIDATION_FORMATS_MAX 4
/* Of the bit error rates, of weights and of activations: one each for every format. */
#define EF_VALIDATION_MEASURES_MAX                                                     \
    (2 * EF_VALIDATION_FORMATS_MAX * (EF_VALIDATION_FORMATS_MAX + 1))

/* EF_EXPOSED_WEIGHTS and EF_EXPOSED_ACTIVATIONS. */
#define EF_VALIDATION_TARGETS 2

/* What it points to is borrowed. */
typedef struct ef_validation_config {
    ef_measure measure; /* data and training; its test part is not used */
    size_t epochs;
    const ef_normalisation *norm;
    ef_part images;      /* that faults are judged on */
    ef_part calibration; /* that set the ranges of activations */
    ef_format formats[EF_VALIDATION_FORMATS_MAX];
    size_t n_formats;
    uint64_t seed;  /* of the topologies; the first one of training and faults */
    size_t n_seeds; /* trainings of each topology: seed, seed + 1 ... */
    double ber[EF_VALIDATION_TARGETS];      /* 0: found by the pilot */
    double wanted_ccr;                      /* median that the pilot aims at */
    size_t n_pilot;                         /* topologies of the pilot */
    uint64_t trials[EF_VALIDATION_TARGETS]; /* at a bit error rate */
    uint64_t flips[EF_VALIDATION_TARGETS];  /* trials of one flip */
    size_t n_threads;                       /* 0: all; no result depends on it */
} ef_validation_config;

/* What is measured on each trained network. */
typedef struct ef_validation_measure {
    size_t format;     /* of the configuration's */
    ef_exposed target; /* weights or activations */
    double ber;        /* 0: one flip */
    uint64_t trials;
} ef_validation_measure;

/* One training of a topology, and what was measured on it. */
typedef struct ef_validation_trial {
    int is_done;
    ef_record_status status;           /* trained, failed */
    double error, loss;                /* of the validation part; NaN: unknown */
    char message[256];                 /* "" or why it failed */
    const ef_faults_measured *results; /* (measures), of a trained one */
} ef_validation_trial;

typedef struct ef_validation ef_validation;

/* config is copied.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_validation_create(ef_validation **validation,
                                            const ef_validation_config *config,
                                            ef_error *err);
void ef_validation_destroy(ef_validation *validation);

/* --- topologies, before the start --------------------------------------------------
 */

/* Takes topology, also on failure; the name is for people.  EF_ERR_USAGE: one that is
 * equal was added before.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_validation_add(ef_validation *validation, const char *name,
                                         ef_topology *topology, ef_error *err);
/* Adds n random ones of the whole space, no two equal, and none that breaks one of its
 * limits that the topology alone decides.  EF_ERR_USAGE: so many are not found.
 * EF_ERR_INPUT: a limit does not parse.  EF_ERR_TOPOLOGY, EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_validation_draw(ef_validation *validation,
                                          const ef_space *space, size_t n,
                                          ef_error *err);

/* --- running -----------------------------------------------------------------------
 */

/* Writes topologies and what results depend on into a fresh run file, which is borrowed
 * until the end. */
EF_NODISCARD ef_status ef_validation_start(ef_validation *validation, ef_store *store,
                                           ef_error *err);
/* Takes topologies and what was measured from a run file, which is borrowed until the
 * end; nothing was added before.  EF_ERR_INPUT: it holds no validation, is damaged, or
 * was made of other data.  EF_ERR_UNSUPPORTED: made on an instruction set that this
 * machine does not have, and not at its end. */
EF_NODISCARD ef_status ef_validation_resume(ef_validation *validation, ef_store *store,
                                            ef_error *err);

typedef struct ef_validation_watch {
    void *context;
    /* After each training, by one thread at a time; what: "pilot", "validate".  May be
     * NULL. */
    void (*progress)(void *context, const char *what, size_t done, size_t total);
    /* True when it shall stop: what is in hand is finished first.  May be NULL; asked
     * by any thread. */
    int (*stop)(void *context);
} ef_validation_watch;

/* Finds bit error rates where none are given, then trains and measures what is left;
 * each training is committed as soon as it is measured.  EF_STOPPED: watch asked for
 * it.  EF_ERR_FAILED: the pilot finds no rate.  What measuring fails with. */
EF_NODISCARD ef_status ef_validation_run(ef_validation *validation,
                                         const ef_validation_watch *watch,
                                         ef_error *err);

/* --- what came out -----------------------------------------------------------------
 */

const ef_validation_config *ef_validation_settings(const ef_validation *validation);
size_t ef_validation_n_topologies(const ef_validation *validation);
const ef_topology *ef_validation_topology(const ef_validation *validation, size_t i);
const char *ef_validation_name(const ef_validation *validation, size_t i);
uint64_t ef_validation_hash(const ef_validation *validation, size_t i);
/* After the pilot. */
size_t ef_validation_n_measures(const ef_validation *validation);
const ef_validation_measure *ef_validation_measure_at(const ef_validation *validation,
                                                      size_t measure);
const ef_validation_trial *ef_validation_trial_at(const ef_validation *validation,
                                                  size_t topology, size_t seed);

#endif
