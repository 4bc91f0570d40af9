#include "objectives/resilience.h"

#include "base/mem.h"
#include "net/stored.h"
#include "objectives/relevance.h"

ef_status ef_score_asi(EF_OBJECTIVE_ARGS)
{
    (void)objective;
    (void)context;
    size_t n = ef_topology_n_nodes(topology);
    uint8_t *stored = ef_calloc(n, sizeof *stored);
    double *rho = ef_calloc(n, sizeof *rho);
    ef_status status = stored && rho ? EF_OK : ef_error_memory(err);
    if (status == EF_OK) {
        ef_topology_stored(topology, stored);
        ef_relevance(topology, rho);
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            if (stored[i] == EF_STORED_ACTIVATION) {
                sum += rho[i] * rho[i] /
                       (double)ef_shape_elements(ef_topology_shape(topology, i));
            }
        }
        *value = sum;
    }
    ef_free(stored);
    ef_free(rho);
    return status;
}
