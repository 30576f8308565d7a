/// What can be planned of a model before it runs: the whole, or, where values decide shapes, the parts whose shapes are
/// known without them.
struct PartialPlan {
    /// The plans of the parts, in order; one of a model whose shapes all follow from its inputs'.
    private(set) var plans: [Plan] = []
    /// Whether no part is left out.
    private(set) var isWhole = true

    /// Plans `model`, whose passes have run.
    init(
        prepared model: Model, inputs shapes: [String: Shape], options: PlanOptions, store: WeightStore
    ) throws(PlanError) {
        if Segments.isOnePart(model), model.inputs.allSatisfy({ $0.type.elementType != nil }) {
            plans = [try Plan(prepared: model, inputs: shapes, values: [:], options: options, store: store)]
            return
        }
        isWhole = false
        let types = try ValueTypes(model, inputs: shapes, options: options).types
        for case .fixed(let part, let values) in try Segments(model).parts where values.isEmpty {
            var known: [String: Shape] = [:]
            for (name, _) in part.inputs { known[name] = types[name]?.shape }
            guard known.count == part.inputs.count else { continue }
            plans.append(try Plan(prepared: part, inputs: known, values: [:], options: options, store: store))
        }
    }
}

/// The types of a model's values once the shapes of its inputs are known.
struct ValueTypes {
    /// The types by the names of the values; dimensions that values decide stay open.
    private(set) var types: [String: ValueType] = [:]
    /// The names of the values that are the same in each run.
    private(set) var constants: Set<String> = []

    init(_ model: Model, inputs shapes: [String: Shape], options: PlanOptions = PlanOptions()) throws(PlanError) {
        var planner = Planner(model: model, options: options, store: WeightStore(), collects: true)
        try planner.fixTypes(shapes)
        for (id, value) in model.graph.values.enumerated() {
            types[value.name] = planner.type(of: id) ?? value.type
            if planner.constant(id) != nil { constants.insert(value.name) }
        }
    }
}
