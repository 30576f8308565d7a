/// The names that are seen in one graph of an ONNX file, and what stands for them: its own, then those of the graph around
/// it. A function of the file has a scope of its own in the graph of its caller.
final class ONNXScope {
    /// Where nodes are appended.
    let graph: GraphBuilder
    /// What the names of nodes begin with.
    let prefix: String
    /// The versions of the operator sets.
    let versions: [String: Int]
    /// The calls of functions and graphs around this one.
    let depth: Int
    private let outer: ONNXScope?
    private var values: [String: ONNXValue] = [:]
    /// Values that could not be read: what depends on them is passed over, not complained about again.
    private var unread: Set<String> = []
    /// The names of inputs and initializers, which no node may take from them.
    private var reserved: Set<String> = []
    /// The outputs of all nodes, once an error has asked for them.
    private var written: Set<String>?
    /// The values of the graph around that this one reads: they are its last inputs.
    private(set) var captures: [Symbol] = []

    init(
        graph: GraphBuilder, versions: [String: Int], prefix: String = "", outer: ONNXScope? = nil, depth: Int = 0
    ) {
        self.graph = graph
        self.versions = versions
        self.prefix = prefix
        self.outer = outer
        self.depth = depth
    }

    /// What a name stands for; nil where nothing does. A value of the graph around becomes an input, a constant stays one.
    func value(_ name: String) throws(ShapeError) -> ONNXValue? {
        if let value = values[name] { return value }
        guard let found = try outer?.value(name), let outer else { return nil }
        let value: ONNXValue
        if let tensor = found.tensor {
            value = ONNXValue(tensor, name: name, isInitializer: false)
        } else {
            let symbol = try found.symbol(.same, in: outer.graph)
            captures.append(symbol)
            value = ONNXValue(graph.input(name, symbol.type), name: name)
        }
        values[name] = value
        return value
    }

    /// The type of what a name stands for, where it is known.
    func type(of name: String) -> ValueType? { (try? value(name))?.type }

    /// Whether a name stands for something that could not be read.
    func isUnread(_ name: String) -> Bool {
        unread.contains(name) || (values[name] == nil && outer?.isUnread(name) ?? false)
    }

    /// Says what a name stands for; false where it stands for something already.
    func define(_ name: String, _ value: ONNXValue, isReserved: Bool = false) -> Bool {
        guard values[name] == nil, !unread.contains(name) else { return false }
        values[name] = value
        if isReserved { reserved.insert(name) }
        return true
    }

    /// Says that a name could not be read.
    func defineUnread(_ name: String) { unread.insert(name) }

    /// Whether one of the graph's nodes has an output of a name, wherever it stands.
    func isWritten(_ name: String, by nodes: [ONNXNode]) -> Bool {
        let names = written ?? Set(nodes.flatMap(\.outputs))
        written = names
        return names.contains(name)
    }

    /// Whether a name is that of an input or an initializer of this graph.
    func isReserved(_ name: String) -> Bool { reserved.contains(name) }

    /// Whether this graph itself says what a name stands for.
    func isDefined(_ name: String) -> Bool { values[name] != nil }

    /// The values of this graph that nodes compute, by their names in the file.
    var computed: [String: Graph.ValueID] { values.compactMapValues(\.computedID) }
}

/// A graph that a node of a file holds, ready to be run by the node's operator.
public struct ONNXBody: Sendable {
    /// The graph as a model: its own inputs first, then those values of the graph around that it reads.
    public let model: Model
    /// The number of its own inputs.
    public let inputCount: Int
}
