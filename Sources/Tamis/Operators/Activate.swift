import CTamisKernels
import TamisKernels

/// An activation as an operator of its own: y = f(x), element by element. ONNX's Relu, Sigmoid, Gelu … and Identity.
public struct Activate: DifferentiableOperator, Hashable {
    /// The function.
    public let activation: Activation

    public init(_ activation: Activation) { self.activation = activation }

    public var kind: String { activation.onnxName }
    public var widensHalves: Bool { activation != .linear }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isFloat || activation == .linear else {
            throw .elementType(rule: "\(kind)'s x must be a float", received: elementType)
        }
        guard activation.function != .celu || activation.alpha > 0 else {
            throw .mismatch(rule: "Celu's alpha must be above 0", received: "\(activation.alpha)")
        }
        return [.tensor(elementType, dimensions)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

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
        return [
            try activation.gradient(of: dy, at: node.outputs[0], in: graph) { () throws(ShapeError) in node.inputs[0] }
        ]
    }
}

extension Activation {
    /// The gradient of what a node had before the function joined it, from that of its first output; nil where that has
    /// none. `unfused` is the node's operator without the function.
    func gradient(
        of dy: Symbol?, through node: NodeSymbols, unfused: any Operator, in graph: GraphBuilder
    ) throws(ShapeError) -> Symbol? {
        guard let dy else { return nil }
        return try gradient(of: dy, at: node.outputs[0], in: graph) { () throws(ShapeError) in
            try graph.append(unfused, node.inputs)[0]
        }
    }

    /// The gradient of the function's argument x, from that of its output y: it reads y where that tells the derivative,
    /// else `argument`, which gives x.
    func gradient(
        of dy: Symbol, at y: Symbol, in graph: GraphBuilder, argument: () throws(ShapeError) -> Symbol?
    ) throws(ShapeError) -> Symbol {
        if self == .linear { return dy }
        if function == .elu || function == .selu, alpha < 0 || kernel.beta < 0 {
            throw .mismatch(
                rule: "\(onnxName) must grow to be differentiated: its parameters must be 0 or more",
                received: "\(alpha)\(function == .selu ? ", \(beta)" : "")")
        }
        let value = derivesFromOutput ? y : try argument()
        return try graph.call(ActivateGradient(self), value, dy, name: "\(y.name)/activation_gradient")
    }
}
