import CTamisKernels
import TamisKernels

/// The gradient of SoftmaxCrossEntropyLoss with respect to the scores: (softmax − one-hot label) · dy / number of labels,
/// from the logarithms of softmax, the labels and the loss's gradient dy.
public struct SoftmaxCrossEntropyLossGradient: Operator {
    public init() {}

    public var kind: String { "SoftmaxCrossEntropyLossGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let (elementType, scores) = try inputs.floats(0, "log_probabilities", rank: 2...64)
        try inputs.expectLabels(of: scores)
        try inputs.expect(.tensor(elementType, []), of: 2, "dy")
        return [.tensor(elementType, scores)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let scores = try context.input(0)
        let kernels = try context.kernels(for: scores.elementType)
        let classes = scores.shape[scores.shape.rank - 1]
        let rows = scores.shape.elementCount / max(1, classes)
        let labels = IndexReader(try context.input(1).elementType)
        return Prepared(
            "exponential, pick", operations: Double(rows * classes), slowness: 30, scratchBytes: kernels.type.byteCount,
            inPlace: [Prepared.InPlace(output: 0, input: 0)]
        ) { bindings, _ in
            let dx = bindings.output(0)
            kernels.unary(rows * classes, TAMIS_EXPONENTIAL, bindings.input(0), dx)
            let dy = ScalarType.Index(type: kernels.type, index: 0).read(bindings.input(2))
            for row in 0..<rows {
                let label = labels.read(bindings.input(1), row)
                guard label >= 0, label < classes else {
                    return .indexOutOfRange(position: row, index: label, limit: classes)
                }
                let place = ScalarType.Index(type: kernels.type, index: row * classes + label)
                place.write(place.read(dx) - 1, dx)
            }
            kernels.type.forEachIndex(1) { $0.write(dy / Double(max(1, rows)), bindings.scratch) }
            kernels.binary(
                1, rows * classes, TAMIS_MULTIPLY, dx, rows * classes, 1, bindings.scratch, 0, 0, dx)
            return .done
        }
    }
}
