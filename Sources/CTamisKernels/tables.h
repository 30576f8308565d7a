// The tables of all levels. Those above portable exist on x86-64 only.

#include "CTamisKernels.h"

// Products and sums are fused where MULTIPLY_ADD says so and nowhere else, so bits do not depend on the optimiser's
// mood.
#pragma clang fp contract(off)

extern const tamis_kernels tamis_float_portable, tamis_double_portable;
extern const tamis_kernels tamis_float_avx2, tamis_double_avx2;
extern const tamis_kernels tamis_float_avx512, tamis_double_avx512;
