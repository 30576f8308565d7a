/// What an ONNX file says of one axis of a value (`TensorShapeProto.Dimension`).
package enum ONNXDimension: Hashable, Sendable {
    case fixed(Int), named(String), unknown
}

extension ONNXDimension: ProtobufMessage {
    package static let messageName = "TensorShapeProto.Dimension"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        self = .unknown
        while let field = try reader.next() {
            switch field.number {
            case 1:
                let extent = try field.integer()
                // Some writers mark a free dimension by -1.
                guard extent >= -1 else {
                    throw reader.malformed(
                        "a dimension must be 0 or more, or -1 for any", received: "\(extent)", at: field.offset)
                }
                self = extent < 0 ? .unknown : .fixed(extent)
            case 2:
                let name = try field.string()
                self = name.isEmpty ? .unknown : .named(name)
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        switch self {
        case .fixed(let extent): writer.integer(1, extent)
        case .named(let name): writer.string(2, name)
        case .unknown: break
        }
    }
}
