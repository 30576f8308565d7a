/// What training makes small: a scalar from the network's output and the target.
public protocol Loss: Sendable {
    /// Appends the loss, a scalar, and what else a bar shows, for the network's only output and a new input "labels".
    func append(to output: Symbol, in graph: GraphBuilder) throws(ShapeError) -> (loss: Symbol, accuracy: Symbol?)
}

/// −ln of the probability of the right class, averaged: Keras's sparse_categorical_crossentropy.
///
/// A network that ends in Softmax is taken at the scores before it, which is exact where probabilities round to zero. Any
/// other output counts as scores; logarithms of probabilities are their own scores.
public struct SparseCategoricalCrossentropy: Loss {
    public init() {}

    public func append(to output: Symbol, in graph: GraphBuilder) throws(ShapeError) -> (
        loss: Symbol, accuracy: Symbol?
    ) {
        var scores = output
        if let index = graph.graph.values[output.id].node {
            let node = graph.graph.nodes[index]
            if let softmax = node.operation as? Softmax, !softmax.isLogarithmic, let id = node.inputs[0],
                softmax.axis == -1 || softmax.axis + 1 == output.dimensions?.count
            {
                scores = graph.symbol(id)
            }
        }
        guard let dimensions = scores.dimensions, dimensions.count >= 2 else {
            throw .mismatch(rule: "the loss takes scores of two axes or more", received: "\(scores.type)")
        }
        let labels = graph.input("labels", .tensor(.int64, Array(dimensions.dropLast())))
        let loss = try graph.call(SoftmaxCrossEntropyLoss(), scores, labels, name: "loss")
        let accuracy = try graph.call(SparseCategoricalAccuracy(), scores, labels, name: "accuracy")
        return (loss, accuracy)
    }
}

extension Loss where Self == SparseCategoricalCrossentropy {
    /// −ln of the probability of the right class, averaged.
    public static var sparseCategoricalCrossentropy: SparseCategoricalCrossentropy { SparseCategoricalCrossentropy() }
}
