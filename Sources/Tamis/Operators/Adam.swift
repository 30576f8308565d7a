import Glibc
import TamisKernels

/// A step of Adam (Kingma and Ba, 2015, in the form of its section 2's last paragraph). ONNX's Adam
/// (ai.onnx.preview.training), Keras's too.
///
/// Inputs: the rate, a scalar; the number t ≥ 1 of the step, an int64 scalar; a parameter x, its gradient g, and its first
/// and second moments v and h of one shape. Outputs the next x, v and h:
/// v' = alpha v + (1 − alpha) g; h' = beta h + (1 − beta) g²; x' = x − rate √(1 − betaᵗ) / (1 − alphaᵗ) · v' / (√h' + epsilon).
public struct Adam: Operator {
    /// How much of the first moment stays.
    public let alpha: Double
    /// How much of the second moment stays.
    public let beta: Double
    /// Added to the root of the second moment.
    public let epsilon: Double

    public init(alpha: Double = 0.9, beta: Double = 0.999, epsilon: Double = 1e-7) {
        self.alpha = alpha
        self.beta = beta
        self.epsilon = epsilon
    }

    public var kind: String { "Adam" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 6...6)
        let step = try inputs.tensor(1, "step", rank: 0...0).elementType
        guard step == .int64 else { throw .elementType(rule: "Adam's step must be int64", received: step) }
        let x = try inputs.checkedUpdate(
            rate: 0, tensors: [2: "x", 3: "gradient", 4: "first moment", 5: "second moment"])
        return [x, x, x]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(2)
        let kernels = try context.kernels(for: x.elementType)
        let (size, alpha, beta, epsilon) = (kernels.type.byteCount, alpha, beta, epsilon)
        return .elementwise(
            "element-wise", count: x.shape.elementCount, bytesPerElement: 7 * size, slowness: 20,
            inPlace: [
                Prepared.InPlace(output: 0, input: 2), Prepared.InPlace(output: 1, input: 4),
                Prepared.InPlace(output: 2, input: 5),
            ]
        ) { bindings, first, count in
            let offset = first * size
            let step = Double(max(1, bindings.input(1).loadUnaligned(as: Int64.self)))
            let rate = ScalarType.Index(type: kernels.type, index: 0).read(bindings.input(0))
            let corrected = rate * (1 - pow(beta, step)).squareRoot() / (1 - pow(alpha, step))
            kernels.adam(
                count, corrected, alpha, beta, epsilon, 0, bindings.input(2) + offset, bindings.input(3) + offset,
                bindings.input(4) + offset, bindings.input(5) + offset, bindings.output(0) + offset,
                bindings.output(1) + offset, bindings.output(2) + offset)
        }
    }
}
