/// Folds batch normalisation with constant statistics into the weights and the bias of the convolution or dense layer
/// before it: (x ∗ w + b) · a + c = x ∗ (w · a) + (b · a + c), a and c being a factor and a shift for each filter.
public struct FoldBatchNormalization: Pass {
    public init() {}

    public var name: String { "fold batch normalisation" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        // In a step of training the parameters move.
        guard model.graph.updates.isEmpty else { return model }
        var rewriter = Rewriter(model)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard Self.canFold(node.operation), let output = node.outputs.first,
                let next = rewriter.onlyConsumer(of: output),
                let normalization = next.operation as? BatchNormalize, normalization.activation == .linear,
                let weightID = node.inputs[1], let weights = model.constant(weightID)
            else { return false }
            let statistics = next.inputs.dropFirst().compactMap { $0.flatMap(model.constant) }
            var bias: Tensor?
            if node.inputs.count > 2, let id = node.inputs[2] {
                guard let constant = model.constant(id) else { return false }
                bias = constant
            }
            guard statistics.count == 4 else { return false }
            let (foldedWeights, foldedBias) = try Self.fold(
                weights, bias, statistics: statistics.map { (tensor) throws(ShapeError) in try tensor.doubles() },
                filtersAreFirst: (node.operation as? Gemm)?.transposeW == true, epsilon: normalization.epsilon)
            let x = node.inputs[0].map { rewriter.copy($0) }
            let w = rewriter.graph.parameter("\(model.graph.values[weightID].name)/folded", foldedWeights)
            let b = rewriter.graph.parameter("\(next.name)/folded", foldedBias)
            let symbol = try rewriter.graph.append(node.operation, [x, w, b], name: node.name)[0]
            rewriter.replace(output, by: symbol)
            rewriter.replace(next.outputs[0], by: symbol)
            return true
        }
    }

    /// Whether an operator has weights and a bias, and nothing follows them.
    private static func canFold(_ operation: any Operator) -> Bool {
        (operation as? Conv)?.activation == .linear || (operation as? Gemm)?.activation == .linear
    }

    private static func fold(
        _ weights: Tensor, _ bias: Tensor?, statistics: [[Double]], filtersAreFirst: Bool, epsilon: Double
    ) throws(ShapeError) -> (Tensor, Tensor) {
        let (scale, shift, mean, variance) = (statistics[0], statistics[1], statistics[2], statistics[3])
        let factors = zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
        let start = try bias?.doubles() ?? Array(repeating: 0, count: factors.count)
        let foldedBias = factors.indices.map { (start[$0] - mean[$0]) * factors[$0] + shift[$0] }
        var values = try weights.doubles()
        // Filters are the last axis of the weights, but for a transposed matrix, where they are the rows.
        let run = filtersAreFirst ? values.count / max(1, factors.count) : 1
        for index in values.indices { values[index] *= factors[index / run % factors.count] }
        return (
            try Tensor(values, shape: weights.shape.dimensions).converted(to: weights.elementType),
            try Tensor(foldedBias).converted(to: weights.elementType)
        )
    }
}
