/// Computes what only constants, or only shapes that are fixed, decide.
///
/// What would take much more memory than the constants it comes from stays to be computed in each run. Weights that only
/// move or take another shape do so when they are read. Of shapes whose extents are known but for some, such as that of a
/// batch, what follows from the known ones is computed.
public struct FoldConstants: Pass {
    private let evaluate: Evaluation

    /// Computes as a plan of these options does, to the same bits.
    public init(options: PlanOptions = PlanOptions()) { evaluate = Evaluation(options: options) }

    public var name: String { "fold constants" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        // However many nodes add a little each, all together add no more than comes from constants read in wider types.
        let constantBytes = model.graph.values.indices.reduce(Self.addedBytes) {
            $0 + (model.constant($1)?.byteCount ?? 0)
        }
        let budget = MemoryBudget(limit: 16 * constantBytes)
        var extents = PartialExtents(evaluate)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            let values = values(of: node, in: rewriter, budget) ?? extents.values(of: node, in: rewriter)
            guard let values else { return try extents.rewrite(node, &rewriter) }
            let isLearned = node.inputs.contains { $0.map(rewriter.isParameter) ?? false }
            for (output, (id, value)) in zip(node.outputs, values).enumerated() {
                let name = output == 0 ? node.name : "\(node.name):\(output)"
                rewriter.replace(
                    id,
                    by: isLearned ? rewriter.graph.parameter(name, value) : rewriter.graph.constant(value, name: name))
            }
            return true
        }
    }

    /// Bytes that may come to those of the inputs.
    private static let addedBytes = 1 << 20

    private func values(of node: Graph.Node, in rewriter: Rewriter, _ budget: MemoryBudget) -> [Tensor]? {
        let constants = node.inputs.map { $0.map { rewriter.constant($0) } }
        let operands = rewriter.operands(of: node)
        if let typed = node.operation as? any TypeOperator { return try? typed.values(for: operands) }
        // What draws random numbers has no inputs either.
        guard !constants.isEmpty, constants.allSatisfy({ $0.map { $0 != nil } ?? true }),
            let types = try? node.operation.outputTypes(for: operands)
        else { return nil }
        var (elements, bytes) = (0, 0)
        for type in types {
            guard let shape = type.shape, let count = type.elementType?.byteCount(of: shape.elementCount) else {
                return nil
            }
            elements += shape.elementCount
            bytes += count
        }
        let tensors = constants.compactMap { $0 ?? nil }
        guard
            elements <= tensors.reduce(0, { $0 + $1.shape.elementCount })
                || bytes <= tensors.reduce(Self.addedBytes, { $0 + $1.byteCount })
        else { return nil }
        guard (try? budget.take(bytes)) != nil else { return nil }
        // What breaks the operator's rule says so when it runs.
        return try? evaluate(node.operation, constants.map { $0 ?? nil })
    }
}

/// What is known of lists of extents, some of which are free: the shape of a tensor, and what is gathered, cut and joined
/// of such.
private struct PartialExtents {
    /// A number of such a list.
    private struct Extent {
        var dimension: Dimension
        /// The value that has this extent, and on which axis.
        var value: Graph.ValueID?
        var axis = 0
    }

    private let evaluate: Evaluation
    private var lists: [Graph.ValueID: [Extent]] = [:]

    init(_ evaluate: Evaluation) { self.evaluate = evaluate }

    /// The outputs of a node of partly known extents, if those that it takes are known. Remembers them if not.
    mutating func values(of node: Graph.Node, in rewriter: Rewriter) -> [Tensor]? {
        if let shape = node.operation as? ShapeOf {
            guard let x = node.inputs[0], let axes = try? shape.axes(rewriter.operands(of: node)) else { return nil }
            let dimensions = rewriter.type(of: x).dimensions ?? []
            lists[node.outputs[0]] = axes.map { Extent(dimension: dimensions[$0], value: x, axis: $0) }
            return nil
        }
        guard node.operation.isMove, node.inputs.contains(where: { $0.map { lists[$0] != nil } ?? false }),
            let moved = moved(node, rewriter)
        else { return nil }
        var tensors: [Tensor] = []
        for (id, (shape, extents)) in zip(node.outputs, moved) {
            lists[id] = extents
            let values = extents.compactMap(\.dimension.value).map { Int64($0) }
            if values.count == extents.count, let tensor = try? Tensor(values, shape: shape) { tensors.append(tensor) }
        }
        return tensors.count == node.outputs.count ? tensors : nil
    }

    /// Moves numbers in the place of the extents, and looks where they come to lie.
    private func moved(_ node: Graph.Node, _ rewriter: Rewriter) -> [(shape: [Int], extents: [Extent])]? {
        var known: [Extent] = []
        var labels: [Tensor?] = []
        for (position, id) in node.inputs.enumerated() {
            guard let id else {
                labels.append(nil)
                continue
            }
            if position > 0, !(node.operation is Concat) {
                // Which ones to take, where to cut.
                guard let constant = rewriter.constant(id) else { return nil }
                labels.append(constant)
                continue
            }
            let shape: [Int]
            if let own = lists[id] {
                shape = rewriter.type(of: id).shape?.dimensions ?? [own.count]
                known += own
            } else if let constant = rewriter.constant(id), let values = try? constant.scalars(as: Int64.self) {
                shape = constant.shape.dimensions
                known += values.map { Extent(dimension: .fixed(Int($0))) }
            } else {
                return nil
            }
            let count = shape.reduce(1, *)
            labels.append(try? Tensor((known.count - count..<known.count).map { Int64($0) }, shape: shape))
        }
        guard let results = try? evaluate(node.operation, labels) else { return nil }
        var moved: [([Int], [Extent])] = []
        for result in results {
            guard let places = try? result.scalars(as: Int64.self),
                places.allSatisfy({ known.indices.contains(Int($0)) })
            else { return nil }
            moved.append((result.shape.dimensions, places.map { known[Int($0)] }))
        }
        return moved
    }

    /// A Reshape needs nothing of the run for a shape whose extents are known, x's own at their place, or what is left over.
    func rewrite(_ node: Graph.Node, _ rewriter: inout Rewriter) throws(ShapeError) -> Bool {
        guard let reshape = node.operation as? Reshape, reshape.shape == nil, !reshape.allowsZero,
            let x = node.inputs[0], let wanted = node.inputs[1].flatMap({ lists[$0] })
        else { return false }
        let own = rewriter.type(of: x).dimensions ?? []
        let shape = wanted.enumerated().map { position, extent in
            if let value = extent.dimension.value { return value }
            let isNamed = position < own.count && own[position] == extent.dimension && extent.dimension != .unknown
            return isNamed || (extent.value == x && extent.axis == position) ? 0 : -1
        }
        guard shape.count(where: { $0 == -1 }) <= 1 else { return false }
        let symbol = try rewriter.graph.call(Reshape(to: shape), rewriter.copy(x), name: node.name)
        rewriter.replace(node.outputs[0], by: symbol)
        return true
    }
}

extension Operator {
    /// Whether each element of the output is one of the input's.
    fileprivate var isMove: Bool {
        self is Gather || self is Slice || self is Concat || self is Split || self is Squeeze || self is Unsqueeze
            || self is Reshape
    }
}
