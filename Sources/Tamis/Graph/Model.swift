/// A network: a graph, the values of its parameters, and what else its file said. A value.
public struct Model: Sendable {
    /// What is computed.
    public package(set) var graph: Graph
    /// What has been learned.
    public var parameters: Parameters
    /// What the file said of the model: producer, description, licence …
    public var metadata: [String: String]

    /// A graph with its parameters.
    public init(graph: Graph, parameters: Parameters, metadata: [String: String] = [:]) {
        self.graph = graph
        self.parameters = parameters
        self.metadata = metadata
    }

    /// The names and types of the inputs, in order.
    public var inputs: [(name: String, type: ValueType)] {
        graph.inputs.map { (graph.values[$0].name, graph.values[$0].type) }
    }
    /// The names and types of the outputs, in order.
    public var outputs: [(name: String, type: ValueType)] {
        graph.outputs.map { ($0.name, graph.values[$0.value].type) }
    }

    /// What is constant when the model only infers: the constants and the parameters.
    package func constant(_ id: Graph.ValueID) -> Tensor? {
        let value = graph.values[id]
        switch value.source {
        case .constant(let tensor): return tensor
        case .parameter: return parameters[value.name]
        default: return nil
        }
    }

    /// All constants and parameters by the names of their values.
    package var constants: [String: Tensor] {
        var constants: [String: Tensor] = [:]
        for id in graph.values.indices { constants[graph.values[id].name] = constant(id) }
        return constants
    }
}
