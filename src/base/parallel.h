/* Many independent units of work on threads. */
#ifndef EF_BASE_PARALLEL_H
#define EF_BASE_PARALLEL_H

#include <stddef.h>

#include "base/status.h"

/* One unit.  It writes only what belongs to index; err is its own. */
typedef ef_status ef_unit(void *context, size_t index, ef_error *err);

/* Runs unit(context, i) for i in [0, n) on at most n_threads threads (0: all), in
 * any order.  Returns the status, and in err the error, of the lowest index that
 * failed; every unit runs, whatever the others returned.  Without OpenMP, one
 * after the other.  Inside each unit oneDNN's own runtime uses one thread. */
EF_NODISCARD ef_status ef_parallel_for(size_t n, size_t n_threads, ef_unit *unit,
                                       void *context, ef_error *err);

/* Cores that this process may run on, at least 1. */
size_t ef_parallel_cores(void);

#endif
