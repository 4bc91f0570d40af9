#include "faultsim/kernels.h"

#if defined(__x86_64__)
static const ef_kernels *const tables[] = {&ef_kernels_avx512, &ef_kernels_avx2,
                                           &ef_kernels_portable};

const ef_kernels *const *ef_kernels_available(size_t *n)
{
    size_t skip = 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        skip = __builtin_cpu_supports("avx512f") ? 0 : 1;
    }
    *n = sizeof tables / sizeof tables[0] - skip;
    return tables + skip;
}
#else
static const ef_kernels *const tables[] = {&ef_kernels_portable};

const ef_kernels *const *ef_kernels_available(size_t *n)
{
    *n = 1;
    return tables;
}
#endif
