import CTamisKernels
import TamisKernels

/// The gradient of LpPool: dx = Σ dy · sign(x) · (|x| / y)ᵖ⁻¹ over the windows, 0 where x is 0.
///
/// x: N × spatial × C, y and dy: N × spatial' × C; dx: as x.
public struct LpPoolGradient: Operator {
    /// How the window slides.
    public let window: WindowGeometry
    /// The norm's power.
    public let p: Int

    public init(window: WindowGeometry, p: Int) {
        self.window = window
        self.p = p
    }

    public var kind: String { "LpPoolGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        try LpPool.checkPower(p, of: kind)
        let y = try window.pooled(inputs, of: kind)
        return [try inputs.poolGradient(of: y)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        return PoolShape(window, x.shape, scalarBytes: kernels.type.byteCount).normGradient(p, kernels)
    }
}
