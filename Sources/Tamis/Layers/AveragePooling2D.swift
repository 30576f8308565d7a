/// The mean of each window of an image, padding left out; the windows lie side by side unless `strides` says otherwise. Keras's
/// AveragePooling2D.
public struct AveragePooling2D: Layer {
    /// The extents of a window, height and width.
    public var poolSize: (Int, Int)
    /// The distances between two windows, down and across.
    public var strides: (Int, Int)
    /// What lies around the image.
    public var padding: LayerPadding
    /// The layer's own name; nil takes the kind's, numbered.
    public var name: String?

    public init(
        _ height: Int = 2, _ width: Int = 2, strides: (Int, Int)? = nil, padding: LayerPadding = .valid,
        name: String? = nil
    ) {
        self.poolSize = (height, width)
        self.strides = strides ?? (height, width)
        self.padding = padding
        self.name = name
    }

    public var kind: String { "AveragePooling2D" }

    public func apply(to inputs: [Symbol], name: String, in graph: GraphBuilder) throws(ShapeError) -> [Symbol] {
        let (x, _) = try single(inputs, rank: 4)
        let window = try WindowGeometry(
            kernel: [poolSize.0, poolSize.1], stride: [strides.0, strides.1], padding: padding.geometry)
        return [try graph.call(AveragePool(window: window), x, name: name)]
    }
}
