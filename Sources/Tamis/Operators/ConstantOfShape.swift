/// A tensor of equal elements in a shape that the input says, a list of int64. ONNX's ConstantOfShape.
public struct ConstantOfShape: Operator {
    /// The element, a tensor of one.
    public let value: Tensor

    /// Throws unless `value` is one element.
    public init(value: Tensor) throws(ShapeError) {
        guard value.shape.elementCount == 1 else {
            throw .mismatch(rule: "ConstantOfShape's value must be one element", received: "\(value.shape)")
        }
        self.value = value
    }

    public var kind: String { "ConstantOfShape" }
    public var valueOperands: [Int] { [0] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let dimensions = try inputs.tensor(0, "shape", rank: 1...1).dimensions
        guard let shape = try inputs.integers(0, "shape") else {
            return [.tensor(value.elementType, try [Dimension].unknown(rank: dimensions?.first?.value))]
        }
        return [.tensor(value.elementType, try Shape(shape).dimensions.map(Dimension.fixed))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        guard value.elementType.bitWidth >= 8 else {
            throw .unsupported(
                operator: kind, rule: "it fills with elements of whole bytes", received: value.elementType.rawValue)
        }
        let (value, size) = (value, value.elementType.bitWidth / 8)
        try context.shaped { () throws(ShapeError) in _ = try value.storage.make() }
        var prepared = Prepared.elementwise(
            "fill", count: context.outputs[0].shape.elementCount, bytesPerElement: size
        ) { bindings, first, count in
            fillElements(count, size, with: value.storage.base, at: bindings.output(0) + first * size)
        }
        prepared.unreadInputs = [0]
        return prepared
    }
}
