/// The tensor without some axes of one element. ONNX's Squeeze.
///
/// Inputs: x and, where `axes` does not say, the axes to leave out; without either, all axes of one element.
public struct Squeeze: DifferentiableOperator, Hashable {
    /// The axes that are left out; negative ones count from the end.
    public let axes: [Int]?

    public init(axes: [Int]? = nil) { self.axes = axes }

    public var kind: String { "Squeeze" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let known = try inputs.integers(1, "axes", unless: axes)
        guard let dimensions else { return [.tensor(elementType, nil)] }
        guard let known else {
            if inputs.optional(1) != nil {
                guard let count = try inputs.tensor(1, "axes", rank: 1...1).dimensions?.first?.value,
                    count <= dimensions.count
                else { return [.tensor(elementType, nil)] }
                return [.tensor(elementType, Array(repeating: .unknown, count: dimensions.count - count))]
            }
            guard dimensions.allSatisfy({ $0.value != nil }) else { return [.tensor(elementType, nil)] }
            return [.tensor(elementType, dimensions.filter { $0 != 1 })]
        }
        let dropped = try inputs.axes(known, rank: dimensions.count)
        for axis in dropped { try inputs.expect(dimensions[axis], equals: 1, "extent along axis \(axis)") }
        return [.tensor(elementType, dimensions.indices.filter { !dropped.contains($0) }.map { dimensions[$0] })]
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard axes == nil, let known = try inputs.integers(1, "axes") else { return nil }
        return Squeeze(axes: known)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let dropped = droppedAxes(inputs, rank: order.rank),
            let output = order.keeping(order.order.indices.filter { !dropped.contains($0) })
        else { return nil }
        return PermutedOperator(
            operation: Squeeze(axes: dropped.map { order.order[$0] }), inputs: [order], outputs: [output])
    }

    private func droppedAxes(_ inputs: Operands, rank: Int) -> [Int]? {
        if let axes { return try? inputs.axes(axes, rank: rank) }
        guard let dimensions = inputs.optional(0)?.type.dimensions, dimensions.count == rank,
            dimensions.allSatisfy({ $0.value != nil })
        else { return nil }
        return dimensions.indices.filter { dimensions[$0] == 1 }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try graph.call(ReshapeLike(), dy, x, name: "\(node.name)/gradient")]
    }
}
