public import CTamisKernels

/// Convolution as the product of a column matrix and the weights, without the column matrix: the panel kernel reads the
/// windows where they lie (an implicit matrix product).
///
///                   N = filters              K = lines of the window × their scalars      N
///                 ┌───────────┐           ┌──────────────┬──────────────┬───────┐     ┌─────────┐
///     output line │     y     │ = f(      │   line 0     │   line 1     │   …   │ · K │ weights │ + bias )
///                 └───────────┘           └──────────────┴──────────────┴───────┘     └─────────┘
///
/// A line of a window is one run of scalars in a channel-last image, and the windows of an output line are equally far
/// apart. Where windows reach over the image's edges, its lines are first copied into a band with zeros around them.
/// The sums are those of `Im2colConvolution` over panels, bit by bit.
public struct ImplicitConvolution: Sendable {
    private let shape: ConvolutionShape
    private let kernels: KernelTable
    private let activation: tamis_activation
    /// Output lines of one tile.
    private let tileLines: Int

    /// The algorithm `implicit` must be able to compute the shape.
    public init(_ shape: ConvolutionShape, kernels: KernelTable, activation: tamis_activation) {
        precondition(ConvolutionAlgorithm.implicit.canCompute(shape), "windows must be lines of one image")
        self.shape = shape
        self.kernels = kernels
        self.activation = activation
        let window = shape.window
        let lines = max(1, window.output.1)
        // Rows enough to pay for the passage of the weights, as far as the band stays in the second cache.
        let wanted = max(1, 256 / max(1, window.output.2))
        let lineBytes = window.stride.1 * shape.channels * window.input.2 * kernels.type.byteCount
        let most = min(lines, max(1, min(wanted, (256 << 10) / max(1, lineBytes))))
        let tiles = (lines + most - 1) / most
        tileLines = (lines + tiles - 1) / tiles
    }

    private var tilesPerImage: Int { (max(1, shape.window.output.1) + tileLines - 1) / tileLines }
    /// Independent pieces of the work.
    public var tiles: Int { shape.images * tilesPerImage }

    /// Whether each window lies in the image.
    private var isInside: Bool {
        let window = shape.window
        return window.pad.1 == 0 && window.pad.2 == 0 && bandLines(window.output.1) <= window.input.1
            && bandWidth <= window.input.2
    }
    /// Pixels of a line of the band: all that the windows of an output line see.
    private var bandWidth: Int {
        (shape.window.output.2 - 1) * shape.window.stride.2 + (shape.window.kernel.2 - 1) * shape.window.dilation.2 + 1
    }
    /// Lines of the band under some output lines.
    private func bandLines(_ lines: Int) -> Int {
        (lines - 1) * shape.window.stride.1 + (shape.window.kernel.1 - 1) * shape.window.dilation.1 + 1
    }
    /// Bytes of scratch memory for each thread: the band.
    public var scratchBytes: Int {
        isInside ? 0 : bandLines(tileLines) * bandWidth * shape.channels * kernels.type.byteCount
    }

    /// Computes the tiles `range`; `panels` are the weights, packed; `ldy` is the distance of y's pixels.
    public func run(
        _ range: Range<Int>, x: UnsafeRawPointer, panels: UnsafeRawPointer, bias: UnsafeRawPointer?,
        residual: UnsafeRawPointer?, y: UnsafeMutableRawPointer, ldy: Int, scratch: UnsafeMutableRawPointer
    ) {
        let (window, size) = (shape.window, kernels.type.byteCount)
        for tile in range {
            let image = tile / tilesPerImage
            let firstLine = tile % tilesPerImage * tileLines
            let lines = min(tileLines, window.output.1 - firstLine)
            let top = firstLine * window.stride.1 - window.pad.1
            var windows = x + image * shape.inputPixels * shape.channels * size
            var lineScalars = window.input.2 * shape.channels
            if isInside {
                windows += top * lineScalars * size
            } else {
                lineScalars = bandWidth * shape.channels
                fillBand(scratch, from: windows, top: top, lines: bandLines(lines))
                windows = UnsafeRawPointer(scratch)
            }
            let row = image * shape.outputPixels + firstLine * window.output.2
            kernels.convolve_panels(
                lines, window.output.2, shape.filters, shape.depth, windows, window.stride.1 * lineScalars,
                window.stride.2 * shape.channels, window.kernel.1, window.dilation.1 * lineScalars, panels, bias,
                residual.map { $0 + row * shape.filters * size }, shape.filters, activation, y + row * ldy * size, ldy)
        }
    }

    /// Copies lines of an image from `top` on into the band; what lies outside the image is zero.
    private func fillBand(_ band: UnsafeMutableRawPointer, from image: UnsafeRawPointer, top: Int, lines: Int) {
        let window = shape.window
        let pixelBytes = shape.channels * kernels.type.byteCount
        let (bandBytes, imageBytes) = (bandWidth * pixelBytes, window.input.2 * pixelBytes)
        let before = min(bandBytes, window.pad.2 * pixelBytes)
        let inside = min(imageBytes, bandBytes - before)
        for line in 0..<lines {
            let target = band + line * bandBytes
            guard (0..<window.input.1).contains(top + line) else {
                target.initializeMemory(as: UInt8.self, repeating: 0, count: bandBytes)
                continue
            }
            target.initializeMemory(as: UInt8.self, repeating: 0, count: before)
            (target + before).copyMemory(from: image + (top + line) * imageBytes, byteCount: inside)
            (target + before + inside).initializeMemory(
                as: UInt8.self, repeating: 0, count: bandBytes - before - inside)
        }
    }
}
