/* What evoflip calibrate reads. */
#ifndef EF_CMD_CALIBRATE_PRIV_H
#define EF_CMD_CALIBRATE_PRIV_H

#include <stddef.h>

#include "base/status.h"
#include "format/format.h"
#include "net/topology.h"

/* What can be measured: column and objective, unit, what it is a unit of, an example.
 */
#define EF_QUANTITY_LIST(X)                                                            \
    X(LATENCY, "latency", "s", "time", "ms")                                           \
    X(ENERGY, "energy", "J", "energy", "mJ")

typedef enum ef_quantity {
#define X(quantity, name, unit, what, example) EF_QUANTITY_##quantity,
    EF_QUANTITY_LIST(X)
#undef X
        EF_QUANTITY_COUNT
} ef_quantity;

extern const char *const ef_quantity_names[]; /* NULL at the end */
extern const char *const ef_quantity_units[];

/* Topologies that differ by canonical hash or format, each at its first row. */
typedef struct ef_measured {
    char *name; /* of its file, as the row has it */
    ef_topology *topology;
    ef_format format; /* of weights and activations whose node states none */
    double value;     /* the median of its measurements, in the quantity's unit */
} ef_measured;

typedef struct ef_measurements {
    ef_quantity quantity;
    ef_measured *items; /* (n) */
    size_t n, capacity;
    double *values; /* (n_rows), all that was measured */
    size_t *of;     /* (n_rows), the topology of each */
    size_t n_rows, row_capacity;
} ef_measurements;

/* Reads a CSV: columns topology, latency or energy (or latency_ms ..., its values then
 * without units) and, where there is one, format.  quantity: EF_QUANTITY_COUNT is
 * whichever of both the file has.  format: of rows that say none.
 * EF_ERR_USAGE: the file has both, and quantity does not say which.
 * EF_ERR_INPUT (file:line), EF_ERR_IO, what loading a topology fails with.
 * measurements, zeroed before, is cleared by the caller all the same. */
EF_NODISCARD ef_status ef_measurements_load(ef_measurements *measurements,
                                            const char *path, ef_quantity quantity,
                                            const ef_format *format, ef_error *err);
void ef_measurements_clear(ef_measurements *measurements);

#endif
