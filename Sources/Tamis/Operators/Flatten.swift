/// A matrix of the same elements: the axes before `axis` become rows, the others columns. ONNX's Flatten.
public struct Flatten: DifferentiableOperator, Hashable {
    /// The first axis that goes to the columns; negative counts from the end.
    public let axis: Int

    public init(axis: Int = 1) { self.axis = axis }

    public var kind: String { "Flatten" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard let dimensions else { return [.tensor(elementType, [.unknown, .unknown])] }
        let first = axis < 0 ? axis + dimensions.count : axis
        guard (0...dimensions.count).contains(first) else {
            throw .mismatch(rule: "Flatten's axis must be one of \(dimensions.count) axes", received: "\(axis)")
        }
        return [.tensor(elementType, [dimensions[..<first].product, dimensions[first...].product])]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        // Axes of one element may stand anywhere on their side: if the others keep their order, nothing moves.
        guard let dimensions = inputs.optional(0)?.type.dimensions, dimensions.count == order.rank else { return nil }
        let first = axis < 0 ? axis + order.rank : axis
        let moving = zip(order.order, dimensions).filter { $0.1 != 1 }.map(\.0)
        guard (0...order.rank).contains(first), order.order[..<first].allSatisfy({ $0 < first }),
            moving == moving.sorted()
        else { return nil }
        return PermutedOperator(operation: self, inputs: [order], outputs: [.identity(rank: 2)])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try graph.call(ReshapeLike(), dy, x, name: "\(node.name)/gradient")]
    }
}

extension Collection<Dimension> {
    /// The number of elements over these axes; a single axis keeps its name.
    var product: Dimension {
        if count == 1, let only = first { return only }
        var product = 1
        for dimension in self {
            guard let value = dimension.value else { return .unknown }
            let (next, overflow) = product.multipliedReportingOverflow(by: value)
            guard !overflow else { return .unknown }
            product = next
        }
        return .fixed(product)
    }
}
