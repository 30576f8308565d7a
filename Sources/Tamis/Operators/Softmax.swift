import TamisKernels

/// eˣ over the sum of eˣ along an axis, or the logarithm of that. ONNX's Softmax and LogSoftmax (from opset 13).
public struct Softmax: DifferentiableOperator, Hashable {
    /// The axis along which the results sum to 1; negative counts from the end.
    public let axis: Int
    /// Whether the logarithm is wanted.
    public let isLogarithmic: Bool

    public init(axis: Int = -1, isLogarithmic: Bool = false) {
        self.axis = axis
        self.isLogarithmic = isLogarithmic
    }

    public var kind: String { isLogarithmic ? "LogSoftmax" : "Softmax" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        [try inputs.floats(along: axis)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        inputs.keepApart(images, workingAlong: [axis])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let kernel = isLogarithmic ? kernels.log_softmax : kernels.softmax
        return Slices(x.shape, axis: axis).prepared(kind, kernels, inPlace: 0) { slices, bindings, offset, outer in
            kernel?(outer, slices.count, slices.inner, bindings.input(0) + offset, bindings.output(0) + offset)
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        let axis = axis < 0 ? axis + order.rank : axis
        guard order.order.indices.contains(axis) else { return nil }
        return PermutedOperator(
            operation: Softmax(axis: order.order[axis], isLogarithmic: isLogarithmic), inputs: [order], outputs: [order]
        )
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [
            try graph.call(
                SoftmaxGradient(axis: axis, isLogarithmic: isLogarithmic), node.outputs[0], dy,
                name: "\(node.name)/gradient")
        ]
    }
}
