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
    /// A state holds other parameters than the plan needs.
    case missingParameter(name: String)
    /// A plan for the inputs' shapes cannot be made.
    case plan(PlanError)
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
        case .data(let node, let name, .done): "node \"\(node)\" (\(name)) failed"
        case .memory(let bytes): "the system must grant the memory of a run; it refused \(bytes) bytes"
        case .missingParameter(let name): "the state must hold the parameter \"\(name)\"; it does not"
        case .plan(let error): "\(error)"
        }
    }
}
