public import CTamisKernels

/// The transpose of a convolution, as one plain convolution for each phase of its output.
///
/// Output pixel o meets input pixel i by tap t where o = i · stride + t · dilation − pad. So all pixels of one remainder of
/// o + pad by the stride, a phase, meet the same taps, and are a convolution of stride 1 with those taps alone, last tap
/// first:
///
///     stride 2, 4 taps      output  0 1 0 1 0 1 0 1      phase 0 meets taps 2 and 0, phase 1 meets taps 3 and 1
///
/// No pixel is written twice, and each sum runs in one order. Where the kernel is as wide as the stride, each phase is a
/// product of the image and one tap.
public struct TransposedConvolution: Sendable {
    /// The convolution that gives the pixels of one phase.
    private struct Phase: Sendable {
        var algorithm: Algorithm
        var shape: ConvolutionShape
        /// The taps of the whole kernel, in the order of the phase's.
        var taps: [Int]
        /// Where its weights begin, in scalars: as matrices, and in panels.
        var matrixOffset: Int
        var panelOffset: Int
        /// The tiles of the phases before.
        var firstTile: Int
    }

    private enum Algorithm: Sendable {
        case products(Im2colConvolution)
        case depthwise(DepthwiseConvolution)

        var tiles: Int {
            switch self {
            case .products(let algorithm): algorithm.tiles
            case .depthwise(let algorithm): algorithm.tiles
            }
        }
        var scratchBytes: Int {
            switch self {
            case .products(let algorithm): algorithm.scratchBytes
            case .depthwise(let algorithm): algorithm.scratchBytes
            }
        }
    }

    /// The convolution this is the transpose of: from the output's pixels and filters to the input's pixels and channels.
    private let adjoint: ConvolutionShape
    private let kernels: KernelTable
    private let product: Im2colConvolution.Product
    private let activation: tamis_activation
    private let phases: [Phase]
    /// Whether some pixels meet no tap, so that they are the activation of the bias.
    public let hasGaps: Bool
    /// Scalars of the weights in the phases' order.
    public let matrixScalars: Int
    /// Scalars of the same in panels.
    private let panelScalars: Int

    /// The transpose of the convolution `adjoint`, whose images are this one's output.
    public init(
        transposeOf adjoint: ConvolutionShape, kernels: KernelTable, product: Im2colConvolution.Product,
        activation: tamis_activation, mayJoinImages: Bool
    ) {
        self.adjoint = adjoint
        self.kernels = kernels
        self.product = product
        self.activation = activation
        var phases: [Phase] = []
        var (matrixScalars, panelScalars, tiles, covered) = (0, 0, 0, 0)
        let window = adjoint.window
        let axes = [
            AxisPhase.all(
                window.input.0, window.output.0, window.kernel.0, window.stride.0, window.dilation.0, window.pad.0),
            AxisPhase.all(
                window.input.1, window.output.1, window.kernel.1, window.stride.1, window.dilation.1, window.pad.1),
            AxisPhase.all(
                window.input.2, window.output.2, window.kernel.2, window.stride.2, window.dilation.2, window.pad.2),
        ]
        for depth in axes[0] {
            for height in axes[1] {
                for width in axes[2] {
                    let shape = ConvolutionShape(
                        window: tamis_window(
                            input: window.output, output: (depth.count, height.count, width.count),
                            kernel: (depth.taps.count, height.taps.count, width.taps.count), stride: (1, 1, 1),
                            dilation: (depth.dilation, height.dilation, width.dilation),
                            pad: (depth.pad, height.pad, width.pad)),
                        images: adjoint.images, channels: adjoint.filters, filters: adjoint.channels,
                        groups: adjoint.groups)
                    let placement = PixelPlacement(
                        extents: shape.window.output, first: (depth.first, height.first, width.first),
                        step: window.stride, image: window.input)
                    let algorithm: Algorithm =
                        shape.isDepthwise
                        ? .depthwise(
                            DepthwiseConvolution(
                                shape, kernels: kernels, activation: activation, placement: placement))
                        : .products(
                            Im2colConvolution(
                                shape, kernels: kernels, product: product, activation: activation,
                                mayJoinImages: mayJoinImages, placement: placement))
                    let taps = depth.taps.flatMap { d in
                        height.taps.flatMap { h in
                            width.taps.map { (d * window.kernel.1 + h) * window.kernel.2 + $0 }
                        }
                    }
                    phases.append(
                        Phase(
                            algorithm: algorithm, shape: shape, taps: taps, matrixOffset: matrixScalars,
                            panelOffset: panelScalars, firstTile: tiles))
                    tiles += algorithm.tiles
                    covered += shape.outputPixels
                    matrixScalars += shape.depth * shape.filters
                    panelScalars += shape.groups * kernels.panelScalars(k: shape.depth, n: shape.groupFilters)
                }
            }
        }
        self.phases = phases
        hasGaps = covered < adjoint.inputPixels
        self.matrixScalars = matrixScalars
        self.panelScalars = panelScalars
    }

    /// What is used, in words.
    public var name: String {
        adjoint.groups == adjoint.filters && adjoint.filters > 1
            ? "phases, depthwise" : "phases, \(product == .blas ? "OpenBLAS" : "packed panels")"
    }
    /// Whether each filter sees one channel: then the weights need no panels.
    public var isDepthwise: Bool { adjoint.groups == adjoint.filters && adjoint.filters > 1 }
    /// Independent pieces of the work.
    public var tiles: Int { phases.last.map { $0.firstTile + $0.algorithm.tiles } ?? 0 }
    /// Bytes of scratch memory for each thread.
    public var scratchBytes: Int { phases.map(\.algorithm.scratchBytes).max() ?? 0 }
    /// Multiplications and additions of all phases.
    public var operations: Double { phases.reduce(0) { $0 + $1.shape.operations } }
    /// Bytes of the weights in the form that `run` wants.
    public var weightBytes: Int {
        (product == .panels && !isDepthwise ? panelScalars : matrixScalars) * kernels.type.byteCount
    }

    /// Brings weights (taps × filters of a group × channels) to the matrices of the phases: (taps · channels of a group) ×
    /// filters.
    public func arrange(_ weights: UnsafeRawPointer, into matrices: UnsafeMutableRawPointer) {
        let size = kernels.type.byteCount
        let (channels, filters, groups) = (adjoint.filters, adjoint.groupChannels, adjoint.groups)
        let extents = [channels / groups, groups, filters]
        let strides = [1, channels / groups, channels]
        let tapBytes = filters * channels * size
        for phase in phases {
            for (position, tap) in phase.taps.enumerated() {
                tamis_strided_copy(
                    3, extents, strides, size, weights + tap * tapBytes,
                    matrices + phase.matrixOffset * size + position * tapBytes)
            }
        }
    }

    /// Packs the matrices of the phases into panels, group by group.
    public func pack(_ matrices: UnsafeRawPointer, into panels: UnsafeMutableRawPointer) {
        let size = kernels.type.byteCount
        for phase in phases {
            let (k, n) = (phase.shape.depth, phase.shape.groupFilters)
            let groupScalars = kernels.panelScalars(k: k, n: n)
            for group in 0..<phase.shape.groups {
                kernels.pack_panels(
                    k, n, matrices + (phase.matrixOffset + group * n) * size, phase.shape.filters, false,
                    panels + (phase.panelOffset + group * groupScalars) * size)
            }
        }
    }

    /// Writes the activation of the bias to all pixels of an image.
    public func fill(image: Int, bias: UnsafeRawPointer?, y: UnsafeMutableRawPointer) {
        let (pixels, filters) = (adjoint.inputPixels, adjoint.channels)
        let byteCount = pixels * filters * kernels.type.byteCount
        let target = y + image * byteCount
        target.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        kernels.epilogue(pixels, filters, bias, nil, 0, activation, target, filters)
    }

    /// Computes the tiles `range`; `weights` are those of the phases, as matrices or in panels.
    public func run(
        _ range: Range<Int>, x: UnsafeRawPointer, weights: UnsafeRawPointer, bias: UnsafeRawPointer?,
        y: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        for phase in phases {
            let end = phase.firstTile + phase.algorithm.tiles
            let tiles =
                max(
                    range.lowerBound, phase.firstTile)..<max(
                    max(range.lowerBound, phase.firstTile), min(range.upperBound, end))
            guard !tiles.isEmpty else { continue }
            let own = tiles.lowerBound - phase.firstTile..<tiles.upperBound - phase.firstTile
            switch phase.algorithm {
            case .depthwise(let algorithm):
                algorithm.run(
                    own, x: x, weights: weights + phase.matrixOffset * size, bias: bias, residual: nil, y: y,
                    scratch: scratch)
            case .products(let algorithm):
                let offset = product == .panels ? phase.panelOffset : phase.matrixOffset
                algorithm.run(
                    own, x: x, weights: weights + offset * size, bias: bias, residual: nil, y: y, scratch: scratch)
            }
        }
    }
}

/// The output pixels of one axis whose place, padding included, leaves one remainder by the stride, and the taps they meet.
private struct AxisPhase {
    /// The taps, the last one first.
    var taps: [Int]
    /// The distance in the input of two of them.
    var dilation: Int
    /// The first output pixel, and how many there are at distances of the stride.
    var first: Int
    var count: Int
    /// Pixels between the first tap of the first window and the input's first pixel.
    var pad: Int

    /// The phases that meet taps and have pixels.
    static func all(
        _ output: Int, _ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ pad: Int
    ) -> [AxisPhase] {
        let divisor = greatestCommonDivisor(stride, dilation)
        // Taps this far apart belong to one phase.
        let period = stride / divisor
        var phases: [AxisPhase] = []
        for tap in 0..<min(kernel, period) {
            let remainder = tap * dilation % stride
            let first = ((remainder - pad) % stride + stride) % stride
            guard first < output else { continue }
            let taps = Array(Swift.stride(from: tap, to: kernel, by: period).reversed())
            // The input pixel that the last tap meets in the first window.
            let start = (first + pad - taps[0] * dilation) / stride
            phases.append(
                AxisPhase(
                    taps: taps, dilation: dilation / divisor, first: first,
                    count: (output - first + stride - 1) / stride, pad: -start))
        }
        return phases
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }
}
