extension Model {
    /// The model with a loss for outputs beside its own graph: "loss" and, where the loss has one, "accuracy"; the labels
    /// are a new input.
    public func scored(by loss: any Loss) throws(TrainingError) -> Model {
        try checkNames()
        let graph = GraphBuilder(continuing: self)
        let scored = try training { () throws(ShapeError) in try append(loss, to: graph) }
        return Model(graph: graph.graph.with(outputs: scored.outputs), parameters: parameters)
    }

    /// The graph of a training step: the model's forward pass with its training forms, the loss, the gradients of all
    /// trainable parameters and the optimiser's updates of them. Inputs "learning_rate" and "step" join the model's own.
    public func differentiated(loss: any Loss, optimizer: any Optimizer) throws(TrainingError) -> Model {
        let (graph, gradients, outputs) = try withGradients(of: loss)
        return try training { () throws(ShapeError) in
            let elementType = gradients.first?.parameter.type.elementType ?? .float32
            let rate = graph.input("learning_rate", .tensor(elementType, []))
            let step = graph.input("step", .tensor(.int64, []))
            for (parameter, gradient) in gradients {
                try optimizer.append(parameter, gradient: gradient, rate: rate, step: step, in: graph)
            }
            return Model(graph: graph.graph.with(outputs: outputs), parameters: graph.parameters)
        }
    }

    /// The model with the loss and the gradient of each trainable parameter, by the parameter's name, for outputs. It changes
    /// no parameter: running statistics move in steps of training alone.
    public func gradients(of loss: any Loss) throws(TrainingError) -> Model {
        var (graph, gradients, outputs) = try withGradients(of: loss)
        for (parameter, gradient) in gradients {
            outputs.append(Graph.Output(name: parameter.name, value: gradient.id))
        }
        var graphOfGradients = graph.graph.with(outputs: outputs)
        graphOfGradients.updates = []
        return Model(graph: graphOfGradients, parameters: graph.parameters)
    }

    private func append(
        _ loss: any Loss, to graph: GraphBuilder
    ) throws(ShapeError) -> (loss: Symbol, outputs: [Graph.Output]) {
        guard let output = graph.graph.outputs.first, graph.graph.outputs.count == 1 else {
            throw .mismatch(
                rule: "a network to be trained must have one output", received: "\(graph.graph.outputs.count)")
        }
        let (loss, accuracy) = try loss.append(to: graph.symbol(output.value), in: graph)
        var outputs = [Graph.Output(name: "loss", value: loss.id)]
        if let accuracy { outputs.append(Graph.Output(name: "accuracy", value: accuracy.id)) }
        return (loss, outputs)
    }

    /// Throws where the network has a value by a name that training gives to its own inputs.
    func checkNames() throws(TrainingError) {
        let own = ["labels", "learning_rate", "step"]
        if let taken = graph.values.first(where: { own.contains($0.name) }) {
            throw .data(
                rule: "no value of a network to be trained may have a name of training's own inputs, "
                    + own.map { "\"\($0)\"" }.joined(separator: ", "),
                received: "\"\(taken.name)\" \(taken.type)")
        }
    }

    private typealias Gradients = [(parameter: Symbol, gradient: Symbol)]

    private func withGradients(of loss: any Loss) throws(TrainingError) -> (GraphBuilder, Gradients, [Graph.Output]) {
        try checkNames()
        let graph = GraphBuilder(continuing: try planning { () throws(PlanError) in try trainingForm() })
        let (loss, outputs) = try training { () throws(ShapeError) in try append(loss, to: graph) }
        let trainable = graph.graph.parameters.filter {
            if case .parameter(isTrainable: true) = graph.graph.values[$0].source { true } else { false }
        }
        let found = try differentiate(loss, with: trainable, in: graph)
        let gradients: Gradients = zip(trainable, found).compactMap { id, gradient in
            gradient.map { (graph.symbol(id), $0) }
        }
        return (graph, gradients, outputs)
    }

    /// The model with each operator in its training form, whose updates of running statistics become the graph's.
    private func trainingForm() throws(PlanError) -> Model {
        var rewriter = Rewriter(self)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let form = node.operation.training else { return false }
            let inputs = node.inputs.map { $0.map { rewriter.copy($0) } }
            let symbols = try rewriter.graph.append(form.operation, inputs, name: node.name)
            for (id, symbol) in zip(node.outputs, symbols) { rewriter.replace(id, by: symbol) }
            for (output, input) in form.updates {
                if let parameter = inputs[input], parameter.isParameter {
                    rewriter.graph.update(parameter, to: symbols[output])
                }
            }
            return true
        }
    }
}

/// Appends the gradients of `loss` with respect to some values: reverse accumulation from the loss to the values, through
/// the nodes that lie between. Nil for a value the loss does not depend on.
public func differentiate(
    _ loss: Symbol, with values: [Graph.ValueID], in graph: GraphBuilder
) throws(TrainingError) -> [Symbol?] {
    let forward = graph.graph
    // What depends on the values; only that needs a gradient.
    var isActive = [Bool](repeating: false, count: forward.values.count)
    for id in values { isActive[id] = true }
    for node in forward.nodes where node.inputs.contains(where: { $0.map { isActive[$0] } ?? false }) {
        for output in node.outputs { isActive[output] = true }
    }
    var gradients = [Symbol?](repeating: nil, count: forward.values.count)
    guard isActive[loss.id] else { return values.map { _ in nil } }
    gradients[loss.id] = try training { () throws(ShapeError) in
        try graph.scalar(1, loss.type.elementType ?? .float32)
    }
    for node in forward.nodes.reversed() {
        let outputs = node.outputs.map { gradients[$0] }
        let wanted = node.inputs.map { $0.map { isActive[$0] } ?? false }
        guard outputs.contains(where: { $0 != nil }), wanted.contains(true) else { continue }
        guard let operation = node.operation as? any DifferentiableOperator else {
            throw .notDifferentiable(node: node.name, operator: node.operation.kind)
        }
        let symbols = NodeSymbols(
            name: node.name, inputs: node.inputs.map { $0.map(graph.symbol) }, outputs: node.outputs.map(graph.symbol))
        try training { () throws(ShapeError) in
            let found = try operation.gradients(at: symbols, of: outputs, wanted: wanted, in: graph)
            guard found.count <= node.inputs.count else {
                throw .mismatch(
                    rule: "\(operation.kind) must give one gradient an input, \(node.inputs.count)",
                    received: "\(found.count)")
            }
            for (position, gradient) in found.enumerated() {
                guard let gradient, let id = node.inputs[position], isActive[id] else { continue }
                gradients[id] =
                    try gradients[id].map { (sum) throws(ShapeError) in
                        try graph.call(Arithmetic(.add), sum, gradient)
                    } ?? gradient
            }
        }
    }
    return values.map { gradients[$0] }
}

extension Symbol {
    fileprivate var isParameter: Bool {
        if case .parameter = graph.graph.values[id].source { true } else { false }
    }
}

extension Graph {
    /// The graph with other outputs.
    func with(outputs: [Output]) -> Graph {
        var graph = self
        graph.outputs = outputs
        return graph
    }
}
