import CTamisKernels
import TamisKernels

/// The gradient of MaxPool: dy goes to the first pixel of each window, in row-major order, that holds its maximum.
///
/// x: N × spatial × C, y and dy: N × spatial' × C; dx: as x.
public struct MaxPoolGradient: Operator {
    /// How the window slides.
    public let window: WindowGeometry

    public init(window: WindowGeometry) { self.window = window }

    public var kind: String { "MaxPoolGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let y = try window.pooled(inputs, of: kind)
        return [try inputs.poolGradient(of: y)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = PoolShape(window, x.shape, scalarBytes: kernels.type.byteCount)
        return shape.preparedGradient("first maximum") { shape, bindings, image, dx in
            var window = shape.window
            kernels.max_pool_gradient(
                &window, shape.channels, bindings.input(0) + image * shape.imageBytes,
                bindings.input(1) + image * shape.outputBytes, bindings.input(2) + image * shape.outputBytes, dx)
        }
    }
}
