/// Takes the gradient of an activation behind a maximum pooling at the pooled values instead of at all pixels.
///
/// The gradient that comes back through MaxPool is zero but where a pixel x was its window's maximum y = x, so f' at x is
/// f' at y, and the small map is multiplied instead of the large one:
///
///     f'(x) · MaxPoolGradient(x, y, dy)  =  MaxPoolGradient(x, y, f'(y) · dy)
public struct SwapActivationGradient: Pass {
    public init() {}

    public var name: String { "take activation gradients behind pooling" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let pool = node.operation as? MaxPoolGradient, let next = rewriter.onlyConsumer(of: node.outputs[0]),
                let gradient = next.operation as? ActivateGradient, next.inputs[0] == node.inputs[0],
                let x = node.inputs[0], let y = node.inputs[1], let dy = node.inputs[2]
            else { return false }
            let symbols = [x, y, dy].map { rewriter.copy($0) }
            let small = try rewriter.graph.call(gradient, symbols[1], symbols[2], name: next.name)
            let dx = try rewriter.graph.call(pool, symbols[0], symbols[1], small, name: node.name)
            rewriter.replace(node.outputs[0], by: dx)
            rewriter.replace(next.outputs[0], by: dx)
            return true
        }
    }
}
