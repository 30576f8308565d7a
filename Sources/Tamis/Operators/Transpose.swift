import CTamisKernels
import TamisKernels

/// The same elements with their axes in another order. ONNX's Transpose.
public struct Transpose: DifferentiableOperator, Hashable {
    /// Axis `i` of the output is axis `order.order[i]` of the input.
    public let order: Permutation

    public init(_ order: Permutation) { self.order = order }

    public var kind: String { "Transpose" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: order.rank...order.rank)
        return [.tensor(elementType, dimensions.map(order.apply) ?? Array(repeating: .unknown, count: order.rank))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        guard x.elementType.bitWidth >= 8 else {
            throw .unsupported(
                operator: kind, rule: "it moves elements of whole bytes", received: x.elementType.rawValue)
        }
        // Axes of one element may stand anywhere: if the others keep their order, nothing moves.
        let moving = order.order.filter { x.shape[$0] != 1 }
        if moving == moving.sorted() { return .view }
        let extents = order.apply(to: x.shape.dimensions)
        let strides = order.apply(to: x.shape.strides)
        let size = x.elementType.bitWidth / 8
        // One tile a step of the outermost axis.
        let (tiles, rest) = (extents[0], extents.dropFirst().reduce(1, *))
        let (innerExtents, innerStrides) = (Array(extents.dropFirst()), Array(strides.dropFirst()))
        return Prepared("strided copy", tiles: tiles, bytes: 2 * x.shape.elementCount * size) { bindings, range in
            for tile in range {
                tamis_strided_copy(
                    innerExtents.count, innerExtents, innerStrides, size, bindings.input(0) + tile * strides[0] * size,
                    bindings.output(0) + tile * rest * size)
            }
            return .done
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try graph.call(Transpose(order.inverse), dy, name: "\(node.name)/gradient")]
    }
}
