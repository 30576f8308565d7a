/// The name and the type of a value of an ONNX graph (`ValueInfoProto`).
package struct ONNXValueInfo: Equatable, Sendable {
    package var name = ""
    /// The type, where the file says one.
    package var type: ONNXType?
    package var documentation = ""

    /// A value of a name.
    package init(_ name: String, type: ONNXType?) {
        self.name = name
        self.type = type
    }
}

extension ONNXValueInfo: ProtobufMessage {
    package static let messageName = "ValueInfoProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try field.string()
            case 2: try field.set(&type)
            case 3: documentation = try field.string()
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.string(1, name)
        if let type { writer.message(2, type) }
        writer.nonEmpty(3, documentation)
    }
}
