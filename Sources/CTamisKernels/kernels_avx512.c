// The kernels for x86-64 with AVX-512: vectors of 64 bytes, 32 registers.

#if defined(__x86_64__)

#include "tables.h"
#include <immintrin.h>

#define LEVEL avx512
#define VECTOR_BYTES 64
#define TILE_ROWS 14
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define LEVEL_LOADS_PARTS 1
#define LEVEL_STORES_PARTS 1

#define FEATURES "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,prfchw"
#pragma clang attribute push(__attribute__((target(FEATURES))), apply_to = function)

#include "common.h"

// Masked loads and stores touch nothing past the part.
INLINE __m512 load_part_float(const float *from, long lanes)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), from);
}

INLINE __m512d load_part_double(const double *from, long lanes)
{
    return _mm512_maskz_loadu_pd((__mmask8)((1u << lanes) - 1), from);
}

INLINE void store_part_float(float *to, __m512 value, long lanes)
{
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << lanes) - 1), value);
}

INLINE void store_part_double(double *to, __m512d value, long lanes)
{
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << lanes) - 1), value);
}

#include "both_scalars.inc"

#pragma clang attribute pop

#endif
