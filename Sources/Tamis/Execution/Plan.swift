public import TamisKernels

/// A model made ready for inputs of fixed shapes: kernels chosen, constants packed, memory placed. Immutable and shared.
public struct Plan: Sendable {
    /// What runs at one node.
    struct Step: Sendable {
        var name: String
        var operatorName: String
        var prepared: Prepared
        var outputs: [Port]
        /// Bytes of what it reads and makes, each counted once; 0 for a view.
        var movedBytes = 0
        /// The slots of the inputs, then of the outputs; −1 for an operand that is absent.
        var slots: [Int32]
        var inputCount: Int
        /// Where the shared memory of the node's tiles begins in the arena.
        var workspaceOffset = 0
        /// Elements from each row of the first output to the next, where those are parts of longer rows; else 0.
        var rowStride = 0
    }

    /// What a slot of the session's table points to.
    enum Location: Sendable {
        case arena(offset: Int)
        case input(Int)
        case output(Int)
        case state(name: String)
        case fixed(Tensor)
        /// So many bytes behind where another slot points.
        case part(of: Int, offset: Int)
    }

    /// A result whose value lies elsewhere when the steps are done.
    struct Copy: Sendable {
        var from: Int
        var to: Int
        var byteCount: Int
    }

    /// A tensor that goes in or comes out.
    public struct Port: Sendable {
        /// The name it is given or asked for by.
        public let name: String
        /// The type of its elements.
        public let elementType: ElementType
        /// Its extents.
        public let shape: Shape

        /// Bytes of its elements.
        var byteCount: Int { elementType.byteCount(of: shape.elementCount) ?? 0 }

        /// The type of the port.
        public var type: ValueType { .tensor(elementType, shape) }
    }

    /// One line of what a plan does.
    public struct Line: Sendable {
        /// The node's name.
        public let node: String
        /// The kind of its operator.
        public let operatorName: String
        /// What was chosen for it, in words.
        public let algorithm: String
        /// The float operations of a run of the node.
        public let operations: Double
        /// What it computes.
        public let outputs: [Port]
        /// Bytes of its operands and results, each counted once: what must move at least.
        public let movedBytes: Int
        /// Bytes of memory that its threads share while it runs.
        public let workspaceBytes: Int
    }

    /// A stretch of the arena that holds one thing from the first step that writes it to the last that reads it.
    public struct Buffer: Sendable, Encodable {
        /// The value it holds, or what work it is for.
        public let name: String
        /// Where it begins in the arena.
        public let offset: Int
        /// Its size.
        public let byteCount: Int
        /// The index of the first line of the plan during which it is in use.
        public let first: Int
        /// The index of the last one.
        public let last: Int
    }

    /// What must be given at each run, in the model's order.
    public let inputs: [Port]
    /// What a run gives: the model's outputs, then the extra ones.
    public let outputs: [Port]
    /// Bytes of the memory each session takes for values and work in progress, beside each thread's scratch memory.
    public let arenaBytes: Int
    /// What lies where in it, and when; two buffers that are in use at one time do not overlap.
    public let buffers: [Buffer]
    /// Bytes of scratch memory each thread of a session takes.
    public let scratchBytes: Int
    /// Bytes of all that the memory limit is about: constants, results, and what a session on one thread takes.
    public let memoryBytes: Int
    /// How much of the processor the plan uses.
    public let level: KernelLevel
    /// The parameters that a run changes.
    let stateParameters: [Port]
    /// The same for one image, where a batch is computed image by image.
    let imagePlan: ImagePlan?
    /// Whether a session computes a batch image by image, because they are on their own and the weights are small.
    public var runsImageByImage: Bool { imagePlan != nil }
    let steps: [Step]
    let locations: [Location]
    let copies: [Copy]

    /// The nodes in the order they run, with what was chosen for each.
    public var lines: [Line] {
        steps.map {
            Line(
                node: $0.name, operatorName: $0.operatorName, algorithm: $0.prepared.algorithm,
                operations: $0.prepared.operations, outputs: $0.outputs, movedBytes: $0.movedBytes,
                workspaceBytes: $0.prepared.workspaceBytes)
        }
    }

    /// The float operations of a run; a multiplication and an addition count as two.
    public var operations: Double { steps.reduce(0) { $0 + $1.prepared.operations } }

    /// Bytes of the constants that runs read as they came, parameters among them; packed forms are the weight store's.
    public var constantBytes: Int {
        var storages: Set<ObjectIdentifier> = []
        return locations.reduce(0) { sum, location in
            guard case .fixed(let tensor) = location, storages.insert(ObjectIdentifier(tensor.storage)).inserted else {
                return sum
            }
            return sum + tensor.byteCount
        }
    }

    /// Plans `model` for inputs of these shapes. Packed constants go to and come from `store`.
    ///
    /// Throws where an input is missing or does not fit, an operator cannot run on what it gets, or memory exceeds the
    /// limit.
    public init(
        _ model: Model, inputs shapes: [String: Shape], options: PlanOptions = PlanOptions(),
        store: WeightStore = WeightStore()
    ) throws(PlanError) {
        do throws(BLAS.Failure) { try BLAS.check() } catch { throw .blas(error.description) }
        var model = model
        for name in options.extraOutputs { try model.addOutput(name) }
        model = try WidenHalves()(model)
        if options.optimizes { model = try model.optimized(for: options) }
        try self.init(prepared: model, inputs: shapes, values: [:], options: options, store: store)
    }

    /// Plans a model that needs no passes any more. `values` are inputs whose values, not only shapes, are known: the plan
    /// holds for these alone, and they are no inputs of it.
    init(
        prepared model: Model, inputs shapes: [String: Shape], values: [String: Tensor], options: PlanOptions,
        store: WeightStore
    ) throws(PlanError) {
        var planner = Planner(model: model, options: options, store: store, values: values)
        try planner.fixTypes(shapes)
        try self.init(typed: planner) { ImagePlan(of: shapes, values: values, $0) }
    }

    /// Finishes what a planner has given fixed types; `imagePlan` makes the plan for one image, if there is to be one.
    init(typed planner: Planner, imagePlan: (Planner) -> ImagePlan?) throws(PlanError) {
        var planner = planner
        try planner.prepareSteps()
        try planner.placeValues()
        inputs = planner.inputPorts
        outputs = planner.outputPorts
        arenaBytes = planner.arenaBytes
        buffers = planner.buffers
        scratchBytes = planner.scratchBytes
        memoryBytes = planner.memoryBytes
        level = min(planner.options.level, .best)
        stateParameters = planner.stateParameters
        self.imagePlan = imagePlan(planner)
        steps = planner.steps
        locations = planner.locations
        copies = planner.copies
    }
}

extension Model {
    /// The model with other results: the outputs of these names, or any values of the graph.
    ///
    /// Throws where no output and no value has a name.
    public func withOutputs(_ names: [String]) throws(PlanError) -> Model {
        var model = self
        for name in names { try model.addOutput(name) }
        model.graph.outputs = names.compactMap { name in model.graph.outputs.first { $0.name == name } }
        return model
    }

    /// Makes a value of the graph an output under its own name.
    mutating func addOutput(_ name: String) throws(PlanError) {
        if graph.outputs.contains(where: { $0.name == name }) { return }
        guard let id = graph.values.firstIndex(where: { $0.name == name }) else {
            let names = graph.values.map(\.name)
            throw .unknownName(name, known: names + graph.outputs.map(\.name).filter { !names.contains($0) })
        }
        graph.outputs.append(Graph.Output(name: name, value: id))
    }
}
