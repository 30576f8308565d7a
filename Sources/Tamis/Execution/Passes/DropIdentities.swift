/// Drops nodes that leave their input as it is, and the first of two changes of shape in a row.
public struct DropIdentities: Pass {
    public init() {}

    public var name: String { "drop identities" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        let rewritten = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            if let input = node.inputs.first ?? nil, node.outputs.count == 1,
                rewriter.type(of: input) == model.graph.values[node.outputs[0]].type, isIdentity(node, in: model.graph)
            {
                rewriter.replace(node.outputs[0], by: rewriter.copy(input))
                return true
            }
            guard node.operation is Reshape, let first = rewriter.producer(of: node.inputs[0]),
                first.operation is Reshape || first.operation is Flatten, let x = first.inputs[0],
                let reshaped = try Self.reshape(x, to: node, &rewriter)
            else { return false }
            rewriter.replace(node.outputs[0], by: reshaped)
            return true
        }
        return try DropUnread()(rewritten)
    }

    /// Whether a node whose first input has the type of its only output changes nothing.
    private func isIdentity(_ node: Graph.Node, in graph: Graph) -> Bool {
        switch node.operation {
        case let activate as Activate: return activate.activation == .linear
        case let transpose as Transpose: return transpose.order.isIdentity
        case is Reshape, is Flatten:
            // Elements in their order, in a shape that is the same whatever the free extents prove to be.
            return graph.values[node.outputs[0]].type.dimensions.map { !$0.contains(.unknown) } ?? false
        default: return false
        }
    }

    /// The last shape of two, in one step: possible unless it needs extents of the first.
    private static func reshape(
        _ x: Graph.ValueID, to node: Graph.Node, _ rewriter: inout Rewriter
    ) throws(ShapeError) -> Symbol? {
        guard let operation = node.operation as? Reshape, let shape = operation.shape,
            operation.allowsZero || !shape.contains(0)
        else { return nil }
        let operands = Operands([Operand(type: rewriter.type(of: x))], operatorName: operation.kind)
        guard try operation.outputTypes(for: operands) == [rewriter.source.graph.values[node.outputs[0]].type] else {
            return nil
        }
        return try rewriter.graph.call(operation, rewriter.copy(x), name: node.name)
    }
}
