/// Something that keeps a model from being planned for certain shapes.
public struct PlanProblem: Sendable {
    /// The name of the node, where one is concerned.
    public let node: String?
    /// The kind of its operator.
    public let operatorName: String?
    /// What is known of its inputs; nil for one that is not given.
    public let inputs: [ValueType?]
    /// The rule it breaks.
    public let error: PlanError
}

extension Plan {
    /// Everything that keeps `model` from being planned for inputs of these shapes: an error at one node does not hide those
    /// at others. What depends on a node that has one is passed over, and where values decide shapes, what can be said
    /// without them is checked.
    public static func problems(
        of model: Model, inputs shapes: [String: Shape], options: PlanOptions = PlanOptions()
    ) -> [PlanProblem] {
        var planner: Planner?
        do throws(PlanError) {
            var model = model
            for name in options.extraOutputs { try model.addOutput(name) }
            if options.optimizes { model = try model.optimized(for: options) }
            var collecting = Planner(model: model, options: options, store: WeightStore(), collects: true)
            defer { planner = collecting }
            try collecting.fixTypes(shapes)
            try collecting.prepareSteps()
            if collecting.isComplete { try collecting.placeValues() }
        } catch {
            return (planner?.found ?? []) + [PlanProblem(node: nil, operatorName: nil, inputs: [], error: error)]
        }
        return planner?.found ?? []
    }
}

extension Planner {
    fileprivate var found: [PlanProblem] {
        problems.map { node, inputs, error in
            PlanProblem(
                node: node.name, operatorName: node.operation.kind, inputs: inputs, error: error.withoutPlace)
        }
    }
}

extension PlanError {
    /// The error where its node is said already.
    var withoutPlace: PlanError {
        switch self {
        case .at(_, _, let error): error.withoutPlace
        case .shape(.at(_, _, let error)): PlanError.shape(error).withoutPlace
        default: self
        }
    }

    /// What would mend it.
    public var remedy: String {
        switch self {
        case .missingInput: "give the input's shape"
        case .unknownName: "give one of the names the model has"
        case .inputShape: "give a shape that fits what the model declares, or export the model for free axes"
        case .missingParameter: "give the parameter its value again"
        case .openShape: "run the model with a Runner, which plans as shapes become known"
        case .unsupported: "export the model so that the operator meets its rule"
        case .shape: "give the true shapes of the inputs; if they are, the model is wrong at this node"
        case .memory: "raise the limit, or take a smaller batch or smaller images"
        case .outOfMemory: "take a smaller batch or smaller images, or a machine of more memory"
        case .blas: "let `tamis doctor` look at this machine"
        case .at(_, _, let error): error.remedy
        }
    }
}
