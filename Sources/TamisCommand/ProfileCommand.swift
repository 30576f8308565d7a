import ArgumentParser
import Tamis
import TamisKernels

/// `tamis profile`: where the time of a run goes.
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Show where the time of a run goes: operators, algorithms, nodes.",
        discussion: """
            The inputs are random by a fixed seed. \"of peak\" compares with the fastest matrix product of this machine on as \
            many threads; Winograd's algorithms may pass 100 %, because they need fewer operations than the definition. \
            --html writes one page with each node under the roofs of the machine; --trace writes a file for chrome://tracing \
            or ui.perfetto.dev. --alternatives measures as long again for each algorithm of convolution.

            Example: tamis profile Models/fashion-mnist.onnx --threads 1 --nodes
            """)

    @Argument(
        help: "The path of an .onnx file, or a network by name: \(NetworkChoice.names).", transform: NetworkChoice.parse
    )
    var model: NetworkChoice

    @OptionGroup var measured: MeasuredRuns
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var arithmetic: ArithmeticOptions

    @Flag(help: "A line for each node, in the order they run.")
    var nodes = false

    @Flag(help: "What the next best algorithm takes, for each node that has a choice; with --nodes.")
    var alternatives = false

    @Option(help: ArgumentHelp("Write the profile as a page, too.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Write the run as Chrome trace events, too.", valueName: "file"))
    var trace: String?

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        if let trace { try OutputFile.check(trace, option: "--trace", over: model) }
        if let html { try OutputFile.check(html, option: "--html", over: model) }
        let (model, name) = try model.loaded()
        let shapes = try measured.shapes(of: model)
        let count = threads.count
        var options = PlanOptions()
        arithmetic.apply(to: &options)
        func profile(_ options: PlanOptions) throws -> PlanProfile {
            try Failure.at(name) {
                let plan = try Plan(model, inputs: shapes, options: options)
                return try Session(plan, threads: count).profile(plan.randomInputs(), for: .seconds(measured.seconds))
            }
        }
        var result = try profile(options)
        if alternatives {
            for algorithm in ConvolutionAlgorithm.allCases
            where options.precision != .strict || algorithm.isExact {
                var other = options
                other.convolution = algorithm
                result.compare(with: try profile(other))
            }
        }
        if let trace {
            try Failure.at(trace) { try AtomicFile.write(JSONOption.data(result.traceEvents), to: trace) }
        }
        let limits = MachineLimits(threads: count)
        if let html {
            try Console.withoutInterruption {
                try Failure.at(html) { try result.writeHTML(to: html, name: name, limits: limits) }
            }
        }
        let report = Report(result, limits)
        if format.json { return try JSONOption.print(report) }
        Console.print(text(report))
    }

    private func text(_ report: Report) -> String {
        var head = Table(.left, .left)
        head.add("a run", "\(report.ms.fixed(3)) ms, the median of \(report.runs) runs line by line")
        head.add("speed", "\(report.gflops.fixed(1)) GFLOP/s; the fastest matrix product \(report.peakGflops.fixed(1))")
        if let read = report.readGigabytesPerSecond { head.add("memory", "gives \(read.fixed(1)) GB/s") }
        var groups = Table(.left, .left, .right, .right, .right, .right, .right)
        groups.add("operator", "algorithm", "nodes", "ms", "share", "GFLOP/s", "of peak")
        for group in report.groups {
            groups.add(
                group.operatorName, group.algorithm, "\(group.nodes)", group.ms.fixed(3), share(group.ms, report),
                speed(group.gflops), part(group.gflops, report))
        }
        var parts = [head.text, groups.text]
        if nodes || alternatives {
            var table = Table(.left, .left, .left, .left, .right, .right, .right, .right, .right, .left)
            table.add(
                "node", "operator", "output", "algorithm", "ms", "share", "GFLOP/s", "of peak", "GB/s",
                alternatives ? "next best" : "")
            for node in report.nodes {
                table.add(
                    node.name, node.operatorName, node.output, node.algorithm, node.ms.fixed(3), share(node.ms, report),
                    speed(node.gflops), part(node.gflops, report), speed(node.gigabytesPerSecond),
                    node.runnerUp.map { "\($0.ms.fixed(3)) ms \($0.algorithm)" } ?? "")
            }
            parts.append(table.text)
        }
        return parts.joined(separator: "\n\n")
    }

    private func share(_ ms: Double, _ report: Report) -> String {
        "\((report.ms > 0 ? 100 * ms / report.ms : 0).fixed(1)) %"
    }
    private func speed(_ gflops: Double) -> String { gflops > 0 ? gflops.fixed(1) : "" }
    private func part(_ gflops: Double, _ report: Report) -> String {
        gflops > 0 && report.peakGflops > 0 ? "\((100 * gflops / report.peakGflops).fixed(0)) %" : ""
    }

    // MARK: Report

    private struct Report: Encodable {
        struct Node: Encodable {
            var name: String
            var operatorName: String
            var output: String
            var algorithm: String
            var ms: Double
            var gflops: Double
            var movedBytes: Int
            var gigabytesPerSecond: Double
            var runnerUp: RunnerUp?
        }

        struct RunnerUp: Encodable {
            var algorithm: String
            var ms: Double
        }

        /// Nodes of one operator and algorithm.
        struct Group: Encodable {
            var operatorName: String
            var algorithm: String
            var nodes: Int
            var ms: Double
            var gflops: Double
        }

        var ms: Double
        var runs: Int
        var threads: Int
        var gflops: Double
        var peakGflops: Double
        var arithmeticGflops: Double
        var readGigabytesPerSecond: Double?
        var groups: [Group]
        var nodes: [Node]

        init(_ profile: PlanProfile, _ limits: MachineLimits) {
            ms = 1000 * profile.seconds
            runs = profile.runs
            threads = limits.threads
            peakGflops = limits.productGigaflops
            arithmeticGflops = limits.arithmeticGigaflops
            readGigabytesPerSecond = limits.readGigabytes
            gflops = profile.gigaflops
            nodes = profile.lines.map { line in
                Node(
                    name: line.line.node, operatorName: line.line.operatorName,
                    output: line.line.outputs.first.map { "\($0.type)" } ?? "", algorithm: line.line.algorithm,
                    ms: 1000 * line.seconds, gflops: line.gigaflops,
                    movedBytes: line.line.movedBytes,
                    gigabytesPerSecond: line.gigabytesPerSecond,
                    runnerUp: line.runnerUp.map { RunnerUp(algorithm: $0.algorithm, ms: 1000 * $0.seconds) })
            }
            let sets = Dictionary(grouping: profile.lines) { [$0.line.operatorName, $0.line.algorithm] }
            groups = sets.map { key, lines in
                let seconds = lines.reduce(0) { $0 + $1.seconds }
                return Group(
                    operatorName: key[0], algorithm: key[1], nodes: lines.count, ms: 1000 * seconds,
                    gflops: PlanProfile.billions(lines.reduce(0) { $0 + $1.line.operations }, in: seconds))
            }
            .sorted { ($1.ms, $0.operatorName, $0.algorithm) < ($0.ms, $1.operatorName, $1.algorithm) }
        }
    }
}
