/// Moves transposes down through operators that can take their inputs in another order, until they meet their inverses
/// and both are gone. Between convolutions read from channel-first files none is left.
public struct CancelTransposes: Pass {
    public init() {}

    public var name: String { "cancel transposes" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        guard model.graph.nodes.contains(where: { $0.operation is Transpose }) else { return model }
        var rewriter = Rewriter(model)
        /// For values that a transpose makes: what it makes them of, and in which order. Kept by symbol of the new graph.
        var origins: [Graph.ValueID: (source: Symbol, order: Permutation)] = [:]

        /// `symbol` with its axes in another order; two orders in a row become one, or none.
        func transposed(
            _ symbol: Symbol, by order: Permutation, in graph: GraphBuilder, name: String? = nil
        ) throws(ShapeError) -> Symbol {
            let origin = origins[symbol.id]
            let source = origin?.source ?? symbol
            let total = origin.map { order.after($0.order) } ?? order
            if total.isIdentity { return source }
            let result = try graph.call(Transpose(total), source, name: name)
            origins[result.id] = (source, total)
            return result
        }

        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            if let transpose = node.operation as? Transpose, let input = node.inputs[0] {
                let source = rewriter.copy(input)
                if let tensor = model.constant(input), model.graph.updates.isEmpty {
                    let name = "\(source.name)/\(transpose.order.order)"
                    let moved = try tensor.permuted(by: transpose.order)
                    rewriter.replace(node.outputs[0], by: rewriter.graph.parameter(name, moved))
                } else {
                    let result = try transposed(source, by: transpose.order, in: rewriter.graph, name: node.name)
                    rewriter.replace(node.outputs[0], by: result)
                }
                return true
            }
            let inputs = node.inputs.map { $0.map { rewriter.copy($0) } }
            let orders = inputs.map { symbol in symbol.flatMap { origins[$0.id]?.order } }
            guard let order = orders.compactMap({ $0 }).first else { return false }
            if try sinkIntoDense(node, inputs, &rewriter, origins) { return true }
            let operands = Operands(
                inputs.map { $0.map { Operand(type: $0.type, constant: nil) } }, operatorName: node.operation.kind)
            guard let permuted = node.operation.permuted(by: order, inputs: operands) else { return false }
            // Worth it only if no input needs a new transpose; constants take another order for nothing.
            var sources: [Symbol?] = []
            for (position, symbol) in inputs.enumerated() {
                guard let symbol, let wanted = permuted.inputs[position] else {
                    sources.append(symbol)
                    continue
                }
                if let origin = origins[symbol.id], origin.order == wanted {
                    sources.append(origin.source)
                } else if let id = node.inputs[position], let tensor = model.constant(id), model.graph.updates.isEmpty {
                    let name = "\(symbol.name)/\(wanted.inverse.order)"
                    sources.append(rewriter.graph.parameter(name, try tensor.permuted(by: wanted.inverse)))
                } else {
                    return false
                }
            }
            let symbols = try rewriter.graph.append(permuted.operation, sources, name: node.name)
            for (position, id) in node.outputs.enumerated() {
                let result = try transposed(symbols[position], by: permuted.outputs[position], in: rewriter.graph)
                rewriter.replace(id, by: result)
            }
            return true
        }

        /// Transpose → Flatten → Gemm with constant weights: the weights' rows take the order instead.
        func sinkIntoDense(
            _ node: Graph.Node, _ inputs: [Symbol?], _ rewriter: inout Rewriter,
            _ origins: [Graph.ValueID: (source: Symbol, order: Permutation)]
        ) throws(ShapeError) -> Bool {
            guard let flatten = node.operation as? Flatten, flatten.axis == 1, let symbol = inputs[0],
                let origin = origins[symbol.id], origin.order.order.first == 0,
                let next = rewriter.onlyConsumer(of: node.outputs[0]), let gemm = next.operation as? Gemm,
                !gemm.transposeX, next.inputs[0] == node.outputs[0], let weightID = next.inputs[1],
                let weights = model.constant(weightID), model.graph.updates.isEmpty,
                let dimensions = symbol.dimensions?.dropFirst().compactMap(\.value), dimensions.count == origin.order.rank - 1
            else { return false }
            // The weights' rows, seen as the transposed axes, go back to the order of the source.
            let rowOrder = try Permutation(origin.order.order.dropFirst().map { $0 - 1 }).inverse
            let rank = rowOrder.rank
            let columns = weights.shape[gemm.transposeW ? 0 : 1]
            let moved: Tensor
            if gemm.transposeW {
                moved = try weights.reshaped(to: [columns] + dimensions)
                    .permuted(by: Permutation([0] + rowOrder.order.map { $0 + 1 }))
            } else {
                moved = try weights.reshaped(to: dimensions + [columns]).permuted(by: Permutation(rowOrder.order + [rank]))
            }
            let flat = try rewriter.graph.call(flatten, origin.source, name: node.name)
            let name = "\(model.graph.values[weightID].name)/channel_last"
            let w = rewriter.graph.parameter(name, try moved.reshaped(to: weights.shape.dimensions))
            let bias = next.inputs.count > 2 ? next.inputs[2].map { rewriter.copy($0) } : nil
            let result = try rewriter.graph.append(gemm, [flat, w, bias], name: next.name)[0]
            rewriter.replace(node.outputs[0], by: flat)
            rewriter.replace(next.outputs[0], by: result)
            return true
        }
    }
}
