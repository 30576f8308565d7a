/// How a convolution with constant weights is computed.
public enum ConvolutionAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// im2col by tiles, multiplied by OpenBLAS.
    case blas
    /// im2col by tiles, multiplied by the panel kernel over packed weights.
    case panels
    /// The same product over windows read where they lie: the same bits, without the column matrix.
    case implicit
    /// Winograd's F(2 × 2, 3 × 3): 4 multiplications where the definition has 9. Its error is that of a matrix product, but
    /// relative to all pixels of a tile: an infinity among them reaches their neighbours' outputs.
    case winograd2
    /// Winograd's F(4 × 4, 3 × 3): 2¼ multiplications where the definition has 9, with up to three times that error.
    case winograd4
    /// Each filter over its one channel, without a column matrix.
    case depthwise

    /// Output pixels along an edge of a tile of Winograd's algorithms.
    var winogradTile: Int? {
        switch self {
        case .winograd2: 2
        case .winograd4: 4
        default: nil
        }
    }

    /// Whether each output is within the bound of a matrix product of its own window.
    public var isExact: Bool { winogradTile == nil }

    /// Whether it computes such a convolution at all.
    public func canCompute(_ shape: ConvolutionShape) -> Bool {
        let window = shape.window
        switch self {
        case .blas, .panels: return true
        case .implicit:
            // A line of a window is one run of scalars, the next the same distance away.
            return shape.groups == 1 && window.kernel.0 == 1 && window.input.0 == 1 && window.output.0 == 1
                && window.pad.0 == 0 && (window.dilation.2 == 1 || window.kernel.2 == 1) && !shape.isPointwise
                && shape.outputPixels > 0
        case .depthwise: return shape.isDepthwise
        case .winograd2, .winograd4:
            return shape.groups == 1 && window.kernel == (1, 3, 3) && window.stride == (1, 1, 1)
                && window.dilation == (1, 1, 1) && window.input.0 == 1 && window.output.0 == 1 && window.pad.0 == 0
        }
    }

    /// The fastest algorithm for a layer and one image of its size: never a matter of batch or threads, so that an image's
    /// answer has the same bits in all of them. Where it must be `exact`, each output within the bound of a matrix product.
    public static func fastest(for shape: ConvolutionShape, exact: Bool) -> ConvolutionAlgorithm {
        if shape.isDepthwise { return .depthwise }
        // The largest layers' transformed weights would take more memory than their few per cent of time are worth.
        let bytes = 36 * 4 * shape.channels * shape.filters
        var candidates: [ConvolutionAlgorithm] = [.panels, .implicit]
        if !exact { candidates += bytes <= 48 << 20 ? [.winograd2, .winograd4] : [.winograd2] }
        return candidates.filter { $0.canCompute(shape) }.min { $0.cost(shape) < $1.cost(shape) } ?? .panels
    }

    /// About how long one image takes, in the time of one multiplication of a matrix product.
    ///
    /// Measured over the 3 × 3 layers of some twenty networks (`TamisBenchmarks --suite convolutions` prints them) on
    /// processors with AVX2 and with AVX-512, whose ratios of arithmetic and memory are alike: the model's choice is the
    /// fastest or within a few per cent of it.
    func cost(_ shape: ConvolutionShape) -> Double {
        // A scalar that a transform or im2col writes; a byte of packed weights, which come from memory for each image.
        let (perTransformed, perColumn, perWeightByte) = (18.0, 2.0, 2.2)
        let weights = Double(shape.groupChannels) * Double(shape.filters)
        guard let tile = winogradTile else {
            let rows = Double(shape.outputPixels)
            let products = rows * Double(shape.taps) * weights
            let weightBytes = 4 * Double(shape.taps) * weights
            // Tiles of an implicit matrix end where a line of the output does.
            let overhead =
                self == .implicit
                ? products * 0.5 / Double(max(1, shape.window.output.2))
                : shape.isPointwise ? 0 : rows * Double(shape.depth * shape.groups) * perColumn
            return products + overhead + weightBytes * perWeightByte
        }
        let edge = tile + 2
        let products = Double(edge * edge)
        let rows = Double(WinogradConvolution.tilesPerImage(shape, tile: tile))
        return products
            * (rows * (weights + Double(shape.channels + shape.filters) * perTransformed) + 4 * weights * perWeightByte)
    }
}
