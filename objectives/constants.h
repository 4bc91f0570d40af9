/* The few constants of the predicted class change rate: built in, or refitted by
 * evoflip validate --fit and read from YAML. */
#ifndef EF_OBJECTIVES_CONSTANTS_H
#define EF_OBJECTIVES_CONSTANTS_H

#include <stddef.h>

#include "base/status.h"
#include "base/text.h"

/* The targets that a prediction knows: name in YAML and in objectives. */
#define EF_EXPOSED_LIST(X)                                                             \
    X(WEIGHTS, "weights")                                                              \
    X(ACTIVATIONS, "activations")                                                      \
    X(BOTH, "both")

typedef enum ef_exposed {
#define X(exposed, name) EF_EXPOSED_##exposed,
    EF_EXPOSED_LIST(X)
#undef X
        EF_EXPOSED_COUNT
} ef_exposed;

/* Constants of one target, by position; what each means stands in resilience.c and
 * evoflip-objectives(7).  Names and bounds in the table ef_constant_rows. */
#define EF_CONSTANTS_MAX 8

typedef struct ef_constant_row {
    const char *name;   /* key in YAML */
    double low, high;   /* bounds of a fit */
    double fallback[2]; /* by target: weights, activations */
    const char *meaning;
} ef_constant_row;

/* The one with name NULL ends the table. */
extern const ef_constant_row ef_constant_rows[];
size_t ef_constants_n(void);

typedef struct ef_constants {
    double values[2][EF_CONSTANTS_MAX]; /* EF_EXPOSED_WEIGHTS, EF_EXPOSED_ACTIVATIONS */
} ef_constants;

/* The built-in ones. */
void ef_constants_init(ef_constants *constants);
/* EF_ERR_IO, EF_ERR_INPUT (file:line:column). */
EF_NODISCARD ef_status ef_constants_load(ef_constants *constants, const char *path,
                                         ef_error *err);
EF_NODISCARD ef_status ef_constants_parse(ef_constants *constants, const char *name,
                                          const char *text, size_t size, ef_error *err);
/* note: lines of comment put in front, may be NULL. */
void ef_constants_write(const ef_constants *constants, const char *note, ef_text *text);

#endif
