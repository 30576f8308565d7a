/// What flows along an edge of a graph: a tensor, a sequence of values, or a value that may be missing.
public enum Value: Sendable {
    case tensor(Tensor)
    case sequence([Value])
    indirect case optional(Value?)

    /// The tensor, or nil for another kind of value.
    public var tensor: Tensor? {
        if case .tensor(let tensor) = self { tensor } else { nil }
    }
}
