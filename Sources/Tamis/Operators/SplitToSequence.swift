/// The parts of a tensor along an axis as a sequence. ONNX's SplitToSequence.
///
/// Inputs: x and the length of all parts, of which the last may be shorter, or a list of lengths; by default each position is
/// a part.
public struct SplitToSequence: DynamicOperator, Hashable {
    /// The axis along which the parts follow each other; negative counts from the end.
    public let axis: Int
    /// Whether parts that are one position each keep the axis.
    public let keepsAxis: Bool

    public init(axis: Int = 0, keepsAxis: Bool = true) {
        self.axis = axis
        self.keepsAxis = keepsAxis
    }

    public var kind: String { "SplitToSequence" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: 1...64)
        let hasLengths = inputs.optional(1) != nil
        if hasLengths {
            try inputs.expectIndices(1, "split")
            _ = try inputs.tensor(1, "split", rank: 0...1)
        }
        guard var part = dimensions else { return [.sequence(.tensor(elementType, nil))] }
        let axis = try inputs.axis(axis, rank: part.count)
        if hasLengths { part[axis] = .unknown } else if keepsAxis { part[axis] = 1 } else { part.remove(at: axis) }
        return [.sequence(.tensor(elementType, part))]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let x = try inputs.tensor(0, "x", of: kind)
        let along = axis < 0 ? axis + x.shape.rank : axis
        guard x.shape.dimensions.indices.contains(along) else {
            throw .value(rule: "\(kind)'s axis must be one of x's", received: "\(axis) of \(x.shape)")
        }
        let extent = x.shape[along]
        let split = inputs.count > 1 && inputs[1] != nil ? try inputs.tensor(1, "split", of: kind) : nil
        var lengths = [1]
        if let split { lengths = try shaped { () throws(ShapeError) in try split.integers() } }
        if split?.shape.rank ?? 0 == 0 {
            guard let length = lengths.first, length > 0 else {
                throw .value(rule: "\(kind)'s length must be 1 or more", received: "\(lengths)")
            }
            lengths = stride(from: 0, to: extent, by: min(length, max(1, extent))).map { min(length, extent - $0) }
        }
        if lengths.isEmpty { return [.sequence([])] }
        let parts = try run.evaluate(Split(axis: along, parts: .lengths(lengths)), on: [x])
        guard split == nil, !keepsAxis else { return [.sequence(parts.map(Value.tensor))] }
        var shape = x.shape.dimensions
        shape.remove(at: along)
        return [
            .sequence(
                try parts.map { (part) throws(ExecutionError) in
                    .tensor(try shaped { () throws(ShapeError) in try part.reshaped(to: shape) })
                })
        ]
    }
}

/// The tensors of a sequence one after another along an axis, or side by side along a new one. ONNX's ConcatFromSequence.
public struct ConcatFromSequence: DynamicOperator, Hashable {
    /// The axis; negative counts from the end.
    public let axis: Int
    /// Whether the axis is new.
    public let isNewAxis: Bool

    public init(axis: Int, isNewAxis: Bool = false) {
        self.axis = axis
        self.isNewAxis = isNewAxis
    }

    public var kind: String { "ConcatFromSequence" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        guard case .tensor(let elementType, let dimensions) = try inputs.sequence(0) else {
            throw .mismatch(rule: "\(kind)'s sequence must be of tensors", received: "\(try inputs.sequence(0))")
        }
        guard var dimensions else { return [.tensor(elementType, nil)] }
        if isNewAxis { dimensions.insert(.unknown, at: 0) }
        let axis = try inputs.axis(axis, rank: dimensions.count)
        if isNewAxis { dimensions.remove(at: 0) }
        if isNewAxis { dimensions.insert(.unknown, at: axis) } else { dimensions[axis] = .unknown }
        return [.tensor(elementType, dimensions)]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        var parts = try inputs.sequence(0, of: kind).compactMap(\.tensor)
        guard !parts.isEmpty else { throw .value(rule: "\(kind)'s sequence must have a tensor", received: "none") }
        if isNewAxis {
            parts = try parts.map { (part) throws(ExecutionError) in
                try run.evaluate(Unsqueeze(axes: [axis]), on: [part])[0]
            }
        }
        return try run.evaluate(Concat(axis: axis), on: parts).map(Value.tensor)
    }
}
