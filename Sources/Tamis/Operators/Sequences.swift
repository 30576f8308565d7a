/// A sequence of tensors. ONNX's SequenceConstruct, and SequenceEmpty where there are none.
public struct SequenceConstruct: DynamicOperator, Hashable {
    /// The type of the tensors of a sequence that has none.
    public let elementType: ElementType

    public init(elementType: ElementType = .float32) { self.elementType = elementType }

    public var kind: String { "SequenceConstruct" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        guard let first = inputs.optional(0)?.type else { return [.sequence(.tensor(elementType, nil))] }
        var type = first
        for index in 0..<inputs.count {
            _ = try inputs.tensor(index, "input \(index)")
            if let next = inputs.optional(index)?.type { type = try type.joined(with: next, of: kind) }
        }
        return [.sequence(type)]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        [.sequence(inputs.compactMap { $0 })]
    }
}

/// The value at a position of a sequence; a negative one counts from the end. ONNX's SequenceAt.
public struct SequenceAt: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "SequenceAt" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        try inputs.expectPosition(1)
        return [try inputs.sequence(0)]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let values = try inputs.sequence(0, of: kind)
        return [values[try inputs.position(1, in: values.count, of: kind)]]
    }
}

/// A sequence with one more tensor before a position, or at the end. ONNX's SequenceInsert.
public struct SequenceInsert: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "SequenceInsert" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let (elementType, dimensions) = try inputs.tensor(1, "tensor")
        if inputs.optional(2) != nil { try inputs.expectPosition(2) }
        return [.sequence(try inputs.sequence(0).joined(with: .tensor(elementType, dimensions), of: kind))]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        var values = try inputs.sequence(0, of: kind)
        let tensor = try inputs.tensor(1, "tensor", of: kind)
        let end = values.count
        let position =
            inputs.count > 2 && inputs[2] != nil ? try inputs.position(2, in: end + 1, from: end, of: kind) : end
        values.insert(.tensor(tensor), at: position)
        return [.sequence(values)]
    }
}

/// A sequence without the value at a position, by default the last. ONNX's SequenceErase.
public struct SequenceErase: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "SequenceErase" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...2)
        if inputs.optional(1) != nil { try inputs.expectPosition(1) }
        return [.sequence(try inputs.sequence(0))]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        var values = try inputs.sequence(0, of: kind)
        if inputs.count > 1, inputs[1] != nil {
            values.remove(at: try inputs.position(1, in: values.count, of: kind))
        } else if values.popLast() == nil {
            throw .value(rule: "\(kind)'s sequence must have a value", received: "none")
        }
        return [.sequence(values)]
    }
}

/// The number of values of a sequence. ONNX's SequenceLength.
public struct SequenceLength: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "SequenceLength" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        _ = try inputs.sequence(0)
        return [.tensor(.int64, [])]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        [try .scalar(Int64(inputs.sequence(0, of: kind).count))]
    }
}

extension Operands {
    /// The type of the values of the sequence at `index`.
    func sequence(_ index: Int) throws(ShapeError) -> ValueType {
        guard case .sequence(let element)? = optional(index)?.type else {
            throw .mismatch(
                rule: "\(operatorName)'s input \(index) must be a sequence",
                received: optional(index).map { "\($0.type)" } ?? "none")
        }
        return element
    }

    /// Throws unless the input at `index` can be a position.
    fileprivate func expectPosition(_ index: Int) throws(ShapeError) {
        try expectIndices(index, "position")
        for dimension in try tensor(index, "position", rank: 0...1).dimensions ?? [] {
            try expect(dimension, equals: 1, "number of positions")
        }
    }
}

extension [Value?] {
    /// The values of the sequence at `index`.
    func sequence(_ index: Int, of kind: String) throws(ExecutionError) -> [Value] {
        guard index < count, case .sequence(let values)? = self[index] else {
            throw .value(rule: "\(kind)'s input \(index) must be a sequence", received: "another value")
        }
        return values
    }

    /// The position in `0 ..< limit` that the input at `index` says; a negative one counts from `end`, by default the limit.
    fileprivate func position(
        _ index: Int, in limit: Int, from end: Int? = nil, of kind: String
    ) throws(ExecutionError) -> Int {
        let given = try tensor(index, "position", of: kind)
        let value = try shaped { () throws(ShapeError) in try given.integers().first ?? 0 }
        let position = value < 0 ? value + (end ?? limit) : value
        guard position >= 0, position < limit else {
            throw .value(rule: "\(kind)'s position must lie within a sequence of \(end ?? limit)", received: "\(value)")
        }
        return position
    }
}
