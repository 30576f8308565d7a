/// Why shapes, types or counts of elements do not fit.
public enum ShapeError: Error, Hashable {
    /// A dimension is below zero.
    case negativeDimension([Int])
    /// There are more than 2⁴⁸ elements.
    case tooManyElements([Int])
    /// There are more than 64 axes.
    case tooManyAxes(Int)
    /// A tensor of this shape needs another number of scalars than were given.
    case scalarCount(shape: [Int], received: Int)
    /// A tensor of another element type was wanted.
    case elementType(rule: String, received: ElementType)
    /// An operator's inputs or attributes break its rule.
    case mismatch(rule: String, received: String)
    /// The system refused this much memory.
    case outOfMemory(bytes: Int)
    /// An error at a node of a graph.
    indirect case at(node: String, operator: String, ShapeError)
}

extension ShapeError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .negativeDimension(let dimensions):
            "a dimension must be 0 or more; received \(dimensions)"
        case .tooManyElements(let dimensions):
            "a tensor must have at most 2^48 elements; received the shape \(dimensions)"
        case .tooManyAxes(let count):
            "a tensor must have at most \(Shape.largestRank) axes; received \(count)"
        case .scalarCount(let shape, let received):
            "the scalars must be as many as the shape \(shape) has elements; received \(received)"
        case .elementType(let rule, let received):
            "\(rule); received \(received)"
        case .mismatch(let rule, let received):
            "\(rule); received \(received)"
        case .outOfMemory(let bytes):
            "the system must grant the memory of a tensor; it refused \(bytes) bytes"
        case .at(let node, let name, let error):
            "node \"\(node)\" (\(name)): \(error)"
        }
    }
}
