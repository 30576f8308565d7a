/// Moves transposes down through operators that can take their inputs in another order, until they meet their inverses
/// and both are gone. Between convolutions read from channel-first files none is left.
///
///     Conv → to channel first → Relu → to channel last → Conv    becomes    Conv → Relu → Conv
///
/// Constants take another order for nothing; the weights of a dense layer behind a Flatten take theirs from it.
public struct CancelTransposes: Pass {
    /// Whether an order may go into the weights of a dense layer.
    let foldsIntoDense: Bool

    public init() { self.init(foldsIntoDense: true) }

    init(foldsIntoDense: Bool) { self.foldsIntoDense = foldsIntoDense }

    public var name: String { "cancel transposes" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        guard model.graph.nodes.contains(where: { $0.operation is Transpose }) else { return model }
        var rewriter = Rewriter(model)
        var orders = Orders(model)
        let moved = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            if let transpose = node.operation as? Transpose, let input = node.inputs[0] {
                try orders.transpose(input, by: transpose.order, node, &rewriter)
                return true
            }
            if foldsIntoDense, try orders.fold(node, &rewriter) { return true }
            return try orders.sink(node, &rewriter)
        }
        // A transpose that nobody reads any more would still count as a reader for the passes to come.
        return try DropUnread()(moved)
    }
}

/// What is known of the order of values while the pass copies them. Values are those of the new graph but for constants,
/// which are those of the old one.
private struct Orders {
    let model: Model

    /// A value, and what a transpose has done to the order of its axes.
    struct Origin {
        var source: Symbol
        var order: Permutation
    }

    private struct Move: Hashable {
        var value: Graph.ValueID
        var order: Permutation
    }

    /// For values that a transpose makes: of what.
    private var origins: [Graph.ValueID: Origin] = [:]
    /// For matrices that Flatten makes of such values: of what, and the extents of the axes that became columns.
    private var flattened: [Graph.ValueID: (origin: Origin, extents: [Int])] = [:]
    /// The transposes, flattenings and moved constants there are, so that none is made twice.
    private var transposes: [Move: Symbol] = [:]
    private var flattenings: [Graph.ValueID: Symbol] = [:]
    private var constants: [Move: Symbol] = [:]

    init(_ model: Model) { self.model = model }

    /// The value of a constant; in a step of training the parameters move, and elements below a byte cannot.
    private func constant(_ id: Graph.ValueID) -> Tensor? {
        guard model.graph.updates.isEmpty || model.graph.values[id].constant != nil,
            let tensor = model.constant(id), tensor.elementType.bitWidth >= 8
        else { return nil }
        return tensor
    }

    /// Replaces a transpose by its own work on a constant, or by one from where the axes last had another order.
    mutating func transpose(
        _ input: Graph.ValueID, by order: Permutation, _ node: Graph.Node, _ rewriter: inout Rewriter
    ) throws(ShapeError) {
        let result =
            constant(input) == nil
            ? try transposed(rewriter.copy(input), by: order, in: rewriter.graph, name: node.name)
            : try movedConstant(input, by: order, in: rewriter.graph)
        rewriter.replace(node.outputs[0], by: result)
    }

    /// `symbol` with its axes in another order; two orders in a row become one, or none.
    private mutating func transposed(
        _ symbol: Symbol, by order: Permutation, in graph: GraphBuilder, name: String? = nil
    ) throws(ShapeError) -> Symbol {
        let origin = origins[symbol.id]
        let source = origin?.source ?? symbol
        let total = origin.map { order.after($0.order) } ?? order
        if total.isIdentity { return source }
        if let known = transposes[Move(value: source.id, order: total)] { return known }
        let result = try graph.call(Transpose(total), source, name: name)
        origins[result.id] = Origin(source: source, order: total)
        transposes[Move(value: source.id, order: total)] = result
        return result
    }

    /// A constant with its axes in another order. It keeps its name, if nobody needs it in its old order.
    private mutating func movedConstant(
        _ id: Graph.ValueID, by order: Permutation, in graph: GraphBuilder
    ) throws(ShapeError) -> Symbol {
        if let known = constants[Move(value: id, order: order)] { return known }
        guard let tensor = constant(id) else {
            throw .mismatch(rule: "a constant must have a value", received: model.graph.values[id].name)
        }
        // A constant of fewer axes stretches over the first ones.
        let missing = max(0, order.rank - tensor.shape.rank)
        let extended =
            missing == 0
            ? tensor : try tensor.reshaped(to: [Int](repeating: 1, count: missing) + tensor.shape.dimensions)
        let symbol = graph.append(try extended.permuted(by: order), like: model.graph.values[id])
        constants[Move(value: id, order: order)] = symbol
        return symbol
    }

    /// Puts an operator on transposed inputs before the transposes. That is worth it only where no input needs a new one.
    mutating func sink(_ node: Graph.Node, _ rewriter: inout Rewriter) throws(ShapeError) -> Bool {
        var inputs: [Symbol?] = []
        for input in node.inputs { inputs.append(input.flatMap { constant($0) == nil ? rewriter.copy($0) : nil }) }
        guard let order = inputs.lazy.compactMap({ [origins] in $0.flatMap { origins[$0.id]?.order } }).first else {
            return false
        }
        let operands = Operands(
            node.inputs.map { $0.map { Operand(type: model.graph.values[$0].type) } }, operatorName: node.operation.kind
        )
        guard let permuted = node.operation.permuted(by: order, inputs: operands) else {
            try rememberFlattening(node, inputs, &rewriter)
            return node.outputs.first.map(rewriter.isReplaced) ?? false
        }
        var sources: [Symbol?] = []
        for (position, id) in node.inputs.enumerated() {
            guard let id, let wanted = permuted.inputs[position] else {
                sources.append(id.map { rewriter.copy($0) })
                continue
            }
            guard let symbol = inputs[position] else {
                sources.append(try movedConstant(id, by: wanted.inverse, in: rewriter.graph))
                continue
            }
            // What this input is a transpose of, or a transpose of it that is there already.
            let origin = origins[symbol.id] ?? Origin(source: symbol, order: .identity(rank: wanted.rank))
            guard origin.order.rank == wanted.rank else { return false }
            let rest = wanted.inverse.after(origin.order)
            if rest.isIdentity {
                sources.append(origin.source)
            } else if let known = transposes[Move(value: origin.source.id, order: rest)] {
                sources.append(known)
            } else if wanted != order, origin.order == order, rewriter.onlyConsumer(of: id) != nil {
                // The operator wants an order of its own: a transpose to that, in the place of one that nobody else reads.
                sources.append(try transposed(origin.source, by: rest, in: rewriter.graph))
            } else {
                return false
            }
        }
        let symbols = try rewriter.graph.append(permuted.operation, sources, name: node.name)
        for (position, id) in node.outputs.enumerated() {
            rewriter.replace(
                id, by: try transposed(symbols[position], by: permuted.outputs[position], in: rewriter.graph))
        }
        return true
    }

    // MARK: Dense layers

    /// Copies a Flatten of transposed values, knowing what its columns were.
    private mutating func rememberFlattening(
        _ node: Graph.Node, _ inputs: [Symbol?], _ rewriter: inout Rewriter
    ) throws(ShapeError) {
        guard let flatten = node.operation as? Flatten, flatten.axis == 1, let symbol = inputs[0],
            let origin = origins[symbol.id], origin.order.order.first == 0,
            let extents = symbol.dimensions?.dropFirst().compactMap(\.value), extents.count == origin.order.rank - 1
        else { return }
        try rewriter.copyNode(node)
        flattened[rewriter.copy(node.outputs[0]).id] = (origin, extents)
    }

    /// Transpose → Flatten → Gemm or MatMul with constant weights: the weights' rows take the order instead.
    mutating func fold(_ node: Graph.Node, _ rewriter: inout Rewriter) throws(ShapeError) -> Bool {
        let gemm = node.operation as? Gemm
        guard gemm.map({ !$0.transposeX }) ?? (node.operation is MatMul), let x = node.inputs[0], constant(x) == nil,
            let (origin, extents) = flattened[rewriter.copy(x).id], let id = node.inputs[1],
            let weights = constant(id), weights.shape.rank == 2
        else { return false }
        // The weights' rows, seen as the transposed axes, go back to the order of the source.
        let rows = try Permutation(origin.order.order.dropFirst().map { $0 - 1 }).inverse
        let columns = weights.shape[gemm?.transposeW == true ? 0 : 1]
        let moved =
            gemm?.transposeW == true
            ? try weights.reshaped(to: [columns] + extents).permuted(by: Permutation([0] + rows.order.map { $0 + 1 }))
            : try weights.reshaped(to: extents + [columns]).permuted(by: Permutation(rows.order + [rows.rank]))
        let flat: Symbol
        if let known = flattenings[origin.source.id] {
            flat = known
        } else {
            flat = try rewriter.graph.call(Flatten(axis: 1), origin.source, name: rewriter.producer(of: x)?.name)
            flattenings[origin.source.id] = flat
        }
        let w = rewriter.graph.append(try moved.reshaped(to: weights.shape.dimensions), like: model.graph.values[id])
        let rest = node.inputs.dropFirst(2).map { $0.map { rewriter.copy($0) } }
        let result = try rewriter.graph.append(node.operation, [flat, w] + rest, name: node.name)[0]
        rewriter.replace(node.outputs[0], by: result)
        return true
    }
}

extension GraphBuilder {
    /// A constant or parameter in the place of another.
    fileprivate func append(_ tensor: Tensor, like value: Graph.Value) -> Symbol {
        if case .parameter(let isTrainable) = value.source {
            return parameter(value.name, tensor, isTrainable: isTrainable)
        }
        return constant(tensor, name: value.name)
    }
}
