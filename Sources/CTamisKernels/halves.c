// Floats of 16 bits to floats of 32 and back, by integer arithmetic alone: plain loops that every processor vectorises.

#include "CTamisKernels.h"
#include <string.h>

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void tamis_widen_halves(long count, bool is_bfloat16, const uint16_t *from, float *to)
{
    if (is_bfloat16) {
        for (long i = 0; i < count; ++i) to[i] = from_bits((uint32_t)from[i] << 16);
        return;
    }
    for (long i = 0; i < count; ++i) {
        const uint32_t sign = (uint32_t)(from[i] & 0x8000) << 16, magnitude = (uint32_t)(from[i] & 0x7fff) << 13;
        // The exponents' biases lie 112 apart; the product also normalises what lies below the normal numbers.
        const uint32_t scaled = bits_of(from_bits(magnitude) * 0x1p112f);
        const bool is_special = magnitude >= (uint32_t)0x7c00 << 13;    // infinity, NaN
        to[i] = from_bits(sign | (is_special ? magnitude | 0x7f800000 : scaled));
    }
}

void tamis_narrow_halves(long count, bool is_bfloat16, const float *from, uint16_t *to)
{
    for (long i = 0; i < count; ++i) {
        const uint32_t bits = bits_of(from[i]), sign = bits & 0x80000000, magnitude = bits ^ sign;
        const bool is_nan = magnitude > 0x7f800000;
        if (is_bfloat16) {
            const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
            to[i] = (uint16_t)(is_nan ? bits >> 16 | 0x40 : rounded);
            continue;
        }
        // Halves go to the even neighbour: by the addition of the float whose last place is the result's where that lies
        // below the normal numbers, else by hand, with a carry into the exponent, up to infinity.
        const uint32_t small = bits_of(from_bits(magnitude) + 0.5f) - bits_of(0.5f);
        const uint32_t normal = (magnitude - ((uint32_t)112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
        const uint32_t large = is_nan ? 0x7e00 : 0x7c00;
        const uint32_t half = magnitude < 0x38800000 ? small : magnitude < 0x47800000 ? normal : large;
        to[i] = (uint16_t)(sign >> 16 | half);
    }
}
