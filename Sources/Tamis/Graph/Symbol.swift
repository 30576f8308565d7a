/// A value of a graph that is being built.
public struct Symbol {
    /// The builder of the graph the value belongs to.
    public let graph: GraphBuilder
    /// The value's index in the graph.
    public let id: Graph.ValueID

    /// What the value is.
    public var type: ValueType { graph.graph.values[id].type }
    /// The name of the value.
    public var name: String { graph.graph.values[id].name }
    /// The dimensions of a tensor of known rank.
    public var dimensions: [Dimension]? { type.dimensions }
}
