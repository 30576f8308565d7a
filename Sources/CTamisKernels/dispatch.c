// Which kernels this machine runs.

#include "tables.h"
#include <stddef.h>

tamis_level tamis_best_level(void)
{
#if defined(__x86_64__)
    // These ask the operating system too: it must save the wide registers when it switches threads.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
            return TAMIS_AVX512;
        return TAMIS_AVX2;
    }
#endif
    return TAMIS_PORTABLE;
}

const tamis_kernels *tamis_kernels_at(tamis_level level, long scalar_bytes)
{
    if ((scalar_bytes != 4 && scalar_bytes != 8) || level > tamis_best_level()) return NULL;
    switch (level) {
    case TAMIS_PORTABLE: return scalar_bytes == 4 ? &tamis_float_portable : &tamis_double_portable;
#if defined(__x86_64__)
    case TAMIS_AVX2: return scalar_bytes == 4 ? &tamis_float_avx2 : &tamis_double_avx2;
    case TAMIS_AVX512: return scalar_bytes == 4 ? &tamis_float_avx512 : &tamis_double_avx512;
#endif
    default: return NULL;
    }
}
