public import TamisKernels

/// Runs a model on inputs of any shape: plans are made as shapes come, kept while there is room, and share one store of
/// packed weights. Where shapes depend on values (a `DynamicOperator`), the model is planned part by part as it runs.
/// Confined to one task.
public final class Runner {
    /// What a model became.
    private enum Form {
        /// All shapes follow from the inputs' shapes.
        case fixed(Model)
        /// Parts, each with a runner of its own where it is static.
        case segmented(Model, [(part: Segments.Part, runner: Runner?)])
    }

    private let source: Model
    private var options: PlanOptions
    private let threads: Int
    private let store: WeightStore
    private let capacity: Int
    private var form: Form?
    /// The sessions of the last shapes, the latest first.
    private var sessions: [Session] = []

    /// A runner that keeps the sessions of the last `capacity` shapes.
    public init(
        _ model: Model, threads: Int = Processor.availableCount, options: PlanOptions = PlanOptions(),
        capacity: Int = 8,
        store: WeightStore = WeightStore()
    ) {
        source = model
        self.options = options
        self.threads = threads
        self.capacity = max(1, capacity)
        self.store = store
    }

    /// Runs the model on inputs by name and returns its outputs by name.
    public func run(_ inputs: [String: Tensor]) throws(ExecutionError) -> [String: Tensor] {
        var outputs: [String: Tensor] = [:]
        try run(inputs, into: &outputs)
        return outputs
    }

    /// Runs the model and writes its outputs to the tensors of their names.
    public func run(_ inputs: [String: Tensor], into outputs: inout [String: Tensor]) throws(ExecutionError) {
        switch try prepared() {
        case .fixed(let model): try session(model, inputs).run(inputs, into: &outputs)
        case .segmented(let model, let parts):
            try run(model.graph, parts, constants: model.constants, inputs, into: &outputs)
        }
    }

    private func prepared() throws(ExecutionError) -> Form {
        if let form { return form }
        do throws(PlanError) {
            var model = source
            for name in options.extraOutputs { try model.addOutput(name) }
            if options.optimizes { model = try model.optimized() }
            options.extraOutputs = []
            options.optimizes = false
            let made: Form
            if model.graph.nodes.contains(where: { $0.operation is any DynamicOperator }) {
                let parts = try Segments(model).parts.map { part -> (Segments.Part, Runner?) in
                    guard case .fixed(let model) = part else { return (part, nil) }
                    return (part, Runner(model, threads: threads, options: options, capacity: capacity, store: store))
                }
                made = .segmented(model, parts)
            } else {
                made = .fixed(model)
            }
            form = made
            return made
        } catch {
            throw .plan(error)
        }
    }

    private func session(_ model: Model, _ inputs: [String: Tensor]) throws(ExecutionError) -> Session {
        let known = sessions.firstIndex { session in
            session.plan.inputs.allSatisfy { inputs[$0.name]?.shape == $0.shape }
        }
        if let known {
            if known > 0 { sessions.insert(sessions.remove(at: known), at: 0) }
            return sessions[0]
        }
        let shapes = inputs.filter { name, _ in model.inputs.contains { $0.name == name } }.mapValues(\.shape)
        let plan: Plan
        do throws(PlanError) { plan = try Plan(model, inputs: shapes, options: options, store: store) } catch {
            throw .plan(error)
        }
        let session = try Session(plan, threads: threads)
        sessions.insert(session, at: 0)
        if sessions.count > capacity { sessions.removeLast() }
        return session
    }

    private func run(
        _ graph: Graph, _ parts: [(part: Segments.Part, runner: Runner?)], constants: [String: Tensor],
        _ inputs: [String: Tensor], into outputs: inout [String: Tensor]
    ) throws(ExecutionError) {
        var values = constants.mapValues(Value.tensor)
        // Only inputs can be given: a tensor by the name of a constant does not take its place.
        for id in graph.inputs {
            let name = graph.values[id].name
            if let given = inputs[name] { values[name] = .tensor(given) }
        }
        for (part, runner) in parts {
            switch part {
            case .fixed(let model):
                var given: [String: Tensor] = [:]
                for (name, _) in model.inputs {
                    guard let tensor = values[name]?.tensor else {
                        throw .missingInput(name: name, known: inputs.keys.sorted())
                    }
                    given[name] = tensor
                }
                guard let runner else { continue }
                for (name, tensor) in try runner.run(given) { values[name] = .tensor(tensor) }
            case .dynamic(let operation, let node, let names, let results):
                var operands: [Value?] = []
                for name in names {
                    if let name, values[name] == nil { throw .missingInput(name: name, known: inputs.keys.sorted()) }
                    operands.append(name.flatMap { values[$0] })
                }
                let found = try operation.evaluate(operands)
                guard found.count >= results.count else {
                    throw .plan(
                        .at(
                            node: node, operator: operation.kind,
                            .unsupported(
                                operator: operation.kind, rule: "it must give \(results.count) outputs",
                                received: "\(found.count)")))
                }
                for (name, value) in zip(results, found) { values[name] = value }
            }
        }
        for output in graph.outputs {
            if let tensor = values[graph.values[output.value].name]?.tensor { outputs[output.name] = tensor }
        }
    }
}
