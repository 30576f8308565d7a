/// A node of an ONNX graph (`NodeProto`).
package struct ONNXNode: Equatable, Sendable {
    /// Names of values; an empty one stands for an input left out.
    package var inputs: [String] = []
    package var outputs: [String] = []
    package var name = ""
    /// The operator's name, its set's domain ("" is ONNX's own) and which of the functions of that name.
    package var operatorName = ""
    package var domain = ""
    package var overload = ""
    package var attributes: [ONNXAttribute] = []
    package var documentation = ""

    /// A node of an operator.
    package init(
        _ operatorName: String, inputs: [String], outputs: [String], name: String = "",
        attributes: [ONNXAttribute] = []
    ) {
        self.operatorName = operatorName
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.attributes = attributes
    }
}

extension ONNXNode: ProtobufMessage {
    package static let messageName = "NodeProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: inputs.append(try field.string())
            case 2: outputs.append(try field.string())
            case 3: name = try field.string()
            case 4: operatorName = try field.string()
            case 5: attributes.append(try field.message())
            case 6: documentation = try field.string()
            case 7: domain = try field.string()
            case 8: overload = try field.string()
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.strings(1, inputs)
        writer.strings(2, outputs)
        writer.nonEmpty(3, name)
        writer.nonEmpty(4, operatorName)
        writer.messages(5, attributes)
        writer.nonEmpty(6, documentation)
        writer.nonEmpty(7, domain)
        writer.nonEmpty(8, overload)
    }
}
