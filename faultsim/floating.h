/* A network in float formats, exact, or in integer weights and float activations.
 *
 * What is computed is what forward.h says, in float32 throughout, but that
 * - weights of conv and dense are those that their codes stand for;
 * - the image, and every tensor that reaches memory (net/stored.h), is rounded to the
 *   format of its activations; logits are not;
 * - batch norms are not folded: they, and biases, are float32. */
#ifndef EF_FAULTSIM_FLOATING_H
#define EF_FAULTSIM_FLOATING_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "faultsim/fault.h"
#include "faultsim/ranges.h"
#include "faultsim/rerun.h"
#include "format/code.h"
#include "net/net.h"

/* For nodes that state none of their own. */
typedef struct ef_fnet_options {
    ef_format weights;     /* any */
    ef_format activations; /* float or pow2 */
} ef_fnet_options;

#define EF_FNET_OPTIONS_FP32                                                           \
    ((ef_fnet_options){{.kind = EF_FORMAT_FLOAT,                                       \
                        .bits = 32,                                                    \
                        .exponent_bits = 8,                                            \
                        .mantissa_bits = 23},                                          \
                       {.kind = EF_FORMAT_FLOAT,                                       \
                        .bits = 32,                                                    \
                        .exponent_bits = 8,                                            \
                        .mantissa_bits = 23}})

/* What the elements of a site are. */
typedef enum ef_fpart {
    EF_F_WEIGHT_SCALE, /* before the weights that it scales */
    EF_F_WEIGHT,
    EF_F_BIAS,
    EF_F_NORM,
    EF_F_VALUE_SCALE,
    EF_F_ACCUMULATOR,
    EF_F_VALUE /* of a stored tensor */
} ef_fpart;

typedef struct ef_fsite {
    ef_site site; /* step and node are the node */
    char *name;   /* the site's, owned */
    ef_fpart part;
    ef_role role; /* of a parameter */
} ef_fsite;

/* Open for reading. */
typedef struct ef_fnet {
    const ef_net *net;      /* as it came */
    ef_net *decoded;        /* owned: weights rounded to their formats */
    uint8_t *stored;        /* (nodes) ef_stored */
    ef_code *codes;         /* (nodes) of what is stored, but for the logits */
    ef_code **weight_codes; /* (nodes) NULL, or (n_weight_codes) */
    size_t *n_weight_codes; /* (nodes) output channels, or 1 for all */
    ef_fsite *sites;        /* (n_sites) what faults can strike */
    size_t n_sites;
} ef_fnet;

/* net is borrowed until the end; ranges: of its nodes, may be NULL where no format of
 * activations needs one.  EF_ERR_UNSUPPORTED: a format that has no execution here, by
 * the node's name.  EF_ERR_INPUT: a parameter or range that is not finite, likewise.
 * EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_fnet_create(ef_fnet **fnet, const ef_net *net,
                                      const ef_ranges *ranges,
                                      const ef_fnet_options *options, ef_error *err);
void ef_fnet_destroy(ef_fnet *fnet);

/* ef_code_store, ef_code_value and ef_code_of for floats and pow2 whose scale a fault
 * may have left as anything: what is stored is the value over the scale; 0 makes that
 * infinite, and a scale that is NaN makes values NaN. */
void ef_fcode_store(const ef_code *code, size_t n, float *values);
float ef_fcode_value(const ef_code *code, uint32_t bits);
uint32_t ef_fcode_of(const ef_code *code, float value);

/* One image (channels, height, width) by the definition, element by element, with the
 * flips of a fault that strike image `number` (NULL: none); their sites are those of
 * fnet.  logits: (classes).  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_fnet_run_naive(const ef_fnet *fnet, const float *image,
                                         const ef_fault *fault, int64_t number,
                                         float *logits, ef_error *err);

/* The engine `floating`: faults in such a network.  fnet is borrowed until the end; the
 * sites are its sites.  EF_ERR_INPUT: a value of the fault-free run is not finite, by
 * the node's name.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_rerun_create_float(ef_rerun **rerun, const ef_fnet *fnet,
                                             const ef_rerun_images *images,
                                             ef_error *err);

#endif
