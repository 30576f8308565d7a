/// Padding of Keras's spatial layers.
public enum LayerPadding: String, Sendable {
    /// None: the output is smaller than the input.
    case valid
    /// As much as keeps the extent, at stride 1.
    case same

    var geometry: WindowGeometry.Padding { self == .valid ? .valid : .same }
}

/// Convolution of images: batch × height × width × channels to batch × height' × width' × filters. Keras's Conv2D.
public struct Conv2D: Layer {
    /// Channels of the output.
    public var filters: Int
    /// The extents of a filter, height and width.
    public var kernelSize: (Int, Int)
    /// The distances between two windows, down and across.
    public var strides: (Int, Int)
    /// What lies around the image.
    public var padding: LayerPadding
    /// The distances between two taps of a filter, down and across.
    public var dilationRate: (Int, Int)
    /// Groups of channels, each convolved with its own filters.
    public var groups: Int
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
        _ filters: Int, _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: LayerPadding = .valid,
        dilationRate: (Int, Int) = (1, 1), groups: Int = 1, activation: LayerActivation = .linear, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
    ) {
        self.filters = filters
        self.kernelSize = kernelSize
        self.strides = strides
        self.padding = padding
        self.dilationRate = dilationRate
        self.groups = groups
        self.activation = activation
        self.useBias = useBias
        self.kernelInitializer = kernelInitializer
        self.biasInitializer = biasInitializer
        self.name = name
    }

    public var kind: String { "Conv2D" }

    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        let (x, dimensions) = try single(inputs, rank: 4)
        let channels = try features(dimensions)
        guard groups > 0, channels % groups == 0, filters > 0 else {
            throw .mismatch(
                rule: "Conv2D's groups must divide its channels, and its filters must be 1 or more",
                received: "\(groups) groups, \(channels) channels, \(filters) filters")
        }
        let window = try WindowGeometry(
            kernel: [kernelSize.0, kernelSize.1], stride: [strides.0, strides.1], padding: padding.geometry,
            dilation: [dilationRate.0, dilationRate.1])
        let kernel = try graph.parameter(
            "kernel", of: identity, layer: name, shape: window.kernel + [channels / groups, filters],
            initializer: kernelInitializer)
        let bias =
            !useBias
            ? nil
            : try graph.parameter("bias", of: identity, layer: name, shape: [filters], initializer: biasInitializer)
        let y = try graph.append(
            Conv(window: window, groups: groups), [x, kernel] + (bias.map { [$0] } ?? []), name: name)[0]
        return [try activation.apply(to: y, layer: name, in: graph)]
    }
}
