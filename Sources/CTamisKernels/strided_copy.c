// Copies of strided arrays: transposes, slices, broadcasts.

#include "CTamisKernels.h"
#include <string.h>

typedef struct {
    char bytes[16];
} element_16;
typedef uint32_t word __attribute__((may_alias, aligned(1)));    // any element of 4 bytes, wherever it stands

/// Copies one line of `count` elements that stand `stride` elements apart.
#define DEFINE_LINE(bytes, type)                                                                                       \
    static void copy_line_##bytes(long count, long stride, const char *source, char *destination)                      \
    {                                                                                                                  \
        for (long i = 0; i < count; ++i) {                                                                             \
            type element;                                                                                              \
            memcpy(&element, source + i * stride * bytes, bytes);                                                      \
            memcpy(destination + i * bytes, &element, bytes);                                                          \
        }                                                                                                              \
    }
DEFINE_LINE(1, uint8_t)
DEFINE_LINE(2, uint16_t)
DEFINE_LINE(4, uint32_t)
DEFINE_LINE(8, uint64_t)
DEFINE_LINE(16, element_16)

static void copy_line(long count, long stride, long bytes, const char *source, char *destination)
{
    if (stride == 1) {
        memcpy(destination, source, (size_t)(count * bytes));
        return;
    }
    switch (bytes) {
    case 1: copy_line_1(count, stride, source, destination); break;
    case 2: copy_line_2(count, stride, source, destination); break;
    case 4: copy_line_4(count, stride, source, destination); break;
    case 8: copy_line_8(count, stride, source, destination); break;
    default: copy_line_16(count, stride, source, destination); break;
    }
}

/// Transposes 4 × 4 elements of 4 bytes; the rows of the source stand `from_stride` elements apart, those of the
/// destination `to_stride`.
static inline void transpose_4_by_4(const word *from, long from_stride, word *to, long to_stride)
{
    typedef uint32_t four __attribute__((vector_size(16), aligned(1), may_alias));
    const four a = *(const four *)from, b = *(const four *)(from + from_stride);
    const four c = *(const four *)(from + 2 * from_stride), d = *(const four *)(from + 3 * from_stride);
    const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(four *)(to + to_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(four *)(to + 2 * to_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(four *)(to + 3 * to_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/// `transpose` (below) for fewer than 4 elements a line, such as the colours of an image: one pass for each.
static void interleave(long lines, long count, long stride, const word *source, word *destination,
                       long line_distance)
{
    for (long block = 0; block < lines; block += 256) {
        const long end = block + 256 < lines ? block + 256 : lines;
        for (long i = 0; i < count; ++i)
            for (long line = block; line < end; ++line)
                destination[line * line_distance + i] = source[i * stride + line];
    }
}

/// Copies lines × count elements of 4 bytes where the neighbours in the source are those of two lines:
///
///        source:  count rows, `stride` apart          destination: lines rows, `line_distance` apart
///                 ┌──── lines ────┐                                ┌── count ──┐
///           count │ · · · · · · · │                          lines │ · · · · · │
///                 └───────────────┘                                └───────────┘
///
/// In squares of 16 × 16, which are one cache line wide on both sides.
static void transpose(long lines, long count, long stride, const word *source, word *destination,
                      long line_distance)
{
    if (count < 4) {
        interleave(lines, count, stride, source, destination, line_distance);
        return;
    }
    for (long line_block = 0; line_block < lines; line_block += 16) {
        const long line_end = line_block + 16 < lines ? line_block + 16 : lines;
        for (long block = 0; block < count; block += 16) {
            const long end = block + 16 < count ? block + 16 : count;
            for (long line = line_block; line < line_end; line += 4)
                for (long i = block; i < end; i += 4) {
                    const word *from = source + i * stride + line;
                    word *to = destination + line * line_distance + i;
                    if (line + 4 <= line_end && i + 4 <= end) {
                        transpose_4_by_4(from, stride, to, line_distance);
                        continue;
                    }
                    for (long l = line; l < line + 4 && l < line_end; ++l)
                        for (long j = i; j < i + 4 && j < end; ++j)
                            to[(l - line) * line_distance + j - i] = from[(j - i) * stride + l - line];
                }
        }
    }
}

/// Copies the axes from `axis` on; `sizes[axis]` is the number of elements from that axis on. The depth of the
/// recursion is the number of axes.
static void copy_axes(long rank, long axis, const long *extents, const long *strides, const long *sizes, long bytes,
                      const char *source, char *destination)
{
    if (axis == rank - 1) {
        copy_line(extents[axis], strides[axis], bytes, source, destination);
        return;
    }
    // The last axis but one (channels to the front, channels to the back) or one further out is contiguous in the
    // source: transpose it with the last.
    const long last = rank - 1;
    if (bytes == 4 && strides[axis] == 1 && extents[axis] >= 4) {
        if (axis == last - 1) {
            transpose(extents[axis], extents[last], strides[last], (const word *)source, (word *)destination,
                      sizes[last]);
            return;
        }
        if (axis == last - 2) {
            for (long i = 0; i < extents[axis + 1]; ++i)
                transpose(extents[axis], extents[last], strides[last],
                          (const word *)source + i * strides[axis + 1],
                          (word *)destination + i * sizes[last], sizes[axis + 1]);
            return;
        }
    }
    for (long i = 0; i < extents[axis]; ++i)
        copy_axes(rank, axis + 1, extents, strides, sizes, bytes, source + i * strides[axis] * bytes,
                  destination + i * sizes[axis + 1] * bytes);
}

void tamis_strided_copy(long rank, const long *extents, const long *strides, long element_bytes, const void *source,
                        void *destination)
{
    // Axes of extent 1 vanish; neighbours that step through memory like one axis become one.
    long joined_extents[rank + 1], joined_strides[rank + 1], sizes[rank + 1];
    long joined_rank = 0;
    for (long axis = 0; axis < rank; ++axis) {
        if (extents[axis] == 0) return;
        if (extents[axis] == 1) continue;
        if (joined_rank > 0 && joined_strides[joined_rank - 1] == extents[axis] * strides[axis]) {
            joined_extents[joined_rank - 1] *= extents[axis];
            joined_strides[joined_rank - 1] = strides[axis];
            continue;
        }
        joined_extents[joined_rank] = extents[axis];
        joined_strides[joined_rank] = strides[axis];
        ++joined_rank;
    }
    if (joined_rank == 0) {
        memcpy(destination, source, (size_t)element_bytes);
        return;
    }
    long size = 1;
    for (long axis = joined_rank - 1; axis >= 0; --axis) sizes[axis] = size *= joined_extents[axis];
    copy_axes(joined_rank, 0, joined_extents, joined_strides, sizes, element_bytes, source, destination);
}
