import CTamisKernels
import TamisKernels

/// A convolution whose taps lie where they are told, between pixels too. ONNX's DeformConv (Dai et al., 2017; with a mask
/// Zhu et al., 2018) on channel-last tensors of one to three spatial axes.
///
/// x: N × spatial × C, w: kernel × C/groups × F, offsets: N × spatial' × (offset groups · taps · axes), bias (optional): F,
/// mask (optional): N × spatial' × (offset groups · taps); y: N × spatial' × F. A tap reads the pixels around its place,
/// weighted by how near they are, zeros outside, times the mask.
public struct DeformConv: Operator, Hashable {
    /// How the window slides.
    public let window: WindowGeometry
    /// Groups of channels, each convolved with its own filters.
    public let groups: Int
    /// Groups of channels, each with its own offsets.
    public let offsetGroups: Int

    public init(window: WindowGeometry, groups: Int = 1, offsetGroups: Int = 1) {
        self.window = window
        self.groups = groups
        self.offsetGroups = offsetGroups
    }

    public var kind: String { "DeformConv" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...5)
        // What an ordinary convolution wants of x, w and the bias, this one wants too.
        let ordinary = Operands([inputs.all[0], inputs.all[1], inputs.optional(3)], operatorName: kind)
        let y = try Conv(window: window, groups: groups).outputTypes(for: ordinary)[0]
        guard let elementType = y.elementType, let dimensions = y.dimensions else { return [y] }
        let rank = window.rank + 2
        guard offsetGroups > 0 else {
            throw .mismatch(rule: "DeformConv's offset groups must be 1 or more", received: "\(offsetGroups)")
        }
        if let channels = try inputs.floats(0, "x", rank: rank...rank).dimensions[rank - 1].value,
            channels % offsetGroups != 0
        {
            throw .mismatch(
                rule: "DeformConv's \(offsetGroups) offset groups must divide the channels of x",
                received: "\(channels)")
        }
        let (perPixel, overflow) = window.taps.multipliedReportingOverflow(by: offsetGroups)
        guard !overflow, perPixel <= Shape.largest else { throw .tooManyElements(window.kernel) }
        func expected(_ numbers: Int) -> ValueType {
            .tensor(elementType, Array(dimensions.dropLast()) + [.fixed(numbers)])
        }
        try inputs.expect(expected(perPixel * window.rank), of: 2, "offsets")
        if inputs.optional(4) != nil { try inputs.expect(expected(perPixel), of: 4, "mask") }
        return [y]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, w) = (try context.input(0), try context.input(1))
        let kernels = try context.kernels(for: x.elementType)
        let shape = window.convolution(x: x.shape, w: w.shape, groups: groups)
        let (k, n, size) = (shape.depth, shape.groupFilters, kernels.type.byteCount)
        let groupBytes = kernels.panelScalars(k: k, n: n) * size
        let panels = try context.packed(
            1, form: "conv panels \(context.level) \(groups)", byteCount: groupBytes * groups
        ) { source, target in
            for group in 0..<shape.groups {
                kernels.pack_panels(k, n, source + group * n * size, shape.filters, false, target + group * groupBytes)
            }
        }
        if panels == nil { try context.checkProduct(shape.depth, shape.channels, shape.filters) }
        let sampler = DeformedColumns(self, shape, kernels)
        let tilesPerImage = (shape.outputPixels + sampler.tilePixels - 1) / sampler.tilePixels
        let (imageBytes, pixelBytes) = (shape.inputPixels * shape.channels * size, shape.filters * size)
        var prepared = Prepared(
            "sampled columns, \(panels == nil ? "OpenBLAS" : "packed panels")", tiles: shape.images * tilesPerImage,
            operations: shape.operations, slowness: 3, scratchBytes: sampler.scratchBytes
        ) { bindings, tiles in
            for tile in tiles {
                let image = tile / tilesPerImage
                let first = tile % tilesPerImage * sampler.tilePixels
                let pixels = first..<min(shape.outputPixels, first + sampler.tilePixels)
                let firstRow = image * shape.outputPixels + first
                sampler.sample(
                    pixels, image: bindings.input(0) + image * imageBytes, firstRow: firstRow,
                    offsets: bindings.input(2), mask: bindings.optionalInput(4), scratch: bindings.scratch)
                for group in 0..<shape.groups {
                    let columns = sampler.columns(of: group, pixels.count, scratch: bindings.scratch)
                    let target = bindings.output(0) + firstRow * pixelBytes + group * n * size
                    let bias = bindings.optionalInput(3).map { $0 + group * n * size }
                    if let panels {
                        kernels.multiply_panels(
                            pixels.count, n, k, columns, k, panels.base + group * groupBytes, bias, nil, 0, .identity,
                            target, shape.filters)
                    } else {
                        BLAS.multiply(
                            kernels.type, m: pixels.count, n: n, k: k, x: columns, ldx: max(1, k),
                            w: bindings.input(1) + group * n * size, ldw: max(1, shape.filters), y: target,
                            ldy: max(1, shape.filters))
                        kernels.epilogue(pixels.count, n, bias, nil, 0, .identity, target, shape.filters)
                    }
                }
            }
            return .done
        }
        if panels != nil { prepared.unreadInputs = [1] }
        return prepared
    }
}

/// The column matrices of a DeformConv: a row an output pixel, what its taps read at their places.
private struct DeformedColumns: Sendable {
    private let operation: DeformConv
    private let shape: ConvolutionShape
    private let kernels: KernelTable
    /// Pixels of a tile; they follow from the layer alone.
    let tilePixels: Int

    init(_ operation: DeformConv, _ shape: ConvolutionShape, _ kernels: KernelTable) {
        self.operation = operation
        self.shape = shape
        self.kernels = kernels
        let rowBytes = max(1, shape.taps * shape.channels * kernels.type.byteCount)
        tilePixels = max(1, min(shape.outputPixels, max(96, (512 << 10) / rowBytes)))
    }

    /// Places that one pixel's taps read at, and pixels around each.
    private var placeCount: Int { shape.taps * operation.offsetGroups }
    private var corners: Int { 1 << operation.window.rank }
    private var columnBytes: Int { tilePixels * shape.taps * shape.channels * kernels.type.byteCount }
    private var groupBytes: Int { shape.groups == 1 ? 0 : tilePixels * shape.depth * kernels.type.byteCount }

    /// Bytes of scratch memory: all columns, those of one group, taps and weights of one pixel.
    var scratchBytes: Int { tapOffset + PixelTaps.byteCount + placeCount * corners * 16 }
    private var tapOffset: Int { (columnBytes + groupBytes + 63) / 64 * 64 }

    /// Writes the columns of all groups for the pixels `range` of an image.
    func sample(
        _ range: Range<Int>, image: UnsafeRawPointer, firstRow: Int, offsets: UnsafeRawPointer,
        mask: UnsafeRawPointer?, scratch: UnsafeMutableRawPointer
    ) {
        if kernels.type == .float {
            sample(range, image, firstRow, offsets, mask, scratch, Float.self)
        } else {
            sample(range, image, firstRow, offsets, mask, scratch, Double.self)
        }
    }

    private func sample<Scalar: BinaryFloatingPoint>(
        _ range: Range<Int>, _ image: UnsafeRawPointer, _ firstRow: Int, _ offsets: UnsafeRawPointer,
        _ mask: UnsafeRawPointer?, _ scratch: UnsafeMutableRawPointer, _: Scalar.Type
    ) {
        let window = shape.window
        let (rank, offsetGroups) = (operation.window.rank, operation.offsetGroups)
        let indices = (scratch + tapOffset + PixelTaps.byteCount)
            .bindMemory(to: Int.self, capacity: placeCount * corners)
        let weights = (scratch + tapOffset + PixelTaps.byteCount + placeCount * corners * 8)
            .bindMemory(to: Scalar.self, capacity: placeCount * corners)
        var taps = PixelTaps(window.input, memory: scratch + tapOffset)
        let rowBytes = shape.taps * shape.channels * kernels.type.byteCount
        for (position, pixel) in range.enumerated() {
            let row = firstRow + position
            let moved = offsets.assumingMemoryBound(to: Scalar.self) + row * placeCount * rank
            let factors = mask.map { $0.assumingMemoryBound(to: Scalar.self) + row * placeCount }
            let (line, column) = pixel.quotientAndRemainder(dividingBy: window.output.2)
            let (depth, height) = line.quotientAndRemainder(dividingBy: window.output.1)
            for tap in 0..<shape.taps {
                let (tapLine, tapColumn) = tap.quotientAndRemainder(dividingBy: window.kernel.2)
                let (tapDepth, tapHeight) = tapLine.quotientAndRemainder(dividingBy: window.kernel.1)
                for group in 0..<offsetGroups {
                    let place = group * shape.taps + tap
                    // Offsets are there for the last axes, one after another.
                    func offset(_ axis: Int) -> Scalar {
                        let position = axis - (3 - rank)
                        return position < 0 ? 0 : moved[place * rank + position]
                    }
                    taps.setLinear(
                        0, Scalar(depth * window.stride.0 - window.pad.0 + tapDepth * window.dilation.0) + offset(0))
                    taps.setLinear(
                        1, Scalar(height * window.stride.1 - window.pad.1 + tapHeight * window.dilation.1) + offset(1))
                    taps.setLinear(
                        2, Scalar(column * window.stride.2 - window.pad.2 + tapColumn * window.dilation.2) + offset(2))
                    let first = (tap * offsetGroups + group) * corners
                    taps.write(
                        to: indices + first, weights + first, capacity: corners,
                        scale: factors.map { Double($0[place]) } ?? 1)
                    // Rows of a group's channels, of which a pixel has as many as there are groups.
                    for corner in first..<first + corners { indices[corner] = indices[corner] * offsetGroups + group }
                }
            }
            kernels.resample(
                placeCount, corners, shape.channels / offsetGroups, indices, weights, image,
                scratch + position * rowBytes)
        }
    }

    /// The columns of one group of channels.
    func columns(of group: Int, _ pixels: Int, scratch: UnsafeMutableRawPointer) -> UnsafeRawPointer {
        if shape.groups == 1 { return UnsafeRawPointer(scratch) }
        let size = kernels.type.byteCount
        let target = scratch + columnBytes
        tamis_strided_copy(
            3, [pixels, shape.taps, shape.groupChannels], [shape.taps * shape.channels, shape.channels, 1], size,
            scratch + group * shape.groupChannels * size, target)
        return UnsafeRawPointer(target)
    }
}
