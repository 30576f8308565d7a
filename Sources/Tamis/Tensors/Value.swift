/// What flows along an edge of a graph: a tensor, a sequence of values, or a value that may be missing.
public enum Value: Sendable {
    /// A tensor.
    case tensor(Tensor)
    /// Values one after another.
    case sequence([Value])
    /// A value that may be missing.
    indirect case optional(Value?)

    /// The tensor, or nil for another kind of value.
    public var tensor: Tensor? {
        if case .tensor(let tensor) = self { tensor } else { nil }
    }
}
