import TamisKernels

/// −ln softmax(scores)[label], weighted by the label's class, as it is, summed, or averaged. ONNX's
/// SoftmaxCrossEntropyLoss, classes on the last axis.
///
/// scores: … × classes, labels: … of int32 or int64 in 0 ..< classes, weights (optional): classes; outputs the loss and
/// ln softmax(scores).
public struct SoftmaxCrossEntropyLoss: DifferentiableOperator, Hashable {
    /// What becomes of the losses of single labels.
    public let reduction: LossReduction
    /// A label that does not count, be it a class or not.
    public let ignoredLabel: Int?

    public init(_ reduction: LossReduction = .mean, ignoredLabel: Int? = nil) {
        self.reduction = reduction
        self.ignoredLabel = ignoredLabel
    }

    public var kind: String { "SoftmaxCrossEntropyLoss" }
    public var widensHalves: Bool { true }

    var loss: LabelLoss { LabelLoss(reduction: reduction, ignoredLabel: ignoredLabel) }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let (elementType, scores) = try inputs.floats(0, "scores", rank: 2...64)
        let dimensions = try loss.dimensions(inputs, scores: scores, elementType, weights: 2)
        return [.tensor(elementType, dimensions), .tensor(elementType, scores)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let kernels = try context.kernels(for: try context.input(0).elementType)
        let loops = try loss.loops(context, weights: 2)
        let (rows, classes) = (loops.rows, loops.classes)
        return Prepared("log-softmax, pick", operations: Double(rows * classes), slowness: 30) { bindings, _ in
            let logs = bindings.output(1)
            kernels.log_softmax(rows, classes, 1, bindings.input(0), logs)
            return loops.run(bindings, logs: logs, to: bindings.output(0))
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        try loss.expectNoWeightGradient(wanted, of: kind)
        guard wanted[0] else { return gradients }
        let logs = node.outputs[1]
        let fromLoss = try outputs[0].map { (dy) throws(ShapeError) in
            try graph.append(
                SoftmaxCrossEntropyLossGradient(self), [logs, node.inputs[1], dy] + node.inputs.dropFirst(2),
                name: "\(node.name)/gradient")[0]
        }
        let fromLogs = try outputs[1].map { (dy) throws(ShapeError) in
            try graph.call(
                SoftmaxGradient(axis: -1, isLogarithmic: true), logs, dy, name: "\(node.name)/logarithms_gradient")
        }
        if let fromLoss, let fromLogs {
            gradients[0] = try graph.call(Arithmetic(.add), fromLoss, fromLogs)
        } else {
            gradients[0] = fromLoss ?? fromLogs
        }
        return gradients
    }
}
