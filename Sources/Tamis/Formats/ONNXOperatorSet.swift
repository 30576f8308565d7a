/// The version of an operator set (`OperatorSetIdProto`).
package struct ONNXOperatorSet: Hashable, Sendable {
    /// Whose operators; "" is ONNX's own.
    package var domain = ""
    package var version = 0

    /// A version of a domain's operators.
    package init(domain: String = "", version: Int) {
        self.domain = domain
        self.version = version
    }
}

extension ONNXOperatorSet: ProtobufMessage {
    package static let messageName = "OperatorSetIdProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: domain = try field.string()
            case 2: version = try field.integer()
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        // Written even if empty, as the official library does.
        writer.string(1, domain)
        writer.integer(2, version)
    }
}
