public import TamisKernels

/// A training step made ready: the differentiated network, planned, with the parameters it changes.
///
///     let step = try TrainingStep(model, loss: .sparseCategoricalCrossentropy, optimizer: .adam(), batchSize: 64)
///     let metrics = try step(inputs, labels)
///
/// Confined to one task.
public final class TrainingStep {
    /// The differentiated model: a graph like any other.
    public let model: Model
    /// The rate of the next steps.
    public var learningRate: Double
    /// The number of steps done.
    public private(set) var stepsDone = 0

    private let source: Model
    private let inputName: String
    private let threads: Int
    private let options: PlanOptions
    private let state: State
    /// By the shape of a batch: images of another size are planned anew.
    private var sessions: [Shape: Session] = [:]
    private var outputs: [String: Tensor] = [:]
    private var rate: Tensor
    private var step: Tensor

    /// Differentiates `source` and puts its parameters where steps can change them.
    public init(
        _ source: Model, loss: any Loss, optimizer: any Optimizer, threads: Int = Processor.availableCount,
        options: PlanOptions = PlanOptions()
    ) throws(TrainingError) {
        guard let input = source.inputs.first, source.inputs.count == 1 else {
            throw .data(rule: "a network to be trained must have one input", received: "\(source.inputs.count)")
        }
        self.source = source
        inputName = input.name
        let differentiated = try source.differentiated(loss: loss, optimizer: optimizer)
        // The passes run once; the plans of all batch sizes begin where they end.
        model = try planning { () throws(PlanError) in
            options.optimizes ? try differentiated.optimized(for: options) : differentiated
        }
        var options = options
        options.optimizes = false
        self.options = options
        self.threads = threads
        learningRate = optimizer.learningRate
        let model = model
        state = try planning { () throws(PlanError) in try State(of: model) }
        let elementType = model.inputs.first { $0.name == "learning_rate" }?.type.elementType ?? .float32
        let learningRate = learningRate
        (rate, step) = try training { () throws(ShapeError) in
            (try Tensor(scalar: learningRate).converted(to: elementType), try Tensor(scalar: Int64(0)))
        }
    }

    /// Makes the plan and the memory for batches of this size, unless they are there.
    public func prepare(batchSize: Int, example: [Int]) throws(TrainingError) {
        _ = try session(try training { () throws(ShapeError) in try Shape([batchSize] + example) }, labels: nil)
    }

    /// The plan of steps over batches of this size, once it has been made.
    public func plan(batchSize: Int) -> Plan? {
        sessions.first { $0.key.dimensions.first == batchSize }?.value.plan
    }

    /// The session for batches of a shape. Where no labels are there yet, their free extents are taken to be the batch's.
    private func session(_ shape: Shape, labels: Shape?) throws(TrainingError) -> Session {
        if let session = sessions[shape] { return session }
        var shapes = [inputName: shape]
        if let labels {
            shapes["labels"] = labels
        } else if let dimensions = model.inputs.first(where: { $0.name == "labels" })?.type.dimensions {
            let extents = dimensions.enumerated().compactMap { axis, dimension in
                dimension.value ?? (axis < shape.rank ? shape[axis] : nil)
            }
            guard extents.count == dimensions.count else {
                throw .data(
                    rule: "the extents of the labels, \(dimensions), must follow from those of a batch",
                    received: "\(shape)")
            }
            shapes["labels"] = try training { () throws(ShapeError) in try Shape(extents) }
        }
        let plan = try planning { () throws(PlanError) in try Plan(model, inputs: shapes, options: options) }
        let session = try executing { () throws(ExecutionError) in try Session(plan, threads: threads, state: state) }
        sessions[shape] = session
        return session
    }

    /// Takes a step on a batch: `inputs` count × the shape of an example, `labels` count int64.
    public func callAsFunction(_ inputs: Tensor, _ labels: Tensor) throws(TrainingError) -> Metrics {
        var batch = ["labels": labels]
        batch[inputName] = inputs
        return try run(&batch)
    }

    /// Takes a step on a batch of named inputs; once a batch size has been seen, allocates nothing.
    package func run(_ batch: inout [String: Tensor]) throws(TrainingError) -> Metrics {
        guard let shape = batch[inputName]?.shape, shape.rank > 0 else {
            throw .data(rule: "a batch must have examples", received: "none")
        }
        let session = try session(shape, labels: batch["labels"]?.shape)
        rate.storeScalar(learningRate)
        step.storeScalar(Double(stepsDone + 1))
        batch["learning_rate"] = rate
        batch["step"] = step
        defer {
            batch["learning_rate"] = nil
            batch["step"] = nil
        }
        do throws(ExecutionError) { try session.run(batch, into: &outputs) } catch { throw .execution(error) }
        stepsDone += 1
        return Metrics(loss: outputs["loss"]?.loadScalar() ?? .nan, accuracy: outputs["accuracy"]?.loadScalar() ?? .nan)
    }

    /// The parameters of the source model as the steps have left them.
    public var parameters: Parameters {
        var parameters = source.parameters
        for name in parameters.names {
            if let value = state[name] { parameters[name] = value }
        }
        return parameters
    }
}

extension Tensor {
    /// Writes the only element of a tensor of floats or int64.
    fileprivate mutating func storeScalar(_ value: Double) {
        let elementType = elementType
        try? withUnsafeMutableBytes { bytes in
            switch elementType {
            case .float32: bytes.storeBytes(of: Float(value), as: Float.self)
            case .float64: bytes.storeBytes(of: value, as: Double.self)
            case .float16: bytes.storeBytes(of: Float16(value), as: Float16.self)
            case .bfloat16: bytes.storeBytes(of: BFloat16(Float(value)), as: BFloat16.self)
            case .int64: bytes.storeBytes(of: Int64(exactly: value.rounded()) ?? 0, as: Int64.self)
            default: break
            }
        }
    }

    /// The only element of a tensor of floats.
    func loadScalar() -> Double {
        withUnsafeBytes { bytes in
            switch elementType {
            case .float32 where bytes.count >= 4: Double(bytes.load(as: Float.self))
            case .float64 where bytes.count >= 8: bytes.load(as: Double.self)
            case .float16 where bytes.count >= 2: Double(bytes.load(as: Float16.self))
            case .bfloat16 where bytes.count >= 2: Double(bytes.load(as: BFloat16.self).float)
            default: .nan
            }
        }
    }
}
