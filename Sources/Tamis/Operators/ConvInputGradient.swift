import CTamisKernels
import TamisKernels

/// The gradient of a convolution with respect to its input.
///
/// dy: N × spatial' × F, w: kernel × C/groups × F, and x for its shape alone; dx: N × spatial × C.
public struct ConvInputGradient: Operator {
    public let window: WindowGeometry
    public let groups: Int

    public init(window: WindowGeometry, groups: Int) {
        self.window = window
        self.groups = groups
    }

    public var kind: String { "ConvInputGradient" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        // The convolution of x and w says what dy must be.
        let y = try Conv(window: window, groups: groups)
            .outputTypes(for: Operands([inputs.all[2], inputs.all[1]], operatorName: kind))
        try inputs.expect(y[0], of: 0, "dy")
        let (elementType, x) = try inputs.tensor(2, "x")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(2)
        let kernels = try context.kernels(for: x.elementType)
        let shape = window.convolution(x: x.shape, w: try context.input(1).shape, groups: groups)
        if shape.isDepthwise { return depthwise(shape, kernels) }
        let algorithm = Im2colConvolutionGradient(shape, kernels: kernels)
        return Prepared(
            shape.isPointwise ? "pointwise, OpenBLAS" : "OpenBLAS, col2im", tiles: algorithm.inputTiles,
            operations: shape.operations, scratchBytes: shape.isPointwise ? 0 : algorithm.scratchBytes
        ) { bindings, tiles in
            algorithm.propagate(
                tiles, dy: bindings.input(0), weights: bindings.input(1), dx: bindings.output(0), scratch: bindings.scratch)
            return .done
        }
    }

    private func depthwise(_ shape: ConvolutionShape, _ kernels: KernelTable) -> Prepared {
        let imageBytes = shape.inputPixels * shape.channels * kernels.type.byteCount
        let gradientBytes = shape.outputPixels * shape.filters * kernels.type.byteCount
        return Prepared("depthwise", tiles: shape.images, operations: shape.operations, slowness: 4) { bindings, tiles in
            var window = shape.window
            for image in tiles {
                let dx = bindings.output(0) + image * imageBytes
                dx.initializeMemory(as: UInt8.self, repeating: 0, count: imageBytes)
                kernels.depthwise_input_gradient(
                    &window, shape.channels, shape.groupFilters, bindings.input(0) + image * gradientBytes,
                    bindings.input(1), dx)
            }
            return .done
        }
    }
}
