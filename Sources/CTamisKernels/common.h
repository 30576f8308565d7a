// What the kernels share whatever their scalar type: small arithmetic, copies of short runs, windows over images.
// Included inside the `target` region of each level, so that it is compiled for that level.

#define INLINE static inline __attribute__((always_inline))
/// A loop with a constant count whose index must become a constant, because it indexes values held in registers.
#define UNROLLED _Pragma("clang loop unroll(full)")

INLINE long minimum(long a, long b) { return a < b ? a : b; }
INLINE long maximum(long a, long b) { return a > b ? a : b; }
INLINE long divided_up(long a, long b) { return (a + b - 1) / b; }

/// The reductions over rows: Σ x, Σ |x|, Σ x², Π x, max x, min x, Σ (x − mean)², Σ dy · (x − mean).
typedef enum {
    SUM = TAMIS_SUM,
    ABSOLUTES = TAMIS_SUM_OF_ABSOLUTES,
    SQUARES = TAMIS_SUM_OF_SQUARES,
    FACTORS = TAMIS_PRODUCT,
    LARGEST = TAMIS_LARGEST,
    SMALLEST = TAMIS_SMALLEST,
    SQUARED_DEVIATIONS,
    PRODUCTS
} reduction_kind;

/// What pooling makes of a window: its maximum, its mean, or its p-norm.
typedef enum { POOL_MAXIMUM, POOL_MEAN, POOL_NORM } pool_kind;

// ---- Short runs -----------------------------------------------------------------------------------------------------
//
// A run of 3 to 200 bytes is too short for a call of memcpy. It is copied in pieces of a constant size, the last of
// which ends where the run ends and so overlaps the one before; nothing outside the run is read or written.

INLINE void copy_both_ends(char *to, const char *from, long bytes, const long piece)
{
    __builtin_memcpy(to, from, piece);
    __builtin_memcpy(to + bytes - piece, from + bytes - piece, piece);
}

INLINE void clear_both_ends(char *to, long bytes, const long piece)
{
    __builtin_memset(to, 0, piece);
    __builtin_memset(to + bytes - piece, 0, piece);
}

/// Copies a multiple of 4 bytes.
INLINE void copy_run(void *destination, const void *source, long bytes)
{
    char *to = destination;
    const char *from = source;
    if (bytes >= 64) {
        for (long offset = 0; offset + 64 <= bytes; offset += 64) __builtin_memcpy(to + offset, from + offset, 64);
        __builtin_memcpy(to + bytes - 64, from + bytes - 64, 64);
    } else if (bytes >= 32) {
        copy_both_ends(to, from, bytes, 32);
    } else if (bytes >= 16) {
        copy_both_ends(to, from, bytes, 16);
    } else if (bytes >= 8) {
        copy_both_ends(to, from, bytes, 8);
    } else if (bytes >= 4) {
        __builtin_memcpy(to, from, 4);
    }
}

/// Clears a multiple of 4 bytes.
INLINE void clear_run(void *destination, long bytes)
{
    char *to = destination;
    if (bytes >= 64) {
        for (long offset = 0; offset + 64 <= bytes; offset += 64) __builtin_memset(to + offset, 0, 64);
        __builtin_memset(to + bytes - 64, 0, 64);
    } else if (bytes >= 32) {
        clear_both_ends(to, bytes, 32);
    } else if (bytes >= 16) {
        clear_both_ends(to, bytes, 16);
    } else if (bytes >= 8) {
        clear_both_ends(to, bytes, 8);
    } else if (bytes >= 4) {
        __builtin_memset(to, 0, 4);
    }
}

// ---- Windows --------------------------------------------------------------------------------------------------------

enum { DEPTH = 0, HEIGHT = 1, WIDTH = 2 };

/// Along one axis, the taps of one window that lie inside the image: `first ..< last`; tap t reads pixel
/// `start + t · dilation`.
typedef struct {
    long start, first, last;
} window_span;

INLINE window_span span_at(const tamis_window *window, int axis, long position)
{
    const long dilation = window->dilation[axis], extent = window->input[axis];
    window_span span = {position * window->stride[axis] - window->pad[axis], 0, window->kernel[axis]};
    // The divisions run at the borders only.
    if (span.start < 0) span.first = minimum(span.last, divided_up(-span.start, dilation));
    if (span.start + (span.last - 1) * dilation >= extent)
        span.last = span.start >= extent ? span.first : maximum(span.first, divided_up(extent - span.start, dilation));
    return span;
}

/// The index of pixel (depth, height, width) of the input image.
INLINE long pixel_at(const tamis_window *window, long depth, long height, long width)
{
    return (depth * window->input[HEIGHT] + height) * window->input[WIDTH] + width;
}

INLINE long output_rows(const tamis_window *window) { return window->output[DEPTH] * window->output[HEIGHT]; }

INLINE long tap_count(const tamis_window *window)
{
    return window->kernel[DEPTH] * window->kernel[HEIGHT] * window->kernel[WIDTH];
}

/// Where one window meets the image, along the three axes.
typedef struct {
    window_span depth, height, width;
} window_place;

/// The place of the first window of an output row (a row is counted over output depth × height).
INLINE window_place place_of_row(const tamis_window *window, long row)
{
    const long height = window->output[HEIGHT];
    return (window_place){span_at(window, DEPTH, row / height), span_at(window, HEIGHT, row % height), {0, 0, 0}};
}

/// Runs the body for each tap of a place that lies inside the image, in row-major order: `tap` is its index in the
/// kernel, `pixel` the index of the image's pixel it meets.
#define EACH_TAP(window, place, ...)                                                                                   \
    for (long tap_d = (place).depth.first; tap_d < (place).depth.last; ++tap_d)                                        \
        for (long tap_h = (place).height.first; tap_h < (place).height.last; ++tap_h) {                                \
            long pixel = pixel_at(window, (place).depth.start + tap_d * (window)->dilation[DEPTH],                     \
                                  (place).height.start + tap_h * (window)->dilation[HEIGHT],                           \
                                  (place).width.start + (place).width.first * (window)->dilation[WIDTH]);              \
            long tap = (tap_d * (window)->kernel[HEIGHT] + tap_h) * (window)->kernel[WIDTH] + (place).width.first;     \
            const long tap_end = tap + (place).width.last - (place).width.first;                                       \
            for (; tap < tap_end; ++tap, pixel += (window)->dilation[WIDTH]) { __VA_ARGS__ }                           \
        }
