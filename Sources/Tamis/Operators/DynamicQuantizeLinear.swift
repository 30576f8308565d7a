import CTamisKernels
import TamisKernels

/// Floats as uint8 in a scale of their own range, widened to hold 0. ONNX's DynamicQuantizeLinear.
///
/// x of float32; outputs y, the scale (largest − smallest) / 255 and the zero point, that of −smallest / scale.
public struct DynamicQuantizeLinear: Operator, Hashable {
    public init() {}

    public var kind: String { "DynamicQuantizeLinear" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, x) = try inputs.tensor(0, "x")
        guard elementType == .float32 else {
            throw .elementType(rule: "\(kind)'s x must be float32", received: elementType)
        }
        return [.tensor(.uint8, x), .tensor(.float32, []), .tensor(.uint8, [])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let count = x.shape.elementCount
        let reduction = { (offset: Int) in AxisReduction([count], isReduced: [true], kernels, workspaceOffset: offset) }
        // Workspace: the largest and the smallest, then what their search needs.
        let (largest, afterFirst) = reduction(64).stages(
            TAMIS_LARGEST, TAMIS_LARGEST, source: { $0.input(0) }, target: { $0.workspace })
        let (smallest, end) = reduction(afterFirst).stages(
            TAMIS_SMALLEST, TAMIS_SMALLEST, source: { $0.input(0) }, target: { $0.workspace + 4 })
        let range = Prepared.Stage { bindings, _ in
            let bounds = bindings.workspace.assumingMemoryBound(to: Float.self)
            // What is no number counts for nothing.
            let (high, low) = (bounds[0] > 0 ? bounds[0] : 0, bounds[1] < 0 ? bounds[1] : 0)
            let scale = high == low ? 1 / 255 : (high - low) / 255
            bindings.output(1).storeBytes(of: scale, as: Float.self)
            let zero = (-low / scale).rounded(.toNearestOrEven)
            bindings.output(2).storeBytes(of: UInt8(nearest: Double(zero)), as: UInt8.self)
            return .done
        }
        let quantize = Prepared.Stage.elements(count, bytesPerElement: 5, slowness: 30) { bindings, first, count in
            let x = bindings.input(0).assumingMemoryBound(to: Float.self)
            let y = bindings.output(0).assumingMemoryBound(to: UInt8.self)
            let scale = bindings.output(1).load(as: Float.self)
            let zero = Float(bindings.output(2).load(as: UInt8.self))
            for index in first..<first + count {
                let code = (x[index] / scale).rounded(.toNearestOrEven) + zero
                y[index] = UInt8(code >= 0 ? min(code, 255) : 0)
            }
        }
        return Prepared("quantise", stages: largest + smallest + [range, quantize], workspaceBytes: end)
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        PermutedOperator(
            operation: self, inputs: [order], outputs: [order, .identity(rank: 0), .identity(rank: 0)])
    }
}
