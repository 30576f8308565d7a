/// A value that may be missing: the input, or none of a type. ONNX's Optional.
public struct OptionalConstruct: DynamicOperator, Hashable {
    /// The type of the value that is missing, where no input is given.
    public let type: ValueType?

    public init(type: ValueType? = nil) { self.type = type }

    public var kind: String { "Optional" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 0...1)
        guard let type = inputs.optional(0)?.type ?? type else {
            throw .mismatch(rule: "Optional must have an input, or the type of none", received: "neither")
        }
        return [.optional(type)]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        [.optional(inputs.first ?? nil)]
    }
}

/// The value that an optional one holds. ONNX's OptionalGetElement.
public struct OptionalGetElement: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "OptionalGetElement" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        switch inputs.optional(0)?.type {
        case .optional(let element): return [element]
        case let type?: return [type]
        case nil: throw .mismatch(rule: "OptionalGetElement's input must be given", received: "none")
        }
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        switch inputs.first ?? nil {
        case .optional(let value?): return [value]
        case .tensor, .sequence: return inputs.compactMap { $0 }
        default: throw .value(rule: "OptionalGetElement's input must hold a value", received: "none")
        }
    }
}

/// Whether an optional value holds one. ONNX's OptionalHasElement.
public struct OptionalHasElement: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "OptionalHasElement" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 0...1)
        return [.tensor(.bool, [])]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        switch inputs.first ?? nil {
        case nil, .optional(nil): [try .scalar(false)]
        default: [try .scalar(true)]
        }
    }
}
