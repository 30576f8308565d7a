import Tamis
import TamisKernels

/// Kernels on bare memory: matrix products over OpenBLAS and over panels, side by side.
enum KernelBenchmarks {
    /// M, N, K of products that networks are made of.
    static let products: [(name: String, m: Int, n: Int, k: Int)] = [
        ("square", 1024, 1024, 1024), ("lesson conv 2", 121, 64, 576), ("lesson conv 1", 676, 64, 9),
        ("dense, batch 1", 1, 128, 1600), ("dense, batch 128", 128, 128, 1600), ("3×3 at 56²", 3136, 64, 576),
        ("3×3 at 14²", 196, 256, 2304), ("3×3 at 7²", 49, 512, 4608), ("1×1 expand", 3136, 144, 24),
        ("1×1 project", 784, 32, 192), ("1×1 wide", 196, 1024, 256), ("stem", 12544, 64, 147),
    ]

    static func run(seconds: Double) throws -> [Report.Section] {
        let kernels = KernelLevel.best.kernels(for: .float)
        let rows = try products.flatMap { product -> [Report.Row] in
            let (m, n, k) = (product.m, product.n, product.k)
            let x = [Float](repeating: 0.5, count: m * k)
            let w = [Float](repeating: 0.25, count: k * n)
            var panels = [Float](repeating: 0, count: kernels.panelScalars(k: k, n: n))
            kernels.pack_panels(k, n, w, n, false, &panels)
            var y = [Float](repeating: 0, count: m * n)
            let times = try y.withUnsafeMutableBytes { y in
                guard let base = y.baseAddress else { return [Measurement]() }
                return try Measurement.interleaved(
                    seconds: seconds,
                    [
                        { BLAS.multiply(.float, m: m, n: n, k: k, x: x, ldx: k, w: w, ldw: n, y: base, ldy: n) },
                        { kernels.multiply_panels(m, n, k, x, k, panels, nil, nil, 0, .init(0), base, n) },
                    ])
            }
            guard times.count == 2 else { return [] }
            let operations = 2e-9 * Double(m) * Double(n) * Double(k)
            return [
                Report.Row(
                    name: "\(product.name) \(m)×\(n)×\(k), OpenBLAS", milliseconds: times[0].scaled(1000),
                    gigaoperations: operations),
                Report.Row(
                    name: "\(product.name) \(m)×\(n)×\(k), panels", milliseconds: times[1].scaled(1000),
                    gigaoperations: operations, ratio: times[1].median / times[0].median, against: "OpenBLAS"),
            ]
        }
        return [Report.Section(title: "Matrix products M×N×K, one thread", rows: rows)]
    }
}

extension Measurement {
    /// The times in another unit.
    func scaled(_ factor: Double) -> Measurement {
        Measurement(median: median * factor, tenth: tenth * factor, minimum: minimum * factor, iterations: iterations)
    }
}
