/* Numbers, counts and quantities in text: parsed whole, ranged, units known. */
#ifndef EF_BASE_PARSE_H
#define EF_BASE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Each takes the whole of text or fails; no leading or trailing space.  The error
 * (EF_ERR_INPUT) says what was expected and what was found, without a place: the
 * caller knows it and puts it in front with ef_error_at. */
EF_NODISCARD ef_status ef_parse_u64(const char *text, uint64_t min, uint64_t max,
                                    uint64_t *value, ef_error *err);
EF_NODISCARD ef_status ef_parse_i64(const char *text, int64_t min, int64_t max,
                                    int64_t *value, ef_error *err);
/* Finite; decimal point whatever the locale. */
EF_NODISCARD ef_status ef_parse_f64(const char *text, double min, double max,
                                    double *value, ef_error *err);
/* A count with an optional decimal suffix: 50k, 1.5M, 2G (powers of 1000). */
EF_NODISCARD ef_status ef_parse_count(const char *text, uint64_t min, uint64_t max,
                                      uint64_t *value, ef_error *err);
/* yes/no, true/false, on/off */
EF_NODISCARD ef_status ef_parse_bool(const char *text, int *value, ef_error *err);

/* A number with its unit, as in "160 pJ/B" or "64KiB": unit is the one the value is
 * wanted in ("pJ/B"), value comes back in it.  Prefixes f p n u m (none) k M G T and
 * Ki Mi Gi; base units B bit J s Hz MAC op W PE (a processing element) cycle, and one /
 * or more; `%` for shares.
 * EF_ERR_INPUT for no unit, an unknown one, or one of another dimension. */
EF_NODISCARD ef_status ef_parse_quantity(const char *text, const char *unit, double min,
                                         double max, double *value, ef_error *err);

/* The row of a table of names, for `--ranges max|mse`; the error lists the names. */
EF_NODISCARD ef_status ef_parse_choice(const char *text, const char *const *names,
                                       size_t n_names, size_t *index, ef_error *err);

#endif
