import CTamisKernels

/// The gradients of a convolution as products over the same columns as `Im2colConvolution`.
///
///                N                 M pixels             N                         K                  N              K
///           ┌─────────┐          ┌──────────┐      ┌────────┐               ┌──────────┐        ┌────────┐     ┌──────┐
///     K     │   dw    │  +=  K   │ columnsᵀ │  · M │   dy   │ ,           M │ dcolumns │  =  M  │   dy   │ · N  │  wᵀ  │
///           └─────────┘          └──────────┘      └────────┘               └──────────┘        └────────┘     └──────┘
///
/// and dx gathers dcolumns by col2im; a depthwise convolution has kernels of its own for both. The sums over images run in
/// a fixed order: each chunk of images adds up in its own memory, then the chunks are added in order. Chunks depend on the
/// batch alone, never on the threads.
public struct ConvolutionGradient: Sendable {
    private let shape: ConvolutionShape
    private let kernels: KernelTable
    /// Pixels one product takes at most.
    private let productPixels: Int
    /// Images one product takes together; 1 where an image has more pixels than that.
    private let joined: Int
    /// Images of one chunk.
    private let chunkImages: Int

    public init(_ shape: ConvolutionShape, kernels: KernelTable) {
        self.shape = shape
        self.kernels = kernels
        let size = kernels.type.byteCount
        // About 1 MiB of columns, and rows enough to pay for packing the other side again.
        productPixels = max(384, (1 << 20) / max(1, shape.depth * size))
        joined = max(1, min(shape.images, productPixels / max(1, shape.outputPixels)))
        let partialBytes = max(1, (shape.depth * shape.filters + shape.filters) * size)
        let mostChunks = max(1, min(16, (32 << 20) / partialBytes))
        chunkImages = max(1, (shape.images + mostChunks - 1) / mostChunks)
    }

    /// What is used, in words.
    public var name: String {
        shape.isDepthwise ? "depthwise" : shape.isPointwise ? "pointwise, OpenBLAS" : "im2col, OpenBLAS"
    }
    /// Chunks of images, each with its own sums.
    public var chunks: Int { (shape.images + chunkImages - 1) / chunkImages }
    /// Scalars of the weights' gradient.
    public var weightScalars: Int { shape.depth * shape.filters }
    /// Bytes of the sums of all chunks: a weight gradient and a bias gradient each.
    public var workspaceBytes: Int { chunks * (weightScalars + shape.filters) * kernels.type.byteCount }
    /// Bytes of scratch memory for each thread.
    public var scratchBytes: Int {
        shape.isPointwise || shape.isDepthwise
            ? 0 : min(productPixels, joined * shape.outputPixels) * shape.depth * kernels.type.byteCount
    }
    /// Independent pieces of the input's gradient.
    public var inputTiles: Int { (shape.images + joined - 1) / joined }

    /// The pixels of one product: some of one image, or all of several.
    private struct Product {
        var firstImage: Int
        var images: Int
        var firstPixel: Int
        var pixels: Int
        /// Rows of the product's matrices.
        var rows: Int { images * pixels }
    }

    /// Goes through the products that make up some images, in order.
    private func forEachProduct(_ images: Range<Int>, _ body: (Product) -> Void) {
        for first in stride(from: images.lowerBound, to: images.upperBound, by: joined) {
            let count = min(joined, images.upperBound - first)
            for pixel in stride(from: 0, to: shape.outputPixels, by: productPixels) {
                let pixels = min(productPixels, shape.outputPixels - pixel)
                body(Product(firstImage: first, images: count, firstPixel: pixel, pixels: pixels))
            }
        }
    }

    private var imageBytes: Int { shape.inputPixels * shape.channels * kernels.type.byteCount }
    private var gradientBytes: Int { shape.outputPixels * shape.filters * kernels.type.byteCount }

    /// Adds up the weight gradient, and the bias gradient where wanted, of the chunks `range` into `workspace`.
    public func sumWeights(
        _ range: Range<Int>, x: UnsafeRawPointer, dy: UnsafeRawPointer, wantsBias: Bool,
        workspace: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        let (k, n) = (shape.depth, shape.groupFilters)
        var window = shape.window
        for chunk in range {
            let dw = workspace + chunk * (weightScalars + shape.filters) * size
            let images = chunk * chunkImages..<min(shape.images, (chunk + 1) * chunkImages)
            dw.initializeMemory(as: UInt8.self, repeating: 0, count: weightScalars * size)
            if shape.isDepthwise {
                for image in images {
                    kernels.depthwise_weight_gradient(
                        &window, shape.channels, n, x + image * imageBytes, dy + image * gradientBytes, dw)
                }
            } else {
                for group in 0..<shape.groups {
                    forEachProduct(images) { product in
                        let (columns, ldx) = columns(product, group: group, x: x, scratch: scratch)
                        let row = product.firstImage * shape.outputPixels + product.firstPixel
                        BLAS.multiply(
                            kernels.type, transposeX: true, m: k, n: n, k: product.rows, x: columns, ldx: ldx,
                            w: dy + (row * shape.filters + group * n) * size, ldw: shape.filters, beta: 1,
                            y: dw + group * n * size, ldy: shape.filters)
                    }
                }
            }
            if wantsBias {
                kernels.sum_rows(
                    images.count * shape.outputPixels, shape.filters, dy + images.lowerBound * gradientBytes,
                    shape.filters,
                    dw + weightScalars * size)
            }
        }
    }

    /// Adds the chunks' sums in order; `dw` and `db` take what is wanted.
    public func addChunks(
        workspace: UnsafeMutableRawPointer, dw: UnsafeMutableRawPointer?, db: UnsafeMutableRawPointer?
    ) {
        let size = kernels.type.byteCount
        let stride = (weightScalars + shape.filters) * size
        func add(_ offset: Int, _ count: Int, into target: UnsafeMutableRawPointer) {
            if chunks == 0 {
                target.initializeMemory(as: UInt8.self, repeating: 0, count: count * size)
                return
            }
            target.copyMemory(from: workspace + offset, byteCount: count * size)
            for chunk in 1..<max(1, chunks) {
                kernels.binary(
                    1, count, TAMIS_ADD, target, count, 1, workspace + chunk * stride + offset, count, 1, target)
            }
        }
        if let dw { add(0, weightScalars, into: dw) }
        if let db { add(weightScalars * size, shape.filters, into: db) }
    }

    /// Writes the input's gradient of the tiles `range`.
    public func propagate(
        _ range: Range<Int>, dy: UnsafeRawPointer, weights: UnsafeRawPointer, dx: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        let (k, n) = (shape.depth, shape.groupFilters)
        var window = shape.window
        let images = min(shape.images, range.lowerBound * joined)..<min(shape.images, range.upperBound * joined)
        // A pointwise product writes each pixel; all others add to it.
        if !shape.isPointwise || shape.isDepthwise {
            (dx + images.lowerBound * imageBytes)
                .initializeMemory(as: UInt8.self, repeating: 0, count: images.count * imageBytes)
        }
        if shape.isDepthwise {
            for image in images {
                kernels.depthwise_input_gradient(
                    &window, shape.channels, n, dy + image * gradientBytes, weights, dx + image * imageBytes)
            }
            return
        }
        for group in 0..<shape.groups {
            forEachProduct(images) { product in
                let row = product.firstImage * shape.outputPixels + product.firstPixel
                let image = dx + product.firstImage * imageBytes + group * shape.groupChannels * size
                let (columns, ldc) =
                    shape.isPointwise
                    ? (image + product.firstPixel * shape.channels * size, shape.channels) : (scratch, k)
                BLAS.multiply(
                    kernels.type, transposeW: true, m: product.rows, n: k, k: n,
                    x: dy + (row * shape.filters + group * n) * size, ldx: max(1, shape.filters),
                    w: weights + group * n * size, ldw: max(1, shape.filters), y: columns, ldy: ldc)
                if shape.isPointwise { return }
                for index in 0..<product.images {
                    kernels.col2im(
                        &window, shape.groupChannels, columns + index * product.pixels * k * size, k,
                        product.firstPixel,
                        product.pixels, image + index * imageBytes, shape.channels)
                }
            }
        }
    }

    /// The column matrix of a product, and the distance of its rows.
    private func columns(
        _ product: Product, group: Int, x: UnsafeRawPointer, scratch: UnsafeMutableRawPointer
    ) -> (UnsafeRawPointer, Int) {
        let size = kernels.type.byteCount
        let image = x + product.firstImage * imageBytes + group * shape.groupChannels * size
        if shape.isPointwise { return (image + product.firstPixel * shape.channels * size, shape.channels) }
        var window = shape.window
        for index in 0..<product.images {
            kernels.im2col(
                &window, shape.groupChannels, image + index * imageBytes, shape.channels, product.firstPixel,
                product.pixels,
                scratch + index * product.pixels * shape.depth * size, shape.depth)
        }
        return (UnsafeRawPointer(scratch), shape.depth)
    }
}
