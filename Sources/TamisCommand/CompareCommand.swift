import ArgumentParser
import Glibc
import Tamis

/// `tamis compare`: where two models, or a model and a reference, part.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Find the first node at which a model differs from another one, or from reference values.",
        discussion: """
            Both get the same inputs: random ones by a seed, or those of files. All values that both have by the same name \
            are compared, those between the nodes included. The error is the largest difference as a part of the largest \
            reference value. Exit status 1 if one is over the tolerance.

            Examples: tamis compare m.onnx other.onnx
                      tamis compare m.onnx --plain
                      tamis compare m.onnx references --input input=x.npy
            """)

    @Argument(help: "The path of an .onnx file.")
    var model: String

    @Argument(
        help: ArgumentHelp(
            """
            Another .onnx file, or a folder of .npy files named after values, "/" and ":" in names as "_". The model itself \
            by default, if --plain or --reference-precision makes a difference.
            """))
    var reference: String?

    @OptionGroup var inputs: InputFiles
    @OptionGroup var shapes: ShapeOptions

    @Option(
        help: ArgumentHelp("The largest error that is right (default: 0.0001).", valueName: "number"),
        transform: { text in
            guard let number = Double(text), number >= 0 else {
                throw ValidationError("it must be a number, 0 or more")
            }
            return number
        })
    var tolerance = 1e-4

    @Flag(help: "Run the reference without passes: node by node as its file has it.")
    var plain = false

    @Option(help: "Of the model: default, or strict.")
    var precision = Precision.default

    @Option(help: "Of the reference: default, or strict.")
    var referencePrecision = Precision.default

    @Option(help: ArgumentHelp("What random inputs are drawn from.", valueName: "number"))
    var seed: UInt64 = 0

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var format: JSONOption

    func validate() throws {
        if reference == nil, !plain, precision == referencePrecision {
            throw ValidationError(
                "a second model or a folder must be given, or --plain or --reference-precision, to compare with")
        }
    }

    mutating func run() throws {
        var options = ModelComparison.Options()
        options.tolerance = tolerance
        options.plan.precision = precision
        options.referencePlan.precision = referencePrecision
        options.referencePlan.optimizes = !plain
        options.shapes = try shapes.shapes()
        options.seed = seed
        options.threads = threads.count
        if !inputs.texts.isEmpty {
            let ports = try Model.load(model).inputs
            options.inputs = try InputFiles.read(inputs.assigned(ports, isPartial: true), for: ports)
        }
        let path = reference ?? model
        let comparison = try shapes.at(model) { [options] in
            try ModelComparison(
                onnx: model, with: Self.isFolder(path) ? .folder(path) : .model(path), options: options)
        }
        if format.json {
            try JSONOption.print(Result(comparison))
        } else {
            Console.print(text(comparison))
        }
        if comparison.first != nil { throw ExitStatus.unexpected }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private func text(_ comparison: ModelComparison) -> String {
        var table = Table(.left, .left, .left, .right, .right, .left)
        table.add("", "node", "operator", "error", "largest", "at")
        for line in comparison.lines {
            let difference = line.difference
            table.add(
                line.isOver ? "✗" : difference.hasSameBits ? "=" : "✓", line.node, line.operatorName,
                difference.error.scientific, difference.largest.scientific,
                difference.position.isEmpty ? "" : "\(difference.position)")
        }
        var text = table.text
        for assumption in comparison.assumptions { text += "\nassumed: \(assumption)" }
        let same = comparison.lines.filter(\.difference.hasSameBits).count
        let count = comparison.lines.count
        guard let first = comparison.first else {
            let worst = comparison.lines.map(\.difference.error).max() ?? 0
            return text
                + "\n\(count) values agree to \(tolerance.scientific): the largest error is \(worst.scientific), \(same) have the same bits"
        }
        let over = comparison.lines.filter(\.isOver).count
        let difference = first.difference
        return text
            + "\n\(over) of \(count) values are over \(tolerance.scientific); the first is \"\(first.value)\" of node \"\(first.node)\" "
            + "(\(first.operatorName)): \(difference.received), not \(difference.expected), at \(difference.position)"
    }

    private struct Result: Encodable {
        var values: [ModelComparison.Line]
        var first: ModelComparison.Line?
        var tolerance: Double
        var error: Double
        var assumptions: [InputShapes.Assumption]
        var runs: Int

        init(_ comparison: ModelComparison) {
            values = comparison.lines
            first = comparison.first
            tolerance = comparison.tolerance
            error = comparison.lines.map(\.difference.error).max() ?? 0
            assumptions = comparison.assumptions
            runs = comparison.runs
        }
    }
}
