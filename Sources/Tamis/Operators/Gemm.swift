import TamisKernels

/// The product of two matrices, with a bias for each column, a residual and an activation in the same pass: a dense layer.
///
/// x: M × K (K × M where `transposeX`), w: K × N (N × K where `transposeW`), bias (optional): N, residual (optional): as
/// y; y: M × N = activation(x · w + bias + residual). ONNX's Gemm with alpha = beta = 1 and a bias of N elements; its
/// other forms are this one beside Mul and Add.
public struct Gemm: DifferentiableOperator, Hashable {
    /// Whether x is stored K × M.
    public let transposeX: Bool
    /// Whether w is stored N × K.
    public let transposeW: Bool
    /// Applied to each output.
    public let activation: Activation

    public init(transposeX: Bool = false, transposeW: Bool = false, activation: Activation = .linear) {
        self.transposeX = transposeX
        self.transposeW = transposeW
        self.activation = activation
    }

    public var kind: String { "Gemm" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...4)
        let (elementType, x) = try inputs.numbers(0, "x", rank: 2...2)
        try inputs.expect(elementType, of: 1, "w")
        let w = try inputs.numbers(1, "w", rank: 2...2).dimensions
        _ = try inputs.common(x[transposeX ? 0 : 1], w[transposeW ? 1 : 0], "K, the columns of x and the rows of w")
        var columns = w[transposeW ? 0 : 1]
        if inputs.optional(2) != nil {
            try inputs.expect(elementType, of: 2, "bias")
            let bias = try inputs.numbers(2, "bias", rank: 1...1).dimensions
            columns = try inputs.common(columns, bias[0], "columns of the output")
        }
        let y = ValueType.tensor(elementType, [x[transposeX ? 1 : 0], columns])
        if inputs.optional(3) != nil { try inputs.expect(y, of: 3, "residual") }
        return [y]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        !transposeX && inputs.hold(images, exactlyAt: [0, 3])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let y = context.outputs[0].shape
        guard x.elementType.isFloat else {
            return try IntegerProduct(
                m: y[0], n: y[1], k: x.shape[transposeX ? 0 : 1], transposeX: transposeX, transposeW: transposeW,
                activation: activation, kind: kind
            ).prepared(x.elementType)
        }
        return try .product(
            context, kernels: context.kernels(for: x.elementType), transposeX: transposeX, transposeW: transposeW,
            m: y[0],
            n: y[1], k: x.shape[transposeX ? 0 : 1], activation: activation)
    }

    public func fused(with activation: Activation) -> (any Operator)? {
        self.activation == .linear ? Gemm(transposeX: transposeX, transposeW: transposeW, activation: activation) : nil
    }

    public var residualOperand: Int? { activation == .linear ? 3 : nil }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard
            let dy = try activation.gradient(
                of: outputs[0], through: node, unfused: Gemm(transposeX: transposeX, transposeW: transposeW), in: graph),
            let x = node.inputs[0], let w = node.inputs[1]
        else { return node.inputs.map { _ in nil } }
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        if wanted[0] {
            // y = x w: dx = dy wᵀ; with x transposed, dxᵀ = w dyᵀ.
            gradients[0] =
                transposeX
                ? try graph.call(
                    Gemm(transposeX: transposeW, transposeW: true), w, dy, name: "\(node.name)/input_gradient")
                : try graph.call(Gemm(transposeW: !transposeW), dy, w, name: "\(node.name)/input_gradient")
        }
        if wanted[1] {
            gradients[1] =
                transposeW
                ? try graph.call(
                    Gemm(transposeX: true, transposeW: transposeX), dy, x, name: "\(node.name)/weight_gradient")
                : try graph.call(Gemm(transposeX: !transposeX), x, dy, name: "\(node.name)/weight_gradient")
        }
        if wanted.count > 2, wanted[2], let bias = node.inputs[2] {
            gradients[2] = try graph.call(Unbroadcast(), dy, bias, name: "\(node.name)/bias_gradient")
        }
        if wanted.count > 3, wanted[3] { gradients[3] = dy }
        return gradients
    }
}

extension Preparation {
    /// Throws where the extents of a product are more than OpenBLAS, which counts in 32 bits, can take.
    func checkProduct(_ extents: Int...) throws(PlanError) {
        if let extent = extents.max(), extent > Int32.max {
            throw .unsupported(
                operator: operatorName, rule: "a product by OpenBLAS must have extents below 2^31",
                received: "\(extent)")
        }
    }
}

extension Prepared {
    /// The product of input 0 and input 1, with an optional bias as input 2 and an optional residual as input 3.
    ///
    /// In a step of training M may be the batch and OpenBLAS multiplies. Elsewhere a row must not feel the others, so w
    /// goes into panels: once if it is constant, at each run if not.
    static func product(
        _ context: Preparation, kernels: KernelTable, transposeX: Bool, transposeW: Bool, m: Int, n: Int, k: Int,
        activation: Activation
    ) throws(PlanError) -> Prepared {
        var form: MatrixProduct.Form = context.isBatchInvariant ? .panels : .blas
        var inPlace: PackedWeights?
        if form == .panels, transposeW, !transposeX, k * n * kernels.type.byteCount >= MatrixProduct.denseBytes {
            inPlace = context.inPlace(1)
            if inPlace != nil { form = .dense }
        }
        let product = MatrixProduct(
            kernels: kernels, form: form, transposeX: transposeX, transposeW: transposeW, m: m, n: n, k: k,
            activation: activation.kernel)
        let bytes = (m * k + k * n + m * n) * kernels.type.byteCount
        func stage(
            x: @escaping @Sendable (borrowing Bindings) -> UnsafeRawPointer,
            w: @escaping @Sendable (borrowing Bindings) -> UnsafeRawPointer
        ) -> Stage {
            Stage(tiles: product.tiles, operations: product.operations, bytes: bytes) { bindings, tiles in
                product.run(
                    tiles, x: x(bindings), w: w(bindings), bias: bindings.optionalInput(2),
                    residual: bindings.optionalInput(3), y: bindings.output(0))
                return .done
            }
        }
        if form == .blas {
            try context.checkProduct(m, n, k)
            return Prepared("OpenBLAS", stages: [stage(x: { $0.input(0) }, w: { $0.input(1) })])
        }
        if let inPlace {
            var prepared = Prepared("weights in place", stages: [stage(x: { $0.input(0) }, w: { _ in inPlace.base })])
            prepared.unreadInputs = [1]
            return prepared
        }
        var stages: [Stage] = []
        let packed = try context.packed(
            1, form: "panels \(context.level) \(transposeW)", byteCount: product.panelBytes, pack: product.pack)
        let panelBytes = packed == nil ? (product.panelBytes + 63) / 64 * 64 : 0
        if packed == nil {
            stages.append(
                Stage(bytes: 2 * product.panelBytes) { bindings, _ in
                    product.pack(bindings.input(1), into: bindings.workspace)
                    return .done
                })
        }
        let size = kernels.type.byteCount
        if transposeX {
            stages.append(
                Stage(bytes: 2 * m * k * size) { bindings, _ in
                    stridedCopy(
                        [m, k], strides: [1, m], size, from: bindings.input(0), to: bindings.workspace + panelBytes)
                    return .done
                })
        }
        stages.append(
            stage(
                x: { transposeX ? UnsafeRawPointer($0.workspace + panelBytes) : $0.input(0) },
                w: { packed?.base ?? UnsafeRawPointer($0.workspace) }))
        var prepared = Prepared(
            "packed panels", stages: stages, workspaceBytes: panelBytes + (transposeX ? m * k * size : 0),
            inPlace: [InPlace(output: 0, input: 3)])
        if packed != nil { prepared.unreadInputs = [1] }
        return prepared
    }
}
