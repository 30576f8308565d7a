import CTamisKernels
import Glibc

/// A matrix product over panels that are packed at each call, in memory that each thread keeps for it.
struct SmallProduct {
    private let kernels: KernelTable
    private let transposeX: Bool
    private let m: Int
    private let n: Int
    private let k: Int
    /// Room for X in rows, where it is stored in columns, and behind it for the panels of W.
    private let memory: UnsafeMutableRawPointer
    private let panelOffset: Int

    /// Nil where the thread's memory is too small, or refused.
    init?(_ type: ScalarType, transposeX: Bool, m: Int, n: Int, k: Int) {
        kernels = KernelLevel.best.kernels(for: type)
        self.transposeX = transposeX
        self.m = m
        self.n = n
        self.k = k
        panelOffset = transposeX ? (m * k * type.byteCount + 63) / 64 * 64 : 0
        let byteCount = panelOffset + kernels.panelScalars(k: k, n: n) * type.byteCount
        guard let memory = ThreadMemory.current(byteCount) else { return nil }
        self.memory = memory
    }

    /// Y = X · W, or Y += X · W where it `adds`.
    func run(
        x: UnsafeRawPointer, ldx: Int, w: UnsafeRawPointer, ldw: Int, transposeW: Bool, adds: Bool,
        y: UnsafeMutableRawPointer, ldy: Int
    ) {
        let panels = memory + panelOffset
        kernels.pack_panels(k, n, w, ldw, transposeW, panels)
        if transposeX {
            withUnsafeTemporaryAllocation(of: Int.self, capacity: 4) { shape in
                (shape[0], shape[1], shape[2], shape[3]) = (m, k, 1, ldx)
                guard let base = shape.baseAddress else { return }
                tamis_strided_copy(2, base, base + 2, kernels.type.byteCount, x, memory)
            }
        }
        kernels.multiply_panels(
            m, n, k, transposeX ? UnsafeRawPointer(memory) : x, transposeX ? k : ldx, panels, nil,
            adds ? UnsafeRawPointer(y) : nil, ldy, .identity, y, ldy)
    }
}

/// Memory that a thread keeps until it ends: of one size, so that nobody asks the system for it twice. What is not touched
/// takes no memory of the machine.
enum ThreadMemory {
    private static let byteCount = 16 << 20

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { free($0) }
        return key
    }()

    /// The memory of the thread that calls, if `wanted` bytes are not more than it holds.
    static func current(_ wanted: Int) -> UnsafeMutableRawPointer? {
        guard wanted <= byteCount else { return nil }
        if let held = pthread_getspecific(key) { return held }
        var fresh: UnsafeMutableRawPointer?
        guard posix_memalign(&fresh, 64, byteCount) == 0, let fresh else { return nil }
        guard pthread_setspecific(key, fresh) == 0 else {
            free(fresh)
            return nil
        }
        return fresh
    }
}
