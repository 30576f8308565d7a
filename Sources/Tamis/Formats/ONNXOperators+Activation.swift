extension ONNXOperators {
    /// The rows of the table of activations; what a version has no operator for is written as several
    /// (`LowerActivations`).
    static let activations: [ONNXOperator] = [
        ONNXOperator(
            "Relu",
            read: { (node) throws(ImportError) in
                let x = try node.input(0)
                // Of integers it is no activation that can be fused.
                guard x.type.elementType?.isInteger == true else { return [try node.call(Activate(.relu), x)] }
                return [try node.call(Clip(), x, node.scalar(0, like: x))]
            },
            write: { (_: Activate, _) throws(ExportError) in }),
        activation("Sigmoid") { _ in .sigmoid },
        activation("Tanh") { _ in .tanh },
        activation("Softplus") { _ in .softplus },
        activation("Softsign") { _ in .softsign },
        activation("HardSwish", since: 14) { _ in .hardSilu },
        activation("Mish", since: 18) { _ in .mish },
        activation(
            "LeakyRelu", read: { (node) throws(ImportError) in .leakyRelu(try node.float("alpha", default: 0.01)) },
            write: { $1.set("alpha", $0.alpha) }),
        activation(
            "ThresholdedRelu", since: 10,
            read: { (node) throws(ImportError) in .threshold(try node.float("alpha", default: 1)) },
            write: { $1.set("alpha", $0.alpha) }),
        activation(
            "Shrink", since: 9,
            read: { (node) throws(ImportError) in
                .shrink(try node.float("lambd", default: 0.5), bias: try node.float("bias", default: 0))
            },
            write: {
                $1.set("lambd", $0.alpha)
                $1.set("bias", $0.beta)
            }),
        activation(
            "HardSigmoid",
            read: { (node) throws(ImportError) in
                .hardSigmoid(
                    alpha: try node.float("alpha", default: 0.2), beta: try node.float("beta", default: 0.5))
            },
            write: {
                $1.set("alpha", $0.alpha)
                $1.set("beta", $0.beta)
            }),
        activation(
            "Swish", since: 24,
            read: { (node) throws(ImportError) in .silu(try node.float("alpha", default: 1)) },
            write: { $1.set("alpha", $0.alpha) }),
        activation(
            "Elu", read: { (node) throws(ImportError) in .elu(try node.float("alpha", default: 1)) },
            write: { $1.set("alpha", $0.alpha) }),
        activation(
            "Selu",
            read: { (node) throws(ImportError) in
                .selu(
                    alpha: try node.float("alpha", default: Activation.selu.alpha),
                    gamma: try node.float("gamma", default: Activation.selu.beta))
            },
            write: {
                $1.set("alpha", $0.alpha)
                $1.set("gamma", $0.beta)
            }),
        activation(
            "Celu", since: 12, read: { (node) throws(ImportError) in .celu(try node.float("alpha", default: 1)) },
            write: { $1.set("alpha", $0.alpha) }),
        activation(
            "Gelu", since: 20,
            read: { (node) throws(ImportError) in
                switch try node.string("approximate", default: "none") {
                case "none": .gelu
                case "tanh": .geluTanh
                case let other: throw node.invalid("\"approximate\" must be none or tanh", received: "\"\(other)\"")
                }
            },
            write: { if $0 == .geluTanh { $1.set("approximate", "tanh") } }),
        ONNXOperator(
            "Clip", versions: versions.lowerBound...10,
            read: { (node) throws(ImportError) in
                let low = try node.float("min", default: -.infinity)
                let high = try node.float("max", default: .infinity)
                return [try node.call(Activate(.clip(low, high)), node.input(0))]
            }),
        ONNXOperator(
            "Clip", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let x = try node.input(0)
                // Known bounds of floats make it one that can be fused.
                func bound(_ index: Int, without: Double) throws(ImportError) -> Double? {
                    guard try node.optionalInput(index) != nil else { return without }
                    guard let constant = node.constant(index), constant.shape.elementCount == 1 else { return nil }
                    return try node.shaped { () throws(ShapeError) in try constant.doubles().first }
                }
                if x.type.elementType?.isFloat == true, let low = try bound(1, without: -.infinity),
                    let high = try bound(2, without: .infinity)
                {
                    return [try node.call(Activate(.clip(low, high)), x)]
                }
                return [try node.call(Clip(), x, node.optionalInput(1), node.optionalInput(2))]
            },
            write: { (_: Clip, _) throws(ExportError) in }),
    ]

    private static func activation(
        _ name: String, since version: Int = versions.lowerBound,
        read: @escaping @Sendable (ONNXNodeReader) throws(ImportError) -> Activation,
        write: @escaping @Sendable (Activation, inout ONNXNodeWriter) -> Void = { _, _ in }
    ) -> ONNXOperator {
        ONNXOperator(
            name, versions: version...versions.upperBound,
            read: { (node) throws(ImportError) in [try node.call(Activate(read(node)), node.input(0))] },
            write: { (activate: Activate, node) throws(ExportError) in write(activate.activation, &node) })
    }
}
