import CTamisKernels
import TamisKernels

/// The gradient of a convolution with respect to its input.
///
/// dy: N × spatial' × F, w: kernel × C/groups × F, and x for its shape alone; dx: N × spatial × C.
public struct ConvInputGradient: Operator {
    /// How the window slides.
    public let window: WindowGeometry
    /// Groups of channels, each convolved with its own filters.
    public let groups: Int

    public init(window: WindowGeometry, groups: Int) {
        self.window = window
        self.groups = groups
    }

    public var kind: String { "ConvInputGradient" }
    public var widensHalves: Bool { true }

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
        if !shape.isDepthwise { try context.checkProduct(shape.depth, shape.channels, shape.filters) }
        let algorithm = ConvolutionGradient(shape, kernels: kernels)
        return Prepared(
            algorithm.name, tiles: algorithm.inputTiles, operations: shape.operations,
            scratchBytes: algorithm.scratchBytes
        ) { bindings, tiles in
            algorithm.propagate(
                tiles, dy: bindings.input(0), weights: bindings.input(1), dx: bindings.output(0),
                scratch: bindings.scratch)
            return .done
        }
    }
}
