public import CTamisKernels

/// The extents of a convolution over a batch of channel-last images; its weights are taps × (channels / groups) × filters.
public struct ConvolutionShape: Sendable {
    /// Where the window meets one image.
    public var window: tamis_window
    /// Images in the batch.
    public var images: Int
    /// Channels of an input pixel.
    public var channels: Int
    /// Channels of an output pixel.
    public var filters: Int
    /// Groups of channels, each convolved with its own filters.
    public var groups: Int

    public init(window: tamis_window, images: Int, channels: Int, filters: Int, groups: Int) {
        self.window = window
        self.images = images
        self.channels = channels
        self.filters = filters
        self.groups = groups
    }

    /// Pixels of one input image.
    public var inputPixels: Int { window.input.0 * window.input.1 * window.input.2 }
    /// Pixels of one output image.
    public var outputPixels: Int { window.output.0 * window.output.1 * window.output.2 }
    /// Pixels under one window.
    public var taps: Int { window.kernel.0 * window.kernel.1 * window.kernel.2 }
    /// Channels of one group.
    public var groupChannels: Int { channels / groups }
    /// Filters of one group: the N of its matrix product.
    public var groupFilters: Int { filters / groups }
    /// Scalars under one window: the K of a group's matrix product.
    public var depth: Int { taps * groupChannels }
    /// Whether each filter sees one channel.
    public var isDepthwise: Bool { groups == channels && channels > 1 }
    /// Multiplications and additions of the whole convolution.
    public var operations: Double { 2 * Double(images) * Double(outputPixels) * Double(depth) * Double(filters) }

    /// Whether the column matrix is the image itself: one tap, stride 1, no padding.
    public var isPointwise: Bool {
        taps == 1 && window.stride.0 == 1 && window.stride.1 == 1 && window.stride.2 == 1 && window.pad.0 == 0
            && window.pad.1 == 0 && window.pad.2 == 0 && outputPixels == inputPixels
    }
}
