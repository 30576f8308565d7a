extension ONNXOperators {
    /// Normalisations and losses.
    static let normalization: [ONNXOperator] = [
        ONNXOperator(
            "BatchNormalization", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                guard try node.int("spatial", default: 1) == 1 else {
                    throw node.unsupported("statistics for each pixel (spatial = 0)")
                }
                let isTraining =
                    node.version < 7
                    ? try node.int("is_test", default: 0) == 0 : try node.int("training_mode", default: 0) != 0
                guard !isTraining, node.outputCount <= 1 else {
                    throw node.unsupported("its training form; the model must be exported for inference")
                }
                let operation = BatchNormalize(
                    epsilon: try node.float("epsilon", default: 1e-5),
                    momentum: try node.float("momentum", default: 0.9))
                return [
                    try node.call(
                        operation, node.input(0), node.weight(1), node.weight(2), node.input(3), node.input(4))
                ]
            },
            write: { (normalization: BatchNormalize, node) throws(ExportError) in
                node.set("epsilon", normalization.epsilon)
                node.set("momentum", normalization.momentum)
                node.activation = normalization.activation
            }),
        ONNXOperator(
            "SoftmaxCrossEntropyLoss", inputs: [.image], outputs: [.same, .image],
            read: { (node) throws(ImportError) in
                guard try node.string("reduction", default: "mean") == "mean", node.inputCount < 3 else {
                    throw node.unsupported("sums, single losses and weights of classes; only the mean")
                }
                return try node.append(SoftmaxCrossEntropyLoss(), [node.input(0), node.input(1)])
            },
            write: { (_: SoftmaxCrossEntropyLoss, _) throws(ExportError) in }),
    ]
}
