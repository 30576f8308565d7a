/// Convolution of each channel with filters of its own: batch × height × width × channels to … × channels · multiplier.
/// Keras's DepthwiseConv2D.
public struct DepthwiseConv2D: Layer {
    /// The extents of a filter, height and width.
    public var kernelSize: (Int, Int)
    /// The distances between two windows, down and across.
    public var strides: (Int, Int)
    /// What lies around the image.
    public var padding: LayerPadding
    /// Filters of each channel.
    public var depthMultiplier: Int
    /// The distances between two taps of a filter, down and across.
    public var dilationRate: (Int, Int)
    /// Applied to the result.
    public var activation: LayerActivation
    /// Whether a bias is added to each output channel.
    public var useBias: Bool
    /// How the first weights are drawn.
    public var depthwiseInitializer: Initializer
    /// How the first biases are drawn.
    public var biasInitializer: Initializer
    /// The layer's own name; nil takes the kind's, numbered.
    public var name: String?
    private let identity = LayerIdentity()

    public init(
        _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: LayerPadding = .valid,
        depthMultiplier: Int = 1,
        dilationRate: (Int, Int) = (1, 1), activation: LayerActivation = .linear, useBias: Bool = true,
        depthwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros, name: String? = nil
    ) {
        self.kernelSize = kernelSize
        self.strides = strides
        self.padding = padding
        self.depthMultiplier = depthMultiplier
        self.dilationRate = dilationRate
        self.activation = activation
        self.useBias = useBias
        self.depthwiseInitializer = depthwiseInitializer
        self.biasInitializer = biasInitializer
        self.name = name
    }

    public var kind: String { "DepthwiseConv2D" }

    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        let (x, dimensions) = try single(inputs, rank: 4)
        let channels = try features(dimensions)
        let (filters, overflow) = channels.multipliedReportingOverflow(by: depthMultiplier)
        guard depthMultiplier > 0, !overflow else {
            throw .mismatch(rule: "DepthwiseConv2D's multiplier must be 1 or more", received: "\(depthMultiplier)")
        }
        let window = try WindowGeometry(
            kernel: [kernelSize.0, kernelSize.1], stride: [strides.0, strides.1], padding: padding.geometry,
            dilation: [dilationRate.0, dilationRate.1])
        // Keras's fans are those of (height, width, channels, multiplier); the memory is the same.
        let kernel = try graph.parameter("kernel", of: identity) { (graph) throws(ShapeError) in
            let parameter = "\(name)/kernel"
            let drawn = try depthwiseInitializer.tensor(
                shape: window.kernel + [channels, depthMultiplier], using: Philox(seed: graph.seed, name: parameter))
            return graph.parameter(parameter, try drawn.reshaped(to: window.kernel + [1, filters]))
        }
        let bias =
            !useBias
            ? nil
            : try graph.parameter("bias", of: identity, layer: name, shape: [filters], initializer: biasInitializer)
        let y = try graph.append(
            Conv(window: window, groups: channels), [x, kernel] + (bias.map { [$0] } ?? []), name: name)[0]
        return [try activation.apply(to: y, layer: name, in: graph)]
    }
}
