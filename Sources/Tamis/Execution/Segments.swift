/// A model cut where shapes depend on values: static parts, each planned once its inputs' shapes are known, and dynamic
/// operators between them.
struct Segments {
    /// What runs next.
    enum Part {
        /// A model of static operators; its inputs and outputs bear the names of the values they are.
        case fixed(Model)
        /// A dynamic operator, with the names of its inputs and outputs.
        case dynamic(any DynamicOperator, node: String, inputs: [String?], outputs: [String])
    }

    let parts: [Part]

    init(_ model: Model) throws(PlanError) {
        let graph = model.graph
        // The last part that needs a value; parts are numbered by the dynamic operators before them.
        var part = 0
        var neededBy = [Int](repeating: -1, count: graph.values.count)
        var made = [Int](repeating: -1, count: graph.values.count)
        for node in graph.nodes {
            let isDynamic = node.operation is any DynamicOperator
            if isDynamic { part += 1 }
            for case let input? in node.inputs { neededBy[input] = max(neededBy[input], part) }
            for output in node.outputs { made[output] = part }
            if isDynamic { part += 1 }
        }
        for output in graph.outputs { neededBy[output.value] = Int.max }

        var parts: [Part] = []
        var nodes: [Graph.Node] = []
        func closeFixed(_ number: Int) throws(PlanError) {
            guard !nodes.isEmpty else { return }
            let outputs = nodes.flatMap(\.outputs).filter { neededBy[$0] > number }
            parts.append(.fixed(try Segments.model(of: nodes, outputs: outputs, in: model)))
            nodes = []
        }
        for node in graph.nodes {
            if let dynamic = node.operation as? any DynamicOperator {
                try closeFixed(made[node.outputs[0]] - 1)
                parts.append(
                    .dynamic(
                        dynamic, node: node.name, inputs: node.inputs.map { $0.map { graph.values[$0].name } },
                        outputs: node.outputs.map { graph.values[$0].name }))
            } else {
                nodes.append(node)
            }
        }
        try closeFixed(part)
        self.parts = parts
    }

    private static func model(
        of nodes: [Graph.Node], outputs: [Graph.ValueID], in model: Model
    ) throws(PlanError) -> Model {
        let graph = GraphBuilder()
        var copies: [Graph.ValueID: Symbol] = [:]
        func copy(_ id: Graph.ValueID) -> Symbol {
            if let symbol = copies[id] { return symbol }
            let value = model.graph.values[id]
            let symbol: Symbol
            switch value.source {
            case .constant(let tensor): symbol = graph.constant(tensor, name: value.name)
            case .parameter(let isTrainable):
                symbol =
                    model.parameters[value.name].map { graph.parameter(value.name, $0, isTrainable: isTrainable) }
                    ?? graph.input(value.name, value.type)
            case .input, .node: symbol = graph.input(value.name, value.type)
            }
            copies[id] = symbol
            return symbol
        }
        do throws(ShapeError) {
            for node in nodes {
                let symbols = try graph.append(node.operation, node.inputs.map { $0.map(copy) }, name: node.name)
                for (id, symbol) in zip(node.outputs, symbols) { copies[id] = symbol }
            }
        } catch {
            throw .shape(error)
        }
        for id in outputs { graph.output(copy(id), name: model.graph.values[id].name) }
        return graph.model
    }
}
