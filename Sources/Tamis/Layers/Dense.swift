/// A fully connected layer: … × features to … × units. Keras's Dense.
public struct Dense: Layer {
    /// Features of the output.
    public var units: Int
    /// Applied to the result.
    public var activation: LayerActivation
    /// Whether a bias is added to each output channel.
    public var useBias: Bool
    /// How the first weights are drawn.
    public var kernelInitializer: Initializer
    /// How the first biases are drawn.
    public var biasInitializer: Initializer
    /// The layer's own name; nil takes the kind's, numbered.
    public var name: String?
    private let identity = LayerIdentity()

    public init(
        _ units: Int, activation: LayerActivation = .linear, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
    ) {
        self.units = units
        self.activation = activation
        self.useBias = useBias
        self.kernelInitializer = kernelInitializer
        self.biasInitializer = biasInitializer
        self.name = name
    }

    public var kind: String { "Dense" }

    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        let (x, dimensions) = try single(inputs)
        guard dimensions.count >= 2, units > 0 else {
            throw .mismatch(
                rule: "a Dense layer takes two axes or more and has 1 unit or more",
                received: "\(inputs[0].type), \(units) units")
        }
        let kernel = try graph.parameter(
            "kernel", of: identity, layer: name, shape: [try features(dimensions), units],
            initializer: kernelInitializer)
        let bias =
            !useBias
            ? nil
            : try graph.parameter("bias", of: identity, layer: name, shape: [units], initializer: biasInitializer)
        var y: Symbol
        if dimensions.count == 2 {
            y = try graph.append(Gemm(), [x, kernel] + (bias.map { [$0] } ?? []), name: name)[0]
        } else {
            y = try graph.call(MatMul(), x, kernel, name: name)
            if let bias { y = try graph.call(Arithmetic(.add), y, bias, name: "\(name)/add_bias") }
        }
        return [try activation.apply(to: y, layer: name, in: graph)]
    }
}
