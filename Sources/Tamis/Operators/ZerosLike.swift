/// Zeros in the shape and type of the input, which counts for those alone: the gradient of what the loss does not depend
/// on.
public struct ZerosLike: Operator, Hashable {
    public init() {}

    public var kind: String { "ZerosLike" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "like")
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let size = try context.elementBytes(0)
        var prepared = Prepared.elementwise(
            "fill", count: context.outputs[0].shape.elementCount, bytesPerElement: size
        ) { bindings, first, count in
            (bindings.output(0) + first * size).initializeMemory(as: UInt8.self, repeating: 0, count: count * size)
        }
        prepared.unreadInputs = [0]
        return prepared
    }
}
