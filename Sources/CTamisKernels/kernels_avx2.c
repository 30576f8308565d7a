// The kernels for x86-64 with AVX2 and FMA: vectors of 32 bytes.

#if defined(__x86_64__)

#include "tables.h"
#include <immintrin.h>

#define LEVEL avx2
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
// Masked loads are fast and touch nothing past the part. Masked stores are slow on AMD's processors: not used.
#define LEVEL_LOADS_PARTS 1
#define LEVEL_STORES_PARTS 0

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "common.h"

INLINE __m256 load_part_float(const float *from, long lanes)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)lanes), index));
}

INLINE __m256d load_part_double(const double *from, long lanes)
{
    const __m256i index = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_maskload_pd(from, _mm256_cmpgt_epi64(_mm256_set1_epi64x(lanes), index));
}

#include "both_scalars.inc"

#pragma clang attribute pop

#endif
