/// One of two models, as a boolean says. ONNX's If.
///
/// Inputs: the condition (bool, one element), then what the first model reads, then what the second reads. Outputs: those
/// of the model that ran.
public struct If: DynamicOperator {
    /// What runs where the condition is true.
    public let thenModel: Model
    /// What runs where it is false.
    public let elseModel: Model

    public init(then thenModel: Model, else elseModel: Model) {
        self.thenModel = thenModel
        self.elseModel = elseModel
    }

    public var kind: String { "If" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let count = 1 + thenModel.inputs.count + elseModel.inputs.count
        try inputs.expect(count: count...count)
        try inputs.expectCondition(0, "condition")
        guard thenModel.outputs.count == elseModel.outputs.count else {
            throw .mismatch(
                rule: "If's branches must have the same number of outputs",
                received: "\(thenModel.outputs.count) and \(elseModel.outputs.count)")
        }
        return try zip(thenModel.outputs, elseModel.outputs).map { (left, right) throws(ShapeError) in
            try left.type.joined(with: right.type, of: kind)
        }
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let condition = try inputs[0].condition(of: "If")
        let given = inputs.dropFirst().compactMap { $0 }
        let first = thenModel.inputs.count
        return condition
            ? try run.run(thenModel, at: 0, on: Array(given.prefix(first)))
            : try run.run(elseModel, at: 1, on: Array(given.dropFirst(first)))
    }
}

extension Operands {
    /// Throws unless the input at `index` can be one boolean.
    func expectCondition(_ index: Int, _ role: String) throws(ShapeError) {
        let (elementType, dimensions) = try tensor(index, role)
        guard elementType == .bool, dimensions?.allSatisfy({ ($0.value ?? 1) == 1 }) ?? true else {
            throw .mismatch(
                rule: "the \(role) must be one bool", received: "\(ValueType.tensor(elementType, dimensions))")
        }
    }
}

extension Value? {
    /// The one boolean of a tensor.
    func condition(of kind: String) throws(ExecutionError) -> Bool {
        guard let tensor = self?.tensor, let values = try? tensor.scalars(as: Bool.self), values.count == 1 else {
            throw .value(
                rule: "\(kind)'s condition must be one bool", received: self?.tensor.map { "\($0.shape)" } ?? "none")
        }
        return values[0]
    }
}

extension ValueType {
    /// The type that is true of values of both types.
    func joined(with other: ValueType, of kind: String) throws(ShapeError) -> ValueType {
        switch (self, other) {
        case (.tensor(let a, let left), .tensor(let b, let right)) where a == b:
            guard let left, let right, left.count == right.count else { return .tensor(a, nil) }
            return .tensor(a, zip(left, right).map { $0 == $1 ? $0 : .unknown })
        case (.sequence(let a), .sequence(let b)): return .sequence(try a.joined(with: b, of: kind))
        case (.optional(let a), .optional(let b)): return .optional(try a.joined(with: b, of: kind))
        case (.optional(let a), _): return .optional(try a.joined(with: other, of: kind))
        case (_, .optional(let b)): return .optional(try joined(with: b, of: kind))
        default:
            throw .mismatch(rule: "\(kind)'s values must be of one type each time", received: "\(self) and \(other)")
        }
    }
}
