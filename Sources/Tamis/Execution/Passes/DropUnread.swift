/// Drops the nodes that no result depends on.
public struct DropUnread: Pass {
    public init() {}

    public var name: String { "drop unread nodes" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var needed = model.graph.results
        for node in model.graph.nodes.reversed() where node.outputs.contains(where: needed.contains) {
            for case let input? in node.inputs { needed.insert(input) }
        }
        var rewriter = Rewriter(model)
        return try rewriter.rewrite { (_, node) throws(ShapeError) in !node.outputs.contains(where: needed.contains) }
    }
}
