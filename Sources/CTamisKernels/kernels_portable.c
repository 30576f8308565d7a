// The kernels for any processor: vectors of 16 bytes, which every 64-bit processor has.

#include "tables.h"

#define LEVEL portable
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#if defined(__FP_FAST_FMAF)
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif
#define LEVEL_LOADS_PARTS 0
#define LEVEL_STORES_PARTS 0

#include "common.h"
#include "both_scalars.inc"
