/* What a run says of all that it scores: the formats of what states none, an
 * accelerator, constants.  The files are kept as text, since a run file holds them. */
#ifndef EF_OBJECTIVES_SCORING_H
#define EF_OBJECTIVES_SCORING_H

#include "base/status.h"
#include "objectives/objective.h"

/* YAML, whole, and the name that stands for it in errors.  hardware and constants are
 * NULL where none was given. */
typedef struct ef_scoring_texts {
    const char *hardware_name, *hardware;   /* evoflip-hardware(5) */
    const char *constants_name, *constants; /* of evoflip validate --fit */
} ef_scoring_texts;

/* In place: context points to the other two. */
typedef struct ef_scoring {
    ef_objective_context context;
    ef_accelerator accelerator;
    ef_constants constants;
} ef_scoring;

/* Reads the texts.  EF_ERR_INPUT (name:line:column), EF_ERR_MEMORY: scoring is as it
 * was. */
EF_NODISCARD ef_status ef_scoring_init(ef_scoring *scoring, const ef_format *format,
                                       const ef_scoring_texts *texts, ef_error *err);

#endif
