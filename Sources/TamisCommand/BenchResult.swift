import ArgumentParser
import Tamis
import TamisKernels

/// How long a run, or a training step, takes, and what it takes beside time.
struct BenchResult: Codable {
    var medianMs: Double
    var p10Ms: Double
    var p90Ms: Double
    var p99Ms: Double
    var minMs: Double
    var iterations: Int
    var imagesPerSecond: Double
    var loadMs: Double
    var planMs: Double
    var firstMs: Double
    var peakRssBytes: Int
    var arenaBytes: Int
    var weightBytes: Int
    var threads: Int
    var batch: Int
    var gflops: Double
    var blasCore: String
    var cpuLevel: String

    init(
        _ times: [Double], batch: Int, threads: Int, load: Double, plan: Double, first: Double, operations: Double,
        arenaBytes: Int, weightBytes: Int
    ) {
        medianMs = times[times.count / 2]
        p10Ms = times[times.count / 10]
        p90Ms = times[times.count * 9 / 10]
        p99Ms = times[times.count * 99 / 100]
        minMs = times[0]
        iterations = times.count
        imagesPerSecond = 1000 * Double(batch) / medianMs
        loadMs = load
        planMs = plan
        firstMs = first
        peakRssBytes = MemoryUse.peakResidentBytes ?? 0
        self.arenaBytes = arenaBytes
        self.weightBytes = weightBytes
        self.threads = threads
        self.batch = batch
        gflops = operations / (medianMs * 1e6)
        blasCore = BLAS.coreName
        cpuLevel = KernelLevel.best.rawValue
    }

    var table: String {
        var table = Table(.left, .left)
        table.add(
            "time",
            "\(medianMs.fixed(3)) ms median, \(p10Ms.fixed(3)) ms fastest tenth, \(minMs.fixed(3)) ms least, "
                + "\(p90Ms.fixed(3)) ms slowest tenth, \(p99Ms.fixed(3)) ms slowest hundredth"
        )
        table.add("runs", "\(iterations) of batch \(batch) on \(threads) \(threads == 1 ? "thread" : "threads")")
        table.add("speed", "\(imagesPerSecond.fixed(1)) images/s, \(gflops.fixed(1)) GFLOP/s")
        table.add(
            "start", "\(loadMs.fixed(1)) ms load, \(planMs.fixed(1)) ms plan, \(firstMs.fixed(1)) ms first run")
        table.add(
            "memory",
            "\(peakRssBytes.bytes) peak, of them \(weightBytes.bytes) weights and \(arenaBytes.bytes) arena")
        table.add("kernels", "\(cpuLevel), OpenBLAS \(blasCore)")
        return table.text
    }

    /// What can be bounded and compared.
    struct Figure {
        let name: String
        let unit: String
        let value: @Sendable (BenchResult) -> Double
    }

    static let figures = [
        Figure(name: "p50", unit: "ms") { $0.medianMs },
        Figure(name: "p10", unit: "ms") { $0.p10Ms },
        Figure(name: "p90", unit: "ms") { $0.p90Ms },
        Figure(name: "p99", unit: "ms") { $0.p99Ms },
        Figure(name: "min", unit: "ms") { $0.minMs },
        Figure(name: "load", unit: "ms") { $0.loadMs },
        Figure(name: "plan", unit: "ms") { $0.planMs },
        Figure(name: "first", unit: "ms") { $0.firstMs },
        Figure(name: "images_per_second", unit: "") { $0.imagesPerSecond },
        Figure(name: "gflops", unit: "") { $0.gflops },
        Figure(name: "peak_rss_bytes", unit: "bytes") { Double($0.peakRssBytes) },
    ]

    /// This result beside one measured before.
    func comparison(with before: BenchResult) -> String {
        var table = Table(.left, .right, .right, .left, .right)
        table.add("", "before", "now", "", "ratio")
        for figure in Self.figures {
            let (old, new) = (figure.value(before), figure.value(self))
            let digits = figure.unit == "bytes" ? 0 : 3
            let ratio = old > 0 ? (new / old).fixed(3) : ""
            table.add(figure.name, old.fixed(digits), new.fixed(digits), figure.unit, ratio)
        }
        return table.text
    }
}

/// A bound for a figure of a result: what breaks it, such as p50>2ms.
struct BenchBound {
    let text: String
    private let figure: BenchResult.Figure
    private let isUpper: Bool
    private let value: Double

    /// Reads NAME>NUMBER or NAME<NUMBER; times may have the unit ms.
    @Sendable static func parse(_ text: String) throws -> BenchBound {
        guard let sign = text.firstIndex(where: { $0 == ">" || $0 == "<" }) else { throw error }
        let name = text[..<sign].filter { $0 != " " }
        var number = text[text.index(after: sign)...].filter { $0 != " " }
        if number.hasSuffix("ms") { number.removeLast(2) }
        guard let figure = BenchResult.figures.first(where: { $0.name == name }), let value = Double(number),
            value.isFinite
        else { throw error }
        return BenchBound(text: text, figure: figure, isUpper: text[sign] == ">", value: value)
    }

    private static var error: ValidationError {
        ValidationError(
            """
            it must be NAME>NUMBER or NAME<NUMBER, times with or without the unit ms, all else without one; the name one of \
            \(BenchResult.figures.map(\.name).joined(separator: ", "))
            """)
    }

    /// What breaks the bound; nil where it holds.
    func breach(in result: BenchResult) -> String? {
        let measured = figure.value(result)
        guard isUpper ? measured > value : measured < value else { return nil }
        return "\(text): \(figure.name) is \(measured.fixed(3)) \(figure.unit)"
    }
}
