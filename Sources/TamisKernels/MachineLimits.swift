import CTamisKernels
import Glibc

/// What this machine can do at most, as measured: the roofs under which every kernel stays.
public struct MachineLimits: Sendable {
    /// The threads that were measured together.
    public let threads: Int
    /// Multiplications and additions in registers, in 10⁹ a second.
    public let arithmeticGigaflops: Double
    /// The product of two 1024 × 1024 float matrices by the engine's own kernel, in 10⁹ operations a second, …
    public let productGigaflops: Double
    /// … and by OpenBLAS.
    public let blasGigaflops: Double
    /// Bytes read from memory, in 10⁹ a second; nil where memory to read could not be had.
    public let readGigabytes: Double?

    /// Measures each limit for about so many seconds.
    public init(threads: Int = 1, seconds: Double = 0.2) {
        let threads = min(max(1, threads), ThreadPool.maximumThreads)
        self.threads = threads
        let kernels = KernelLevel.best.kernels(for: .float)
        // Some milliseconds: as nothing beside them is what it takes to wake a thread.
        let rounds = 2_000_000
        let chains = Self.fastest(threads, seconds) { _ in Self.keep(kernels.multiply_add_chains(rounds)) }
        arithmeticGigaflops = Double(threads * 12 * kernels.panel_columns * rounds) / chains / 1e9

        let size = 1024
        let operations = 2 * Double(threads) * Double(size * size) * Double(size)
        let x = [Float](repeating: 0.5, count: size * size)
        let product = MatrixProduct(
            kernels: kernels, form: .panels, m: size, n: size, k: size, activation: .identity)
        let panels = Memory(byteCount: product.panelBytes)
        let results = (0..<threads).map { _ in Memory(byteCount: 4 * size * size) }
        let isComplete = panels.base != nil && results.allSatisfy { $0.base != nil }
        func speed(_ multiply: (UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void) -> Double {
            guard isComplete, let panels = panels.base else { return 0 }
            return x.withUnsafeBytes { x in
                guard let x = x.baseAddress else { return 0 }
                let time = Self.fastest(threads, seconds) { part in
                    if let y = results[part].base { multiply(x, UnsafeRawPointer(panels), y) }
                }
                return operations / time / 1e9
            }
        }
        if let base = panels.base { product.pack(x, into: base) }
        productGigaflops = speed { x, panels, y in
            product.run(0..<product.tiles, x: x, w: panels, bias: nil, residual: nil, y: y)
        }
        blasGigaflops = speed { x, _, y in
            BLAS.multiply(.float, m: size, n: size, k: size, x: x, ldx: size, w: x, ldw: size, y: y, ldy: size)
        }

        // More than the caches hold.
        let bytes = 128 << 20
        let memory = Memory(byteCount: bytes)
        readGigabytes = memory.base.map { base in
            let part = bytes / threads / 4096 * 4096
            let time = Self.fastest(threads, seconds) { index in
                Self.keep(kernels.sum_stream(part / 4, base + index * part))
            }
            return Double(part * threads) / time / 1e9
        }
    }

    /// The most operations that can be done in a second of what makes so many an each byte it reads or writes (S. Williams,
    /// A. Waterman, D. Patterson, Roofline, 2009), in 10⁹.
    public func attainableGigaflops(operationsPerByte: Double) -> Double {
        guard let readGigabytes else { return arithmeticGigaflops }
        return min(arithmeticGigaflops, operationsPerByte * readGigabytes)
    }

    /// Memory that can be refused.
    private final class Memory {
        let base: UnsafeMutableRawPointer?

        init(byteCount: Int) {
            var pointer: UnsafeMutableRawPointer?
            base = posix_memalign(&pointer, 64, byteCount) == 0 ? pointer : nil
            base?.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        }

        deinit { free(base) }
    }

    /// Something the compiler does not know to be of no use.
    @inline(never)
    private static func keep(_ value: Double) {}

    private struct Work {
        var body: (Int) -> Void
    }

    /// The least seconds that `body` takes for all parts, one a thread.
    private static func fastest(_ threads: Int, _ seconds: Double, _ body: (Int) -> Void) -> Double {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: Work(body: body)) { work in
                let clock = ContinuousClock()
                let start = clock.now
                var best = Duration.seconds(1000)
                repeat {
                    let first = clock.now
                    ThreadPool.shared.run(tiles: threads, threads: threads, context: work) { context, _, lower, upper in
                        for part in lower..<upper { context.assumingMemoryBound(to: Work.self).pointee.body(part) }
                    }
                    best = min(best, clock.now - first)
                } while clock.now - start < .seconds(seconds)
                return best.seconds
            }
        }
    }
}
