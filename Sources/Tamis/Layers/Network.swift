/// Something that holds a model and so can be trained, evaluated and asked: a `Model` itself, a `Sequential`.
public protocol Network: Sendable {
    /// The graph and its parameters.
    var model: Model { get set }
}

extension Model: Network {
    public var model: Model {
        get { self }
        set { self = newValue }
    }
}
