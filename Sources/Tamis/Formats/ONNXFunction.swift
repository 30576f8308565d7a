/// An operator that an ONNX model defines by a graph of others (`FunctionProto`).
package struct ONNXFunction: Equatable, Sendable {
    package var name = ""
    package var domain = ""
    package var overload = ""
    package var inputs: [String] = []
    package var outputs: [String] = []
    /// Names of attributes without, and attributes with a default.
    package var attributeNames: [String] = []
    package var attributes: [ONNXAttribute] = []
    package var nodes: [ONNXNode] = []
    package var documentation = ""
    package var operatorSets: [ONNXOperatorSet] = []

    /// A function of nothing yet.
    package init() {}
}

extension ONNXFunction: ProtobufMessage {
    package static let messageName = "FunctionProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try field.string()
            case 4: inputs.append(try field.string())
            case 5: outputs.append(try field.string())
            case 6: attributeNames.append(try field.string())
            case 7:
                guard nodes.count < reader.limits.nodes else {
                    throw .limit("the nodes of a function", limit: reader.limits.nodes, received: nodes.count + 1)
                }
                nodes.append(try field.message())
            case 8: documentation = try field.string()
            case 9: operatorSets.append(try field.message())
            case 10: domain = try field.string()
            case 11: attributes.append(try field.message())
            case 13: overload = try field.string()
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.string(1, name)
        writer.strings(4, inputs)
        writer.strings(5, outputs)
        writer.strings(6, attributeNames)
        writer.messages(7, nodes)
        writer.nonEmpty(8, documentation)
        writer.messages(9, operatorSets)
        writer.nonEmpty(10, domain)
        writer.messages(11, attributes)
        writer.nonEmpty(13, overload)
    }
}
