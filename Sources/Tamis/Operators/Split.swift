/// The parts of a tensor one after another along an axis. ONNX's Split.
///
/// Inputs: x and, where `parts` says so, the extents of the parts.
public struct Split: DifferentiableOperator, Hashable {
    /// How many parts there are, and how long.
    public enum Parts: Sendable, Hashable {
        /// So many of one length; the last ones may be shorter.
        case equal(Int)
        /// Of these lengths.
        case lengths([Int])
        /// So many of lengths that input 1 says.
        case input(Int)

        /// The number of parts.
        public var count: Int {
            switch self {
            case .equal(let count), .input(let count): count
            case .lengths(let lengths): lengths.count
            }
        }
    }

    /// The axis along which the parts follow each other; negative counts from the end.
    public let axis: Int
    /// The parts.
    public let parts: Parts

    public init(axis: Int = 0, parts: Parts) {
        self.axis = axis
        self.parts = parts
    }

    public var kind: String { "Split" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        if case .input = parts { try inputs.expect(count: 2...2) } else { try inputs.expect(count: 1...1) }
        guard (1...(1 << 16)).contains(parts.count) else {
            throw .mismatch(rule: "Split makes 1 to 65536 parts", received: "\(parts.count)")
        }
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: 1...64)
        guard let dimensions else { return Array(repeating: .tensor(elementType, nil), count: parts.count) }
        let axis = try inputs.axis(axis, rank: dimensions.count)
        return try lengths(of: dimensions[axis], inputs).map { length in
            var part = dimensions
            part[axis] = length
            return .tensor(elementType, part)
        }
    }

    /// The lengths of so many equal parts of an axis.
    static func equalLengths(of extent: Int, count: Int) -> [Int] {
        let length = (extent + count - 1) / count
        return (0..<count).map { max(0, min(length, extent - $0 * length)) }
    }

    private func lengths(of extent: Dimension, _ inputs: Operands) throws(ShapeError) -> [Dimension] {
        let lengths: [Int]
        switch parts {
        case .equal(let count):
            guard let extent = extent.value else { return Array(repeating: .unknown, count: count) }
            return Split.equalLengths(of: extent, count: count).map(Dimension.fixed)
        case .lengths(let given): lengths = given
        case .input(let count):
            guard let given = try inputs.integers(1, "split") else { return Array(repeating: .unknown, count: count) }
            guard given.count == count else {
                throw .mismatch(rule: "Split's lengths must be \(count), one for each output", received: "\(given)")
            }
            lengths = given
        }
        var total = Dimension.fixed(0)
        for length in lengths {
            guard length >= 0 else {
                throw .mismatch(rule: "Split's lengths must be 0 or more", received: "\(lengths)")
            }
            total = try total.plus(.fixed(length))
        }
        guard extent.value == nil || extent == total else {
            throw .mismatch(
                rule: "Split's lengths must add up to the extent of the axis, \(extent)", received: "\(lengths)")
        }
        return lengths.map(Dimension.fixed)
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard case .input = parts, let known = try inputs.integers(1, "split") else { return nil }
        return Split(axis: axis, parts: .lengths(known))
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        inputs.keepApart(images, workingAlong: [axis])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        if context.outputs.count == 1 { return .view }
        let size = try context.elementBytes(0)
        let axis = axis < 0 ? axis + context.outputs[0].shape.rank : axis
        return RowParts(context.outputs.map(\.shape), axis: axis, elementBytes: size).divided()
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let axis = order.source(of: axis) else { return nil }
        return PermutedOperator(
            operation: Split(axis: axis, parts: parts), inputs: [order],
            outputs: Array(repeating: order, count: parts.count))
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0] else { return [nil] }
        var parts: [Symbol] = []
        for (dy, y) in zip(outputs, node.outputs) {
            if let dy { parts.append(dy) } else { parts.append(try graph.call(ZerosLike(), y)) }
        }
        return [try graph.append(Concat(axis: axis), parts, name: "\(node.name)/gradient")[0]]
    }
}
