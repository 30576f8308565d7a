extension ONNXType: ProtobufMessage {
    package static let messageName = "TypeProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        self = .unset
        while let field = try reader.next() {
            switch field.number {
            case 1: self = try Self.tensor(field.reader(of: "TypeProto.Tensor"))
            case 4: self = .sequence(try Self.element(field.reader(of: "TypeProto.Sequence")))
            case 5: self = try Self.map(field.reader(of: "TypeProto.Map"))
            case 7: self = .unsupported("opaque types")
            case 8: self = .unsupported("sparse tensors")
            case 9: self = .optional(try Self.element(field.reader(of: "TypeProto.Optional")))
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        switch self {
        case .tensor(let elementType, let dimensions):
            writer.nested(1) { tensor in
                if let elementType { tensor.integer(1, elementType.onnxNumber) }
                if let dimensions { tensor.nested(2) { $0.messages(1, dimensions) } }
            }
        case .sequence(let element): writer.nested(4) { $0.message(1, element) }
        case .map(let key, let value):
            writer.nested(5) { map in
                map.integer(1, key.onnxNumber)
                map.message(2, value)
            }
        case .optional(let element): writer.nested(9) { $0.message(1, element) }
        case .unsupported: break
        }
    }

    /// Some writers leave the type of a value open that nothing depends on.
    private static var unset: ONNXType { .unsupported("types left open") }

    private static func tensor(_ message: ProtobufReader) throws(ImportError) -> ONNXType {
        var reader = message
        var number = 0
        var dimensions: [ONNXDimension]?
        while let field = try reader.next() {
            switch field.number {
            case 1: number = try field.integer()
            case 2:
                var shape = try field.reader(of: "TensorShapeProto")
                var axes: [ONNXDimension] = []
                while let axis = try shape.next() {
                    guard axis.number == 1 else { continue }
                    guard axes.count < reader.limits.rank else {
                        throw .limit("the rank of a value", limit: reader.limits.rank, received: axes.count + 1)
                    }
                    axes.append(try axis.message())
                }
                dimensions = axes
            default: break
            }
        }
        let elementType = ElementType(onnxNumber: number)
        if number != 0, elementType == nil { return .unsupported("tensors of ONNX's element type \(number)") }
        return .tensor(elementType, dimensions)
    }

    private static func element(_ message: ProtobufReader) throws(ImportError) -> ONNXType {
        var reader = message
        var element: ONNXType?
        while let field = try reader.next() {
            if field.number == 1 { try field.set(&element) }
        }
        return element ?? .unset
    }

    private static func map(_ message: ProtobufReader) throws(ImportError) -> ONNXType {
        var reader = message
        var key = 0
        var value: ONNXType?
        while let field = try reader.next() {
            switch field.number {
            case 1: key = try field.integer()
            case 2: try field.set(&value)
            default: break
            }
        }
        guard let key = ElementType(onnxNumber: key) else {
            return .unsupported("maps whose keys are of ONNX's element type \(key)")
        }
        return .map(key: key, value: value ?? .unset)
    }
}
