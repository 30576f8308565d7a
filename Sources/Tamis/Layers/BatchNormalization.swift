/// Normalises each channel, the last axis, with the statistics of the batch in training and with running ones elsewhere.
/// Keras's BatchNormalization.
public struct BatchNormalization: Layer {
    /// How much of a running statistic stays at each step of training.
    public var momentum: Double
    /// Added to the variance.
    public var epsilon: Double
    /// Whether a shift is learned.
    public var center: Bool
    /// Whether a factor is learned.
    public var scale: Bool
    /// The layer's own name; nil takes the kind's, numbered.
    public var name: String?
    private let identity = LayerIdentity()

    public init(
        momentum: Double = 0.99, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true, name: String? = nil
    ) {
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.name = name
    }

    public var kind: String { "BatchNormalization" }

    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        let (x, dimensions) = try single(inputs)
        let channels = try features(dimensions)
        func parameter(_ role: String, _ initializer: Initializer, isTrainable: Bool) throws(ShapeError) -> Symbol {
            try graph.parameter(
                role, of: identity, layer: name, shape: [channels], initializer: initializer, isTrainable: isTrainable)
        }
        // What is not learned stays at its neutral value.
        let gamma =
            try scale
            ? parameter("gamma", .ones, isTrainable: true)
            : graph.constant(Tensor(repeating: Float(1), shape: [channels]), name: "\(name)/gamma")
        let beta =
            try center
            ? parameter("beta", .zeros, isTrainable: true)
            : graph.constant(Tensor(repeating: Float(0), shape: [channels]), name: "\(name)/beta")
        let mean = try parameter("moving_mean", .zeros, isTrainable: false)
        let variance = try parameter("moving_variance", .ones, isTrainable: false)
        return [
            try graph.call(
                BatchNormalize(epsilon: epsilon, momentum: momentum), x, gamma, beta, mean, variance, name: name)
        ]
    }
}
