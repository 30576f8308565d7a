import CTamisKernels
import TamisKernels

/// The gradient of SoftmaxCrossEntropyLoss with respect to the scores: (softmax − one-hot label) · weight · dy, over the sum
/// of the weights where the loss is the mean. Inputs: the logarithms of softmax, the labels, the loss's gradient dy, and the
/// weights if there are some.
public struct SoftmaxCrossEntropyLossGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let operation: SoftmaxCrossEntropyLoss

    public init(_ operation: SoftmaxCrossEntropyLoss = SoftmaxCrossEntropyLoss()) { self.operation = operation }

    public var kind: String { "SoftmaxCrossEntropyLossGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...4)
        let (elementType, scores) = try inputs.floats(0, "log_probabilities", rank: 2...64)
        let loss = try operation.loss.dimensions(inputs, scores: scores, elementType, weights: 3)
        try inputs.expect(.tensor(elementType, loss), of: 2, "dy")
        return [.tensor(elementType, scores)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let kernels = try context.kernels(for: try context.input(0).elementType)
        let loops = try operation.loss.loops(context, weights: 3)
        let (rows, classes, type) = (loops.rows, loops.classes, kernels.type)
        // Workspace: a factor for each row.
        let stage = Prepared.Stage(operations: Double(rows * classes), slowness: 30) { bindings, _ in
            let (dx, factors) = (bindings.output(0), bindings.workspace)
            kernels.unary(rows * classes, TAMIS_EXPONENTIAL, bindings.input(0), dx)
            let status = loops.runGradient(bindings, dy: bindings.input(2)) { row, label, factor in
                let place = ScalarType.Index(type: type, index: row * classes + label)
                place.write(place.read(dx) - 1, dx)
                ScalarType.Index(type: type, index: row).write(factor, factors)
            }
            guard status == .done else { return status }
            kernels.binary(rows, classes, TAMIS_MULTIPLY, dx, classes, 1, factors, 1, 0, dx)
            return .done
        }
        return Prepared(
            "exponential, pick", stages: [stage], workspaceBytes: rows * type.byteCount,
            inPlace: [Prepared.InPlace(output: 0, input: 0)])
    }
}
