/* How bad it is that a class becomes another: a table of weights that users write. */
#ifndef EF_REPORT_SEVERITY_H
#define EF_REPORT_SEVERITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define EF_SEVERITY_CLASSES_MAX 4096
#define EF_SEVERITY_WEIGHT_MAX 1000

/* Weights in whole units, so that sums of them are exact in any order.  Zeroed before
 * it is loaded. */
typedef struct ef_severity {
    uint32_t
        *units; /* (n_classes, n_classes) from a class to a class; the diagonal 0 */
    size_t n_classes;
    uint32_t greatest; /* of units, at least 1 */
    double unit;       /* the weight that one of them is */
} ef_severity;

/* Reads a CSV file: rows from,to,weight under these names, or a matrix whose first row
 * names the classes after an empty field or `from`, and whose other rows name a class
 * and give its weights.  Classes are named as in names, shape (n_classes), NULL for
 * none, or numbered; weights are 0 to EF_SEVERITY_WEIGHT_MAX with at most three
 * decimals.  A pair that is not there, or a field that is empty, weighs 1; the diagonal
 * of a matrix is not read.
 * EF_ERR_IO.  EF_ERR_INPUT with file and line: no such class, a pair that is there
 * twice or does not change, a weight that is none; with the file, all weights 0, more
 * than EF_SEVERITY_CLASSES_MAX classes.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_severity_load(ef_severity *severity, const char *path,
                                        size_t n_classes, char *const *names,
                                        ef_error *err);
void ef_severity_clear(ef_severity *severity);

/* Units of one fault: the sum over images, shape (n), of what their changes weigh. */
uint64_t ef_severity_units(const ef_severity *severity, const uint16_t *from,
                           const uint16_t *to, size_t n);

#endif
