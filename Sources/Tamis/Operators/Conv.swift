import CTamisKernels
package import TamisKernels

/// Convolution over one, two or three spatial axes, with a bias, a residual and an activation in the same pass.
///
/// x: N × spatial × C, w: kernel × C/groups × F, bias (optional): F, residual (optional): as y; y: N × spatial' × F =
/// activation(x ∗ w + bias + residual). ONNX's Conv on channel-last tensors. The kernel is not flipped (a
/// cross-correlation, as everywhere in the field).
public struct Conv: DifferentiableOperator, Hashable {
    /// How the window slides.
    public let window: WindowGeometry
    /// Groups of channels, each convolved with its own filters.
    public let groups: Int
    /// Applied to each output.
    public let activation: Activation

    public init(window: WindowGeometry, groups: Int = 1, activation: Activation = .linear) {
        self.window = window
        self.groups = groups
        self.activation = activation
    }

    public var kind: String { "Conv" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...4)
        let rank = window.rank + 2
        let (elementType, x) = try inputs.floats(0, "x", rank: rank...rank)
        try inputs.expect(elementType, of: 1, "w")
        let w = try inputs.floats(1, "w", rank: rank...rank).dimensions
        for axis in 0..<window.rank {
            try inputs.expect(w[axis], equals: window.kernel[axis], "kernel extent on spatial axis \(axis)")
        }
        guard groups > 0 else { throw .mismatch(rule: "Conv's groups must be 1 or more", received: "\(groups)") }
        if let channels = x[rank - 1].value {
            guard channels % groups == 0, channels > 0 else {
                throw .mismatch(rule: "Conv's \(groups) groups must divide the channels of x", received: "\(channels)")
            }
            try inputs.expect(
                w[rank - 2], equals: channels / groups, "channels of w, \(channels) over \(groups) groups,")
        }
        if let filters = w[rank - 1].value, filters % groups != 0 {
            throw .mismatch(rule: "Conv's \(groups) groups must divide its filters", received: "\(filters)")
        }
        if inputs.optional(2) != nil {
            try inputs.expect(elementType, of: 2, "bias")
            let bias = try inputs.floats(2, "bias", rank: 1...1).dimensions
            _ = try inputs.common(w[rank - 1], bias[0], "filters")
        }
        let spatial = try window.output(for: Array(x[1..<rank - 1]), of: kind)
        let y = ValueType.tensor(elementType, [x[0]] + spatial + [w[rank - 1]])
        if inputs.optional(3) != nil { try inputs.expect(y, of: 3, "residual") }
        return [y]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0, 3]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = window.convolution(x: x.shape, w: try context.input(1).shape, groups: groups)
        switch algorithm(context, shape) {
        case .depthwise: return depthwise(shape, kernels)
        case .winograd2: return try winograd(.winograd2, context, shape, kernels)
        case .winograd4: return try winograd(.winograd4, context, shape, kernels)
        case .panels: return im2col(context, shape, kernels, try packedPanels(context, shape, kernels))
        case .implicit:
            guard let panels = try packedPanels(context, shape, kernels) else {
                return im2col(context, shape, kernels, nil)
            }
            return implicit(shape, kernels, panels)
        case .blas:
            try context.checkProduct(shape.depth, shape.channels, shape.filters)
            return im2col(context, shape, kernels, nil)
        }
    }

    /// The algorithm that was asked for, if it can, else the fastest that may.
    private func algorithm(_ context: Preparation, _ shape: ConvolutionShape) -> ConvolutionAlgorithm {
        let isConstant = context.constant(1) != nil
        if let wanted = context.convolution, wanted.canCompute(shape), isConstant || wanted == .blas { return wanted }
        if isConstant { return .fastest(for: shape, exact: context.precision == .strict) }
        return shape.isDepthwise ? .depthwise : .blas
    }

    private func im2col(
        _ context: Preparation, _ shape: ConvolutionShape, _ kernels: KernelTable, _ panels: PackedWeights?
    ) -> Prepared {
        let algorithm = Im2colConvolution(
            shape, kernels: kernels, product: panels == nil ? .blas : .panels, activation: activation.kernel,
            mayJoinImages: !context.isBatchInvariant || panels != nil)
        let form = shape.isPointwise ? "pointwise" : "im2col"
        var prepared = Prepared(
            panels == nil ? "\(form), OpenBLAS" : "\(form), packed panels", tiles: algorithm.tiles,
            operations: shape.operations, scratchBytes: algorithm.scratchBytes
        ) { bindings, tiles in
            algorithm.run(
                tiles, x: bindings.input(0), weights: panels?.base ?? bindings.input(1),
                bias: bindings.optionalInput(2), residual: bindings.optionalInput(3), y: bindings.output(0),
                ldy: bindings.rowStride(of: shape.filters), scratch: bindings.scratch)
            return .done
        }
        prepared.rowElements = shape.filters
        if panels != nil {
            prepared.unreadInputs = [1]
            // Each sum meets its residual before it is stored; OpenBLAS's are stored before.
            prepared.inPlace = [Prepared.InPlace(output: 0, input: 3)]
        }
        return prepared
    }

    private func implicit(_ shape: ConvolutionShape, _ kernels: KernelTable, _ panels: PackedWeights) -> Prepared {
        let algorithm = ImplicitConvolution(shape, kernels: kernels, activation: activation.kernel)
        var prepared = Prepared(
            "implicit, packed panels", tiles: algorithm.tiles, operations: shape.operations,
            scratchBytes: algorithm.scratchBytes
        ) { bindings, tiles in
            algorithm.run(
                tiles, x: bindings.input(0), panels: panels.base, bias: bindings.optionalInput(2),
                residual: bindings.optionalInput(3), y: bindings.output(0),
                ldy: bindings.rowStride(of: shape.filters), scratch: bindings.scratch)
            return .done
        }
        prepared.rowElements = shape.filters
        prepared.unreadInputs = [1]
        prepared.inPlace = [Prepared.InPlace(output: 0, input: 3)]
        return prepared
    }

    /// The weights of each group in panels.
    private func packedPanels(
        _ context: Preparation, _ shape: ConvolutionShape, _ kernels: KernelTable
    ) throws(PlanError) -> PackedWeights? {
        let (k, n, size) = (shape.depth, shape.groupFilters, kernels.type.byteCount)
        let groupBytes = kernels.panelScalars(k: k, n: n) * size
        return try context.packed(
            1, form: "conv panels \(context.level) \(groups)", byteCount: groupBytes * groups
        ) { source, target in
            for group in 0..<groups {
                kernels.pack_panels(k, n, source + group * n * size, shape.filters, false, target + group * groupBytes)
            }
        }
    }

    private func winograd(
        _ name: ConvolutionAlgorithm, _ context: Preparation, _ shape: ConvolutionShape, _ kernels: KernelTable
    ) throws(PlanError) -> Prepared {
        let algorithm = WinogradConvolution(shape, algorithm: name, kernels: kernels, activation: activation.kernel)
        let weights = try context.packed(
            1, form: "\(name) \(context.level)", byteCount: algorithm.weightBytes, pack: algorithm.pack)
        guard let weights else { return im2col(context, shape, kernels, nil) }
        let description = "\(name == .winograd2 ? "Winograd F(2×2)" : "Winograd F(4×4)"), packed panels"
        var prepared: Prepared
        if algorithm.isInBlocks {
            prepared = Prepared(
                description, tiles: algorithm.blocks, operations: shape.operations, slowness: algorithm.effort,
                scratchBytes: algorithm.blockBytes
            ) { bindings, blocks in
                algorithm.runBlocks(
                    blocks, x: bindings.input(0), panels: weights.base, bias: bindings.optionalInput(2),
                    residual: bindings.optionalInput(3), y: bindings.output(0),
                    ldy: bindings.rowStride(of: shape.filters), scratch: bindings.scratch)
                return .done
            }
        } else {
            prepared = Prepared(description, stages: [], workspaceBytes: algorithm.blockBytes)
            for block in 0..<algorithm.blocks {
                let tiles = algorithm.tiles(of: block).count
                let share = Double(tiles) / Double(max(1, algorithm.tileCount))
                prepared.stages += [
                    Prepared.Stage(tiles: tiles, bytes: 2 * algorithm.pixelBytes) { bindings, tiles in
                        algorithm.transform(tiles, of: block, x: bindings.input(0), memory: bindings.workspace)
                        return .done
                    },
                    Prepared.Stage(
                        tiles: algorithm.productTiles, operations: share * shape.operations, slowness: algorithm.effort
                    ) { bindings, products in
                        algorithm.multiply(products, of: block, panels: weights.base, memory: bindings.workspace)
                        return .done
                    },
                    Prepared.Stage(tiles: tiles, bytes: 2 * algorithm.productBytes) { bindings, tiles in
                        algorithm.finish(
                            tiles, of: block, bias: bindings.optionalInput(2), residual: bindings.optionalInput(3),
                            y: bindings.output(0), ldy: bindings.rowStride(of: shape.filters),
                            memory: bindings.workspace)
                        return .done
                    },
                ]
            }
        }
        prepared.rowElements = shape.filters
        prepared.unreadInputs = [1]
        prepared.inPlace = [Prepared.InPlace(output: 0, input: 3)]
        return prepared
    }

    private func depthwise(_ shape: ConvolutionShape, _ kernels: KernelTable) -> Prepared {
        let algorithm = DepthwiseConvolution(shape, kernels: kernels, activation: activation.kernel)
        let scalars = shape.inputPixels * shape.channels + shape.outputPixels * shape.filters
        return Prepared(
            "depthwise", tiles: algorithm.tiles, operations: shape.operations, slowness: 4,
            bytes: shape.images * scalars * kernels.type.byteCount,
            inPlace: [Prepared.InPlace(output: 0, input: 3)]
        ) { bindings, tiles in
            algorithm.run(
                tiles, x: bindings.input(0), weights: bindings.input(1), bias: bindings.optionalInput(2),
                residual: bindings.optionalInput(3), y: bindings.output(0), scratch: bindings.scratch)
            return .done
        }
    }

    public func fused(with activation: Activation) -> (any Operator)? {
        self.activation == .linear ? Conv(window: window, groups: groups, activation: activation) : nil
    }

    public var residualOperand: Int? { activation == .linear ? 3 : nil }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard
            let dy = try activation.gradient(
                of: outputs[0], through: node, unfused: Conv(window: window, groups: groups), in: graph),
            let x = node.inputs[0], let w = node.inputs[1]
        else { return node.inputs.map { _ in nil } }
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        if wanted[0] {
            gradients[0] = try graph.call(
                ConvInputGradient(window: window, groups: groups), dy, w, x, name: "\(node.name)/input_gradient")
        }
        let wantsBias = wanted.count > 2 && wanted[2]
        if wanted[1] || wantsBias {
            let parameters = try graph.append(
                ConvWeightGradient(window: window, groups: groups, hasBias: wantsBias), [x, dy],
                name: "\(node.name)/weight_gradient")
            gradients[1] = wanted[1] ? parameters[0] : nil
            if wantsBias { gradients[2] = parameters[1] }
        }
        if wanted.count > 3, wanted[3] { gradients[3] = dy }
        return gradients
    }
}

extension WindowGeometry {
    /// The extents of a convolution of images `x` (N × spatial × C) with weights `w` (kernel × C/groups × F).
    package func convolution(x: Shape, w: Shape, groups: Int) -> ConvolutionShape {
        ConvolutionShape(
            window: window(input: Array(x.dimensions[1..<x.rank - 1])), images: x[0], channels: x[x.rank - 1],
            filters: w[w.rank - 1], groups: groups)
    }
}
