/// Why a network cannot be trained or measured.
public enum TrainingError: Error {
    /// The loss became infinite or not a number.
    case lossNotFinite(loss: Double, epoch: Int, step: Int)
    /// A parameter became infinite or not a number.
    case parameterNotFinite(name: String, epoch: Int, step: Int)
    /// Images and labels that do not go together, or none.
    case data(rule: String, received: String)
    /// A setting outside its range.
    case setting(rule: String, received: String)
    /// An operator between the loss and a trainable parameter has no gradient.
    case notDifferentiable(node: String, operator: String)
    /// The graph of the loss cannot be built.
    case shape(ShapeError)
    /// The step cannot be planned.
    case plan(PlanError)
    /// A step failed.
    case execution(ExecutionError)
}

extension TrainingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .lossNotFinite(let loss, let epoch, let step):
            "the loss must stay finite; it became \(loss.isNaN ? "NaN" : "\(loss)") in epoch \(epoch), step \(step): a smaller learning rate or scaled "
                + "inputs would mend it"
        case .parameterNotFinite(let name, let epoch, let step):
            "the parameters must stay finite; \"\(name)\" is not after epoch \(epoch), step \(step): a smaller learning rate or "
                + "scaled inputs would mend it"
        case .data(let rule, let received), .setting(let rule, let received): "\(rule); received \(received)"
        case .notDifferentiable(let node, let name):
            "every operator between a trainable parameter and the loss must have a gradient; node \"\(node)\" (\(name)) has none"
        case .shape(let error): "\(error)"
        case .plan(let error): "\(error)"
        case .execution(let error): "\(error)"
        }
    }
}

/// Runs `body` with its error made a training error.
func training<Result>(_ body: () throws(ShapeError) -> Result) throws(TrainingError) -> Result {
    do throws(ShapeError) { return try body() } catch { throw .shape(error) }
}

func planning<Result>(_ body: () throws(PlanError) -> Result) throws(TrainingError) -> Result {
    do throws(PlanError) { return try body() } catch { throw .plan(error) }
}

func executing<Result>(_ body: () throws(ExecutionError) -> Result) throws(TrainingError) -> Result {
    do throws(ExecutionError) { return try body() } catch { throw .execution(error) }
}
