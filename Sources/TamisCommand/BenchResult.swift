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

    /// The figures that can be bounded and compared: their names, their units, and the values.
    var figures: [(name: String, unit: String, value: Double)] {
        [
            ("p50", "ms", medianMs), ("p10", "ms", p10Ms), ("p90", "ms", p90Ms), ("p99", "ms", p99Ms),
            ("min", "ms", minMs), ("load", "ms", loadMs), ("plan", "ms", planMs), ("first", "ms", firstMs),
            ("images_per_second", "", imagesPerSecond), ("gflops", "", gflops),
            ("peak_rss_bytes", "bytes", Double(peakRssBytes)),
        ]
    }

    /// This result beside one measured before.
    func comparison(with before: BenchResult) -> String {
        var table = Table(.left, .right, .right, .left, .right)
        table.add("", "before", "now", "", "ratio")
        for (figure, old) in zip(figures, before.figures) {
            let digits = figure.unit == "bytes" ? 0 : 3
            let ratio = old.value > 0 ? (figure.value / old.value).fixed(3) : ""
            table.add(figure.name, old.value.fixed(digits), figure.value.fixed(digits), figure.unit, ratio)
        }
        return table.text
    }
}

/// A bound for a figure of a result: what breaks it, such as p50>2ms.
struct BenchBound {
    let text: String
    private let name: String
    private let isUpper: Bool
    private let value: Double

    /// Reads NAME>NUMBER or NAME<NUMBER; times may have the unit ms.
    @Sendable static func parse(_ text: String) throws -> BenchBound {
        let names = BenchResult.nothing.figures.map(\.name)
        guard let sign = text.firstIndex(where: { $0 == ">" || $0 == "<" }) else { throw error(names) }
        let name = text[..<sign].filter { $0 != " " }
        var number = text[text.index(after: sign)...].filter { $0 != " " }
        if number.hasSuffix("ms") { number.removeLast(2) }
        guard names.contains(name), let value = Double(number), value.isFinite else { throw error(names) }
        return BenchBound(text: text, name: name, isUpper: text[sign] == ">", value: value)
    }

    private static func error(_ names: [String]) -> ValidationError {
        ValidationError(
            """
            it must be NAME>NUMBER or NAME<NUMBER, times with or without the unit ms, all else without one; the name one of \
            \(names.joined(separator: ", "))
            """)
    }

    /// What breaks the bound; nil where it holds.
    func breach(in result: BenchResult) -> String? {
        guard let figure = result.figures.first(where: { $0.name == name }),
            isUpper ? figure.value > value : figure.value < value
        else { return nil }
        return "\(text): \(name) is \(figure.value.fixed(3)) \(figure.unit)"
    }
}

extension BenchResult {
    /// Zero in all figures.
    fileprivate static let nothing = BenchResult(
        [0], batch: 1, threads: 1, load: 0, plan: 0, first: 0, operations: 0, arenaBytes: 0, weightBytes: 0)
}
