import COpenBLAS
import Glibc

/// The one gate to OpenBLAS: one BLAS thread, checked arguments, no call for an empty product.
///
/// OpenBLAS prints a wrong leading dimension and leaves the result untouched, and its own threads corrupt the heap under
/// many callers; neither can happen through this gate.
public enum BLAS {
    /// Why OpenBLAS cannot be trusted on this machine.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The kernels OpenBLAS chose, such as "Haswell", "Zen" or "Cooperlake".
    public static var coreName: String { String(cString: openblas_get_corename()) }
    /// The version and build options OpenBLAS reports.
    public static var configuration: String { String(cString: openblas_get_config()) }

    /// Asks OpenBLAS to run in the thread that calls it; each thread that will call says so once.
    public static func useCallingThread() { openblas_set_num_threads(1) }

    /// The address space OpenBLAS takes for a thread (128 MiB), and what a thread of the pool takes besides.
    private static let threadBytes = 160 << 20

    /// Whether the system would grant OpenBLAS the memory of one more thread. Where it does not, OpenBLAS asks again and
    /// again, without end, so this must be asked before.
    static var canServeAnotherThread: Bool {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, threadBytes, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            return false
        }
        munmap(memory, threadBytes)
        return true
    }

    /// Sets OpenBLAS to one thread and compares a few hundred products of each form with a naive product, once in the
    /// life of the process; throws where they differ, as they did in releases with a broken kernel.
    public static func check() throws(Failure) {
        if let failure = selfTestFailure { throw failure }
    }

    private static let selfTestFailure: Failure? = {
        guard canServeAnotherThread else {
            return Failure(
                description:
                    "OpenBLAS must get \(threadBytes >> 20) MiB of address space for each thread that multiplies; "
                    + "the system refused it: raise the limit on the process's memory (ulimit -v)")
        }
        useCallingThread()
        return selfTest(sizes: [1, 3, 8, 17])
    }()

    /// Y (M × N) = X · W + beta · Y over row-major matrices, X stored K × M where `transposeX`, W stored N × K where
    /// `transposeW`; ldx, ldw, ldy are the distances between stored rows.
    ///
    ///              N                 K              N
    ///         ┌─────────┐       ┌─────────┐     ┌───────┐
    ///       M │    Y    │  =  M │    X    │ · K │   W   │
    ///         └─────────┘       └─────────┘     └───────┘
    public static func multiply(
        _ type: ScalarType, transposeX: Bool = false, transposeW: Bool = false, m: Int, n: Int, k: Int,
        x: UnsafeRawPointer, ldx: Int, w: UnsafeRawPointer, ldw: Int, beta: Double = 0, y: UnsafeMutableRawPointer,
        ldy: Int
    ) {
        guard m > 0, n > 0 else { return }
        precondition(
            m <= Int32.max && n <= Int32.max && k >= 0 && k <= Int32.max && ldx <= Int32.max && ldw <= Int32.max
                && ldy <= Int32.max, "the extents of a product fit 32 bits")
        precondition(
            ldx >= max(1, transposeX ? m : k) && ldw >= max(1, transposeW ? k : n) && ldy >= n,
            "a row fits its leading dimension")
        // On AVX-512 OpenBLAS takes memory from the heap at each product this small; a run must take none.
        if KernelLevel.best == .avx512, m * n <= smallProduct / max(1, k), beta == 0 || beta == 1,
            let product = SmallProduct(type, transposeX: transposeX, m: m, n: n, k: k)
        {
            product.run(x: x, ldx: ldx, w: w, ldw: ldw, transposeW: transposeW, adds: beta == 1, y: y, ldy: ldy)
            return
        }
        callOpenBLAS(
            type, transposeX: transposeX, transposeW: transposeW, m: m, n: n, k: k, x: x, ldx: ldx, w: w, ldw: ldw,
            beta: beta, y: y, ldy: ldy)
    }

    /// Multiplications above which OpenBLAS uses no small-matrix kernel: 100³.
    private static let smallProduct = 1_000_000

    private static func callOpenBLAS(
        _ type: ScalarType, transposeX: Bool, transposeW: Bool, m: Int, n: Int, k: Int, x: UnsafeRawPointer, ldx: Int,
        w: UnsafeRawPointer, ldw: Int, beta: Double, y: UnsafeMutableRawPointer, ldy: Int
    ) {
        let tx = transposeX ? CblasTrans : CblasNoTrans
        let tw = transposeW ? CblasTrans : CblasNoTrans
        switch type {
        case .float:
            cblas_sgemm(
                CblasRowMajor, tx, tw, Int32(m), Int32(n), Int32(k), 1, x.assumingMemoryBound(to: Float.self),
                Int32(ldx),
                w.assumingMemoryBound(to: Float.self), Int32(ldw), Float(beta), y.assumingMemoryBound(to: Float.self),
                Int32(ldy))
        case .double:
            cblas_dgemm(
                CblasRowMajor, tx, tw, Int32(m), Int32(n), Int32(k), 1, x.assumingMemoryBound(to: Double.self),
                Int32(ldx),
                w.assumingMemoryBound(to: Double.self), Int32(ldw), beta, y.assumingMemoryBound(to: Double.self),
                Int32(ldy))
        }
    }

    /// Compares products of small integers, which every order of summation gives exactly, with a naive product.
    static func selfTest(sizes: [Int]) -> Failure? {
        for m in sizes {
            for n in sizes {
                for k in sizes {
                    for transposeX in [false, true] {
                        for transposeW in [false, true] where !isRight(m: m, n: n, k: k, transposeX, transposeW) {
                            return Failure(
                                description:
                                    "OpenBLAS (core \(coreName)) must multiply matrices rightly; it gave a wrong product "
                                    + "for M = \(m), N = \(n), K = \(k), transposed \(transposeX), \(transposeW): set "
                                    + "OPENBLAS_CORETYPE to another core or install another libopenblas")
                        }
                    }
                }
            }
        }
        return nil
    }

    private static func isRight(m: Int, n: Int, k: Int, _ transposeX: Bool, _ transposeW: Bool) -> Bool {
        let x = (0..<m * k).map { Float(($0 * 7 + 3) % 11 - 5) }
        let w = (0..<k * n).map { Float(($0 * 5 + 1) % 13 - 6) }
        var y = [Float](repeating: .nan, count: m * n)
        callOpenBLAS(
            .float, transposeX: transposeX, transposeW: transposeW, m: m, n: n, k: k, x: x, ldx: transposeX ? m : k,
            w: w,
            ldw: transposeW ? k : n, beta: 0, y: &y, ldy: n)
        for row in 0..<m {
            for column in 0..<n {
                var sum: Float = 0
                for i in 0..<k {
                    sum += x[transposeX ? i * m + row : row * k + i] * w[transposeW ? column * k + i : i * n + column]
                }
                if y[row * n + column] != sum { return false }
            }
        }
        return true
    }
}
