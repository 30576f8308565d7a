import TamisKernels

/// Lets operators compute in another order of axes where that leaves fewer bytes to transpose: transposes move through
/// them until they meet their inverses and both are gone. Between convolutions read from channel-first files none is left.
///
///     Conv → to channel first → Relu → to channel last → Conv    becomes    Conv → Relu → Conv
///
/// `AxisOrders` chooses. Constants take another order for nothing; the weights of a dense layer behind a Flatten take
/// theirs from it.
public struct CancelTransposes: Pass {
    /// Whether the model is on its way into a file, of channel-first operators that have no other order and of weights that
    /// stay as they are.
    private let isForFile: Bool

    public init() { self.init(isForFile: false) }

    init(isForFile: Bool) { self.isForFile = isForFile }

    public var name: String { "cancel transposes" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        guard model.graph.nodes.contains(where: { $0.operation is Transpose }) else { return model }
        var moving = Moving(model, isForFile: isForFile)
        var rewriter = Rewriter(model)
        let moved = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            try moving.write(node, &rewriter)
            return true
        }
        // What has another form now, or none, would still count as a reader for the passes to come.
        return try DropUnread()(moved)
    }
}

/// The nodes of a model on their way into a new graph, in the orders chosen.
private struct Moving {
    private let model: Model
    private let orders: AxisOrders
    private let results: Set<Graph.ValueID>

    /// The values of the new graph that are forms of roots, so that none is made twice, and what transposes of the old one
    /// were called.
    private var forms: [AxisOrders.Place: Symbol] = [:]
    private var names: [AxisOrders.Place: String] = [:]
    /// For matrices that Flatten made of what should have been transposed first: how, and the extents that became columns.
    private var flattened: [Graph.ValueID: (order: Permutation, extents: [Int], matrix: Symbol)] = [:]

    init(_ model: Model, isForFile: Bool) {
        self.model = model
        results = model.graph.results
        let consumers = model.graph.consumers
        func isConstant(_ id: Graph.ValueID) -> Bool { Moving.constant(id, in: model) != nil }
        func isFolded(_ node: Graph.Node) -> Bool {
            !isForFile && Moving.folds(node, consumers[node.outputs[0]], model)
        }
        func preferred(_ rank: Int) -> Permutation {
            isForFile ? .channelLast(rank: rank) : .channelFirst(rank: rank)
        }
        orders = AxisOrders(model, preferred: preferred, isConstant: isConstant, isFolded: isFolded)
    }

    /// The value of a constant; in a step of training the parameters move, and elements below a byte cannot.
    private static func constant(_ id: Graph.ValueID, in model: Model) -> Tensor? {
        guard model.graph.updates.isEmpty || model.graph.values[id].constant != nil,
            let tensor = model.constant(id), tensor.elementType.bitWidth >= 8
        else { return nil }
        return tensor
    }

    /// Appends what becomes of a node.
    mutating func write(_ node: Graph.Node, _ rewriter: inout Rewriter) throws(ShapeError) {
        // A transpose of what has no known rank makes a root of its own.
        if node.operation is Transpose, let place = orders.places[node.outputs[0]], place.root != node.outputs[0] {
            if names[place] == nil { names[place] = node.name }
            // What stands in this order anyway keeps the name it has in it.
            if let known = forms[place] { rewriter.replace(node.outputs[0], by: known) }
        } else {
            let isDone = try flatten(node, &rewriter)
            if !isDone { try copy(node, &rewriter) }
        }
        for id in node.outputs {
            guard results.contains(id), let place = orders.places[id] else { continue }
            let symbol = try form(place, &rewriter)
            rewriter.replace(id, by: symbol)
        }
    }

    /// Appends a node on inputs in the order that was chosen for it.
    private mutating func copy(_ node: Graph.Node, _ rewriter: inout Rewriter) throws(ShapeError) {
        let permuted = model.graph.values[node.outputs[0]].node.flatMap { orders.permuted($0) }
        var inputs: [Symbol?] = []
        for (position, id) in node.inputs.enumerated() {
            guard let id else {
                inputs.append(nil)
                continue
            }
            let symbol = try input(id, as: permuted?.inputs[position], &rewriter)
            inputs.append(symbol)
        }
        let operation = permuted?.operation ?? node.operation
        if let x = node.inputs.first ?? nil, let flat = flattened[x], let w = node.inputs[1] {
            inputs[0] = flat.matrix
            inputs[1] = try weights(w, of: operation, rowsOf: flat.extents, in: flat.order, rewriter.graph)
        }
        let symbols = try rewriter.graph.append(operation, inputs, name: node.name)
        for (id, symbol) in zip(node.outputs, symbols) {
            rewriter.replace(id, by: symbol)
            forms[AxisOrders.Place(root: id, order: orders.stored(id))] = symbol
        }
    }

    /// The symbol a node reads for an input that it wants as a transpose by `wanted` undone, or as it is.
    private mutating func input(
        _ id: Graph.ValueID, as wanted: Permutation?, _ rewriter: inout Rewriter
    ) throws(ShapeError) -> Symbol {
        guard let place = orders.places[id] else { return rewriter.copy(id) }
        guard let wanted else { return try form(place, &rewriter) }
        guard place.order.rank < wanted.rank, let tensor = Moving.constant(place.root, in: model) else {
            return try form(
                AxisOrders.Place(root: place.root, order: wanted.inverse.after(place.order)), &rewriter)
        }
        // A constant of fewer axes stretches over the first ones.
        let key = AxisOrders.Place(root: id, order: wanted.inverse)
        if let known = forms[key] { return known }
        let own = try tensor.permuted(by: place.order)
        let extents = [Int](repeating: 1, count: wanted.rank - own.shape.rank) + own.shape.dimensions
        let moved = try own.reshaped(to: extents).permuted(by: wanted.inverse)
        let symbol = rewriter.graph.append(moved, like: model.graph.values[place.root])
        forms[key] = symbol
        return symbol
    }

    /// A root with its axes in some order: as it was made, transposed, or, of a constant, moved.
    private mutating func form(_ place: AxisOrders.Place, _ rewriter: inout Rewriter) throws(ShapeError) -> Symbol {
        if let known = forms[place] { return known }
        let stored = AxisOrders.Place(root: place.root, order: orders.stored(place.root))
        let symbol: Symbol
        if place == stored {
            symbol = rewriter.copy(place.root)
        } else if let tensor = Moving.constant(place.root, in: model) {
            symbol = rewriter.graph.append(try tensor.permuted(by: place.order), like: model.graph.values[place.root])
        } else {
            symbol = try rewriter.graph.call(
                Transpose(place.order.after(stored.order.inverse)), form(stored, &rewriter), name: names[place])
        }
        forms[place] = symbol
        return symbol
    }

    // MARK: Dense layers

    /// Whether a node flattens images for products with constant weights alone, whose rows can take any order. Not large
    /// weights that are multiplied where they lie: to transpose the images at each run costs less than those again.
    private static func folds(_ node: Graph.Node, _ readers: [Int], _ model: Model) -> Bool {
        guard let flatten = node.operation as? Flatten, flatten.axis == 1, let x = node.inputs[0],
            let extents = model.graph.values[x].type.dimensions?.dropFirst(), extents.allSatisfy({ $0.value != nil })
        else { return false }
        let matrix = node.outputs[0]
        return !model.graph.results.contains(matrix)
            && readers.allSatisfy { index in
                let reader = model.graph.nodes[index]
                guard (reader.operation as? Gemm).map({ !$0.transposeX }) ?? (reader.operation is MatMul),
                    reader.inputs[0] == matrix, !reader.inputs.dropFirst().contains(matrix),
                    let weights = reader.inputs[1].flatMap({ constant($0, in: model) })
                else { return false }
                let isTransposed = (reader.operation as? Gemm)?.transposeW == true
                return weights.shape.rank == 2
                    && !(isTransposed && weights.byteCount >= MatrixProduct.denseBytes)
            }
    }

    /// Flattens the form of a value that is there instead of the one it should have, where the weights behind can make up
    /// for it.
    private mutating func flatten(_ node: Graph.Node, _ rewriter: inout Rewriter) throws(ShapeError) -> Bool {
        guard orders.folded.contains(node.outputs[0]), let x = node.inputs.first ?? nil, let place = orders.places[x],
            Moving.constant(place.root, in: model) == nil
        else { return false }
        let stored = orders.stored(place.root)
        let order = place.order.after(stored.inverse)
        guard !order.isIdentity, order.order.first == 0,
            let extents = model.graph.values[x].type.dimensions?.dropFirst().compactMap(\.value)
        else { return false }
        let source = try form(AxisOrders.Place(root: place.root, order: stored), &rewriter)
        let matrix = try rewriter.graph.call(Flatten(axis: 1), source, name: node.name)
        rewriter.replace(node.outputs[0], by: matrix)
        flattened[node.outputs[0]] = (order, extents, matrix)
        return true
    }

    /// The weights of a dense layer with their rows in the order of what is flattened now.
    private func weights(
        _ id: Graph.ValueID, of operation: any Operator, rowsOf extents: [Int], in order: Permutation,
        _ graph: GraphBuilder
    ) throws(ShapeError) -> Symbol {
        guard let weights = Moving.constant(id, in: model) else {
            throw .mismatch(rule: "a constant must have a value", received: model.graph.values[id].name)
        }
        // The rows, seen as the transposed axes, go back to the order of the source.
        let rows = try Permutation(order.order.dropFirst().map { $0 - 1 }).inverse
        let transposed = (operation as? Gemm)?.transposeW == true
        let columns = weights.shape[transposed ? 0 : 1]
        let moved =
            transposed
            ? try weights.reshaped(to: [columns] + extents).permuted(by: Permutation([0] + rows.order.map { $0 + 1 }))
            : try weights.reshaped(to: extents + [columns]).permuted(by: Permutation(rows.order + [rows.rank]))
        return graph.append(try moved.reshaped(to: weights.shape.dimensions), like: model.graph.values[id])
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
