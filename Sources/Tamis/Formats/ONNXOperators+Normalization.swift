extension ONNXOperators {
    /// Normalisations and losses.
    static let normalization: [ONNXOperator] = [
        ONNXOperator(
            "BatchNormalization", inputs: [.image], outputs: [.image],
            reading: .nodes { (node) throws(ImportError) in
                guard try node.int("spatial", default: 1) == 1 else {
                    throw node.unsupported("statistics for each pixel (spatial = 0)")
                }
                let isTraining =
                    node.version < 7
                    ? try node.int("is_test", default: 0) == 0 : try node.int("training_mode", default: 0) != 0
                let (epsilon, momentum) = (
                    try node.float("epsilon", default: 1e-5), try node.float("momentum", default: 0.9)
                )
                let inputs = [
                    try node.input(0), try node.weight(1), try node.weight(2), try node.input(3), try node.input(4),
                ]
                if isTraining, node.version >= 14 {
                    let training = BatchNormalizeTraining(epsilon: epsilon, momentum: momentum)
                    return Array(try node.append(training, inputs)[..<3])
                }
                guard !isTraining, node.outputCount <= 1 else {
                    throw node.unsupported("its old training form; the model must be exported for inference")
                }
                return try node.append(BatchNormalize(epsilon: epsilon, momentum: momentum), inputs)
            },
            write: { (operation, node) throws(ExportError) in
                var node = node
                switch operation {
                case let inference as BatchNormalize:
                    node.set("epsilon", inference.epsilon)
                    node.set("momentum", inference.momentum)
                    node.activation = inference.activation
                case let training as BatchNormalizeTraining where node.version >= 14:
                    node.set("epsilon", training.epsilon)
                    node.set("momentum", training.momentum)
                    node.set("training_mode", 1)
                default: return nil
                }
                return node
            }),
        ONNXOperator(
            "InstanceNormalization", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let operation = Normalize(.instance, epsilon: try node.float("epsilon", default: 1e-5))
                return [try node.append(operation, [node.input(0), node.weight(1), node.weight(2)])[0]]
            },
            write: { (operation: Normalize, node) throws(ExportError) in node.set("epsilon", operation.epsilon) }),
        ONNXOperator(
            "GroupNormalization", versions: 18...versions.upperBound, inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let groups = try node.int("num_groups", default: 0)
                let operation = Normalize(.group(groups), epsilon: try node.float("epsilon", default: 1e-5))
                try node.expectFloatStatistics()
                let x = try node.input(0)
                var (scale, bias) = (try node.weight(1), try node.weight(2))
                if node.version < 21 {
                    scale = try node.perChannel(scale, groups: groups, of: x)
                    bias = try node.perChannel(bias, groups: groups, of: x)
                }
                return [try node.append(operation, [x, scale, bias])[0]]
            },
            write: { (operation: Normalize, node) throws(ExportError) in
                guard case .group(let groups) = operation.form else { return }
                guard node.version >= 21 || node.inputs[1]?.dimensions == [.fixed(groups)] else {
                    throw node.unsupported("a scale for each channel before version 21 of the operator set")
                }
                node.set("num_groups", groups)
                node.set("epsilon", operation.epsilon)
            }),
        ONNXOperator(
            "LayerNormalization", versions: 17...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = Normalize(
                    .layer(axis: try node.int("axis", default: -1)), epsilon: try node.float("epsilon", default: 1e-5))
                try node.expectFloatStatistics()
                return try node.append(operation, [node.input(0), node.weight(1), node.optionalWeight(2)])
            },
            write: { (operation: Normalize, node) throws(ExportError) in
                guard case .layer(let axis) = operation.form else { return }
                node.set("axis", axis)
                node.set("epsilon", operation.epsilon)
            }),
        ONNXOperator(
            "RMSNormalization", versions: 23...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = Normalize(
                    .rootMeanSquare(axis: try node.int("axis", default: -1)),
                    epsilon: try node.float("epsilon", default: 1e-5))
                try node.expectFloatStatistics()
                return [try node.append(operation, [node.input(0), node.weight(1)])[0]]
            },
            write: { (operation: Normalize, node) throws(ExportError) in
                guard case .rootMeanSquare(let axis) = operation.form else { return }
                node.set("axis", axis)
                node.set("epsilon", operation.epsilon)
            }),
        // (x − mean) / (√ mean of (x − mean)² + 10⁻⁹)
        ONNXOperator(
            "MeanVarianceNormalization", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                let x = try node.input(0)
                let mean = Reduce(.mean, axes: try node.ints("axes") ?? [0, 2, 3])
                let deviation = try node.call(Arithmetic(.subtract), x, node.call(mean, x))
                let variance = try node.call(mean, node.call(Arithmetic(.multiply), deviation, deviation))
                let root = try node.call(Unary(.squareRoot), variance)
                let scale = try node.call(Arithmetic(.add), root, node.scalar(1e-9, like: root))
                return [try node.call(Arithmetic(.divide), deviation, scale)]
            }),
        ONNXOperator(
            "LRN", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let operation = LocalResponseNormalize(
                    size: try node.int("size", default: 0), alpha: try node.float("alpha", default: 0.0001),
                    beta: try node.float("beta", default: 0.75), bias: try node.float("bias", default: 1))
                return [try node.call(operation, node.input(0))]
            },
            write: { (operation: LocalResponseNormalize, node) throws(ExportError) in
                node.set("size", operation.size)
                node.set("alpha", operation.alpha)
                node.set("beta", operation.beta)
                node.set("bias", operation.bias)
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

extension ONNXNodeReader {
    /// Statistics are computed in float32, or in float64 for inputs of that type, whatever "stash_type" allows; their type
    /// matters only where they are outputs.
    fileprivate func expectFloatStatistics() throws(ImportError) {
        let type = try int("stash_type", default: 1)
        let isDouble = try input(0).type.elementType == .float64
        guard outputCount <= 1 || (type == 1 && !isDouble) else {
            throw unsupported("statistics as outputs of another type than float32 (\"stash_type\" \(type))")
        }
    }

    /// A parameter for each channel of x, from one for each group of channels.
    fileprivate func perChannel(_ parameter: Symbol, groups: Int, of x: Symbol) throws(ImportError) -> Symbol {
        guard let channels = x.dimensions?.last?.value, groups > 0, channels % groups == 0 else {
            throw unsupported("\(groups) groups of a number of channels that is not known, or that they do not divide")
        }
        if channels == groups { return parameter }
        func shape(_ extents: [Int]) throws(ImportError) -> Symbol {
            constant(try shaped { () throws(ShapeError) in try Tensor(extents.map { Int64($0) }) })
        }
        let ones = try shaped { () throws(ShapeError) in
            try Tensor([Double](repeating: 1, count: channels / groups))
                .converted(to: parameter.type.elementType ?? .float32)
        }
        let column = try call(Reshape(), parameter, shape([groups, 1]))
        let repeated = try call(Arithmetic(.multiply), column, constant(ones))
        return try call(Reshape(), repeated, shape([channels]))
    }
}
