/// max(x, 0), element by element, as a layer of its own. Keras's ReLU.
public struct ReLU: Layer {
    public var name: String?

    public init(name: String? = nil) { self.name = name }

    public var kind: String { "ReLU" }

    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        [try graph.call(Activate(.relu), try single(inputs).symbol, name: name)]
    }
}
