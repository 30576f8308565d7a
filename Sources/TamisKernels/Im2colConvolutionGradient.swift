import CTamisKernels

/// The gradients of a convolution as products over the same columns as `Im2colConvolution`.
///
///                N                 M pixels             N                         K                  N              K
///           ┌─────────┐          ┌──────────┐      ┌────────┐               ┌──────────┐        ┌────────┐     ┌──────┐
///     K     │   dw    │  +=  K   │ columnsᵀ │  · M │   dy   │ ,           M │ dcolumns │  =  M  │   dy   │ · N │  wᵀ  │
///           └─────────┘          └──────────┘      └────────┘               └──────────┘        └────────┘     └──────┘
///
/// and dx gathers dcolumns by col2im. The sums over images run in a fixed order: each chunk of images adds up in its own
/// memory, then the chunks are added in order; the chunks depend on the batch alone, never on the threads.
public struct Im2colConvolutionGradient: Sendable {
    private let shape: ConvolutionShape
    private let kernels: KernelTable
    /// Images whose columns one product takes together.
    private let joined: Int
    /// Images of one chunk.
    private let chunkImages: Int

    public init(_ shape: ConvolutionShape, kernels: KernelTable) {
        self.shape = shape
        self.kernels = kernels
        let size = kernels.type.byteCount
        let imageBytes = max(1, shape.outputPixels * shape.depth * size)
        joined = max(1, min(shape.images, (1 << 20) / imageBytes))
        let partialBytes = max(1, (shape.depth * shape.filters + shape.filters) * size)
        let mostChunks = max(1, min(16, (32 << 20) / partialBytes))
        chunkImages = max(1, (shape.images + mostChunks - 1) / mostChunks)
    }

    /// Chunks of images, each with its own sums.
    public var chunks: Int { (shape.images + chunkImages - 1) / chunkImages }
    /// Scalars of the weights' gradient.
    public var weightScalars: Int { shape.depth * shape.filters }
    /// Bytes of the sums of all chunks: a weight gradient and a bias gradient each.
    public var workspaceBytes: Int { chunks * (weightScalars + shape.filters) * kernels.type.byteCount }
    /// Bytes of scratch memory for each thread.
    public var scratchBytes: Int { joined * max(1, shape.outputPixels) * shape.depth * kernels.type.byteCount }
    /// Independent pieces of the input's gradient.
    public var inputTiles: Int { (shape.images + joined - 1) / joined }

    /// Adds up the weight gradient, and the bias gradient where wanted, of the chunks `range` into `workspace`.
    public func sumWeights(
        _ range: Range<Int>, x: UnsafeRawPointer, dy: UnsafeRawPointer, wantsBias: Bool, workspace: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        let (k, n) = (shape.depth, shape.groupFilters)
        for chunk in range {
            let dw = workspace + chunk * (weightScalars + shape.filters) * size
            let db = dw + weightScalars * size
            let end = min(shape.images, (chunk + 1) * chunkImages)
            for group in 0..<shape.groups {
                for first in stride(from: chunk * chunkImages, to: end, by: joined) {
                    let images = min(joined, end - first)
                    let m = images * shape.outputPixels
                    let (columns, ldx) = columns(group: group, first: first, images: images, x: x, scratch: scratch)
                    BLAS.multiply(
                        kernels.type, transposeX: true, m: k, n: n, k: m, x: columns, ldx: ldx,
                        w: dy + (first * shape.outputPixels * shape.filters + group * n) * size, ldw: shape.filters,
                        beta: first == chunk * chunkImages ? 0 : 1, y: dw + group * n * size, ldy: shape.filters)
                }
            }
            if wantsBias {
                let firstImage = chunk * chunkImages
                kernels.sum_rows(
                    (end - firstImage) * shape.outputPixels, shape.filters,
                    dy + firstImage * shape.outputPixels * shape.filters * size, shape.filters, db)
            }
        }
    }

    /// Adds the chunks' sums in order; `dw` and `db` take what is wanted.
    public func addChunks(workspace: UnsafeMutableRawPointer, dw: UnsafeMutableRawPointer?, db: UnsafeMutableRawPointer?) {
        let size = kernels.type.byteCount
        let stride = (weightScalars + shape.filters) * size
        func add(_ offset: Int, _ count: Int, into target: UnsafeMutableRawPointer) {
            guard chunks > 0 else {
                // A batch of no images: an empty sum.
                target.initializeMemory(as: UInt8.self, repeating: 0, count: count * size)
                return
            }
            target.copyMemory(from: workspace + offset, byteCount: count * size)
            for chunk in 1..<chunks {
                kernels.binary(count, TAMIS_ADD, target, 1, workspace + chunk * stride + offset, 1, target)
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
        let imageBytes = shape.inputPixels * shape.channels * size
        var window = shape.window
        for tile in range {
            let first = tile * joined
            let images = min(joined, shape.images - first)
            let m = images * shape.outputPixels
            if !shape.isPointwise {
                (dx + first * imageBytes).initializeMemory(as: UInt8.self, repeating: 0, count: images * imageBytes)
            }
            for group in 0..<shape.groups {
                let source = dy + (first * shape.outputPixels * shape.filters + group * n) * size
                let target = dx + first * imageBytes + group * shape.groupChannels * size
                let (columns, ldc) = shape.isPointwise ? (target, shape.channels) : (scratch, k)
                BLAS.multiply(
                    kernels.type, transposeW: true, m: m, n: k, k: n, x: source, ldx: shape.filters,
                    w: weights + group * n * size, ldw: shape.filters, y: columns, ldy: ldc)
                if shape.isPointwise { continue }
                for image in 0..<images {
                    kernels.col2im(
                        &window, shape.groupChannels, columns + image * shape.outputPixels * k * size, k, 0,
                        shape.outputPixels, target + image * imageBytes, shape.channels)
                }
            }
        }
    }

    private func columns(
        group: Int, first: Int, images: Int, x: UnsafeRawPointer, scratch: UnsafeMutableRawPointer
    ) -> (UnsafeRawPointer, Int) {
        let size = kernels.type.byteCount
        let firstChannel = x + (first * shape.inputPixels * shape.channels + group * shape.groupChannels) * size
        if shape.isPointwise { return (firstChannel, shape.channels) }
        var window = shape.window
        for image in 0..<images {
            kernels.im2col(
                &window, shape.groupChannels, firstChannel + image * shape.inputPixels * shape.channels * size,
                shape.channels, 0, shape.outputPixels, scratch + image * shape.outputPixels * shape.depth * size, shape.depth)
        }
        return (UnsafeRawPointer(scratch), shape.depth)
    }
}
