extension ONNXAttribute: ProtobufMessage {
    package static let messageName = "AttributeProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        let start = reader.offset
        var content = Content()
        var declared = 0, reference = ""
        self.init("", .int(0))
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try field.string()
            case 13: documentation = try field.string()
            case 20: declared = try field.integer()
            case 21: reference = try field.string()
            default:
                guard let kind = Kind(field: field.number) else { continue }
                guard content.kind ?? kind == kind else {
                    throw reader.malformed(
                        "an attribute must hold one kind of value", received: "field \(field.number) beside another",
                        at: field.offset)
                }
                content.kind = kind
                try content.read(field, as: kind)
            }
        }
        // Files of before ONNX 1.0.2 say the kind by the field alone; files of proto3 writers leave out a 0.
        guard let kind = declared == 0 ? content.kind : Kind(rawValue: declared), content.kind ?? kind == kind,
            let value = reference.isEmpty ? content.value(as: kind) : .reference(reference, kind)
        else {
            throw reader.malformed(
                "an attribute must hold a value of its kind",
                received: "attribute \"\(name)\" of kind \(declared) without one", at: start)
        }
        self.value = value
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.string(1, name)
        switch value {
        case .float(let float): writer.float(2, float)
        case .int(let int): writer.integer(3, int)
        case .string(let string): writer.string(4, string)
        case .tensor(let tensor): writer.message(5, tensor)
        case .graph(let graph): writer.message(6, graph)
        case .floats(let floats): writer.floats(7, floats)
        case .ints(let ints): writer.integers(8, ints)
        case .strings(let strings): writer.strings(9, strings)
        case .tensors(let tensors): writer.messages(10, tensors)
        case .graphs(let graphs): writer.messages(11, graphs)
        case .type, .types, .reference, .unsupported: break
        }
        writer.nonEmpty(13, documentation)
        if case .type(let type) = value { writer.message(14, type) }
        if case .types(let types) = value { writer.messages(15, types) }
        writer.integer(20, value.kind.rawValue)
        if case .reference(let reference, _) = value { writer.string(21, reference) }
    }
}

extension ONNXAttribute.Kind {
    /// The kind whose values stand in this field of `AttributeProto`.
    fileprivate init?(field: Int) {
        let fields = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 14, 15]
        guard let index = fields.firstIndex(of: field) else { return nil }
        self.init(rawValue: index + 1)
    }
}

extension ONNXAttribute.Value {
    /// Which kind of value it is.
    package var kind: ONNXAttribute.Kind {
        switch self {
        case .float: .float
        case .int: .int
        case .string: .string
        case .tensor: .tensor
        case .graph: .graph
        case .type: .type
        case .floats: .floats
        case .ints: .ints
        case .strings: .strings
        case .tensors: .tensors
        case .graphs: .graphs
        case .types: .types
        case .reference(_, let kind), .unsupported(let kind): kind
        }
    }
}

/// The value of an attribute while its fields come in, in an order of their own.
private struct Content {
    var kind: ONNXAttribute.Kind?
    private var float: Float = 0, int = 0, string = "", tensor: ONNXTensor?, graph: ONNXGraph?, type: ONNXType?
    private var floats: [Float] = [], ints: [Int] = [], strings: [String] = [], tensors: [ONNXTensor] = []
    private var graphs: [ONNXGraph] = [], types: [ONNXType] = []

    mutating func read(_ field: ProtobufField, as kind: ONNXAttribute.Kind) throws(ImportError) {
        switch kind {
        case .float: float = try field.float()
        case .int: int = try field.integer()
        case .string: string = try field.string()
        case .tensor: try field.set(&tensor)
        case .graph: try field.set(&graph)
        case .type: try field.set(&type)
        case .floats: try field.append(to: &floats)
        case .ints: try field.append(to: &ints)
        case .strings: strings.append(try field.string())
        case .tensors: tensors.append(try field.message())
        case .graphs: graphs.append(try field.message())
        case .types: types.append(try field.message())
        case .sparseTensor, .sparseTensors: break
        }
    }

    func value(as kind: ONNXAttribute.Kind) -> ONNXAttribute.Value? {
        switch kind {
        case .float: .float(float)
        case .int: .int(int)
        case .string: .string(string)
        case .tensor: tensor.map { .tensor($0) }
        case .graph: graph.map { .graph($0) }
        case .type: type.map { .type($0) }
        case .floats: .floats(floats)
        case .ints: .ints(ints)
        case .strings: .strings(strings)
        case .tensors: .tensors(tensors)
        case .graphs: .graphs(graphs)
        case .types: .types(types)
        case .sparseTensor, .sparseTensors: .unsupported(kind)
        }
    }
}
