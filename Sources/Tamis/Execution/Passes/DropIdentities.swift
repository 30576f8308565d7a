/// Drops nodes that leave their input as it is, and all but the last of several changes of shape in a row.
public struct DropIdentities: Pass {
    public init() {}

    public var name: String { "drop identities" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        let rewritten = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard node.outputs.count == 1, let x = node.inputs.first ?? nil else { return false }
            let y = model.graph.values[node.outputs[0]].type
            if rewriter.type(of: x) == y, Self.isIdentity(node, y, rewriter) {
                rewriter.replace(node.outputs[0], by: rewriter.copy(x))
                return true
            }
            guard node.operation.isChangeOfShape, let (source, operation) = Self.inOneStep(x, to: y, node, rewriter)
            else { return false }
            let symbol = try rewriter.graph.call(operation, rewriter.copy(source), name: node.name)
            rewriter.replace(node.outputs[0], by: symbol)
            return true
        }
        return try DropUnread()(rewritten)
    }

    /// Whether a node whose first input has the type of its only output changes nothing.
    private static func isIdentity(_ node: Graph.Node, _ y: ValueType, _ rewriter: Rewriter) -> Bool {
        // As many elements on each axis, whatever the free extents prove to be.
        let isSameShape = y.dimensions.map { !$0.contains(.unknown) } ?? false
        switch node.operation {
        case let activate as Activate: return activate.activation == .linear
        case let transpose as Transpose: return transpose.order.isIdentity
        case is Concat, is Split: return node.inputs.count(where: { $0 != nil }) == 1 && isSameShape
        case let slice as Slice: return isSameShape && slice.ranges?.allSatisfy { $0.step == 1 } ?? false
        case let pad as Pad: return pad.amounts?.allSatisfy { $0.before == 0 && $0.after == 0 } ?? false
        case is Expand, is Tile: return isSameShape
        case let arithmetic as Arithmetic where arithmetic.function == .multiply || arithmetic.function == .divide:
            guard let other = node.inputs[1], let one = rewriter.constant(other), one.shape.elementCount == 1 else {
                return false
            }
            return (try? one.doubles()) == [1]
        case let operation: return operation.isChangeOfShape && isSameShape
        }
    }

    /// The way to a shape from the value that the last of several changes of shape began with: a Flatten if it is one. Nil
    /// where there is no shorter or clearer one.
    private static func inOneStep(
        _ x: Graph.ValueID, to y: ValueType, _ node: Graph.Node, _ rewriter: Rewriter
    ) -> (source: Graph.ValueID, operation: any Operator)? {
        var source = x
        while let before = rewriter.producer(of: source), before.operation.isChangeOfShape, let first = before.inputs[0]
        {
            source = first
        }
        guard let extents = y.dimensions, source != x || node.operation is Reshape else { return nil }
        let (from, isFlatten) = (rewriter.type(of: source), rewriter.type(of: source).isFlattened(to: y))
        if isFlatten { return (source, Flatten(axis: 1)) }
        let shape = extents.map { $0.value ?? -1 }
        guard source != x, shape.count(where: { $0 < 1 }) <= 1, !shape.contains(0) else { return nil }
        let operands = Operands([Operand(type: from)], operatorName: node.operation.kind)
        guard (try? Reshape(to: shape).outputTypes(for: operands)) == [y] else { return nil }
        return (source, Reshape(to: shape))
    }
}

extension Operator {
    /// Whether its output has the elements of its input in their order.
    fileprivate var isChangeOfShape: Bool {
        self is Reshape || self is Flatten || self is Squeeze || self is Unsqueeze
    }
}

extension ValueType {
    /// Whether a change to another shape makes rows of the first axis and columns of all others.
    fileprivate func isFlattened(to matrix: ValueType) -> Bool {
        guard let dimensions, let matrix = matrix.dimensions, dimensions.count >= 2, matrix.count == 2 else {
            return false
        }
        let columns = dimensions.dropFirst().product
        return dimensions[0] == matrix[0] && columns == matrix[1] && !matrix.contains(.unknown)
    }
}
