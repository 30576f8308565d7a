import TamisKernels

/// The mean over all labels of −ln softmax(scores)[label]. ONNX's SoftmaxCrossEntropyLoss, classes on the last axis.
///
/// scores: … × classes, labels: … of int32 or int64 in 0 ..< classes; outputs the loss, a scalar, and ln softmax(scores).
public struct SoftmaxCrossEntropyLoss: DifferentiableOperator {
    public init() {}

    public var kind: String { "SoftmaxCrossEntropyLoss" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, scores) = try inputs.floats(0, "scores", rank: 2...64)
        try inputs.expectLabels(of: scores)
        return [.tensor(elementType, []), .tensor(elementType, scores)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let scores = try context.input(0)
        let kernels = try context.kernels(for: scores.elementType)
        let classes = scores.shape[scores.shape.rank - 1]
        let rows = scores.shape.elementCount / max(1, classes)
        let labels = IndexReader(try context.input(1).elementType)
        return Prepared("log-softmax, pick", operations: Double(rows * classes), slowness: 30) { bindings, _ in
            let logs = bindings.output(1)
            kernels.log_softmax(rows, classes, 1, bindings.input(0), logs)
            var sum = 0.0
            for row in 0..<rows {
                let label = labels.read(bindings.input(1), row)
                guard label >= 0, label < classes else {
                    return .indexOutOfRange(position: row, index: label, limit: classes)
                }
                sum -= ScalarType.Index(type: kernels.type, index: row * classes + label).read(logs)
            }
            ScalarType.Index(type: kernels.type, index: 0).write(sum / Double(max(1, rows)), bindings.output(0))
            return .done
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0] else { return [nil, nil] }
        let logs = node.outputs[1]
        let fromLoss = try outputs[0].map { (dy) throws(ShapeError) in
            try graph.call(SoftmaxCrossEntropyLossGradient(), logs, node.inputs[1], dy, name: "\(node.name)/gradient")
        }
        let fromLogs = try outputs[1].map { (dy) throws(ShapeError) in
            try graph.call(
                SoftmaxGradient(axis: -1, isLogarithmic: true), logs, dy, name: "\(node.name)/logarithms_gradient")
        }
        guard let fromLoss, let fromLogs else { return [fromLoss ?? fromLogs, nil] }
        return [try graph.call(Arithmetic(.add), fromLoss, fromLogs), nil]
    }
}

extension Operands {
    /// Throws unless input 1 holds labels, one for each row of `scores`.
    func expectLabels(of scores: [Dimension]) throws(ShapeError) {
        try expectIndices(1, "labels")
        guard let labels = try tensor(1, "labels").dimensions else { return }
        guard labels.count == scores.count - 1 else {
            throw .mismatch(
                rule: "\(operatorName)'s labels must have the axes of the scores without the last",
                received: "\(labels) for \(scores)")
        }
        for (label, score) in zip(labels, scores) { _ = try common(label, score, "the number of labels") }
    }
}
