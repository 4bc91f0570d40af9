/* An accelerator as the objectives see it: an array of processing elements, an on-chip
 * buffer, an external memory, and what moving and multiplying cost.  Read from YAML,
 * evoflip-hardware(5). */
#ifndef EF_OBJECTIVES_ACCELERATOR_H
#define EF_OBJECTIVES_ACCELERATOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* The loops of a layer: name in YAML.  Depthwise layers have as many groups as
 * channels, and one input channel in each. */
#define EF_LOOP_LIST(X)                                                                \
    X(OUTPUT_CHANNEL, "output_channel") /* of a group */                               \
    X(INPUT_CHANNEL, "input_channel")   /* of a group */                               \
    X(GROUP, "group")                                                                  \
    X(OUTPUT_ROW, "output_row")                                                        \
    X(OUTPUT_COLUMN, "output_column")                                                  \
    X(KERNEL_ROW, "kernel_row")                                                        \
    X(KERNEL_COLUMN, "kernel_column")

typedef enum ef_loop {
#define X(loop, name) EF_LOOP_##loop,
    EF_LOOP_LIST(X)
#undef X
        EF_LOOP_COUNT
} ef_loop;

/* Classes of operations that cost differently: name in YAML. */
#define EF_LAYER_CLASS_LIST(X)                                                         \
    X(CONV, "conv")           /* input channels of a group: several, or one channel */ \
    X(DEPTHWISE, "depthwise") /* one input channel in each of several groups */        \
    X(DENSE, "dense")                                                                  \
    X(POOL, "pool")                                                                    \
    X(ELEMENTWISE, "elementwise") /* add, mul, activations and norms by themselves */

typedef enum ef_layer_class {
#define X(layer_class, name) EF_CLASS_##layer_class,
    EF_LAYER_CLASS_LIST(X)
#undef X
        EF_CLASS_COUNT
} ef_layer_class;

/* One axis of the array: so many processing elements, and the loops that are laid out
 * along it, the first innermost; the next fills what the first leaves. */
typedef struct ef_array_axis {
    uint32_t size;
    size_t n_loops;
    ef_loop loops[EF_LOOP_COUNT];
} ef_array_axis;

/* The energy of one multiply-accumulate whose wider operand has at most so many bits.
 */
typedef struct ef_mac_energy {
    uint32_t bits;
    int is_float;
    double energy_pj;
} ef_mac_energy;

#define EF_MAC_ENERGIES 16

/* What a model fitted to a device says of a layer of one class: cost = macs * per_mac +
 * bytes * per_byte + per_launch (seconds, or joules). */
typedef struct ef_layer_cost {
    double per_mac, per_byte, per_launch;
} ef_layer_cost;

typedef struct ef_accelerator {
    char name[64];
    double clock_hz;
    ef_array_axis rows, columns;
    /* The loops that run inside the elements: what does not change in them stays in the
     * registers. */
    size_t n_inner;
    ef_loop inner[EF_LOOP_COUNT];
    uint32_t lanes; /* of the vector unit: operations per cycle of pooling, add ... */

    double buffer_bytes;           /* capacity of the on-chip buffer */
    double buffer_bytes_per_cycle; /* between buffer and array */
    double buffer_pj_per_byte;
    double register_pj_per_byte; /* operands beside a processing element */
    double dram_bytes_per_s;
    double dram_latency_s; /* of each transfer */
    double dram_pj_per_byte;
    double bus_bytes_per_s; /* between external memory and buffer */
    double dma_setup_s;     /* of each transfer */
    double sync_s;          /* of each synchronisation of DMA and array */

    ef_mac_energy macs[EF_MAC_ENERGIES];
    size_t n_macs;

    /* Fitted by evoflip calibrate: they stand in for the simulation and the sum over
     * memory levels. */
    int has_latency_model, has_energy_model;
    ef_layer_cost latency_model[EF_CLASS_COUNT]; /* s */
    ef_layer_cost energy_model[EF_CLASS_COUNT];  /* J */
} ef_accelerator;

/* EF_ERR_IO, EF_ERR_INPUT (file:line:column): a key that is missing or unknown, a
 * number that is negative, without unit, or of another; a loop that stands twice, a MAC
 * that is told twice.  EF_ERR_MEMORY.  On failure the accelerator is untouched. */
EF_NODISCARD ef_status ef_accelerator_load(ef_accelerator *accelerator,
                                           const char *path, ef_error *err);
/* The same from memory; name stands in for the path in errors. */
EF_NODISCARD ef_status ef_accelerator_parse(ef_accelerator *accelerator,
                                            const char *name, const char *text,
                                            size_t size, ef_error *err);
/* How many iterations of each loop the array's axis runs at once: shape (EF_LOOP_COUNT)
 * in and out, extents >= 1; 1 for a loop that is not laid out along it. */
void ef_array_spread(const ef_array_axis *axis, const uint32_t *extents,
                     uint32_t *spread);

/* All keys; reading it back gives an equal accelerator. */
void ef_accelerator_write(const ef_accelerator *accelerator, ef_text *text);

const char *ef_loop_name(ef_loop loop);
const char *ef_layer_class_name(ef_layer_class layer_class);

#endif
