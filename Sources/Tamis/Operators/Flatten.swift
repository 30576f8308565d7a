/// A matrix of the same elements: the axes before `axis` become rows, the others columns. ONNX's Flatten.
public struct Flatten: DifferentiableOperator {
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

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }

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
