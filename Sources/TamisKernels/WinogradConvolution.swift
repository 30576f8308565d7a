public import CTamisKernels

/// 3 × 3 convolution of stride 1 by Winograd's algorithm F(m × m, 3 × 3): transform tiles of the image, multiply, transform
/// back. What `winograd.inc` computes, and the matrices, are described there.
///
///                 N = filters          K = channels          N
///              ┌──────────────┐      ┌─────────────┐     ┌───────┐
///      M tiles │ products[p]  │  = M │ pixels[p]   │ · K │ w[p]  │       p = 0 ..< (m + 2)²
///              └──────────────┘      └─────────────┘     └───────┘
///
/// The panel kernel multiplies, so that M may be any number of tiles of any images. Tiles are taken in blocks whose
/// transformed pixels and products stay in the cache. A large layer is done block by block; a layer of few tiles stage by
/// stage, the products of different p by different threads.
public struct WinogradConvolution: Sendable {
    private let shape: ConvolutionShape
    private let kernels: KernelTable
    private let activation: tamis_activation
    /// m, the output pixels along the edge of a tile.
    private let tile: Int
    private let tilesPerImage: Int
    /// Tiles of one block, at most.
    private let blockTiles: Int
    /// Bytes of the packed weights.
    public let weightBytes: Int

    /// An algorithm must be one of Winograd's, and able to compute the shape.
    public init(
        _ shape: ConvolutionShape, algorithm: ConvolutionAlgorithm, kernels: KernelTable, activation: tamis_activation
    ) {
        guard let tile = algorithm.winogradTile, algorithm.canCompute(shape) else {
            preconditionFailure("\(algorithm) computes no such convolution")
        }
        self.shape = shape
        self.kernels = kernels
        self.activation = activation
        self.tile = tile
        tilesPerImage = Self.tilesPerImage(shape, tile: tile)
        let matrices = (tile + 2) * (tile + 2)
        let tileBytes = matrices * (shape.channels + shape.filters) * kernels.type.byteCount
        weightBytes = matrices * kernels.panelScalars(k: shape.channels, n: shape.filters) * kernels.type.byteCount
        // Each block passes over all weights: it must have rows enough to pay for them, a few tiles of the panel kernel's most
        // rows. More would leave the second cache; but where the weights do too, and two threads read them at once, fewer
        // passes are worth more.
        let fewest = weightBytes > 4 << 20 ? 64 : kernels.panel_columns * kernels.type.byteCount >= 128 ? 28 : 42
        let rows = max(fewest, (768 << 10) / max(1, tileBytes))
        // An even number of blocks serves two threads evenly.
        let blocks = tilesPerImage >= 3 * rows ? (tilesPerImage + 2 * rows - 1) / (2 * rows) * 2 : 1
        isInBlocks = blocks > 1
        blockTiles = isInBlocks ? (tilesPerImage + blocks - 1) / blocks : max(rows, tilesPerImage)
    }

    /// Whether the blocks are independent pieces of work, each in its thread's scratch memory; else the work is in stages.
    public let isInBlocks: Bool

    static func tilesPerImage(_ shape: ConvolutionShape, tile: Int) -> Int {
        (shape.window.output.1 + tile - 1) / tile * ((shape.window.output.2 + tile - 1) / tile)
    }

    private var matrices: Int { (tile + 2) * (tile + 2) }
    /// The tiles of the whole batch.
    public var tileCount: Int { shape.images * tilesPerImage }
    /// Blocks of the whole batch.
    public var blocks: Int { (tileCount + blockTiles - 1) / blockTiles }
    /// What the multiplications are, as a part of those of the definition.
    public var effort: Double {
        Double(matrices * tilesPerImage) / Double(max(1, shape.outputPixels * shape.taps))
    }

    /// The distance of two rows of `columns` scalars: whole lines of the cache, and not a multiple of 2 KiB, where rows that
    /// are used together would fall into the same sets.
    private func rowScalars(_ columns: Int) -> Int {
        let line = 64 / kernels.type.byteCount
        let lines = (columns + line - 1) / line
        return (lines % 32 == 0 ? lines + 1 : lines) * line
    }
    /// The distance of two matrices of `columns` columns, a line of the cache more than they need.
    private func matrixScalars(_ columns: Int) -> Int {
        min(blockTiles, max(1, tileCount)) * rowScalars(columns) + 64 / kernels.type.byteCount
    }
    /// Bytes of the transformed pixels of a block.
    public var pixelBytes: Int { matrices * matrixScalars(shape.channels) * kernels.type.byteCount }
    /// Bytes of the products of a block.
    public var productBytes: Int { matrices * matrixScalars(shape.filters) * kernels.type.byteCount }
    /// Bytes of both: scratch memory of each thread where the work is in blocks, else memory that all threads share.
    public var blockBytes: Int { pixelBytes + productBytes }

    /// Transforms and packs the weights, taps × channels × filters.
    public func pack(_ w: UnsafeRawPointer, into panels: UnsafeMutableRawPointer) {
        kernels.winograd_weights(tile, shape.channels, shape.filters, w, panels)
    }

    /// Computes the blocks `range`, each in the memory at `scratch`.
    public func runBlocks(
        _ range: Range<Int>, x: UnsafeRawPointer, panels: UnsafeRawPointer, bias: UnsafeRawPointer?,
        residual: UnsafeRawPointer?, y: UnsafeMutableRawPointer, ldy: Int, scratch: UnsafeMutableRawPointer
    ) {
        for block in range {
            let tiles = tiles(of: block)
            transform(0..<tiles.count, of: block, x: x, memory: scratch)
            multiply(0..<productTiles, of: block, panels: panels, memory: scratch)
            finish(
                0..<tiles.count, of: block, bias: bias, residual: residual, y: y, ldy: ldy, memory: scratch)
        }
    }

    /// The tiles of a block, counted over the batch.
    public func tiles(of block: Int) -> Range<Int> {
        block * blockTiles..<min((block + 1) * blockTiles, tileCount)
    }

    /// Transforms some tiles of a block, counted from its first.
    public func transform(_ range: Range<Int>, of block: Int, x: UnsafeRawPointer, memory: UnsafeMutableRawPointer) {
        let size = kernels.type.byteCount
        let (row, matrix) = (rowScalars(shape.channels), matrixScalars(shape.channels))
        var window = shape.window
        eachImage(range, of: block) { image, first, count, place in
            kernels.winograd_image(
                tile, &window, shape.channels, x + image * shape.inputPixels * shape.channels * size, first, count,
                memory + place * row * size, row, matrix)
        }
    }

    /// Independent pieces of the products of a block.
    public var productTiles: Int { matrices }

    /// Computes the products `range` of a block.
    public func multiply(
        _ range: Range<Int>, of block: Int, panels: UnsafeRawPointer, memory: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        let rows = tiles(of: block).count
        let panelBytes = kernels.panelScalars(k: shape.channels, n: shape.filters) * size
        for p in range {
            kernels.multiply_panels(
                rows, shape.filters, shape.channels, memory + p * matrixScalars(shape.channels) * size,
                rowScalars(shape.channels), panels + p * panelBytes, nil, nil, 0, .identity,
                memory + pixelBytes + p * matrixScalars(shape.filters) * size, rowScalars(shape.filters))
        }
    }

    /// Makes the output of some tiles of a block, counted from its first.
    public func finish(
        _ range: Range<Int>, of block: Int, bias: UnsafeRawPointer?, residual: UnsafeRawPointer?,
        y: UnsafeMutableRawPointer, ldy: Int, memory: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        let (row, matrix) = (rowScalars(shape.filters), matrixScalars(shape.filters))
        var window = shape.window
        eachImage(range, of: block) { image, first, count, place in
            let firstPixel = image * shape.outputPixels
            kernels.winograd_result(
                tile, &window, shape.filters, memory + pixelBytes + place * row * size, row, matrix, bias,
                residual.map { $0 + firstPixel * shape.filters * size }, activation, first, count,
                y + firstPixel * ldy * size, ldy)
        }
    }

    /// The parts of `range` that lie in one image each: the image, the first tile in it, how many, and the first one's place
    /// in the block.
    private func eachImage(
        _ range: Range<Int>, of block: Int, _ body: (_ image: Int, _ first: Int, _ count: Int, _ place: Int) -> Void
    ) {
        var place = range.lowerBound
        while place < range.upperBound {
            let (image, first) = (block * blockTiles + place).quotientAndRemainder(dividingBy: tilesPerImage)
            let count = min(range.upperBound - place, tilesPerImage - first)
            body(image, first, count, place)
            place += count
        }
    }
}
