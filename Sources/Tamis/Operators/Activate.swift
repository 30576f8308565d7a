import CTamisKernels
import TamisKernels

/// An activation as an operator of its own: y = f(x), element by element. ONNX's Relu, Sigmoid, Tanh, Identity.
public struct Activate: DifferentiableOperator, Hashable {
    /// The function.
    public let activation: Activation

    public init(_ activation: Activation) { self.activation = activation }

    public var kind: String { activation.onnxName }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isComputable || activation == .linear else {
            throw .elementType(rule: "\(kind)'s x must be float32 or float64", received: elementType)
        }
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        if activation == .linear { return .view }
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let size = kernels.type.byteCount
        let function = activation.kernel
        return .elementwise(
            "element-wise", count: x.shape.elementCount, bytesPerElement: 2 * size, slowness: 20,
            inPlace: [Prepared.InPlace(output: 0, input: 0)]
        ) { bindings, first, count in
            kernels.activate(count, function, bindings.input(0) + first * size, bindings.output(0) + first * size)
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        PermutedOperator(operation: self, inputs: [order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try activation.gradient(of: dy, at: node.outputs[0], in: graph)]
    }
}

extension Activation {
    /// The gradient of the function's argument, from that of its output y and y itself.
    func gradient(of dy: Symbol, at y: Symbol, in graph: GraphBuilder) throws(ShapeError) -> Symbol {
        self == .linear ? dy : try graph.call(ActivateGradient(self), y, dy, name: "\(y.name)/activation_gradient")
    }
}
