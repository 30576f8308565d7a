import ArgumentParser
import Glibc
import Tamis
import TamisKernels

/// Reads a whole number from 1.
@Sendable func positive(_ text: String) throws -> Int {
    guard let number = Int(text), number >= 1 else { throw ValidationError("it must be a whole number, 1 or more") }
    return number
}

/// Reads a number above zero.
@Sendable func positiveNumber(_ text: String) throws -> Double {
    guard let number = Double(text), number > 0, number.isFinite else {
        throw ValidationError("it must be a number above 0")
    }
    return number
}

/// How many threads to use.
struct ThreadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The most threads to use, 1 to \(ThreadPool.maximumThreads); the processors at hand by default.",
            valueName: "count"),
        transform: { text in
            guard let count = Int(text), (1...ThreadPool.maximumThreads).contains(count) else {
                throw ValidationError("it must be a whole number from 1 to \(ThreadPool.maximumThreads)")
            }
            return count
        })
    var threads: Int?

    /// The number to use.
    var count: Int { threads ?? Processor.availableCount }
}

/// A shape given for an input by name.
struct NamedShape {
    var name: String
    var extents: [Int]

    /// Reads NAME=N,N,…; a name may itself hold a "=".
    @Sendable static func parse(_ text: String) throws -> NamedShape {
        guard let sign = text.lastIndex(of: "="), sign > text.startIndex else { throw error }
        let rest = text[text.index(after: sign)...]
        let extents =
            rest.isEmpty ? [] : rest.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard extents.allSatisfy({ $0 >= 0 }) else { throw error }
        return NamedShape(name: String(text[..<sign]), extents: extents)
    }

    private static let error = ValidationError(
        "it must be NAME=N,N,… with whole numbers, such as input=1,224,224,3")
}

/// The shapes of a model's inputs, where the model leaves axes free.
struct ShapeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The shape of an input, once for each. A free axis that is not given is taken for what is likely, and said.",
            valueName: "name=n,n,…"),
        transform: NamedShape.parse)
    var inputShape: [NamedShape] = []

    /// The shapes by name.
    func shapes() throws -> [String: Shape] {
        var shapes: [String: Shape] = [:]
        for given in inputShape {
            let shape = try Failure.at { try Shape(given.extents) }
            guard shapes.updateValue(shape, forKey: given.name) == nil else {
                throw ValidationError("--input-shape must be given once for an input; received \"\(given.name)\" twice")
            }
        }
        return shapes
    }

    /// Runs `body`, whose errors are those of the file at `place`; a shape for an input that the model has not is a wrong use.
    func at<Result>(_ place: String, _ body: () throws -> Result) throws -> Result {
        try Failure.at(place) {
            do { return try body() } catch PlanError.unknownName(let name, let known) {
                throw Self.unknown(name, known)
            } catch ModelFileError.planning(.unknownName(let name, let known)) {
                throw Self.unknown(name, known)
            }
        }
    }

    private static func unknown(_ name: String, _ known: [String]) -> ValidationError {
        ValidationError("--input-shape: \(PlanError.unknownName(name, known: known))")
    }
}

/// The files with the values of a model's inputs.
struct InputFiles: ParsableArguments {
    @Option(
        name: .customLong("input"), parsing: .singleValue,
        help: ArgumentHelp(
            """
            A value for an input, once for each: its name, or its position counted from 0, and a .npy file or an ONNX \
            message (.pb).
            """, valueName: "name=file"),
        transform: { text in
            guard let sign = text.firstIndex(of: "="), sign > text.startIndex, text[sign...].count > 1 else {
                throw ValidationError("it must be NAME=FILE")
            }
            return text
        })
    var texts: [String] = []

    /// The file for each input, by name; unless `isPartial`, no input may be left out.
    func assigned(_ known: [(name: String, type: ValueType)], isPartial: Bool = false) throws -> [String: String] {
        var files: [String: String] = [:]
        for text in texts {
            let (name, file) = try split(text, known.map(\.name))
            guard files.updateValue(file, forKey: name) == nil else {
                throw ValidationError("each input must be given once; received \"\(name)\" twice")
            }
        }
        let missing = known.filter { files[$0.name] == nil }
        guard missing.isEmpty || isPartial else {
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
        let name = first?.name ?? text
        let known = names.enumerated().map { "\($0.offset) \"\($0.element)\"" }.joined(separator: ", ")
        let nearest = names.nearest(to: name, count: 1).first.map { "; is \"\($0)\" meant?" } ?? ""
        throw ValidationError("--input must name an input of the model (\(known)); received \"\(name)\"\(nearest)")
    }

    /// The values in the files.
    static func read(_ files: [String: String], for inputs: [(name: String, type: ValueType)]) throws -> [String: Value]
    {
        var values: [String: Value] = [:]
        for (name, type) in inputs {
            guard let path = files[name] else { continue }
            values[name] = try Failure.at(path) {
                if path.hasSuffix(".pb") { return try Value(pb: path, type: type) }
                let value = Value.tensor(try Tensor(npy: path))
                switch type {
                case .tensor: return value
                case .optional(.tensor): return .optional(value)
                case .sequence, .optional:
                    throw Failure(
                        "\(path): the input \"\(name)\" is a \(type), which only an ONNX message (.pb) can hold")
                }
            }
        }
        return values
    }
}

/// How much memory a run may take.
struct MemoryOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The most memory a run may take for values: 1000000, 64MiB, 2GiB. More is refused before anything runs.",
            valueName: "bytes"),
        transform: { text in
            for (unit, size) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
            where text.hasSuffix(unit) {
                if let count = Int(text.dropLast(unit.count)), count >= 0 {
                    let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
                    return overflow ? Int.max : bytes
                }
            }
            throw ValidationError("it must be a number of bytes, KiB, MiB or GiB, such as 64MiB")
        })
    var memoryLimit: Int?
}

/// Where labelled images come from.
struct DataOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            "fashion-mnist", as Debian's package dataset-fashion-mnist installs it, or a folder of idx files, gzip'd or \
            not: *train-images*, *train-labels*, and the same with t10k or test.
            """, valueName: "name or folder"))
    var data: String

    func folder() throws -> IDXFolder {
        try Failure.at { data == "fashion-mnist" ? try IDXFolder.fashionMNIST() : try IDXFolder(data) }
    }
}

/// A network by name, or a model in a file.
enum NetworkChoice: Sendable {
    case known(KnownNetwork)
    case file(String)

    static let names = KnownNetwork.allCases.map(\.rawValue).joined(separator: ", ")

    /// A name that is not known and looks like no file is a mistake in the name.
    @Sendable static func parse(_ text: String) throws -> NetworkChoice {
        if let network = KnownNetwork(rawValue: text) { return .known(network) }
        guard text.contains("/") || text.contains(".") else {
            throw ValidationError("it must be one of \(names), or the path of an .onnx file")
        }
        return .file(text)
    }

    /// The model, and what it is called in messages.
    func loaded() throws -> (Model, name: String) {
        switch self {
        case .known(let network): (try Failure.at { try network.network().model }, network.rawValue)
        case .file(let path): (try Model.load(path), path)
        }
    }
}

extension Model {
    /// The model in a file; its errors say which file.
    static func load(_ path: String) throws -> Model { try Failure.at(path) { try Model(onnx: path) } }
}

extension ValueType {
    /// Whether the first axis, and no other, is free.
    var isFreeInBatchOnly: Bool {
        guard let dimensions, let first = dimensions.first else { return false }
        return first.value == nil && dimensions.dropFirst().allSatisfy { $0.value != nil }
    }
}

/// A file that is to be written.
enum OutputFile {
    /// Throws where it could not be written, before any work is done for it; where a file `model` stands there, which is no
    /// model's to be written over, too.
    static func check(_ path: String, option: String = "--output", over model: NetworkChoice? = nil) throws {
        if path.isEmpty || path.hasSuffix("/") { throw ValidationError("\(option) must name a file") }
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT != S_IFREG {
                throw Failure("\(path): \(option) must name a file; something else stands there")
            }
            var other = stat()
            if case .file(let model) = model, stat(model, &other) == 0, status.st_ino == other.st_ino,
                status.st_dev == other.st_dev
            {
                throw ValidationError("\(option) must name another file than the model's; received \(path)")
            }
        }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
        // With the dot, what is no folder is not there.
        guard access("\(folder)/.", W_OK) == 0 else {
            throw Failure("\(path): the folder must be there and writable; \(String(cString: strerror(errno)))")
        }
    }
}
