/// Tensors one after another along an axis. ONNX's Concat.
public struct Concat: DifferentiableOperator, Hashable {
    /// The axis along which the inputs follow each other; negative counts from the end.
    public let axis: Int

    public init(axis: Int) { self.axis = axis }

    public var kind: String { "Concat" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...Int.max)
        return [try Concat.type(of: inputs, in: 0..<inputs.count, axis: axis)]
    }

    /// The type of what the inputs at these positions are together.
    static func type(of inputs: Operands, in positions: Range<Int>, axis: Int) throws(ShapeError) -> ValueType {
        let elementType = try inputs.tensor(positions.lowerBound, "first input").elementType
        var joined: [Dimension]?
        var isKnown = true
        for index in positions {
            try inputs.expect(elementType, of: index, "input \(index)")
            guard let next = try inputs.tensor(index, "input \(index)", rank: 1...64).dimensions else {
                isKnown = false
                continue
            }
            guard var sum = joined else {
                joined = next
                continue
            }
            guard sum.count == next.count else {
                throw .mismatch(
                    rule: "\(inputs.operatorName)'s inputs must have as many axes", received: "\(sum), \(next)")
            }
            let along = try inputs.axis(axis, rank: sum.count)
            for other in sum.indices where other != along {
                sum[other] = try inputs.common(sum[other], next[other], "the extent of axis \(other)")
            }
            sum[along] = try sum[along].plus(next[along])
            joined = sum
        }
        guard var joined else { return .tensor(elementType, nil) }
        let along = try inputs.axis(axis, rank: joined.count)
        if !isKnown { joined[along] = .unknown }
        return .tensor(elementType, joined)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        inputs.hold(images, exactlyAt: Set(images.indices)) && inputs.leaveFirstAxis([axis])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        if context.inputs.count == 1 { return .view }
        let size = try context.elementBytes(0)
        let axis = axis < 0 ? axis + context.outputs[0].shape.rank : axis
        return RowParts(context.inputs.compactMap { $0?.shape }, axis: axis, elementBytes: size).joined()
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = order.source(of: axis),
            inputs.all.allSatisfy({ $0?.type.dimensions?.count == order.rank })
        else { return nil }
        return PermutedOperator(
            operation: Concat(axis: axis), inputs: Array(repeating: order, count: inputs.count), outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard let dy = outputs[0] else { return node.inputs.map { _ in nil } }
        return try graph.append(ConcatGradient(axis: axis), [dy] + node.inputs, name: "\(node.name)/gradient")
    }
}

/// The parts of the first input in the shapes of the others, which follow each other along an axis: the gradients of
/// Concat. The others count for their shapes alone.
public struct ConcatGradient: Operator {
    /// The axis along which the parts follow each other; negative counts from the end.
    public let axis: Int

    public init(axis: Int) { self.axis = axis }

    public var kind: String { "ConcatGradient" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...Int.max)
        let whole = try Concat.type(of: inputs, in: 1..<inputs.count, axis: axis)
        try inputs.expect(whole, of: 0, "dy")
        return try (1..<inputs.count).map { (index) throws(ShapeError) in
            let (elementType, dimensions) = try inputs.tensor(index, "input \(index)")
            return .tensor(elementType, dimensions)
        }
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let size = try context.elementBytes(0)
        let axis = axis < 0 ? axis + context.outputs[0].shape.rank : axis
        var prepared = RowParts(context.outputs.map(\.shape), axis: axis, elementBytes: size).divided()
        prepared.unreadInputs = Array(1..<context.inputs.count)
        return prepared
    }
}

extension Dimension {
    /// The sum of two extents, where both are known.
    func plus(_ other: Dimension) throws(ShapeError) -> Dimension {
        guard let value, let otherValue = other.value else { return .unknown }
        let (sum, overflow) = value.addingReportingOverflow(otherValue)
        guard !overflow, sum <= Shape.largest else { throw .tooManyElements([value, otherValue]) }
        return .fixed(sum)
    }

    /// The product with a number, where the extent is known.
    func times(_ factor: Int) throws(ShapeError) -> Dimension {
        if factor == 1 { return self }
        guard let value else { return factor == 0 ? 0 : .unknown }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        guard !overflow, product <= Shape.largest else { throw .tooManyElements([value, factor]) }
        return .fixed(product)
    }
}
