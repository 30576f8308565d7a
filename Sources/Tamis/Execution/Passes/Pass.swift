/// A rewriting of a model that leaves its answers as they are: a function from model to model.
public protocol Pass: Sendable {
    /// The name a listing gives the pass.
    var name: String { get }
    /// The rewritten model.
    func callAsFunction(_ model: Model) throws(PlanError) -> Model
}

extension Model {
    /// The passes of every optimised plan, in order. Folding and fusing need to see who truly reads a value, so what moved
    /// transposes leave behind is dropped before.
    public static func standardPasses(for options: PlanOptions = PlanOptions()) -> [any Pass] {
        [
            DropIdentities(), FoldConstants(options: options), EliminateCommonSubexpressions(), CancelCasts(),
            RecognizeComposites(), CancelTransposes(), CancelCasts(), RecognizeComposites(), DropUnread(),
            MergePadding(),
            FoldScale(), FuseResidual(), FuseActivation(), SwapActivationGradient(), DropUnread(),
        ]
    }

    /// The model after the standard passes for a plan of these options. `report` hears of each pass that changed something.
    public func optimized(
        for options: PlanOptions = PlanOptions(), reporting report: ((PassReport) -> Void)? = nil
    ) throws(PlanError) -> Model {
        try applying(Model.standardPasses(for: options), reporting: report)
    }

    /// The model after passes. `report` hears of each that changed something.
    public func applying(
        _ passes: [any Pass], reporting report: ((PassReport) -> Void)? = nil
    ) throws(PlanError) -> Model {
        var model = self
        for pass in passes {
            let next = try pass(model)
            if let report {
                let difference = PassReport(pass.name, before: model, after: next)
                if !difference.changes.isEmpty { report(difference) }
            }
            model = next
        }
        return model
    }
}
