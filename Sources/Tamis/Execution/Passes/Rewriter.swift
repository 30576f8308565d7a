/// Copies a model node by node into a new graph, leaving each node to a pass first.
struct Rewriter {
    let source: Model
    let graph = GraphBuilder()
    /// For each value, the nodes that read it.
    let consumers: [[Int]]
    /// The values that must exist when a run ends.
    let results: Set<Graph.ValueID>
    private var copies: [Symbol?]

    init(_ source: Model) {
        self.source = source
        consumers = source.graph.consumers
        results = source.graph.results
        copies = Array(repeating: nil, count: source.graph.values.count)
    }

    /// The copy of a value; the first question for an input, parameter or constant makes it.
    mutating func copy(_ id: Graph.ValueID) -> Symbol {
        if let symbol = copies[id] { return symbol }
        let value = source.graph.values[id]
        let symbol: Symbol
        switch value.source {
        case .parameter(let isTrainable):
            symbol =
                source.parameters[value.name].map { graph.parameter(value.name, $0, isTrainable: isTrainable) }
                ?? graph.input(value.name, value.type)
        case .constant(let tensor): symbol = graph.constant(tensor, name: value.name)
        case .input, .node: symbol = graph.input(value.name, value.type)
        }
        copies[id] = symbol
        return symbol
    }

    /// What a value, or what has become of it, is in each run, where that is the same. In a step of training the parameters
    /// move.
    func constant(_ id: Graph.ValueID) -> Tensor? {
        let infers = source.graph.updates.isEmpty
        guard let symbol = copies[id] else { return infers ? source.constant(id) : source.graph.values[id].constant }
        let value = graph.graph.values[symbol.id]
        if case .parameter = value.source { return infers ? graph.parameters[value.name] : nil }
        return value.constant
    }

    /// The type of a value, or of what has become of it.
    func type(of id: Graph.ValueID) -> ValueType { copies[id]?.type ?? source.graph.values[id].type }

    /// What is known of a node's inputs, or of what has become of them.
    func operands(of node: Graph.Node) -> Operands {
        Operands(
            node.inputs.map { $0.map { Operand(type: type(of: $0), constant: constant($0)) } },
            operatorName: node.operation.kind)
    }

    /// Whether a value, or what has become of it, was learned.
    func isParameter(_ id: Graph.ValueID) -> Bool {
        let value = copies[id].map { graph.graph.values[$0.id] } ?? source.graph.values[id]
        return if case .parameter = value.source { true } else { false }
    }

    /// Whether a rewriting has already said what becomes of a value.
    func isReplaced(_ id: Graph.ValueID) -> Bool { copies[id] != nil }

    /// Makes `symbol` what becomes of a value.
    mutating func replace(_ id: Graph.ValueID, by symbol: Symbol) { copies[id] = symbol }

    /// The one node that reads a value, if nothing else needs it.
    func onlyConsumer(of id: Graph.ValueID) -> Graph.Node? {
        guard consumers[id].count == 1, !results.contains(id) else { return nil }
        return source.graph.nodes[consumers[id][0]]
    }

    /// The node that computes a value.
    func producer(of id: Graph.ValueID?) -> Graph.Node? {
        id.flatMap { source.graph.values[$0].node }.map { source.graph.nodes[$0] }
    }

    /// Appends a node as it is.
    mutating func copyNode(_ node: Graph.Node) throws(ShapeError) {
        let inputs = node.inputs.map { $0.map { copy($0) } }
        for (id, symbol) in zip(node.outputs, try graph.append(node.operation, inputs, name: node.name)) {
            copies[id] = symbol
        }
    }

    /// The rewritten model: `visit` handles a node and says so, or leaves it to be copied.
    mutating func rewrite(
        _ visit: (inout Rewriter, Graph.Node) throws(ShapeError) -> Bool
    ) throws(PlanError) -> Model {
        // Without its value a parameter would become an input.
        for id in source.graph.parameters where source.parameters[source.graph.values[id].name] == nil {
            guard consumers[id].isEmpty, !results.contains(id) else {
                throw .missingParameter(name: source.graph.values[id].name)
            }
        }
        // Parameters can be set from outside; passes count on their shapes.
        for id in source.graph.parameters {
            let value = source.graph.values[id]
            guard let tensor = source.parameters[value.name] else { continue }
            let received = ValueType.tensor(tensor.elementType, tensor.shape)
            guard received == value.type else {
                let error = ShapeError.mismatch(
                    rule: "the parameter \"\(value.name)\" must be \(value.type)", received: "\(received)")
                guard let reader = consumers[id].first.map({ source.graph.nodes[$0] }) else { throw .shape(error) }
                throw .shape(.at(node: reader.name, operator: reader.operation.kind, error))
            }
        }
        do throws(ShapeError) {
            for id in source.graph.inputs { _ = copy(id) }
            for node in source.graph.nodes {
                if node.outputs.allSatisfy(isReplaced) { continue }
                if try !visit(&self, node) { try copyNode(node) }
            }
            for output in source.graph.outputs { graph.output(copy(output.value), name: output.name) }
            for update in source.graph.updates { graph.update(copy(update.parameter), to: copy(update.value)) }
        } catch {
            throw .shape(error)
        }
        var model = graph.model
        model.graph.rename(names(in: model.graph))
        model.metadata = source.metadata
        return model
    }

    /// The names that values of a file had. Where many became one, such as a result and what an activation made of it, the
    /// last of them is what it now is.
    private func names(in graph: Graph) -> [Graph.ValueID: String] {
        var names: [Graph.ValueID: String] = [:]
        for (id, value) in source.graph.values.enumerated() where value.isNamed {
            if let copy = copies[id], graph.values[copy.id].node != nil { names[copy.id] = value.name }
        }
        return names
    }
}
