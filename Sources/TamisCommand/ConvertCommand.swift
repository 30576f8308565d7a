import ArgumentParser
import Tamis

/// What `convert` and `optimize` have in common.
struct ConversionOptions: ParsableArguments {
    @Argument(help: "The path of an .onnx file.")
    var model: String

    @Option(help: ArgumentHelp("The file to write; the model's own is allowed.", valueName: "file"))
    var output: String

    @Option(
        help: ArgumentHelp(
            """
            The version of ONNX's operator set to write, \(ONNXOperators.writtenVersions.lowerBound) to \
            \(ONNXOperators.writtenVersions.upperBound); by default the one the file has.
            """, valueName: "number"),
        transform: { text in
            let versions = ONNXOperators.writtenVersions
            guard let version = Int(text), versions.contains(version) else {
                throw ValidationError(
                    "it must be a whole number from \(versions.lowerBound) to \(versions.upperBound)")
            }
            return version
        })
    var opset: Int?

    @OptionGroup var shapes: ShapeOptions

    @Option(help: ArgumentHelp("What random inputs are drawn from.", valueName: "number"))
    var seed: UInt64 = 0

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var format: JSONOption

    /// Writes the file and says what was done: of passes, node by node if `nodes`.
    func run(optimizes: Bool, nodes: Bool = false) throws {
        try OutputFile.check(output)
        var options = ModelConversion.Options()
        options.optimizes = optimizes
        options.operatorSet = opset
        options.shapes = try shapes.shapes()
        options.seed = seed
        options.threads = threads.count
        let conversion = try shapes.at(model) { [options] in
            do {
                return try Console.withoutInterruption {
                    try ModelConversion(onnx: model, to: output, options: options)
                }
            } catch ModelFileError.notTheSame(let rule, let received) {
                Console.note("tamis: \(model): \(rule); received \(received); nothing is written")
                throw ExitStatus.unexpected
            }
        }
        if format.json { return try JSONOption.print(Result(conversion)) }
        Console.print(text(conversion, nodes: nodes))
    }

    private func text(_ conversion: ModelConversion, nodes: Bool) -> String {
        var text = ""
        if !conversion.passes.isEmpty {
            var passes = Table(.left, .right, .right, .left)
            passes.add("pass", "before", "after", "")
            for pass in conversion.passes {
                for (index, change) in (nodes ? pass.changes : pass.summary).enumerated() {
                    passes.add(
                        index == 0 ? pass.pass : "", index == 0 ? "\(pass.nodesBefore)" : "",
                        index == 0 ? "\(pass.nodesAfter)" : "", change)
                }
            }
            text = passes.text + "\n\n"
        }
        var table = Table(.left, .left)
        let before = conversion.operatorSetBefore.map { "\($0) → " } ?? ""
        table.add("operator set", "\(before)\(conversion.operatorSet)")
        table.add("nodes", "\(conversion.nodesBefore) → \(conversion.nodes)")
        for assumption in conversion.assumptions { table.add("assumed", "\(assumption)") }
        if let note = conversion.note {
            table.add("compared", "no: the model does not run on random inputs: \(note)")
        } else {
            table.add(
                "compared",
                conversion.hasSameBits
                    ? "the same bits on random inputs"
                    : "largest error \(conversion.error.scientific) of the largest value on random inputs")
        }
        table.add("written", "\(output), \(conversion.byteCount.bytes)")
        return text + table.text
    }

    private struct Result: Encodable {
        var operatorSetBefore: Int?
        var operatorSet: Int
        var nodesBefore: Int
        var nodes: Int
        var bytes: Int
        var passes: [ModelConversion.PassLine]
        var outputs: [ModelConversion.Line]
        var error: Double
        var sameBits: Bool
        var note: String?
        var assumptions: [InputShapes.Assumption]

        init(_ conversion: ModelConversion) {
            operatorSetBefore = conversion.operatorSetBefore
            operatorSet = conversion.operatorSet
            nodesBefore = conversion.nodesBefore
            nodes = conversion.nodes
            bytes = conversion.byteCount
            passes = conversion.passes
            outputs = conversion.lines
            error = conversion.error
            sameBits = conversion.note == nil && conversion.hasSameBits
            note = conversion.note
            assumptions = conversion.assumptions
        }
    }
}

/// `tamis convert`: writes a model anew.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a model anew, for another version of the operator set.",
        discussion: """
            What is written is read again and run beside the model on random inputs before it takes its place. Exit status 1, \
            and nothing is written, if the two do not give the same.

            Example: tamis convert m.onnx --output m21.onnx --opset 21
            """)

    @OptionGroup var conversion: ConversionOptions

    mutating func run() throws { try conversion.run(optimizes: false) }
}

/// `tamis optimize`: writes a model as the passes leave it.
struct OptimizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimize",
        abstract: "Apply the passes of every plan to a model, list what they did, and write it.",
        discussion: """
            What is written is read again and run beside the model on random inputs before it takes its place. Exit status 1, \
            and nothing is written, if the two do not give the same.

            Example: tamis optimize m.onnx --output small.onnx
            """)

    @OptionGroup var conversion: ConversionOptions

    @Flag(help: "Say of each node what became of it.")
    var nodes = false

    mutating func run() throws { try conversion.run(optimizes: true, nodes: nodes) }
}
