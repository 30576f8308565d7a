import TamisKernels

/// The gradient of Softmax, dx = y · (dy − Σ dy · y), or of LogSoftmax, dx = dy − eʸ · Σ dy, from the output y.
public struct SoftmaxGradient: Operator {
    /// The axis of the softmax; negative counts from the end.
    public let axis: Int
    /// Whether it was the logarithm.
    public let isLogarithmic: Bool

    public init(axis: Int, isLogarithmic: Bool) {
        self.axis = axis
        self.isLogarithmic = isLogarithmic
    }

    public var kind: String { isLogarithmic ? "LogSoftmaxGradient" : "SoftmaxGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let y = try Softmax(axis: axis, isLogarithmic: isLogarithmic)
            .outputTypes(for: Operands([inputs.all[0]], operatorName: kind))
        try inputs.expect(y[0], of: 1, "dy")
        return y
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let y = try context.input(0)
        let kernels = try context.kernels(for: y.elementType)
        let kernel = isLogarithmic ? kernels.log_softmax_gradient : kernels.softmax_gradient
        return Slices(y.shape, axis: axis).prepared(kind, kernels, inPlace: 1) { slices, bindings, offset, outer in
            kernel?(
                outer, slices.count, slices.inner, bindings.input(0) + offset, bindings.input(1) + offset,
                bindings.output(0) + offset)
        }
    }
}
