import Tamis

/// What a model gives when each node runs alone, in memory that nobody shares: the judge of plans.
package struct Interpreter {
    package var outputs: [String: Tensor] = [:]
    /// The next values of the parameters the graph updates.
    package var parameters: [String: Tensor] = [:]

    /// Runs `model` node by node. In a training step's graph every node is prepared as one of a training step.
    package init(_ model: Model, _ inputs: [String: Tensor], level: RunMode = RunMode()) throws {
        var mode = level
        mode.weights = .constant
        mode.isTraining = !model.graph.updates.isEmpty
        let updated = Set(model.graph.updates.map(\.parameter))
        var values: [Graph.ValueID: Tensor] = [:]
        var varies: Set<Graph.ValueID> = []
        for (id, value) in model.graph.values.enumerated() {
            switch value.source {
            case .input: values[id] = inputs[value.name]
            case .parameter: values[id] = model.parameters[value.name]
            case .constant(let tensor): values[id] = tensor
            case .node: break
            }
            if case .constant = value.source { continue }
            if case .parameter = value.source, !updated.contains(id) { continue }
            varies.insert(id)
        }
        for node in model.graph.nodes {
            let constants = node.inputs.indices.filter { node.inputs[$0].map { !varies.contains($0) } ?? false }
            let results = try run(
                node.operation, node.inputs.map { $0.flatMap { values[$0] } }, weights: Set(constants), mode: mode)
            for (id, result) in zip(node.outputs, results) { values[id] = result }
        }
        for output in model.graph.outputs { outputs[output.name] = values[output.value] }
        for update in model.graph.updates {
            parameters[model.graph.values[update.parameter].name] = values[update.value]
        }
    }
}
