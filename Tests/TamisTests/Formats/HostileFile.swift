import Glibc
import Tamis
import TamisTestSupport
import Testing

/// An ONNX file, made by code, that breaks a rule or asks for more than it should get, and what is to come of it.
struct HostileFile: CustomTestStringConvertible, Sendable {
    /// How reading, planning and running such a file must end.
    enum End: Sendable {
        /// In an error whose text holds this.
        case refused(String)
        /// In a result.
        case runs
    }

    let name: String
    let end: End
    /// Values of inputs that decide something; the others are ones.
    var inputs: [String: Tensor] = [:]
    /// Whether size alone makes it take more time than a small file may.
    var isLarge = false
    /// Writes the file, and what lies beside it, into a folder; gives its path.
    let write: @Sendable (_ folder: String) throws -> String

    var testDescription: String { name }

    /// Bytes of a file.
    static func bytes(
        _ name: String, _ end: End, isLarge: Bool = false, _ make: @escaping @Sendable () throws -> [UInt8]
    ) -> HostileFile {
        HostileFile(name: name, end: end, isLarge: isLarge) { folder in
            let path = "\(folder)/model.onnx"
            try AtomicFile.write(make(), to: path)
            return path
        }
    }

    /// A file of some nodes that read x (float32 [2, 4]), or other inputs, and give z.
    static func nodes(
        _ name: String, _ end: End, _ nodes: [ONNXNode], version: Int = 17,
        x: [Int]? = [2, 4], of elementType: ElementType = .float32, _ initializers: [String: Tensor] = [:],
        inputs: [String: Tensor] = [:], isLarge: Bool = false,
        change: @escaping @Sendable (inout ONNXModel) -> Void = { _ in }
    ) -> HostileFile {
        HostileFile(name: name, end: end, inputs: inputs, isLarge: isLarge) { folder in
            var graph = ONNXGraph()
            graph.nodes = nodes
            graph.inputs = [ONNXValueInfo("x", type: .tensor(elementType, x.map { $0.map(ONNXDimension.init) }))]
            for (name, tensor) in inputs.sorted(by: { $0.key < $1.key }) where name != "x" {
                let dimensions = tensor.shape.dimensions.map { _ in ONNXDimension.unknown }
                graph.inputs.append(ONNXValueInfo(name, type: .tensor(tensor.elementType, dimensions)))
            }
            graph.outputs = [ONNXValueInfo("z", type: nil)]
            graph.initializers = initializers.sorted { $0.key < $1.key }.map { ONNXTensor($0.value, name: $0.key) }
            var model = ONNXModel(graph: graph, operatorSets: [ONNXOperatorSet(version: version)])
            change(&model)
            let path = "\(folder)/model.onnx"
            try model.write(to: path)
            return path
        }
    }

    // MARK: What comes of it

    /// What an attempt may take: little, so that it shows when more is taken.
    static var options: PlanOptions {
        var options = PlanOptions()
        options.memoryLimit = 32 << 20
        options.iterationLimit = 1000
        return options
    }

    /// Checks, reads, plans and runs the file at `path`: the text of the error that ends it, or nil after a result. An
    /// error of no type of the library's is thrown.
    func attempt(at path: String, options: PlanOptions = Self.options) throws -> String? {
        let check = try ModelCheck(onnx: path, options: options)
        do {
            let model = try Model(onnx: path)
            // What loads is written, or an error says what keeps it from that.
            if !isLarge { _ = try? model.onnxBytes() }
            var given: [String: Value] = [:]
            for (name, type) in model.inputs {
                let shape = try Shape((type.dimensions ?? []).map { $0.value ?? 2 })
                guard let elementType = type.elementType else { continue }
                // Nobody has an input that alone takes more than all may.
                let bytes = elementType.byteCount(of: shape.elementCount) ?? 0
                guard bytes <= options.memoryLimit else { return "the input \"\(name)\" takes \(bytes) bytes" }
                given[name] = .tensor(try inputs[name] ?? Tensor(ones: elementType, shape: shape.dimensions))
            }
            _ = try Runner(model, threads: 1, options: options).runValues(given)
            return nil
        } catch let error as ImportError {
            if !check.hasErrors { Issue.record("\(name): reading found an error that check did not: \(error)") }
            return "\(error)"
        } catch {
            switch error {
            case is ShapeError, is PlanError, is ExecutionError: return "\(error)"
            default: throw error
            }
        }
    }

    /// What is wrong with how an attempt ended; nil where nothing is.
    func complaint(about text: String?) -> String? {
        switch end {
        case .refused(let wanted):
            guard let text else { return "it ran" }
            return wanted.isEmpty || text.contains(wanted) ? nil : "\"\(wanted)\" must be said; received \"\(text)\""
        case .runs: return text.map { "it must run; received \"\($0)\"" }
        }
    }
}

extension ONNXDimension {
    /// A number of elements, or any where it is −1.
    init(_ extent: Int) { self = extent < 0 ? .unknown : .fixed(extent) }
}

extension Tensor {
    /// Ones of a type, in as little memory as they take.
    init(ones elementType: ElementType, shape: [Int]) throws {
        switch elementType {
        case .float32: try self.init(repeating: Float(1), shape: shape)
        case .int64: try self.init(repeating: Int64(1), shape: shape)
        case .int32: try self.init(repeating: Int32(1), shape: shape)
        case .uint8: try self.init(repeating: UInt8(1), shape: shape)
        case .bool: try self.init(repeating: true, shape: shape)
        default: try self.init(zeros: elementType, shape: shape)
        }
    }

    /// Whole numbers, as shapes and axes are.
    static func whole(_ values: Int...) -> Tensor { numbers(values) }

    static func numbers(_ values: [Int]) -> Tensor {
        // Memory for some numbers is there.
        (try? Tensor(values.map { Int64($0) })) ?? zeroFloats([0])
    }

    static func zeroFloats(_ shape: [Int]) -> Tensor { floats(shape, 0) }

    /// One float again and again.
    static func floats(_ shape: [Int], _ value: Float) -> Tensor {
        guard let tensor = try? Tensor(repeating: value, shape: shape) else {
            preconditionFailure("a test's tensor must be small")
        }
        return tensor
    }
}

// MARK: Bytes by hand

/// A base-128 integer.
func varint(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
    }
    return bytes + [UInt8(rest)]
}

/// A field of bytes: a text, packed numbers, or a message.
func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number) << 3 | 2) + varint(UInt64(bytes.count)) + bytes
}

/// A field of bytes that says another length than it has.
func field(_ number: Int, length: UInt64, _ bytes: [UInt8] = []) -> [UInt8] {
    varint(UInt64(number) << 3 | 2) + varint(length) + bytes
}

/// A field of a whole number.
func field(_ number: Int, _ value: Int) -> [UInt8] {
    varint(UInt64(number) << 3) + varint(UInt64(bitPattern: Int64(value)))
}

/// A field of a text.
func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

/// A file of version 17 around the bytes of a graph.
func modelBytes(graph: [UInt8]) -> [UInt8] { field(1, 8) + field(8, field(1, "") + field(2, 17)) + field(7, graph) }

/// A graph in which x (float32 [2]) goes through Relu to z, with more fields of the node and of the graph.
func reluGraph(node: [UInt8] = [], and more: [UInt8] = []) -> [UInt8] {
    let node = field(1, "x") + field(2, "z") + field(4, "Relu") + node
    let type = field(1, field(1, 1) + field(2, field(1, field(1, 2))))
    return field(1, node) + field(11, field(1, "x") + field(2, type)) + field(12, field(1, "z")) + more
}

/// A file with an initializer w of these fields beside a Relu.
func modelBytes(tensor: [UInt8]) -> [UInt8] { modelBytes(graph: reluGraph(and: field(5, tensor + field(8, "w")))) }
