/// The tensor stretched to a shape it broadcasts to, as numpy does. ONNX's Expand.
///
/// Inputs: x and, where `shape` does not say, the shape to broadcast with; where that is 1 x keeps its extent.
public struct Expand: DifferentiableOperator, Hashable {
    /// The shape to broadcast with; nil where input 1 says it.
    public let shape: [Int]?

    public init(shape: [Int]? = nil) { self.shape = shape }

    public var kind: String { "Expand" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: shape == nil ? 2...2 : 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard let known = try inputs.integers(1, "shape", unless: shape) else {
            let rank = try inputs.tensor(1, "shape", rank: 1...1).dimensions?.first?.value
            guard let dimensions, let target = try [Dimension].unknown(rank: rank) else {
                return [.tensor(elementType, nil)]
            }
            return [.tensor(elementType, try Broadcast.dimensions(dimensions, target, of: kind))]
        }
        guard known.allSatisfy({ $0 >= 0 }) else {
            throw .mismatch(rule: "Expand's shape must be extents of 0 or more", received: "\(known)")
        }
        guard let dimensions else { return [.tensor(elementType, nil)] }
        return [.tensor(elementType, try Broadcast.dimensions(dimensions, known.map(Dimension.fixed), of: kind))]
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard shape == nil, let known = try inputs.integers(1, "shape") else { return nil }
        return Expand(shape: known)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        let y = context.outputs[0].shape
        if x.elementCount == y.elementCount { return .view }
        let own = zip(x.dimensions, x.strides).map { $0 == 1 ? 0 : $1 }
        let strides = [Int](repeating: 0, count: y.rank - x.rank) + own
        var prepared = Prepared.strided(y.dimensions, strides: strides, elementBytes: size)
        prepared.unreadInputs = [1]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let shape else { return nil }
        // Axes that x does not have come first, and stay there.
        let missing = max(0, order.rank - shape.count)
        let full = [Int](repeating: 1, count: missing) + shape
        let added = full.count - order.rank
        var moved = full
        for (axis, source) in order.order.enumerated() { moved[added + source] = full[added + axis] }
        guard let output = try? Permutation(Array(0..<added) + order.order.map { $0 + added }) else { return nil }
        return PermutedOperator(operation: Expand(shape: moved), inputs: [order], outputs: [output])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try Unbroadcast.append(dy, like: x, in: graph)]
    }
}
