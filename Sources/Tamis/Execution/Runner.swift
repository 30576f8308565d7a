public import TamisKernels

/// Runs a model on inputs of any shape: plans are made as shapes come, kept while there is room, and share one store of
/// packed weights. Where shapes depend on values, the model is planned part by part as it runs. Confined to one task.
public final class Runner {
    /// What a model became.
    private enum Form {
        /// All shapes follow from the inputs' shapes.
        case fixed(FixedPart)
        /// Parts between the operators that decide shapes.
        case segmented(Graph, Segments, [Executor], constants: [String: Value])
    }

    /// What runs a part.
    private enum Executor {
        case fixed(FixedPart)
        case dynamic(any DynamicOperator, Bodies)
    }

    private let source: Model
    private let settings: Settings
    private var form: Form?

    /// A runner that keeps the plans of the last `capacity` shapes; all work in one memory.
    public init(
        _ model: Model, threads: Int = Processor.availableCount, options: PlanOptions = PlanOptions(),
        capacity: Int = 8, store: WeightStore = WeightStore()
    ) {
        source = model
        settings = Settings(options: options, threads: threads, capacity: max(1, capacity), store: store)
    }

    fileprivate init(_ model: Model, settings: Settings) {
        source = model
        self.settings = settings
    }

    /// Runs the model on inputs by name and returns its outputs by name.
    ///
    /// Throws where an input is missing or does not fit, or the output of a name is no tensor: `runValues` gives those.
    public func run(_ inputs: [String: Tensor]) throws(ExecutionError) -> [String: Tensor] {
        var outputs: [String: Tensor] = [:]
        try run(inputs, into: &outputs)
        return outputs
    }

    /// Runs the model and writes its outputs to the tensors of their names.
    public func run(_ inputs: [String: Tensor], into outputs: inout [String: Tensor]) throws(ExecutionError) {
        if case .fixed(let part) = try prepared() { return try part.run(inputs, into: &outputs, settings.newRun) }
        for (name, value) in try runValues(inputs.mapValues(Value.tensor)) {
            guard let tensor = value.tensor else { throw .notATensor(name: name) }
            outputs[name] = tensor
        }
    }

    /// Runs the model on values of any kind by name, and returns its outputs by name.
    public func runValues(_ inputs: [String: Value]) throws(ExecutionError) -> [String: Value] {
        try runValues(inputs, settings.newRun)
    }

    private func runValues(
        _ inputs: [String: Value], _ allowance: Allowance
    ) throws(ExecutionError) -> [String: Value] {
        switch try prepared() {
        case .fixed(let part):
            var outputs: [String: Tensor] = [:]
            try part.run(inputs.compactMapValues(\.tensor), into: &outputs, allowance)
            return outputs.mapValues(Value.tensor)
        case .segmented(let graph, let segments, let executors, let constants):
            return try run(graph, segments, executors, constants, inputs, allowance)
        }
    }

    private func prepared() throws(ExecutionError) -> Form {
        if let form { return form }
        do throws(PlanError) {
            var model = source
            for name in settings.options.extraOutputs { try model.addOutput(name) }
            model = try WidenHalves()(model)
            if settings.options.optimizes { model = try model.optimized(for: settings.options) }
            let made: Form
            if Segments.isOnePart(model),
                model.graph.inputs.allSatisfy({ model.graph.values[$0].type.elementType != nil })
            {
                made = .fixed(FixedPart(model, values: [], settings: settings))
            } else {
                let segments = try Segments(model)
                let executors = segments.parts.map { part -> Executor in
                    switch part {
                    case .fixed(let model, let values):
                        .fixed(FixedPart(model, values: values, settings: settings))
                    case .dynamic(let operation, _, _, _): .dynamic(operation, Bodies(settings))
                    }
                }
                made = .segmented(
                    model.graph, segments, executors, constants: model.constants.mapValues(Value.tensor))
            }
            form = made
            return made
        } catch {
            throw .plan(error)
        }
    }

    private func run(
        _ graph: Graph, _ segments: Segments, _ executors: [Executor], _ constants: [String: Value],
        _ inputs: [String: Value], _ allowance: Allowance
    ) throws(ExecutionError) -> [String: Value] {
        var values = constants
        // Only inputs can be given: a tensor by the name of a constant does not take its place.
        for id in graph.inputs {
            let value = graph.values[id]
            guard let given = inputs[value.name] else {
                throw .missingInput(name: value.name, known: inputs.keys.sorted())
            }
            if let tensor = given.tensor {
                guard value.type.admits(tensor) else {
                    throw .inputType(
                        name: value.name, expected: value.type, received: .tensor(tensor.elementType, tensor.shape))
                }
            }
            values[value.name] = given
        }
        for (index, part) in segments.parts.enumerated() {
            switch (part, executors[index]) {
            case (.fixed(let model, _), .fixed(let executor)):
                var given: [String: Tensor] = [:]
                for (name, _) in model.inputs {
                    guard let tensor = values[name]?.tensor else {
                        throw .missingInput(name: name, known: inputs.keys.sorted())
                    }
                    given[name] = tensor
                }
                var found: [String: Tensor] = [:]
                try executor.run(given, into: &found, allowance)
                for (name, tensor) in found { values[name] = .tensor(tensor) }
            case (.dynamic(_, let node, let names, let results), .dynamic(let operation, let bodies)):
                var operands: [Value?] = []
                for name in names {
                    if let name, values[name] == nil { throw .missingInput(name: name, known: inputs.keys.sorted()) }
                    operands.append(name.flatMap { values[$0] })
                }
                let found: [Value]
                bodies.allowance = allowance
                do throws(ExecutionError) {
                    found = try operation.evaluate(operands, in: bodies)
                } catch {
                    throw .at(node: node, operator: operation.kind, error)
                }
                guard found.count >= results.count else {
                    throw .plan(
                        .at(
                            node: node, operator: operation.kind,
                            .unsupported(
                                operator: operation.kind, rule: "it must give \(results.count) outputs",
                                received: "\(found.count)")))
                }
                for (name, value) in zip(results, found) { values[name] = value }
            default: continue
            }
            for name in segments.releases[index] { values[name] = nil }
        }
        var outputs: [String: Value] = [:]
        for output in graph.outputs { outputs[output.name] = values[graph.values[output.value].name] }
        return outputs
    }
}

extension Runner {
    /// What all parts of a run share.
    fileprivate struct Settings {
        var options: PlanOptions
        var threads: Int
        var capacity: Int
        var store: WeightStore
        let memory = WorkMemory()

        /// What a run that begins now may take.
        var newRun: Allowance {
            Allowance(
                iterations: options.iterationLimit, deadline: options.timeLimit.map { ContinuousClock.now + $0 })
        }

        /// The options of a part of a model whose passes have run.
        var planned: PlanOptions {
            var options = options
            options.extraOutputs = []
            options.optimizes = false
            return options
        }

        /// The settings for a model within the model.
        var inner: Settings {
            var settings = self
            settings.options.extraOutputs = []
            return settings
        }
    }

    /// What a run, with all models within the model, may still take.
    fileprivate final class Allowance {
        var iterations: Int
        let deadline: ContinuousClock.Instant?

        init(iterations: Int, deadline: ContinuousClock.Instant?) {
            self.iterations = iterations
            self.deadline = deadline
        }
    }

    /// A model of fixed shapes once its inputs' are known, and the sessions of the last ones.
    fileprivate final class FixedPart {
        private let model: Model
        private let values: Set<String>
        private let settings: Settings
        /// The sessions of the last shapes, the latest first, with the values their plans count on.
        private var sessions: [(session: Session, known: [String: Tensor])] = []

        init(_ model: Model, values: Set<String>, settings: Settings) {
            self.model = model
            self.values = values
            self.settings = settings
        }

        func run(
            _ inputs: [String: Tensor], into outputs: inout [String: Tensor], _ allowance: Allowance
        ) throws(ExecutionError) {
            let session = try session(inputs)
            session.deadline = allowance.deadline
            try session.run(inputs, into: &outputs)
        }

        private func session(_ inputs: [String: Tensor]) throws(ExecutionError) -> Session {
            let position = sessions.firstIndex { session, known in
                session.plan.inputs.allSatisfy { inputs[$0.name]?.shape == $0.shape }
                    && known.allSatisfy { inputs[$0.key] == $0.value }
            }
            if let position {
                if position > 0 { sessions.insert(sessions.remove(at: position), at: 0) }
                return sessions[0].session
            }
            let names = Set(model.inputs.map(\.name))
            let given = inputs.filter { names.contains($0.key) }
            let known = given.filter { values.contains($0.key) }
            let plan: Plan
            do throws(PlanError) {
                plan = try Plan(
                    prepared: model, inputs: given.mapValues(\.shape), values: known, options: settings.planned,
                    store: settings.store)
            } catch {
                throw .plan(error)
            }
            if sessions.count == settings.capacity { sessions.removeLast() }
            let session = try Session(plan, threads: settings.threads, memory: settings.memory)
            sessions.insert((session, known), at: 0)
            return session
        }
    }

    /// The runners of the models that one dynamic operator holds.
    fileprivate final class Bodies: RunContext {
        private let settings: Settings
        private var runners: [Int: Runner] = [:]
        /// What the run may take that asks for values now.
        var allowance: Allowance?

        init(_ settings: Settings) { self.settings = settings.inner }

        var memoryLimit: Int { settings.options.memoryLimit }

        func evaluate(_ operation: any Operator, on inputs: [Tensor]) throws(ExecutionError) -> [Tensor] {
            do throws(PlanError) {
                if let outputs = try Evaluation(options: settings.options)(operation, inputs) { return outputs }
                throw .unsupported(
                    operator: operation.kind, rule: "its tensors must have elements of a fixed size",
                    received: "\(inputs.map(\.elementType))")
            } catch {
                throw .plan(error)
            }
        }

        func run(_ model: Model, at index: Int, on inputs: [Value]) throws(ExecutionError) -> [Value] {
            let runner = runners[index] ?? Runner(model, settings: settings)
            runners[index] = runner
            let allowance = allowance ?? settings.newRun
            guard allowance.iterations > 0 else { throw .iterations(limit: settings.options.iterationLimit) }
            allowance.iterations -= 1
            if let deadline = allowance.deadline, let limit = settings.options.timeLimit,
                ContinuousClock.now >= deadline
            {
                throw .time(limit: limit)
            }
            var given: [String: Value] = [:]
            for (port, value) in zip(model.inputs, inputs) { given[port.name] = value }
            let found = try runner.runValues(given, allowance)
            return try model.outputs.map { (output) throws(ExecutionError) in
                guard let value = found[output.name] else {
                    throw .unknownOutput(name: output.name, known: found.keys.sorted())
                }
                return value
            }
        }
    }
}

extension ValueType {
    /// Whether a tensor can be a value of this type.
    fileprivate func admits(_ tensor: Tensor) -> Bool {
        guard case .tensor(let elementType, let dimensions) = self, elementType == tensor.elementType else {
            return false
        }
        guard let dimensions else { return true }
        return dimensions.count == tensor.shape.rank
            && zip(dimensions, tensor.shape.dimensions).allSatisfy { ($0.value ?? $1) == $1 }
    }
}
