public import CTamisKernels

/// Convolution in which each filter sees one channel, in runs of output rows.
public struct DepthwiseConvolution: Sendable {
    private let shape: ConvolutionShape
    private let kernels: KernelTable
    private let activation: tamis_activation
    /// Where the results lie, if not one after the other.
    private let placement: PixelPlacement?
    private let tileRows: Int

    /// Cuts the work in tiles that depend on the layer and the image alone.
    public init(
        _ shape: ConvolutionShape, kernels: KernelTable, activation: tamis_activation, placement: PixelPlacement? = nil
    ) {
        self.shape = shape
        self.kernels = kernels
        self.activation = activation
        self.placement = placement
        // Runs of rows of about 16 Ki scalars.
        let rows = shape.window.output.0 * shape.window.output.1
        tileRows = max(1, min(rows, (1 << 14) / max(1, shape.window.output.2 * shape.filters)))
    }

    private var rows: Int { shape.window.output.0 * shape.window.output.1 }
    private var tilesPerImage: Int { (rows + tileRows - 1) / tileRows }
    private var pixelBytes: Int { shape.filters * kernels.type.byteCount }
    /// Independent pieces of the work.
    public var tiles: Int { shape.images * tilesPerImage }
    /// Bytes of scratch memory for each thread.
    public var scratchBytes: Int { placement == nil ? 0 : tileRows * shape.window.output.2 * pixelBytes }

    /// Computes the tiles `range`. There is no residual where the results have a placement.
    public func run(
        _ range: Range<Int>, x: UnsafeRawPointer, weights: UnsafeRawPointer, bias: UnsafeRawPointer?,
        residual: UnsafeRawPointer?, y: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer
    ) {
        var window = shape.window
        let lineBytes = window.output.2 * pixelBytes
        for tile in range {
            let image = tile / tilesPerImage
            let first = tile % tilesPerImage * tileRows
            let count = min(tileRows, rows - first)
            // The kernel counts rows from the start of an image.
            let target = placement == nil ? y + image * rows * lineBytes : scratch - first * lineBytes
            kernels.depthwise(
                &window, shape.channels, shape.groupFilters,
                x + image * shape.inputPixels * shape.channels * kernels.type.byteCount, weights, bias,
                residual.map { $0 + image * rows * lineBytes }, activation, first, count, target)
            placement?.scatter(
                first * window.output.2..<(first + count) * window.output.2, rows: scratch, rowBytes: pixelBytes,
                image: y + image * (placement?.imagePixels ?? 0) * pixelBytes, pixelBytes: pixelBytes)
        }
    }
}
