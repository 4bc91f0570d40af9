/* Which engine runs a network in integers. */
#include "faultsim/bytes_priv.h"
#include "faultsim/wide_priv.h"

/* Bytes say themselves what they do not hold; that is no error, then. */
ef_status ef_rerun_create(ef_rerun **rerun, const ef_qnet *qnet,
                          const ef_rerun_images *images, ef_error *err)
{
    size_t n_kernels;
    const ef_int_kernels *kernels = ef_int_kernels_available(&n_kernels)[0];
    ef_error why = {EF_OK, ""};
    ef_status status = ef_bytes_create(rerun, qnet, images, kernels, &why);
    if (status == EF_ERR_UNSUPPORTED) {
        return ef_wide_create(rerun, qnet, images, err);
    }
    return status ? ef_error_set(err, status, "%s", why.text) : EF_OK;
}

ef_status ef_rerun_create_wide(ef_rerun **rerun, const ef_qnet *qnet,
                               const ef_rerun_images *images, ef_error *err)
{
    return ef_wide_create(rerun, qnet, images, err);
}
