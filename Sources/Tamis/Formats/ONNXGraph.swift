/// A graph of an ONNX file (`GraphProto`).
package struct ONNXGraph: Equatable, Sendable {
    package var nodes: [ONNXNode] = []
    package var name = ""
    package var initializers: [ONNXTensor] = []
    package var documentation = ""
    package var inputs: [ONNXValueInfo] = []
    package var outputs: [ONNXValueInfo] = []
    /// Types of values between the nodes, as the file's writer inferred them.
    package var values: [ONNXValueInfo] = []
    /// How many sparse initializers the graph has. They are not read: a graph that has some cannot be imported.
    package private(set) var sparseInitializerCount = 0

    /// A graph of nothing yet.
    package init() {}

    /// Gives all values, and those of the graphs within that are not its own, other names.
    mutating func rename(_ new: (String) -> String) {
        for index in initializers.indices { initializers[index].name = new(initializers[index].name) }
        for index in inputs.indices { inputs[index].name = new(inputs[index].name) }
        for index in outputs.indices { outputs[index].name = new(outputs[index].name) }
        for index in values.indices { values[index].name = new(values[index].name) }
        for index in nodes.indices {
            nodes[index].inputs = nodes[index].inputs.map(new)
            nodes[index].outputs = nodes[index].outputs.map(new)
            for attribute in nodes[index].attributes.indices {
                guard case .graph(var graph) = nodes[index].attributes[attribute].value else { continue }
                graph.rename(new)
                nodes[index].attributes[attribute].value = .graph(graph)
            }
        }
    }
}

extension ONNXGraph: ProtobufMessage {
    package static let messageName = "GraphProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1:
                guard nodes.count < reader.limits.nodes else {
                    throw .limit("the nodes of a graph", limit: reader.limits.nodes, received: nodes.count + 1)
                }
                nodes.append(try field.message())
            case 2: name = try field.string()
            case 5: initializers.append(try field.message())
            case 10: documentation = try field.string()
            case 11: inputs.append(try field.message())
            case 12: outputs.append(try field.message())
            case 13: values.append(try field.message())
            case 15: sparseInitializerCount += 1
            default: break
            }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.messages(1, nodes)
        writer.nonEmpty(2, name)
        writer.messages(5, initializers)
        writer.nonEmpty(10, documentation)
        writer.messages(11, inputs)
        writer.messages(12, outputs)
        writer.messages(13, values)
    }
}
