/// Makes an activation a field of the operator before it, where nobody else reads what comes between.
public struct FuseActivation: Pass {
    public init() {}

    public var name: String { "fuse activation" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let output = node.outputs.first, let next = rewriter.onlyConsumer(of: output),
                let activate = next.operation as? Activate, let fused = node.operation.fused(with: activate.activation)
            else { return false }
            let inputs = node.inputs.map { $0.map { rewriter.copy($0) } }
            let symbols = try rewriter.graph.append(fused, inputs, name: node.name)
            for (id, symbol) in zip(node.outputs, symbols) { rewriter.replace(id, by: symbol) }
            rewriter.replace(next.outputs[0], by: symbols[0])
            return true
        }
    }
}
