/// A value that may be missing, in a file of its own (`OptionalProto`), as ONNX's test data have it.
package struct ONNXOptional: Sendable {
    package var name = ""
    package var value: Value?

    /// A value or none.
    package init(_ value: Value?, name: String = "") {
        self.value = value
        self.name = name
    }
}

extension ONNXOptional: ProtobufMessage {
    package static let messageName = "OptionalProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            if field.number == 1 { name = try field.string() }
            if let found = try field.value() { value = found }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.nonEmpty(1, name)
        writer.values(value.map { [$0] } ?? [])
    }
}
