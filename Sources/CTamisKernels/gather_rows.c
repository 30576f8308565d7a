// Copies of chosen rows: resizing to the nearest pixel.

#include "CTamisKernels.h"
#include <string.h>

/// Copies rows of a constant number of bytes, which takes a move or two.
#define COPY_ROWS(bytes)                                                                                               \
    for (long i = 0; i < count; ++i) memcpy(to + i * (bytes), from + indices[i] * (bytes), (bytes));                   \
    break

/// Copies rows of `bytes` bytes, from `piece` to twice as many, in two pieces of a constant size that overlap.
#define COPY_ENDS(piece)                                                                                               \
    for (long i = 0; i < count; ++i) {                                                                                 \
        const char *row = from + indices[i] * bytes;                                                                   \
        memcpy(to + i * bytes, row, (piece));                                                                          \
        memcpy(to + (i + 1) * bytes - (piece), row + bytes - (piece), (piece));                                        \
    }                                                                                                                  \
    return

void tamis_gather_rows(long count, const long *indices, long bytes, const void *source, void *destination)
{
    const char *from = source;
    char *to = destination;
    switch (bytes) {
    case 1: COPY_ROWS(1);
    case 2: COPY_ROWS(2);
    case 4: COPY_ROWS(4);
    case 8: COPY_ROWS(8);
    case 12: COPY_ROWS(12);
    case 16: COPY_ROWS(16);
    default:
        if (bytes > 4 && bytes < 8) { COPY_ENDS(4); }
        if (bytes > 8 && bytes <= 16) { COPY_ENDS(8); }
        if (bytes > 16 && bytes <= 32) { COPY_ENDS(16); }
        if (bytes > 32 && bytes <= 64) { COPY_ENDS(32); }
        for (long i = 0; i < count; ++i) memcpy(to + i * bytes, from + indices[i] * bytes, (size_t)bytes);
    }
}
