/// Makes what is added to the result of a convolution or a product its residual, where nobody else reads the result:
///
///     Conv → Add(y, r)    becomes    Conv with the residual r
///
/// The bits stay: the sum of a pixel gets its bias, then its residual, as it did in two passes over memory.
public struct FuseResidual: Pass {
    public init() {}

    public var name: String { "fuse residual" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        // For each node that waits for what is added to its result: nothing; for each addition: that node, and what it adds.
        var waiting: Set<Graph.ValueID> = []
        var fusions: [Graph.ValueID: (node: Graph.Node, position: Int, residual: Graph.ValueID)] = [:]
        for node in model.graph.nodes where (node.operation as? Arithmetic)?.function == .add {
            guard let fusion = Self.fusion(at: node, rewriter) else { continue }
            waiting.insert(fusion.node.outputs[0])
            fusions[node.outputs[0]] = fusion
        }
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            if waiting.contains(node.outputs[0]) { return true }
            guard let (product, position, residual) = fusions[node.outputs[0]] else { return false }
            var inputs = product.inputs.map { $0.map { rewriter.copy($0) } }
            inputs += Array(repeating: nil, count: max(0, position + 1 - inputs.count))
            inputs[position] = rewriter.copy(residual)
            let symbols = try rewriter.graph.append(product.operation, inputs, name: product.name)
            rewriter.replace(product.outputs[0], by: symbols[0])
            rewriter.replace(node.outputs[0], by: symbols[0])
            return true
        }
    }

    /// The operand of an addition that can take the other as its residual: of two the later one, so that the other is there.
    private static func fusion(
        at sum: Graph.Node, _ rewriter: Rewriter
    ) -> (node: Graph.Node, position: Int, residual: Graph.ValueID)? {
        guard let a = sum.inputs[0], let b = sum.inputs[1], a != b else { return nil }
        let values = rewriter.source.graph.values
        // Free extents may prove to be 1 and stretch, unless they have one name.
        guard let extents = values[a].type.dimensions, values[a].type == values[b].type, !extents.contains(.unknown)
        else { return nil }
        for (own, other) in [(a, b), (b, a)].sorted(by: { $0.0 > $1.0 }) {
            guard let node = rewriter.producer(of: own), node.outputs.count == 1,
                let position = node.operation.residualOperand,
                position >= node.inputs.count || node.inputs[position] == nil,
                rewriter.onlyConsumer(of: own) != nil
            else { continue }
            return (node, position, other)
        }
        return nil
    }
}
