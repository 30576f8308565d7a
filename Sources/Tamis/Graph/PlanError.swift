/// Why no plan can be made.
public enum PlanError: Error, Hashable {
    /// The plan needs the shape of an input that was not given.
    case missingInput(name: String, type: ValueType)
    /// The graph has no input or value of this name.
    case unknownName(String, known: [String])
    /// A given shape does not fit the input's type.
    case inputShape(name: String, expected: ValueType, received: Shape)
    /// A parameter of the graph has no value.
    case missingParameter(name: String)
    /// A value has no fixed shape though all inputs have one.
    case openShape(value: String, type: ValueType)
    /// An operator cannot run on this.
    case unsupported(operator: String, rule: String, received: String)
    /// Shapes do not fit.
    case shape(ShapeError)
    /// More memory is needed than may be taken.
    case memory(needed: Int, limit: Int)
    /// The system refused this much memory.
    case outOfMemory(bytes: Int)
    /// OpenBLAS failed its test at the start.
    case blas(String)
    /// An error at a node.
    indirect case at(node: String, operator: String, PlanError)
}

extension PlanError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missingInput(let name, let type): "the input \"\(name)\" (\(type)) must be given; received none"
        case .unknownName(let name, let known):
            "a name must be one of \(known.listed(for: name)); received \"\(name)\""
        case .inputShape(let name, let expected, let received):
            "the input \"\(name)\" must be \(expected); received \(received)"
        case .missingParameter(let name): "the parameter \"\(name)\" must have a value; received none"
        case .openShape(let value, let type):
            "every shape must follow from the inputs' shapes; \"\(value)\" is \(type)"
        case .unsupported(let name, let rule, let received): "\(name): \(rule); received \(received)"
        case .shape(let error): "\(error)"
        case .memory(let needed, let limit): "at most \(limit) bytes may be taken; \(needed) are needed"
        case .outOfMemory(let bytes): "the system must grant the memory of a plan; it refused \(bytes) bytes"
        case .blas(let text): text
        case .at(let node, let name, let error): "node \"\(node)\" (\(name)): \(error)"
        }
    }
}
