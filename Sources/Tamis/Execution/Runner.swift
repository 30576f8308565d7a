public import TamisKernels

/// Runs a model on inputs of any shape: plans are made as shapes come, kept while there is room, and share one store of
/// packed weights. Confined to one task.
public final class Runner {
    private let source: Model
    private var options: PlanOptions
    private let threads: Int
    private let store: WeightStore
    private let capacity: Int
    /// The model after the passes, once a plan has been asked for.
    private var optimized: Model?
    private var sessions: [(shapes: [Shape], session: Session)] = []

    /// A runner that keeps the sessions of the last `capacity` shapes.
    public init(
        _ model: Model, threads: Int = Processor.availableCount, options: PlanOptions = PlanOptions(), capacity: Int = 8,
        store: WeightStore = WeightStore()
    ) {
        source = model
        self.options = options
        self.threads = threads
        self.capacity = max(1, capacity)
        self.store = store
    }

    /// The session for inputs of the shapes of `inputs`.
    public func session(for inputs: [String: Tensor]) throws(ExecutionError) -> Session {
        do throws(PlanError) {
            if optimized == nil {
                var model = source
                for name in options.extraOutputs { try model.addOutput(name) }
                optimized = options.optimizes ? try model.optimized() : model
                options.optimizes = false
            }
            guard let model = optimized else { throw .unsupported(operator: "Runner", rule: "a model", received: "none") }
            let shapes = model.inputs.compactMap { inputs[$0.name]?.shape }
            if let position = sessions.firstIndex(where: { $0.shapes == shapes }), shapes.count == model.inputs.count {
                if position > 0 { sessions.insert(sessions.remove(at: position), at: 0) }
                return sessions[0].session
            }
            let named = inputs.filter { name, _ in model.inputs.contains { $0.name == name } }.mapValues(\.shape)
            let plan = try Plan(model, inputs: named, options: options, store: store)
            let session: Session
            do throws(ExecutionError) { session = try Session(plan, threads: threads) } catch {
                throw .memory(needed: plan.arenaBytes, limit: options.memoryLimit)
            }
            sessions.insert((shapes, session), at: 0)
            if sessions.count > capacity { sessions.removeLast() }
            return session
        } catch {
            throw .plan(error)
        }
    }

    /// Runs the model on inputs by name and returns its outputs by name.
    public func run(_ inputs: [String: Tensor]) throws(ExecutionError) -> [String: Tensor] {
        try session(for: inputs).run(inputs)
    }

    /// Runs the model and writes its outputs to the tensors of their names.
    public func run(_ inputs: [String: Tensor], into outputs: inout [String: Tensor]) throws(ExecutionError) {
        try session(for: inputs).run(inputs, into: &outputs)
    }
}
