import CTamisKernels
import TamisKernels

/// dx = dy · f'(x) for an activation f. Inputs of one shape: dy, and before it what the derivative is taken from, the
/// output y = f(x) where the function grows, else x.
public struct ActivateGradient: Operator {
    /// The function whose derivative is taken.
    public let activation: Activation

    public init(_ activation: Activation) { self.activation = activation }

    public var kind: String { "\(activation.onnxName)Gradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, dimensions) = try inputs.tensor(0, "value")
        try inputs.expect(.tensor(elementType, dimensions), of: 1, "dy")
        return [.tensor(elementType, dimensions)]
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        PermutedOperator(operation: self, inputs: [order, order], outputs: [order])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let value = try context.input(0)
        let kernels = try context.kernels(for: value.elementType)
        let size = kernels.type.byteCount
        let function = activation.kernel
        return .elementwise(
            "element-wise", count: value.shape.elementCount, bytesPerElement: 3 * size,
            inPlace: [Prepared.InPlace(output: 0, input: 1)]
        ) { bindings, first, count in
            let offset = first * size
            kernels.activate_gradient(
                count, function, bindings.input(0) + offset, bindings.input(1) + offset, bindings.output(0) + offset)
        }
    }
}
