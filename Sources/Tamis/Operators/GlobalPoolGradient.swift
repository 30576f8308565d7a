import CTamisKernels
import TamisKernels

/// The gradient of GlobalPool: each pixel takes dy / pixels of a mean, sign(x) · (|x| / y)ᵖ⁻¹ · dy of a norm; the first
/// pixel that holds the maximum takes dy.
///
/// x: N × spatial × C, y and dy: N × 1 … 1 × C; dx: as x.
public struct GlobalPoolGradient: Operator {
    /// What was made of the pixels.
    public let function: GlobalPool.Function

    public init(_ function: GlobalPool.Function) { self.function = function }

    public var kind: String { "GlobalPoolGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let y = try GlobalPool(function).pooled(inputs, of: kind)
        return [try inputs.poolGradient(of: y)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = PoolShape(whole: x.shape, scalarBytes: kernels.type.byteCount)
        switch function {
        case .norm(let p): return shape.normGradient(p, kernels)
        case .average:
            return shape.preparedGradient("spread mean") { shape, bindings, image, dx in
                var window = shape.window
                withPointer(to: window.input) {
                    kernels.average_pool_gradient(
                        &window, shape.channels, false, $0, bindings.input(2) + image * shape.outputBytes, dx)
                }
            }
        case .maximum:
            return shape.preparedGradient("first maximum") { shape, bindings, image, dx in
                var window = shape.window
                kernels.max_pool_gradient(
                    &window, shape.channels, bindings.input(0) + image * shape.imageBytes,
                    bindings.input(1) + image * shape.outputBytes, bindings.input(2) + image * shape.outputBytes, dx)
            }
        }
    }
}
