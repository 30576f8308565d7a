/// The tensor with more axes, of one element each. ONNX's Unsqueeze.
///
/// Inputs: x and, where `axes` does not say, the axes of the output that are new.
public struct Unsqueeze: DifferentiableOperator, Hashable {
    /// The axes of the output that are new; negative ones count from the end.
    public let axes: [Int]?

    public init(axes: [Int]? = nil) { self.axes = axes }

    public var kind: String { "Unsqueeze" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: axes == nil ? 2...2 : 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: 0...64)
        guard let dimensions else { return [.tensor(elementType, nil)] }
        guard let known = try inputs.integers(1, "axes", unless: axes) else {
            let count = try inputs.tensor(1, "axes", rank: 0...1).dimensions.map { $0.first?.value ?? 1 }
            return [.tensor(elementType, try [Dimension].unknown(rank: count.map { dimensions.count + $0 }))]
        }
        let added = try inputs.axes(known, rank: dimensions.count + known.count)
        return [.tensor(elementType, places(added, beside: dimensions.count).map { $0.map { dimensions[$0] } ?? 1 })]
    }

    /// For each axis of the output, the axis of x that it is.
    private func places(_ added: [Int], beside rank: Int) -> [Int?] {
        var next = 0
        return (0..<rank + added.count).map { axis in
            guard !added.contains(axis) else { return nil }
            next += 1
            return next - 1
        }
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard axes == nil, let known = try inputs.integers(1, "axes") else { return nil }
        return Unsqueeze(axes: known)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        // The new axes keep their places, the others change among themselves.
        guard inputs.count == 1, let axes, let added = try? inputs.axes(axes, rank: order.rank + axes.count) else {
            return nil
        }
        let places = places(added, beside: order.rank)
        let kept = places.indices.filter { places[$0] != nil }
        let moved = places.indices.map { axis in places[axis].map { kept[order.order[$0]] } ?? axis }
        guard let output = try? Permutation(moved) else { return nil }
        return PermutedOperator(operation: Unsqueeze(axes: added), inputs: [order], outputs: [output])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try graph.call(ReshapeLike(), dy, x, name: "\(node.name)/gradient")]
    }
}
