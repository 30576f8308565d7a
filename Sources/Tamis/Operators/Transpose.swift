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

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        order.order.first == 0 && inputs.hold(images, exactlyAt: [0])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        // Axes of one element may stand anywhere: if the others keep their order, nothing moves.
        let moving = order.order.filter { x[$0] != 1 }
        if moving == moving.sorted() { return .view }
        return .strided(order.apply(to: x.dimensions), strides: order.apply(to: x.strides), elementBytes: size)
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try graph.call(Transpose(order.inverse), dy, name: "\(node.name)/gradient")]
    }
}
