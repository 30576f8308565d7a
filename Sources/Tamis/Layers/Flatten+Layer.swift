extension Flatten: Layer {
    /// The operator is a layer as it stands: it has no parameters.
    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        [try graph.call(self, try single(inputs).symbol, name: name)]
    }
}
