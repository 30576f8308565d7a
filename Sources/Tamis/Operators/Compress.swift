/// The positions of an axis for which the second input is true, or such elements of the tensor in a row. ONNX's Compress.
///
/// Inputs: x and a list of truth values, no longer than the axis; positions behind it are left out.
public struct Compress: DynamicOperator, Hashable {
    /// The axis; nil for the elements in a row. Negative counts from the end.
    public let axis: Int?

    public init(axis: Int? = nil) { self.axis = axis }

    public var kind: String { "Compress" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let (conditionType, _) = try inputs.tensor(1, "condition", rank: 1...1)
        guard conditionType == .bool else {
            throw .elementType(rule: "Compress's condition must be bool", received: conditionType)
        }
        guard let axis else { return [.tensor(elementType, [.unknown])] }
        guard var dimensions else { return [.tensor(elementType, nil)] }
        dimensions[try inputs.axis(axis, rank: dimensions.count)] = .unknown
        return [.tensor(elementType, dimensions)]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let x = try inputs.tensor(0, "x", of: kind)
        let condition = try inputs.tensor(1, "condition", of: kind)
        let (flat, positions) = try shaped { () throws(ShapeError) in
            (
                axis == nil ? try x.reshaped(to: [x.shape.elementCount]) : x,
                try Tensor(Compress.positions(condition))
            )
        }
        return try run.evaluate(Gather(axis: axis ?? 0), on: [flat, positions]).map(Value.tensor)
    }

    /// The positions at which a list of truth values is true.
    static func positions(_ condition: Tensor) throws(ShapeError) -> [Int64] {
        try condition.scalars(as: Bool.self).enumerated().filter(\.element).map { Int64($0.offset) }
    }
}
