// Kernels of Tamis: plain loops over pointers, written once (kernels.inc) and compiled for float and double at three
// processor levels. No allocation, no threads, no tensors, no failure: callers check every argument first.
//
// Conventions
//  * All matrices are row-major. M, N, K are the letters of the product Y (M × N) = X (M × K) · W (K × N); ldx, ldw, ldy
//    are the distances, in scalars, between the starts of two rows.
//  * Images are channel-last: depth × height × width × channels. Spatial ranks 1 and 2 have leading extents of 1.
//  * `void *` points to scalars of the table's type. `bias` and `residual` may be NULL: then they are not added.
//  * For one table, each result's bits depend only on the values that define it: never on M, on alignment, on the tile it
//    is computed in, or on its neighbours.

#ifndef C_TAMIS_KERNELS_H
#define C_TAMIS_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

/// Functions of one variable that a kernel can apply to what it has just computed.
typedef enum {
    TAMIS_IDENTITY,            ///< x
    TAMIS_RELU,                ///< max(x, 0)
    TAMIS_LEAKY_RELU,          ///< x > 0 ? x : alpha · x
    TAMIS_CLIP,                ///< min(max(x, alpha), beta)
    TAMIS_THRESHOLDED_RELU,    ///< x > alpha ? x : 0
    TAMIS_SHRINK,              ///< x < −alpha ? x + beta : x > alpha ? x − beta : 0
    TAMIS_HARD_SIGMOID,        ///< min(max(alpha · x + beta, 0), 1)
    TAMIS_HARD_SWISH,          ///< x · min(max(x / 6 + ½, 0), 1)
    TAMIS_SOFTSIGN,            ///< x / (1 + |x|)
    TAMIS_SIGMOID,             ///< 1 / (1 + e^−x)
    TAMIS_TANH,                ///< tanh x
    TAMIS_SWISH,               ///< x · sigmoid(alpha · x)
    TAMIS_ELU,                 ///< x > 0 ? beta · x : alpha · (e^x − 1)
    TAMIS_CELU,                ///< x > 0 ? x : alpha · (e^(x / alpha) − 1)
    TAMIS_GELU,                ///< x · Φ(x) = x · (1 + erf(x / √2)) / 2
    TAMIS_GELU_TANH,           ///< x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2
    TAMIS_SOFTPLUS,            ///< ln(1 + e^x)
    TAMIS_MISH,                ///< x · tanh(softplus x)
} tamis_curve;

/// A curve with its parameters; those it has not do not count. NaN stays NaN. The error is at most 4 units of the last
/// place, and 4 · x² below −1 where SWISH, GELU, GELU_TANH and MISH fall to 0, as long as the result is above 10⁻³⁰.
typedef struct {
    tamis_curve curve;
    double alpha, beta;
} tamis_activation;

/// Element-wise functions of one operand.
typedef enum {
    TAMIS_ABSOLUTE,
    TAMIS_NEGATE,
    TAMIS_RECIPROCAL,
    TAMIS_SQUARE_ROOT,
    TAMIS_EXPONENTIAL,       ///< e^x, to 2 ulp
    TAMIS_LOGARITHM,         ///< ln x, to 2 ulp; −∞ at 0, NaN below
    TAMIS_ERROR_FUNCTION,    ///< erf x, to 4 ulp
    TAMIS_FLOOR,
    TAMIS_CEILING,
    TAMIS_ROUND,             ///< halves go to the even neighbour
} tamis_unary;

/// Element-wise functions of two operands. A maximum or minimum of a NaN is NaN.
typedef enum {
    TAMIS_ADD,
    TAMIS_SUBTRACT,
    TAMIS_MULTIPLY,
    TAMIS_DIVIDE,
    TAMIS_MAXIMUM,
    TAMIS_MINIMUM,
    TAMIS_PRELU,    ///< a < 0 ? a · b : a
} tamis_binary;

/// What reductions make of many elements.
typedef enum {
    TAMIS_SUM = 0,
    TAMIS_SUM_OF_ABSOLUTES = 1,
    TAMIS_SUM_OF_SQUARES = 2,
    TAMIS_PRODUCT = 3,
    TAMIS_LARGEST = 4,
    TAMIS_SMALLEST = 5,
} tamis_reduction;

/// Where a sliding window meets one image; spatial axes are (depth, height, width).
typedef struct {
    long input[3];     ///< extents of the input image
    long output[3];    ///< extents of the output image
    long kernel[3];    ///< extents of the window
    long stride[3];    ///< distance between two windows
    long dilation[3];  ///< distance between two taps of a window
    long pad[3];       ///< pixels of padding before the image
} tamis_window;

/// The kernels for one scalar type at one processor level.
typedef struct {
    long scalar_bytes;
    /// Columns of one packed panel of `pack_panels`.
    long panel_columns;

    // ---- Matrix products with a constant right side ---------------------------------------------------------------
    //
    // The panels: columns of W in groups of `panel_columns`; within a panel K rows of `panel_columns` scalars each,
    // contiguous; the last panel padded with zeros. Packed size: ceil(N / panel_columns) * panel_columns * K scalars.

    /// Packs W (K × N), or its transpose when `transposed` (then w holds N × K), into panels.
    void (*pack_panels)(long K, long N, const void *w, long ldw, bool transposed, void *panels);
    /// Y = activation(X · W + bias + residual). The sum of one output runs over k in ascending order with one
    /// accumulator, so it has the same bits for each M and position. Small M (1…8) streams the panels at memory speed;
    /// large M keeps many accumulators in registers.
    void (*multiply_panels)(long M, long N, long K, const void *x, long ldx, const void *panels, const void *bias,
                            const void *residual, long ldr, tamis_activation activation, void *y, long ldy);
    /// The same product, with the same bits, of `lines` × `line_rows` rows of X that lie as windows do over an image: lines
    /// are `line_distance` scalars apart, the rows of one `ldx`, and a row is `runs` runs of K / runs scalars, `run_distance`
    /// apart.
    void (*convolve_panels)(long lines, long line_rows, long N, long K, const void *x, long line_distance, long ldx,
                            long runs, long run_distance, const void *panels, const void *bias, const void *residual,
                            long ldr, tamis_activation activation, void *y, long ldy);

    // ---- Matrix products with a constant right side, transposed, where it lies ------------------------------------

    /// Y = activation(X · Wᵀ + bias + residual), W being N × K at any address. An element's sum depends on its row of X and
    /// its row of W alone. Residual and Y must not overlap.
    void (*dense)(long M, long N, long K, const void *x, long ldx, const void *w, long ldw, const void *bias,
                  const void *residual, long ldr, tamis_activation activation, void *y, long ldy);

    // ---- Convolution ----------------------------------------------------------------------------------------------

    /// Writes the rows `first_pixel ..< first_pixel + pixels` of the column matrix: one row an output pixel (row-major
    /// over output depth, height, width), in it kernel depth × height × width × channels scalars, zero where the window
    /// leaves the image. `image` points to the first of the wanted channels; two pixels are `pixel_stride` scalars apart.
    void (*im2col)(const tamis_window *window, long channels, const void *image, long pixel_stride, long first_pixel,
                   long pixels, void *columns, long ldc);
    /// The transpose of im2col: adds each entry of the rows `first_pixel ..< first_pixel + pixels` of the column matrix
    /// to the image pixel it came from, in ascending order of rows, then of taps. The caller clears the image before.
    void (*col2im)(const tamis_window *window, long channels, const void *columns, long ldc, long first_pixel,
                   long pixels, void *image, long pixel_stride);
    /// The weights w (3 × 3 × K × N) for Winograd's convolution F(m × m, 3 × 3), m being 2 or 4: (m + 2)² matrices K × N,
    /// each packed in panels, one after the other.
    void (*winograd_weights)(long m, long K, long N, const void *w, void *panels);
    /// The tiles `first_tile ..< first_tile + tiles` of one image (row-major, m × m output pixels each), transformed: row
    /// `tile − first_tile` of (m + 2)² matrices of `channels` columns. Rows are `ldp` scalars apart, matrices `plane`.
    void (*winograd_image)(long m, const tamis_window *window, long channels, const void *image, long first_tile,
                           long tiles, void *pixels, long ldp, long plane);
    /// The output pixels of those tiles from the (m + 2)² products of pixels and weights, laid out likewise with `filters`
    /// columns: y = activation(result + bias + residual), which has `filters` scalars a pixel, two pixels of y `ldy` apart.
    /// y and residual are those of the whole image.
    void (*winograd_result)(long m, const tamis_window *window, long filters, const void *products, long ldp, long plane,
                            const void *bias, const void *residual, tamis_activation activation, long first_tile,
                            long tiles, void *y, long ldy);
    /// Y = activation(Y + bias + residual), a bias a column.
    void (*epilogue)(long M, long N, const void *bias, const void *residual, long ldr, tamis_activation activation,
                     void *y, long ldy);
    /// Depthwise convolution of the output rows `first_row ..< first_row + rows` (a row is one line of output width; rows
    /// are counted over output depth × height): output channel c · multiplier + m is input channel c filtered by
    /// w[tap][c · multiplier + m]. `image` and `y` point to the whole image; `y` has channels · multiplier channels.
    void (*depthwise)(const tamis_window *window, long channels, long multiplier, const void *image, const void *w,
                      const void *bias, const void *residual, tamis_activation activation, long first_row, long rows,
                      void *y);
    /// dx += gradient of `depthwise` with respect to the whole image; the caller clears dx before.
    void (*depthwise_input_gradient)(const tamis_window *window, long channels, long multiplier, const void *dy,
                                     const void *w, void *dx);
    /// dw += gradient of `depthwise` with respect to the weights (taps × channels · multiplier), over the whole image.
    void (*depthwise_weight_gradient)(const tamis_window *window, long channels, long multiplier, const void *image,
                                      const void *dy, void *dw);

    // ---- Pooling (output rows as in `depthwise`; padding takes no part in a maximum) -----------------------------------

    /// The maximum of each window; NaN where the window holds a NaN. Two pixels of y are `ldy` scalars apart.
    void (*max_pool)(const tamis_window *window, long channels, const void *image, long first_row, long rows, void *y,
                     long ldy);
    /// Adds dy to the first pixel of each window (in row-major order of taps) that equals the window's maximum y, over the
    /// whole image; the caller clears dx before.
    void (*max_pool_gradient)(const tamis_window *window, long channels, const void *image, const void *y, const void *dy,
                              void *dx);
    /// The mean of each window: of its pixels inside the image, or of all taps when `count_include_pad` (padding is 0; a
    /// tap beyond the padded extent `padded_end[axis]`, counted from the padded image's start, is never counted).
    void (*average_pool)(const tamis_window *window, long channels, bool count_include_pad, const long padded_end[3],
                         const void *image, long first_row, long rows, void *y, long ldy);
    /// Adds the gradient of `average_pool` to dx, over the whole image; the caller clears dx before.
    void (*average_pool_gradient)(const tamis_window *window, long channels, bool count_include_pad,
                                  const long padded_end[3], const void *dy, void *dx);
    /// The norm (Σ |x|^power)^(1 / power) of each window, for a power of 1 or more.
    void (*lp_pool)(const tamis_window *window, long channels, long power, const void *image, long first_row, long rows,
                    void *y, long ldy);
    /// Adds the gradient of `lp_pool`, dy · sign(x) · (|x| / y)^(power − 1), to dx, over the whole image; 0 where x is 0.
    /// The caller clears dx before.
    void (*lp_pool_gradient)(const tamis_window *window, long channels, long power, const void *image, const void *y,
                             const void *dy, void *dx);

    // ---- Resampling -----------------------------------------------------------------------------------------------

    /// y[p] = Σ_t weights[p][t] · x[indices[p][t]] for each position p, over rows of `inner` scalars and `taps` taps, in
    /// order. Weights of 0 stand behind the others and are left out; where all are 0, y[p] is 0.
    void (*resample)(long positions, long taps, long inner, const long *indices, const void *weights, const void *x,
                     void *y);

    // ---- Element-wise ---------------------------------------------------------------------------------------------

    /// y[i] = activation(x[i]); x may be y.
    void (*activate)(long count, tamis_activation activation, const void *x, void *y);
    /// dx[i] = dy[i] · activation'(x[i]); dx may be dy. `value` is the output y = activation(x) for RELU, CLIP, HARD_SIGMOID,
    /// SOFTSIGN, SIGMOID, TANH, SOFTPLUS and for ELU and CELU with alpha ≥ 0, either y or x for LEAKY_RELU and
    /// THRESHOLDED_RELU with alpha ≥ 0, and x for all others.
    void (*activate_gradient)(long count, tamis_activation activation, const void *value, const void *dy, void *dx);
    /// y[m][n] = a[m · lda + n · a_step] ∘ b[m · ldb + n · b_step]; the steps are 0 or 1, y is contiguous; y may be an
    /// operand that is so too.
    void (*binary)(long M, long N, tamis_binary function, const void *a, long lda, long a_step, const void *b, long ldb,
                   long b_step, void *y);
    /// y[i] = f(x[i]); x may be y.
    void (*unary)(long count, tamis_unary function, const void *x, void *y);

    // ---- Softmax over the middle axis of outer × count × inner ---------------------------------------------------------

    void (*softmax)(long outer, long count, long inner, const void *x, void *y);
    void (*log_softmax)(long outer, long count, long inner, const void *x, void *y);
    /// dx = y · (dy − Σ dy · y)
    void (*softmax_gradient)(long outer, long count, long inner, const void *y, const void *dy, void *dx);
    /// dx = dy − e^y · Σ dy
    void (*log_softmax_gradient)(long outer, long count, long inner, const void *y, const void *dy, void *dx);
    /// y = ln Σ e^x, outer × inner of them; −infinity where count is 0.
    void (*log_sum_exponentials)(long outer, long count, long inner, const void *x, void *y);

    // ---- Reductions over rows, one result a column; a tree of fixed blocks of rows, so the order depends on M alone -----

    /// y[n] = Σ_m x[m][n]
    void (*sum_rows)(long M, long N, const void *x, long ldx, void *y);
    /// y[n] = the sum, product … over m of x[m][n]; that of no rows changes nothing it is joined to: 0, 1, −infinity,
    /// infinity. The largest and smallest of a NaN and others is NaN.
    void (*reduce_rows)(tamis_reduction function, long M, long N, const void *x, long ldx, void *y);
    /// y[n] = Σ_m (x[m][n] − mean[n])²
    void (*sum_squared_deviations)(long M, long N, const void *x, long ldx, const void *mean, void *y);
    /// y[n] = Σ_m dy[m][n] · (x[m][n] − mean[n])
    void (*sum_products)(long M, long N, const void *dy, const void *x, long ldx, const void *mean, void *y);
    /// y[m][n] = activation(x[m][n] · scale[n] + shift[n]); x may be y.
    void (*scale_shift)(long M, long N, const void *x, long ldx, const void *scale, const void *shift,
                        tamis_activation activation, void *y, long ldy);
    /// dx[m][n] = a[n] · dy[m][n] + b[n] · (x[m][n] − mean[n]) + c[n]; dx may be dy.
    void (*normalization_gradient)(long M, long N, const void *dy, const void *x, const void *mean, const void *a,
                                   const void *b, const void *c, void *dx);

    // ---- Normalisation of the rows of a contiguous M × N matrix ---------------------------------------------------------

    /// y = (x − mean) · inverse · scale + bias with the row's own mean (0 unless it `centers`) and inverse = 1 / √(mean of
    /// (x − mean)² + epsilon), both a number a row; y may be x; bias may be NULL.
    void (*layer_normalization)(long M, long N, double epsilon, bool centers, const void *x, const void *scale,
                                const void *bias, void *y, void *means, void *inverses);
    /// The gradient of `layer_normalization` with respect to x, and products = dy · (x − mean) · inverse, whose sums over
    /// the rows are that of scale; dx may be dy.
    void (*layer_normalization_gradient)(long M, long N, bool centers, const void *x, const void *scale,
                                         const void *means, const void *inverses, const void *dy, void *dx,
                                         void *products);
    /// y[n] = x[n] · (bias + alpha · Σ x[n − before … n + after]²)^−beta; `squares` is room for before + N + after scalars.
    void (*local_response)(long M, long N, long before, long after, double alpha, double beta, double bias,
                           const void *x, void *y, void *squares);

    // ---- Updates of parameters; all may be in place ---------------------------------------------------------------------

    /// ONNX Momentum: g' = g + norm · x; v' = alpha · v + beta · g'; x' = x − rate · (nesterov ? g' + alpha · v' : v').
    void (*momentum)(long count, double rate, double alpha, double beta, double norm, bool nesterov, const void *x,
                     const void *gradient, const void *v, void *x_next, void *v_next);
    /// ONNX Adam with the bias-corrected rate: g' = g + norm · x; v' = alpha · v + (1 − alpha) · g';
    /// h' = beta · h + (1 − beta) · g'²; x' = x − rate · v' / (√h' + epsilon).
    void (*adam)(long count, double rate, double alpha, double beta, double epsilon, double norm, const void *x,
                 const void *gradient, const void *v, const void *h, void *x_next, void *v_next, void *h_next);

    // ---- What the machine gives -----------------------------------------------------------------------------------

    /// 12 · `panel_columns` · n multiplications and additions, in registers alone.
    double (*multiply_add_chains)(long n);
    /// The sum of `count` scalars, as fast as they come; of a rest of less than 8 vectors nothing is read.
    double (*sum_stream)(long count, const void *x);
} tamis_kernels;

/// Processor levels, each including those below it.
typedef enum { TAMIS_PORTABLE = 0, TAMIS_AVX2 = 1, TAMIS_AVX512 = 2 } tamis_level;

/// The highest level this processor and operating system run.
tamis_level tamis_best_level(void);
/// The kernels for float (scalar_bytes 4) or double (8) at a level; NULL for another size or a level this machine lacks.
const tamis_kernels *tamis_kernels_at(tamis_level level, long scalar_bytes);

/// Tells the processor that this thread spins.
static inline void tamis_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Floats of 16 bits, float16 or bfloat16, as floats of 32.
void tamis_widen_halves(long count, bool is_bfloat16, const uint16_t *from, float *to);
/// Floats rounded to 16 bits, halves to the even neighbour; NaN stays NaN.
void tamis_narrow_halves(long count, bool is_bfloat16, const float *from, uint16_t *to);

/// Copies an array of `rank` axes with the given extents from a strided source (strides in elements) to a contiguous
/// destination; elements of 1, 2, 4, 8 or 16 bytes, aligned or not.
void tamis_strided_copy(long rank, const long *extents, const long *strides, long element_bytes, const void *source,
                        void *destination);

/// Copies the rows `indices[0]`, `indices[1]`, … of `bytes` bytes each to one after the other.
void tamis_gather_rows(long count, const long *indices, long bytes, const void *source, void *destination);

#endif
