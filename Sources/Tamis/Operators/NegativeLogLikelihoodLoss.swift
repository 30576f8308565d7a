import TamisKernels

/// −logarithms[label], weighted by the label's class, as it is, summed, or averaged. ONNX's NegativeLogLikelihoodLoss,
/// classes on the last axis.
///
/// logarithms: … × classes, labels: … of int32 or int64 in 0 ..< classes, weights (optional): classes.
public struct NegativeLogLikelihoodLoss: DifferentiableOperator, Hashable {
    /// What becomes of the losses of single labels.
    public let reduction: LossReduction
    /// A label that does not count, be it a class or not.
    public let ignoredLabel: Int?

    public init(_ reduction: LossReduction = .mean, ignoredLabel: Int? = nil) {
        self.reduction = reduction
        self.ignoredLabel = ignoredLabel
    }

    public var kind: String { "NegativeLogLikelihoodLoss" }
    public var widensHalves: Bool { true }

    var loss: LabelLoss { LabelLoss(reduction: reduction, ignoredLabel: ignoredLabel) }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let (elementType, scores) = try inputs.floats(0, "logarithms", rank: 2...64)
        return [.tensor(elementType, try loss.dimensions(inputs, scores: scores, elementType, weights: 2))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let loops = try loss.loops(context, weights: 2)
        return Prepared("pick", operations: Double(loops.rows), slowness: 100) { bindings, _ in
            loops.run(bindings, logs: bindings.input(0), to: bindings.output(0))
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        try loss.expectNoWeightGradient(wanted, of: kind)
        guard wanted[0], let dy = outputs[0] else { return gradients }
        gradients[0] = try graph.append(
            NegativeLogLikelihoodLossGradient(self), [node.inputs[0], node.inputs[1], dy] + node.inputs.dropFirst(2),
            name: "\(node.name)/gradient")[0]
        return gradients
    }
}

/// The gradient of NegativeLogLikelihoodLoss with respect to the logarithms, which count for their shape alone: −weight · dy
/// at the labels, over the sum of the weights where the loss is the mean. Then the labels, dy, and the weights if there are
/// some.
public struct NegativeLogLikelihoodLossGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let operation: NegativeLogLikelihoodLoss

    public init(_ operation: NegativeLogLikelihoodLoss) { self.operation = operation }

    public var kind: String { "NegativeLogLikelihoodLossGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...4)
        let (elementType, scores) = try inputs.floats(0, "logarithms", rank: 2...64)
        let loss = try operation.loss.dimensions(inputs, scores: scores, elementType, weights: 3)
        try inputs.expect(.tensor(elementType, loss), of: 2, "dy")
        return [.tensor(elementType, scores)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let loops = try operation.loss.loops(context, weights: 3)
        let bytes = context.outputs[0].shape.elementCount * loops.type.byteCount
        var prepared = Prepared("scatter", bytes: bytes) { bindings, _ in
            let dx = bindings.output(0)
            dx.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            return loops.runGradient(bindings, dy: bindings.input(2)) { row, label, factor in
                if factor != 0 {
                    ScalarType.Index(type: loops.type, index: row * loops.classes + label).write(-factor, dx)
                }
            }
        }
        prepared.unreadInputs = [0]
        return prepared
    }
}
