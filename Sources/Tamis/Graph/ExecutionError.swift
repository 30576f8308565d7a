public import TamisKernels

/// Why a run failed.
public enum ExecutionError: Error, Hashable {
    /// An input of the plan was not given.
    case missingInput(name: String, known: [String])
    /// An input of another type or shape was given than the plan was made for.
    case inputType(name: String, expected: ValueType, received: ValueType)
    /// The plan has no output of this name.
    case unknownOutput(name: String, known: [String])
    /// The data of a node broke its rule.
    case data(node: String, operator: String, KernelStatus)
    /// The system refused this much memory.
    case memory(bytes: Int)
    /// A run entered models within the model, bodies of loops above all, more often than it may.
    case iterations(limit: Int)
    /// A run took longer than it may.
    case time(limit: Duration)
    /// A state holds other parameters than the plan needs.
    case missingParameter(name: String)
    /// A plan for the inputs' shapes cannot be made.
    case plan(PlanError)
    /// An output is a sequence or an optional value where a tensor was asked for.
    case notATensor(name: String)
    /// A value breaks a rule of an operator whose shapes depend on values.
    case value(rule: String, received: String)
    /// An error at a node.
    indirect case at(node: String, operator: String, ExecutionError)
}

extension ExecutionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missingInput(let name, let known):
            "the input \"\(name)\" must be given; received \(known.isEmpty ? "none" : known.joined(separator: ", "))"
        case .inputType(let name, let expected, let received):
            "the input \"\(name)\" must be \(expected); received \(received)"
        case .unknownOutput(let name, let known):
            "an output must be one of \(known.joined(separator: ", ")); received \"\(name)\""
        case .data(let node, let name, .indexOutOfRange(let position, let index, let limit)):
            "node \"\(node)\" (\(name)): each index or label must be 0 to \(limit - 1); received \(index) at position \(position)"
        case .data(let node, let name, .divisionByZero):
            "node \"\(node)\" (\(name)): an integer must not be divided by 0; received 0"
        case .data(let node, let name, .timeout):
            "a run must end within its time limit; it was over at node \"\(node)\" (\(name))"
        case .data(let node, let name, .done): "node \"\(node)\" (\(name)) failed"
        case .memory(let bytes): "the system must grant the memory of a run; it refused \(bytes) bytes"
        case .iterations(let limit): "bodies of loops may run at most \(limit) times in a run; received more"
        case .time(let limit): "a run must end within \(limit); it did not"
        case .missingParameter(let name): "the state must hold the parameter \"\(name)\"; it does not"
        case .plan(let error): "\(error)"
        case .notATensor(let name): "the output \"\(name)\" must be a tensor to be given as one; it is not"
        case .value(let rule, let received): "\(rule); received \(received)"
        case .at(let node, let name, let error): "node \"\(node)\" (\(name)): \(error)"
        }
    }
}
