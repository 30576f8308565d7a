/// A model cut where shapes depend on values: static parts, each planned once its inputs' shapes are known, and between
/// them the operators that decide shapes.
struct Segments {
    /// What runs next.
    enum Part {
        /// A model of static operators; its inputs and outputs bear the names of the values they are. Of the inputs in
        /// `values` not only the shapes but the values decide the plan.
        case fixed(Model, values: Set<String>)
        /// A dynamic operator, with the names of its inputs and outputs.
        case dynamic(any DynamicOperator, node: String, inputs: [String?], outputs: [String])
    }

    let parts: [Part]
    /// For each part, the values that no later one needs.
    let releases: [[String]]

    init(_ model: Model) throws(PlanError) {
        let graph = model.graph
        let followsFromShapes = Segments.followingFromShapes(model)

        // Nodes between two cuts form a part, a node at which the model is cut one of its own.
        var groups: [(nodes: [Graph.Node], isCut: Bool)] = []
        for node in graph.nodes {
            let cut = Segments.isCut(at: node, followsFromShapes)
            if cut || groups.last?.isCut ?? true { groups.append(([], cut)) }
            groups[groups.count - 1].nodes.append(node)
        }
        var lastReader = [Int](repeating: -1, count: graph.values.count)
        for (number, group) in groups.enumerated() {
            for node in group.nodes { for case let input? in node.inputs { lastReader[input] = number } }
        }
        for output in graph.outputs { lastReader[output.value] = Int.max }

        var readLast = [[Graph.ValueID]](repeating: [], count: groups.count)
        for (id, number) in lastReader.enumerated() where groups.indices.contains(number) {
            readLast[number].append(id)
        }

        var parts: [Part] = []
        var releases = [[String]](repeating: [], count: groups.count)
        for (number, group) in groups.enumerated() {
            if group.isCut, let dynamic = group.nodes[0].operation as? any DynamicOperator {
                let node = group.nodes[0]
                parts.append(
                    .dynamic(
                        dynamic, node: node.name, inputs: node.inputs.map { $0.map { graph.values[$0].name } },
                        outputs: node.outputs.map { graph.values[$0].name }))
            } else {
                let outputs = group.nodes.flatMap(\.outputs).filter { lastReader[$0] > number }
                let part = try Segments.model(of: group.nodes, outputs: outputs, in: model)
                var values: Set<String> = []
                for node in group.nodes {
                    for case let input? in node.inputs where followsFromShapes[input] {
                        values.insert(graph.values[input].name)
                    }
                }
                values.formIntersection(part.inputs.map(\.name))
                if group.isCut {
                    let node = group.nodes[0]
                    for position in node.operation.valueOperands where position < node.inputs.count {
                        if let id = node.inputs[position], model.constant(id) == nil {
                            values.insert(graph.values[id].name)
                        }
                    }
                }
                parts.append(.fixed(part, values: values))
            }
            for id in readLast[number] where model.constant(id) == nil {
                releases[number].append(graph.values[id].name)
            }
        }
        self.parts = parts
        self.releases = releases
    }

    /// Whether all shapes of a model follow from its inputs' shapes, so that it is one part.
    static func isOnePart(_ model: Model) -> Bool {
        let followsFromShapes = followingFromShapes(model)
        return !model.graph.nodes.contains { isCut(at: $0, followsFromShapes) }
    }

    /// Whether a model is cut at a node: its outputs' shapes are not known before values are.
    private static func isCut(at node: Graph.Node, _ followsFromShapes: [Bool]) -> Bool {
        if node.operation is any DynamicOperator { return true }
        return node.operation.valueOperands.contains { position in
            position < node.inputs.count && node.inputs[position].map { !followsFromShapes[$0] } ?? false
        }
    }

    /// For each value, whether it is constant once the inputs' shapes are known.
    private static func followingFromShapes(_ model: Model) -> [Bool] {
        var follows = model.graph.values.indices.map { model.constant($0) != nil }
        for node in model.graph.nodes where !(node.operation is any DynamicOperator) {
            let all = node.operation is any TypeOperator || node.inputs.allSatisfy { $0.map { follows[$0] } ?? true }
            for output in node.outputs { follows[output] = all }
        }
        return follows
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
                for (id, symbol) in zip(node.outputs, symbols) {
                    copies[id] = symbol
                    graph.rename(symbol, to: model.graph.values[id].name)
                }
            }
        } catch {
            throw .shape(error)
        }
        for id in outputs { graph.output(copy(id), name: model.graph.values[id].name) }
        return graph.model
    }
}
