import CTamisKernels
import TamisKernels

/// The p-norm (Σ |x|ᵖ)^(1/p) of each window, channel by channel; padding counts as zeros. ONNX's LpPool on channel-last
/// tensors.
///
/// x: N × spatial × C; y: N × spatial' × C.
public struct LpPool: DifferentiableOperator, Hashable {
    /// How the window slides.
    public let window: WindowGeometry
    /// The norm's power, 1 or more.
    public let p: Int

    public init(window: WindowGeometry, p: Int = 2) {
        self.window = window
        self.p = p
    }

    public var kind: String { "LpPool" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        try LpPool.checkPower(p, of: kind)
        return [try window.pooled(inputs, of: kind)]
    }

    /// Throws where there is no norm of the power `p`.
    static func checkPower(_ p: Int, of operatorName: String) throws(ShapeError) {
        guard p >= 1 else { throw .mismatch(rule: "\(operatorName)'s p must be 1 or more", received: "\(p)") }
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = PoolShape(window, x.shape, scalarBytes: kernels.type.byteCount)
        return shape.norm(p, kernels)
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [
            try graph.call(LpPoolGradient(window: window, p: p), x, node.outputs[0], dy, name: "\(node.name)/gradient")
        ]
    }
}

extension PoolShape {
    /// The p-norm of each window.
    func norm(_ p: Int, _ kernels: KernelTable) -> Prepared {
        preparedApart("sliding norm") { shape, x, rows, y, ldy in
            var window = shape.window
            kernels.lp_pool(&window, shape.channels, p, x, rows.lowerBound, rows.count, y, ldy)
        }
    }

    /// The gradient of that, of x, y and dy.
    func normGradient(_ p: Int, _ kernels: KernelTable) -> Prepared {
        preparedGradient("gradient of norm") { shape, bindings, image, dx in
            var window = shape.window
            kernels.lp_pool_gradient(
                &window, shape.channels, p, bindings.input(0) + image * shape.imageBytes,
                bindings.input(1) + image * shape.outputBytes, bindings.input(2) + image * shape.outputBytes, dx)
        }
    }
}
