import CTamisKernels
import TamisKernels

/// The transpose of a convolution over one, two or three spatial axes: each input pixel adds its filters to a window of the
/// output. With a bias and an activation in the same pass.
///
/// x: N × spatial × C, w: kernel × F/groups × C, bias (optional): F; y: N × spatial' × F. ONNX's ConvTranspose on
/// channel-last tensors.
public struct ConvTranspose: DifferentiableOperator, Hashable {
    /// How the window lies over the output.
    public let geometry: TransposedGeometry
    /// Groups of channels, each with its own filters.
    public let groups: Int
    /// Applied to each output.
    public let activation: Activation

    public init(geometry: TransposedGeometry, groups: Int = 1, activation: Activation = .linear) {
        self.geometry = geometry
        self.groups = groups
        self.activation = activation
    }

    public var kind: String { "ConvTranspose" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let y = try output(inputs, x: 0, w: 1)
        if inputs.optional(2) != nil, let elementType = y.elementType {
            try inputs.expect(elementType, of: 2, "bias")
            let bias = try inputs.floats(2, "bias", rank: 1...1).dimensions
            if let filters = y.dimensions?.last { _ = try inputs.common(filters, bias[0], "filters") }
        }
        return [y]
    }

    /// The type of the output for the images and weights at these positions.
    func output(_ inputs: Operands, x: Int, w: Int) throws(ShapeError) -> ValueType {
        let window = geometry.window
        let rank = window.rank + 2
        let (elementType, image) = try inputs.floats(x, "x", rank: rank...rank)
        try inputs.expect(elementType, of: w, "w")
        let weights = try inputs.floats(w, "w", rank: rank...rank).dimensions
        for axis in 0..<window.rank {
            try inputs.expect(weights[axis], equals: window.kernel[axis], "kernel extent on spatial axis \(axis)")
        }
        let channels = try inputs.common(image[rank - 1], weights[rank - 1], "channels")
        guard groups > 0, channels.value.map({ $0 > 0 && $0 % groups == 0 }) ?? true else {
            throw .mismatch(
                rule: "\(kind)'s groups must be 1 or more and divide the channels of x",
                received: "\(groups) groups, \(channels) channels")
        }
        var filters = Dimension.unknown
        if let groupFilters = weights[rank - 2].value {
            let (product, overflow) = groupFilters.multipliedReportingOverflow(by: groups)
            guard !overflow else { throw .tooManyElements([groupFilters, groups]) }
            filters = .fixed(product)
        }
        let spatial = try geometry.output(for: Array(image[1..<rank - 1]), of: kind)
        return .tensor(elementType, [image[0]] + spatial + [filters])
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = try geometry.adjoint(x: x.shape, y: context.outputs[0].shape, groups: groups, of: kind)
        let isConstant = context.constant(1) != nil
        let algorithm = TransposedConvolution(
            transposeOf: shape, kernels: kernels, product: isConstant ? .panels : .blas, activation: activation.kernel,
            mayJoinImages: !context.isBatchInvariant || isConstant)
        let packed = try packed(context, algorithm, kernels)
        var stages: [Prepared.Stage] = []
        if packed == nil {
            try context.checkProduct(shape.depth, shape.channels, shape.filters)
            stages.append(
                Prepared.Stage(bytes: 2 * algorithm.weightBytes) { bindings, _ in
                    algorithm.arrange(bindings.input(1), into: bindings.workspace)
                    return .done
                })
        }
        if algorithm.hasGaps {
            stages.append(
                Prepared.Stage(
                    tiles: shape.images,
                    bytes: shape.images * shape.inputPixels * shape.channels * kernels.type.byteCount
                ) { bindings, images in
                    for image in images {
                        algorithm.fill(image: image, bias: bindings.optionalInput(2), y: bindings.output(0))
                    }
                    return .done
                })
        }
        stages.append(
            Prepared.Stage(tiles: algorithm.tiles, operations: algorithm.operations) { bindings, tiles in
                algorithm.run(
                    tiles, x: bindings.input(0), weights: packed?.base ?? UnsafeRawPointer(bindings.workspace),
                    bias: bindings.optionalInput(2), y: bindings.output(0), scratch: bindings.scratch)
                return .done
            })
        var prepared = Prepared(
            algorithm.name, stages: stages, workspaceBytes: packed == nil ? max(1, algorithm.weightBytes) : 0,
            scratchBytes: algorithm.scratchBytes)
        if packed != nil { prepared.unreadInputs = [1] }
        return prepared
    }

    /// The weights as the algorithm wants them, where they are constant.
    private func packed(
        _ context: Preparation, _ algorithm: TransposedConvolution, _ kernels: KernelTable
    ) throws(PlanError) -> PackedWeights? {
        let form = "transposed \(context.level) \(geometry) \(groups)"
        let matrixBytes = algorithm.matrixScalars * kernels.type.byteCount
        if algorithm.isDepthwise {
            return try context.packed(1, form: form, byteCount: matrixBytes) { algorithm.arrange($0, into: $1) }
        }
        guard context.constant(1) != nil else { return nil }
        let matrices: TensorStorage
        do throws(ShapeError) { matrices = try TensorStorage(byteCount: matrixBytes) } catch {
            throw .outOfMemory(bytes: matrixBytes)
        }
        return try context.packed(1, form: form, byteCount: algorithm.weightBytes) { weights, panels in
            algorithm.arrange(weights, into: matrices.base)
            algorithm.pack(matrices.base, into: panels)
        }
    }

    public func fused(with activation: Activation) -> (any Operator)? {
        self.activation == .linear ? ConvTranspose(geometry: geometry, groups: groups, activation: activation) : nil
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard
            let dy = try activation.gradient(
                of: outputs[0], through: node, unfused: ConvTranspose(geometry: geometry, groups: groups), in: graph),
            let x = node.inputs[0], let w = node.inputs[1]
        else { return node.inputs.map { _ in nil } }
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        if wanted[0] {
            gradients[0] = try graph.call(
                ConvTransposeInputGradient(geometry: geometry, groups: groups), dy, w, x,
                name: "\(node.name)/input_gradient")
        }
        if wanted[1] {
            gradients[1] = try graph.call(
                ConvTransposeWeightGradient(geometry: geometry, groups: groups), x, dy,
                name: "\(node.name)/weight_gradient")
        }
        if wanted.count > 2, wanted[2], let bias = node.inputs[2] {
            gradients[2] = try Unbroadcast.append(dy, like: bias, in: graph)
        }
        return gradients
    }
}
