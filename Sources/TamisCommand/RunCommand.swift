import ArgumentParser
import Glibc
import Tamis

/// `tamis run`: tensors in, tensors out.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a model on tensors from files and write what it gives.",
        discussion: """
            Each output is written to the folder as NAME.npy or NAME.pb; "/" and ":" in names become "_". Nothing is written \
            unless the run succeeds.

            Example: tamis run m.onnx --input input=x.npy --output-dir out
            """)

    /// How outputs are written.
    enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
        case npy, pb
    }

    @Argument(help: "The path of an .onnx file.")
    var model: String

    @OptionGroup var inputs: InputFiles

    @Option(
        name: .customLong("output"), parsing: .singleValue,
        help: ArgumentHelp(
            """
            A value to be written, once for each: the name of any value of the graph, or the position of an output. All \
            outputs by default.
            """, valueName: "name"))
    var outputs: [String] = []

    @Option(help: ArgumentHelp("The folder for the outputs; made if it is not there.", valueName: "folder"))
    var outputDir: String

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var memory: MemoryOption

    @Option(help: "default, or strict: no algorithm that gives up precision for speed.")
    var precision = Precision.default

    @Option(help: "npy or pb.")
    var outputFormat = OutputFormat.npy

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        var network = try Model.load(model)
        if !outputs.isEmpty {
            let names = wanted(network.outputs.map(\.name))
            do { network = try network.withOutputs(names) } catch {
                throw ValidationError("--output: \(error)")
            }
        }
        try refuseSequencesAsArrays(network.outputs)
        let files = try inputs.assigned(network.inputs)
        let values = try InputFiles.read(files, for: network.inputs)
        var options = PlanOptions()
        options.precision = precision
        if let limit = memory.memoryLimit { options.memoryLimit = limit }
        let runner = Runner(network, threads: threads.count, options: options)
        let results: [String: Value]
        let clock = ContinuousClock()
        let start = clock.now
        do throws(ExecutionError) {
            results = try runner.runValues(values)
        } catch {
            // An input of the wrong shape or type is the fault of its file.
            switch error {
            case .inputType(let name, _, _), .plan(.inputShape(let name, _, _)):
                throw Failure("\(files[name] ?? model): \(error)")
            default: throw Failure("\(model): \(error)")
            }
        }
        let seconds = (clock.now - start).seconds
        try write(network.outputs.map(\.name), results, seconds)
    }

    /// The names of the values asked for, each once: an exact name first, then a position.
    private func wanted(_ known: [String]) -> [String] {
        var names: [String] = []
        for text in outputs {
            let position = known.contains(text) ? nil : Int(text)
            let name = position.flatMap { known.indices.contains($0) ? known[$0] : nil } ?? text
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private func refuseSequencesAsArrays(_ outputs: [(name: String, type: ValueType)]) throws {
        guard outputFormat == .npy, let other = outputs.first(where: { $0.type.elementType == nil }) else { return }
        throw ValidationError(
            "--output-format must be pb for what is no tensor; \"\(other.name)\" is a \(other.type)")
    }

    // MARK: Result

    private struct Result: Encodable {
        struct Output: Encodable {
            var name: String
            var elementType: String?
            var shape: [Int]?
            var type: String
            var file: String
        }

        var outputs: [Output]
        var seconds: Double
        var threads: Int
    }

    private func write(_ names: [String], _ values: [String: Value], _ seconds: Double) throws {
        var outputs: [Result.Output] = []
        for name in names {
            guard let value = values[name] else { continue }
            let stem = name.fileName
            let file = "\(outputDir)/\(stem).\(outputFormat.rawValue)"
            if let other = outputs.first(where: { $0.file == file }) {
                throw Failure(
                    "\(model): outputs must differ in their files' names; \"\(other.name)\" and \"\(name)\" do not")
            }
            outputs.append(
                Result.Output(
                    name: name, elementType: value.tensor?.elementType.rawValue, shape: value.tensor?.shape.dimensions,
                    type: value.kind, file: file))
        }
        try makeFolder()
        try Console.withoutInterruption {
            for output in outputs {
                guard let value = values[output.name] else { continue }
                try Failure.at(output.file) {
                    switch (outputFormat, value) {
                    case (.npy, .tensor(let tensor)): try tensor.writeNPY(to: output.file)
                    default: try value.writePB(to: output.file, name: output.name)
                    }
                }
            }
        }
        if format.json {
            return try JSONOption.print(Result(outputs: outputs, seconds: seconds, threads: threads.count))
        }
        var table = Table(.left, .left, .left, .left)
        table.add("output", "type", "shape", "file")
        for output in outputs { table.add(output.name, output.type, output.shape.map { "\($0)" } ?? "", output.file) }
        Console.print(table.text)
    }

    private func makeFolder() throws {
        guard !outputDir.isEmpty else { throw ValidationError("--output-dir must name a folder") }
        // Every folder on the way.
        var path = ""
        for part in outputDir.split(separator: "/", omittingEmptySubsequences: false) {
            path += part.isEmpty && path.isEmpty ? "/" : part + "/"
            if mkdir(path, 0o777) != 0, errno != EEXIST, errno != EISDIR {
                throw Failure(
                    "\(outputDir): the folder must be there or be makeable; \(String(cString: strerror(errno)))")
            }
        }
        var status = stat()
        guard stat(outputDir, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure("\(outputDir): a folder is wanted here; something else stands there")
        }
    }
}

extension Precision: ExpressibleByArgument {}

extension Value {
    /// The element type of a tensor, or what else it is.
    fileprivate var kind: String {
        switch self {
        case .tensor(let tensor): tensor.elementType.rawValue
        case .sequence(let elements): "sequence of \(elements.count)"
        case .optional(nil): "optional, nothing"
        case .optional(let value?): "optional \(value.kind)"
        }
    }
}
