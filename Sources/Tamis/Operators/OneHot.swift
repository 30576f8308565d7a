import TamisKernels

/// For each index a list of one value, but of another at the place that the index names. ONNX's OneHot.
///
/// Inputs: indices of any numeric type, negative ones counting from the end and those outside naming no place; where
/// `depth` does not say, the length of the lists; and the two values, that of all other places first.
public struct OneHot: Operator, Hashable {
    /// The axis of the output along which the lists lie; negative counts from the end.
    public let axis: Int
    /// The length of the lists; nil where input 1 says it.
    public let depth: Int?

    public init(axis: Int = -1, depth: Int? = nil) {
        self.axis = axis
        self.depth = depth
    }

    public var kind: String { "OneHot" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let (indexType, indices) = try inputs.tensor(0, "indices", rank: 0...63)
        guard indexType.isNumeric else {
            throw .elementType(rule: "OneHot's indices must be numbers", received: indexType)
        }
        let (elementType, values) = try inputs.tensor(2, "values", rank: 1...1)
        if let values { try inputs.expect(values[0], equals: 2, "number of values") }
        let depth = try knownDepth(inputs)
        guard var dimensions = indices else { return [.tensor(elementType, nil)] }
        let axis = try inputs.axis(axis, rank: dimensions.count + 1)
        dimensions.insert(depth.map(Dimension.fixed) ?? .unknown, at: axis)
        return [.tensor(elementType, dimensions)]
    }

    private func knownDepth(_ inputs: Operands) throws(ShapeError) -> Int? {
        if let depth { return depth }
        let (elementType, dimensions) = try inputs.tensor(1, "depth", rank: 0...1)
        guard elementType.isNumeric else {
            throw .elementType(rule: "OneHot's depth must be a number", received: elementType)
        }
        for dimension in dimensions ?? [] { try inputs.expect(dimension, equals: 1, "number of depths") }
        guard let value = try inputs.optional(1)?.constant?.doubles().first else { return nil }
        guard value >= 0, value <= Double(Shape.largest) else {
            throw .mismatch(rule: "OneHot's depth must be 0 or more", received: "\(value)")
        }
        return Int(value)
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard depth == nil, let known = try knownDepth(inputs) else { return nil }
        return OneHot(axis: axis, depth: known)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (indices, size) = (try context.input(0), try context.elementBytes(2))
        let lists = HotLists(slices: Slices(context.outputs[0].shape, axis: axis), elementBytes: size)
        guard let stages = indices.elementType.visit(lists) else {
            throw .unsupported(
                operator: kind, rule: "its indices must be numbers", received: indices.elementType.rawValue)
        }
        var prepared = Prepared("fill, write", stages: stages)
        prepared.unreadInputs = [1]
        return prepared
    }
}

/// Fills all lists with the first value, then writes the second where the indices say.
private struct HotLists: NumericVisitor {
    let slices: Slices
    let elementBytes: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> [Prepared.Stage] {
        let (depth, inner, size) = (slices.count, slices.inner, elementBytes)
        return [
            .elements(slices.outer * depth * inner, bytesPerElement: size) { bindings, first, count in
                fillElements(count, size, with: bindings.input(2), at: bindings.output(0) + first * size)
            },
            .elements(slices.outer * inner, bytesPerElement: size) { bindings, first, count in
                let indices = bindings.input(0).assumingMemoryBound(to: Scalar.self)
                let (hot, y) = (bindings.input(2) + size, bindings.output(0))
                for index in first..<first + count {
                    let value = Int(indices[index].int64)
                    let position = value < 0 ? value + depth : value
                    guard position >= 0, position < depth else { continue }
                    let (outer, column) = index.quotientAndRemainder(dividingBy: inner)
                    (y + ((outer * depth + position) * inner + column) * size).copyMemory(from: hot, byteCount: size)
                }
            },
        ]
    }
}
