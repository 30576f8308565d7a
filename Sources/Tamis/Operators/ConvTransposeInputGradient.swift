import CTamisKernels
import TamisKernels

/// The gradient of a transposed convolution with respect to its input: a convolution of dy.
///
/// dy: N × spatial' × F, w: kernel × F/groups × C, and x for its shape alone; dx: N × spatial × C.
public struct ConvTransposeInputGradient: Operator {
    /// How the window lies over the output.
    public let geometry: TransposedGeometry
    /// Groups of channels, each with its own filters.
    public let groups: Int

    public init(geometry: TransposedGeometry, groups: Int) {
        self.geometry = geometry
        self.groups = groups
    }

    public var kind: String { "ConvTransposeInputGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let y = try ConvTranspose(geometry: geometry, groups: groups).output(inputs, x: 2, w: 1)
        try inputs.expect(y, of: 0, "dy")
        let (elementType, x) = try inputs.tensor(2, "x")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let dy = try context.input(0)
        let kernels = try context.kernels(for: dy.elementType)
        let shape = try geometry.adjoint(x: context.input(2).shape, y: dy.shape, groups: groups, of: kind)
        if shape.isDepthwise {
            let algorithm = DepthwiseConvolution(shape, kernels: kernels, activation: .identity)
            return Prepared("depthwise", tiles: algorithm.tiles, operations: shape.operations, slowness: 4) {
                bindings, tiles in
                algorithm.run(
                    tiles, x: bindings.input(0), weights: bindings.input(1), bias: nil, residual: nil,
                    y: bindings.output(0),
                    scratch: bindings.scratch)
                return .done
            }
        }
        try context.checkProduct(shape.depth, shape.channels, shape.filters)
        let algorithm = Im2colConvolution(
            shape, kernels: kernels, product: .blas, activation: .identity,
            mayJoinImages: !context.isBatchInvariant)
        return Prepared(
            "im2col, OpenBLAS", tiles: algorithm.tiles, operations: shape.operations,
            scratchBytes: algorithm.scratchBytes
        ) { bindings, tiles in
            algorithm.run(
                tiles, x: bindings.input(0), weights: bindings.input(1), bias: nil, residual: nil,
                y: bindings.output(0), scratch: bindings.scratch)
            return .done
        }
    }
}
