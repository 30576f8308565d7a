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

    @Option(
        name: .customLong("input"), parsing: .singleValue,
        help: ArgumentHelp(
            """
            A tensor for an input, once for each: its name, or its position counted from 0, and a .npy file or an ONNX \
            tensor message (.pb).
            """, valueName: "name=file"),
        transform: { text in
            guard let sign = text.firstIndex(of: "="), sign > text.startIndex, text[sign...].count > 1 else {
                throw ValidationError("it must be NAME=FILE")
            }
            return text
        })
    var inputs: [String] = []

    @Option(help: ArgumentHelp("The folder for the outputs; made if it is not there.", valueName: "folder"))
    var outputDir: String

    @OptionGroup var threads: ThreadOptions

    @Option(help: "default, or strict: no algorithm that gives up precision for speed.")
    var precision = Precision.default

    @Option(help: "npy or pb.")
    var outputFormat = OutputFormat.npy

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        let network = try Model.load(model)
        let files = try assigned(network.inputs)
        var tensors: [String: Tensor] = [:]
        for (name, path) in files {
            tensors[name] = try Failure.at(path) {
                path.hasSuffix(".pb") ? try Tensor(pb: path) : try Tensor(npy: path)
            }
        }
        var options = PlanOptions()
        options.precision = precision
        let runner = Runner(network, threads: threads.count, options: options)
        let results: [String: Tensor]
        let clock = ContinuousClock()
        let start = clock.now
        do throws(ExecutionError) {
            results = try runner.run(tensors)
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

    /// The file for each input, by name.
    private func assigned(_ known: [(name: String, type: ValueType)]) throws -> [String: String] {
        var files: [String: String] = [:]
        for text in inputs {
            let (name, file) = try split(text, known.map(\.name))
            guard files.updateValue(file, forKey: name) == nil else {
                throw ValidationError("each input must be given once; received \"\(name)\" twice")
            }
        }
        let missing = known.filter { files[$0.name] == nil }
        guard missing.isEmpty else {
            let ports = missing.map { "\"\($0.name)\" (\($0.type))" }.joined(separator: ", ")
            throw ValidationError("each input of the model must be given by --input NAME=FILE; missing: \(ports)")
        }
        return files
    }

    /// The exact name first, then a position. A name may itself hold a "=".
    private func split(_ text: String, _ names: [String]) throws -> (name: String, file: String) {
        var first: (name: String, file: String)?
        for sign in text.indices where text[sign] == "=" && sign > text.startIndex {
            let part = (name: String(text[..<sign]), file: String(text[text.index(after: sign)...]))
            if names.contains(part.name) { return part }
            if first == nil { first = part }
        }
        if let first, let position = Int(first.name), names.indices.contains(position) {
            return (names[position], first.file)
        }
        let known = names.enumerated().map { "\($0.offset) \"\($0.element)\"" }.joined(separator: ", ")
        throw ValidationError("--input must name an input of the model (\(known)); received \"\(first?.name ?? text)\"")
    }

    // MARK: Result

    private struct Result: Encodable {
        struct Output: Encodable {
            var name: String
            var elementType: String
            var shape: [Int]
            var file: String
        }

        var outputs: [Output]
        var seconds: Double
        var threads: Int
    }

    private func write(_ names: [String], _ tensors: [String: Tensor], _ seconds: Double) throws {
        var outputs: [Result.Output] = []
        for name in names {
            guard let tensor = tensors[name] else { continue }
            let stem = String(name.map { $0 == "/" || $0 == ":" ? "_" : $0 })
            let file = "\(outputDir)/\(stem).\(outputFormat.rawValue)"
            if let other = outputs.first(where: { $0.file == file }) {
                throw Failure(
                    "\(model): outputs must differ in their files' names; \"\(other.name)\" and \"\(name)\" do not")
            }
            let shape = tensor.shape.dimensions
            outputs.append(
                Result.Output(name: name, elementType: tensor.elementType.rawValue, shape: shape, file: file))
        }
        try makeFolder()
        try Console.withoutInterruption {
            for output in outputs {
                guard let tensor = tensors[output.name] else { continue }
                try Failure.at(output.file) {
                    switch outputFormat {
                    case .npy: try tensor.writeNPY(to: output.file)
                    case .pb: try tensor.writePB(to: output.file, name: output.name)
                    }
                }
            }
        }
        if format.json {
            return try JSONOption.print(Result(outputs: outputs, seconds: seconds, threads: threads.count))
        }
        var table = Table(.left, .left, .left, .left)
        table.add("output", "type", "shape", "file")
        for output in outputs { table.add(output.name, output.elementType, "\(output.shape)", output.file) }
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
