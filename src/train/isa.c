#include "train/isa.h"

#include <dnnl.h>
#include <string.h>

#include "train/kernels_priv.h"

static const struct {
    const char *name;
    dnnl_cpu_isa_t isa;
} sets[] = {
    {"sse41", dnnl_cpu_isa_sse41},
    {"avx", dnnl_cpu_isa_avx},
    {"avx2", dnnl_cpu_isa_avx2},
    {"avx2_vnni", dnnl_cpu_isa_avx2_vnni},
    {"avx512_core", dnnl_cpu_isa_avx512_core},
    {"avx512_core_vnni", dnnl_cpu_isa_avx512_core_vnni},
    {"avx512_core_bf16", dnnl_cpu_isa_avx512_core_bf16},
    {"avx512_core_amx", dnnl_cpu_isa_avx512_core_amx},
    {"all", dnnl_cpu_isa_all},
};

#define N_SETS (sizeof sets / sizeof sets[0])

const char *ef_isa_name(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < N_SETS; i++) {
        if (sets[i].isa == isa && isa != dnnl_cpu_isa_all) {
            return sets[i].name;
        }
    }
    return "generic";
}

ef_status ef_isa_cap(const char *name, ef_error *err)
{
    for (size_t i = 0; i < N_SETS; i++) {
        if (strcmp(name, sets[i].name) == 0) {
            return dnnl_set_max_cpu_isa(sets[i].isa) == dnnl_success
                       ? EF_OK
                       : ef_error_set(err, EF_ERR_USAGE,
                                      "the instruction set %s cannot be set any more",
                                      name);
        }
    }
    return ef_error_set(err, EF_ERR_USAGE,
                        "no instruction set is called %s: sse41, avx, avx2, avx2_vnni, "
                        "avx512_core, avx512_core_vnni, avx512_core_bf16, "
                        "avx512_core_amx or all",
                        name);
}

const ef_train_kernels *ef_train_kernels_get(void)
{
#ifdef EF_HAVE_AVX2
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    if ((isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 &&
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return &ef_train_kernels_avx2;
    }
#endif
    return &ef_train_kernels_generic;
}
