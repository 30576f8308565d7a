/// Drops nodes that leave their input as it is, and all but the last of several changes of shape in a row; joins nothing that
/// was cut just before.
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
            if let joined = Self.withoutCuts(node, rewriter) {
                let symbols = joined.map { rewriter.copy($0) }
                rewriter.replace(
                    node.outputs[0],
                    by: symbols.count == 1
                        ? symbols[0] : try rewriter.graph.append(node.operation, symbols, name: node.name)[0])
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

    /// What a Concat joins, with the whole of a value in the place of all its parts one after another; nil where there is no
    /// such.
    private static func withoutCuts(_ node: Graph.Node, _ rewriter: Rewriter) -> [Graph.ValueID]? {
        guard let concat = node.operation as? Concat else { return nil }
        let parts = node.inputs.compactMap { $0 }
        var joined: [Graph.ValueID] = []
        var position = 0
        while position < parts.count {
            let first = Part(parts[position], along: concat.axis, rewriter)
            var end = first?.start == 0 ? first?.end : nil
            var next = position + 1
            while let first, let reached = end, reached < first.extent, next < parts.count,
                let part = Part(parts[next], along: concat.axis, rewriter), part.source == first.source,
                part.start == reached
            {
                (end, next) = (part.end, next + 1)
            }
            let isWhole = first.map { $0.extent == end } ?? false
            joined.append(isWhole ? first?.source ?? parts[position] : parts[position])
            position = isWhole ? next : position + 1
        }
        return joined.count < parts.count ? joined : nil
    }

    /// Neighbouring positions of a value along an axis that a Split or Slice has cut out.
    private struct Part {
        let source: Graph.ValueID
        let start: Int
        let end: Int
        /// The positions of the value.
        let extent: Int

        init?(_ id: Graph.ValueID, along axis: Int, _ rewriter: Rewriter) {
            guard case .node(let index, let output) = rewriter.source.graph.values[id].source else { return nil }
            let node = rewriter.source.graph.nodes[index]
            guard let source = node.inputs.first ?? nil, let dimensions = rewriter.type(of: source).dimensions else {
                return nil
            }
            let along = axis < 0 ? axis + dimensions.count : axis
            guard dimensions.indices.contains(along), let extent = dimensions[along].value else { return nil }
            func isAlong(_ axis: Int) -> Bool { (axis < 0 ? axis + dimensions.count : axis) == along }
            switch node.operation {
            case let split as Split:
                let lengths = node.outputs.compactMap { rewriter.source.graph.values[$0].type.dimensions?[along].value }
                guard isAlong(split.axis), lengths.count == node.outputs.count else { return nil }
                start = lengths[..<output].reduce(0, +)
                end = start + lengths[output]
            case let slice as Slice:
                guard let range = slice.ranges?.first, slice.ranges?.count == 1, isAlong(range.axis), range.step == 1,
                    let length = rewriter.type(of: id).dimensions?[along].value
                else { return nil }
                start = min(max(range.start < 0 ? range.start + extent : range.start, 0), extent)
                end = start + length
            default: return nil
            }
            (self.source, self.extent) = (source, extent)
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
