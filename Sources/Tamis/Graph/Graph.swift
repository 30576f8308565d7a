/// Operators joined by the values that flow between them. Append-only and topological: a node's inputs come before it.
///
/// Made by a `GraphBuilder`, which checks each node as it comes, so that a graph whose shapes do not fit does not exist.
public struct Graph: Sendable {
    /// The index of a value in its graph.
    public typealias ValueID = Int

    /// Where a value comes from.
    public enum Source: Sendable {
        /// Given at each run.
        case input
        /// Learned; lies beside the graph in the model. Only trainable parameters are changed by an optimiser.
        case parameter(isTrainable: Bool)
        /// The same in each run.
        case constant(Tensor)
        /// Output `output` of the node at an index.
        case node(Int, output: Int)
    }

    /// A value: its name, type and source.
    public struct Value: Sendable {
        /// The name, which no other value of the graph has.
        public var name: String
        /// What is known of it before anything runs.
        public var type: ValueType
        /// Where it comes from.
        public var source: Source
        /// Whether a node's value has the name in the file it was read from; it keeps that through every rewriting.
        public package(set) var isNamed = false

        /// The value itself, of a constant.
        public var constant: Tensor? {
            if case .constant(let tensor) = source { tensor } else { nil }
        }
        /// The index of the node that computes it.
        public var node: Int? {
            if case .node(let index, _) = source { index } else { nil }
        }
    }

    /// An operator at work on values; the input of an optional operand that is not given is nil.
    public struct Node: Sendable {
        /// The name, for errors and profiles.
        public var name: String
        /// What it computes.
        public var operation: any Operator
        /// The values it reads, one for each operand.
        public var inputs: [ValueID?]
        /// The values it makes.
        public var outputs: [ValueID]
    }

    /// A value that becomes the next value of a parameter when a run ends.
    public struct Update: Hashable, Sendable {
        /// The next value.
        public var value: ValueID
        /// The parameter that takes it.
        public var parameter: ValueID
    }

    /// A result of the graph, by the name it is asked for.
    public struct Output: Hashable, Sendable {
        /// The name it is asked for by; no other output has it.
        public var name: String
        /// The value.
        public var value: ValueID
    }

    /// All values, by their indices.
    public package(set) var values: [Value] = []
    /// The nodes, each after those whose outputs it reads.
    public package(set) var nodes: [Node] = []
    /// What must be given at each run.
    public package(set) var inputs: [ValueID] = []
    /// The results, in the order they were declared.
    public package(set) var outputs: [Output] = []
    /// The parameters that a run changes.
    public package(set) var updates: [Update] = []

    /// The values of the parameters, in the order they were made.
    public var parameters: [ValueID] {
        values.indices.filter { if case .parameter = values[$0].source { true } else { false } }
    }

    /// For each value, the nodes that read it, one entry a use.
    package var consumers: [[Int]] {
        var consumers = [[Int]](repeating: [], count: values.count)
        for (index, node) in nodes.enumerated() {
            for case let input? in node.inputs { consumers[input].append(index) }
        }
        return consumers
    }

    /// The values that must exist when a run ends.
    package var results: Set<ValueID> { Set(outputs.map(\.value) + updates.map(\.value)) }

    /// Gives values that nodes compute the names of a file; one that has such a name already gets a longer one.
    package mutating func rename(_ wanted: [ValueID: String]) {
        var taken = Set(wanted.values)
        for id in values.indices where values[id].node == nil {
            // Constants that were made on the way may have taken a name that the file gives to something else.
            while !taken.insert(values[id].name).inserted, values[id].constant != nil {
                values[id].name += "/constant"
            }
        }
        for id in values.indices where values[id].node != nil {
            if let name = wanted[id] {
                values[id].name = name
                values[id].isNamed = true
            } else {
                while !taken.insert(values[id].name).inserted { values[id].name += "/inner" }
            }
        }
    }
}
