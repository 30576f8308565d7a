/// A key and its value in an ONNX file's metadata (`StringStringEntryProto`).
package struct ONNXEntry: Hashable, Sendable {
    package var key = ""
    package var value = ""

    /// A key and its value.
    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

extension ONNXEntry: ProtobufMessage {
    package static let messageName = "StringStringEntryProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: key = try field.string()
            case 2: value = try field.string()
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.string(1, key)
        writer.string(2, value)
    }
}
