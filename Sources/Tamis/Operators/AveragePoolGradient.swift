import CTamisKernels
import TamisKernels

/// The gradient of AveragePool. x (for its shape alone): N × spatial × C, dy: N × spatial' × C; dx: as x.
public struct AveragePoolGradient: Operator {
    /// How the window slides.
    public let window: WindowGeometry
    /// Whether padding counts as zeros, or not at all.
    public let countsPadding: Bool

    public init(window: WindowGeometry, countsPadding: Bool) {
        self.window = window
        self.countsPadding = countsPadding
    }

    public var kind: String { "AveragePoolGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let y = try window.pooled(inputs, of: kind)
        try inputs.expect(y, of: 1, "dy")
        return [.tensor(y.elementType ?? .float32, try inputs.tensor(0, "x").dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let end = window.paddedEnd(x.shape)
        let countsPadding = countsPadding
        let shape = PoolShape(window, x.shape, scalarBytes: kernels.type.byteCount)
        return shape.preparedGradient("spread mean") { shape, bindings, image, dx in
            var window = shape.window
            withPointer(to: end) {
                kernels.average_pool_gradient(
                    &window, shape.channels, countsPadding, $0, bindings.input(1) + image * shape.outputBytes, dx)
            }
        }
    }
}
