public import CTamisKernels

/// Convolution as the product of a column matrix and the weights, tile by tile.
///
/// Row p of the columns is what the window sees at output pixel p, so that for each group, and each tile of M pixels,
///
///               N = filters             K = taps · channels           N
///             ┌───────────┐           ┌────────────────────┐     ┌─────────┐
///     M pixels│     y     │ = f( M    │      columns       │ · K │ weights │ + bias )
///             └───────────┘           └────────────────────┘     └─────────┘
///
/// A tile is some pixels of one image, or, where the batch may be part of M, some whole images.
public struct Im2colConvolution: Sendable {
    /// What multiplies the tiles.
    public enum Product: Sendable {
        /// OpenBLAS; its bits change with M.
        case blas
        /// The panel kernel over packed weights; its bits don't.
        case panels
    }

    private let shape: ConvolutionShape
    private let kernels: KernelTable
    private let product: Product
    private let activation: tamis_activation
    /// Where the results lie, if not one after the other.
    private let placement: PixelPlacement?
    /// Images of one tile; 1 where an image is cut in tiles of pixels.
    private let tileImages: Int
    private let tilePixels: Int
    /// Filters of one tile.
    private let tileFilters: Int

    /// Cuts the work in tiles that depend on the layer and the image alone; on the batch too if `mayJoinImages`.
    public init(
        _ shape: ConvolutionShape, kernels: KernelTable, product: Product, activation: tamis_activation,
        mayJoinImages: Bool, placement: PixelPlacement? = nil
    ) {
        self.shape = shape
        self.kernels = kernels
        self.product = product
        self.activation = activation
        self.placement = placement
        let pixels = max(1, shape.outputPixels)
        let rowBytes = max(1, shape.depth * kernels.type.byteCount)
        let canCutFilters = product == .panels && shape.groups == 1 && placement == nil
        // Tiles for threads to share, about a million operations each. Each thread reads its own part of the larger operand
        // and all of the smaller.
        let tileWork = (1 << 19) / max(1, shape.depth)
        var rows: Int
        if product == .blas {
            // OpenBLAS packs all weights again at each call: tiles of 384 to 1536 rows pay for that and stay in the cache.
            rows = min(1536, max(384, (1 << 20) / rowBytes))
        } else {
            rows = max(96, (192 << 10) / rowBytes)
            if canCutFilters, shape.isPointwise, pixels >= shape.filters {
                rows = min(rows, max(48, tileWork / max(1, shape.filters)))
            }
        }
        if pixels >= 2 * rows {
            tilePixels = (pixels + pixels / rows - 1) / (pixels / rows)
            tileImages = 1
        } else {
            tilePixels = pixels
            tileImages = mayJoinImages ? max(1, min(shape.images, rows / pixels)) : 1
        }
        if canCutFilters, pixels < shape.filters {
            let panel = kernels.panel_columns
            tileFilters = max(panel, tileWork / (tileImages * tilePixels) / panel * panel)
        } else {
            tileFilters = max(1, shape.groupFilters)
        }
    }

    private var tilesPerImage: Int { (max(1, shape.outputPixels) + tilePixels - 1) / tilePixels }
    private var rowTiles: Int { (shape.images + tileImages - 1) / tileImages * tilesPerImage }
    private var filterTiles: Int { (max(1, shape.groupFilters) + tileFilters - 1) / tileFilters }
    /// Independent pieces of the work.
    public var tiles: Int { rowTiles * filterTiles }
    private var columnBytes: Int {
        shape.isPointwise ? 0 : (tileImages * tilePixels * shape.depth * kernels.type.byteCount + 63) / 64 * 64
    }
    /// Bytes of scratch memory for each thread: the columns, then results that have yet to go to their places.
    public var scratchBytes: Int {
        let resultScalars = placement == nil ? 0 : tileImages * tilePixels * shape.groupFilters
        return columnBytes + resultScalars * kernels.type.byteCount
    }

    /// Computes the tiles `range`; `weights` are the weights, or, for panels, the packed weights of each group in turn; `ldy`
    /// is the distance of y's pixels, by default the filters. There is neither residual nor distance where the results
    /// have a placement.
    public func run(
        _ range: Range<Int>, x: UnsafeRawPointer, weights: UnsafeRawPointer, bias: UnsafeRawPointer?,
        residual: UnsafeRawPointer?, y: UnsafeMutableRawPointer, ldy distance: Int? = nil,
        scratch: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        let ldy = placement == nil ? distance ?? shape.filters : shape.groupFilters
        let k = shape.depth
        var tile = range.lowerBound
        while tile < range.upperBound {
            // Neighbours are one product: the columns are made once, and the panels' bits do not depend on it.
            let rowTile = tile / filterTiles
            let rowTileEnd = mayJoinRowTiles ? range.upperBound : rowTile + 1
            let firstFilter = tile % filterTiles * tileFilters
            let n = min(shape.groupFilters, (tile % filterTiles + range.upperBound - tile) * tileFilters) - firstFilter
            tile = min(range.upperBound, rowTileEnd * filterTiles)

            let firstImage = rowTile / tilesPerImage * tileImages
            let images = min(tileImages, shape.images - firstImage)
            let firstPixel = rowTile % tilesPerImage * tilePixels
            let pixels = min(tilePixels, shape.outputPixels - firstPixel)
            let firstRow = firstImage * shape.outputPixels + firstPixel
            let m = mayJoinRowTiles ? self.firstRow(of: rowTileEnd) - firstRow : images * pixels
            for group in 0..<shape.groups {
                let (columns, ldx) = columns(
                    group: group, firstImage: firstImage, images: images, firstPixel: firstPixel, pixels: pixels, x: x,
                    scratch: scratch)
                let filter = group * shape.groupFilters + firstFilter
                let target = placement == nil ? y + (firstRow * ldy + filter) * size : scratch + columnBytes
                let groupBias = bias.map { $0 + filter * size }
                let groupResidual = residual.map { $0 + (firstRow * shape.filters + filter) * size }
                switch product {
                case .blas:
                    BLAS.multiply(
                        kernels.type, m: m, n: n, k: k, x: columns, ldx: ldx, w: weights + filter * size,
                        ldw: shape.filters, y: target, ldy: ldy)
                    kernels.epilogue(m, n, groupBias, groupResidual, shape.filters, activation, target, ldy)
                case .panels:
                    let groupScalars = kernels.panelScalars(k: k, n: shape.groupFilters)
                    kernels.multiply_panels(
                        m, n, k, columns, ldx, weights + (group * groupScalars + firstFilter * k) * size, groupBias,
                        groupResidual, shape.filters, activation, target, ldy)
                }
                guard let placement else { continue }
                let pixelBytes = shape.filters * size
                for image in 0..<images {
                    placement.scatter(
                        firstPixel..<firstPixel + pixels, rows: target + image * pixels * n * size, rowBytes: n * size,
                        image: y + (firstImage + image) * placement.imagePixels * pixelBytes + filter * size,
                        pixelBytes: pixelBytes)
                }
            }
        }
    }

    /// Whether the rows of tiles one after the other are rows of one product.
    private var mayJoinRowTiles: Bool {
        product == .panels && shape.isPointwise && shape.groups == 1 && placement == nil && filterTiles == 1
    }

    /// The row of the product of the whole batch at which a tile begins, or the one before it ends.
    private func firstRow(of rowTile: Int) -> Int {
        let (images, tile) = rowTile.quotientAndRemainder(dividingBy: tilesPerImage)
        return min(shape.images, images * tileImages) * shape.outputPixels + tile * tilePixels
    }

    /// The column matrix of some pixels of one image, or of some whole images, and the distance of its rows.
    private func columns(
        group: Int, firstImage: Int, images: Int, firstPixel: Int, pixels: Int, x: UnsafeRawPointer,
        scratch: UnsafeMutableRawPointer
    ) -> (UnsafeRawPointer, Int) {
        let size = kernels.type.byteCount
        let firstChannel = x + group * shape.groupChannels * size
        if shape.isPointwise {
            return (
                firstChannel + (firstImage * shape.inputPixels + firstPixel) * shape.channels * size, shape.channels
            )
        }
        var window = shape.window
        for image in 0..<images {
            kernels.im2col(
                &window, shape.groupChannels,
                firstChannel + (firstImage + image) * shape.inputPixels * shape.channels * size,
                shape.channels, firstPixel, pixels, scratch + image * pixels * shape.depth * size, shape.depth)
        }
        return (UnsafeRawPointer(scratch), shape.depth)
    }
}

extension KernelTable {
    /// Scalars of a K × N matrix packed in panels.
    public func panelScalars(k: Int, n: Int) -> Int {
        (n + self.panel_columns - 1) / self.panel_columns * self.panel_columns * k
    }
}
