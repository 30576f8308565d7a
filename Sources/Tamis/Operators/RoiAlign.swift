import CTamisKernels
import TamisKernels

/// Regions of images, each brought to one size: every bin is made of samples of the image, weighted between pixels. ONNX's
/// RoiAlign (He et al., Mask R-CNN, 2017) on channel-last tensors.
///
/// x: N × H × W × C, regions: R × 4 (left, top, right, bottom), images (int64): R, the image of each region; y:
/// R × height × width × C.
public struct RoiAlign: DifferentiableOperator, Hashable {
    /// What is made of the samples of a bin.
    public enum Mode: String, Sendable {
        /// Their mean.
        case average = "avg"
        /// The largest pixel of all samples, each times its weight.
        case maximum = "max"
    }

    /// What is made of the samples.
    public var mode: Mode
    /// The bins of a region.
    public var height: Int
    public var width: Int
    /// Samples along each axis of a bin; 0: one for about each pixel.
    public var samples = 0
    /// From the regions' coordinates to pixels.
    public var scale = 1.0
    /// Whether pixels are places in the middle of their squares; else regions smaller than a pixel count as one.
    public var isAligned = true

    public init(_ mode: Mode = .average, height: Int = 1, width: Int = 1) {
        self.mode = mode
        self.height = height
        self.width = width
    }

    public var kind: String { "RoiAlign" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        return [try output(inputs, x: 0)]
    }

    /// The type of the output for the images at position `x`, behind which the regions and their images stand.
    func output(_ inputs: Operands, x: Int) throws(ShapeError) -> ValueType {
        let (elementType, image) = try inputs.floats(x, "x", rank: 4...4)
        try inputs.expect(elementType, of: x + 1, "regions")
        let regions = try inputs.floats(x + 1, "regions", rank: 2...2).dimensions
        try inputs.expect(regions[1], equals: 4, "numbers of a region")
        let (indexType, indices) = try inputs.tensor(x + 2, "images", rank: 1...1)
        guard indexType == .int64 else {
            throw .elementType(rule: "RoiAlign's images must be int64", received: indexType)
        }
        let count = try inputs.common(regions[0], indices?[0] ?? .unknown, "regions")
        guard height > 0, width > 0, (0...1024).contains(samples) else {
            throw .mismatch(
                rule: "RoiAlign's bins must be 1 or more, its samples 0 to 1024",
                received: "\(height) × \(width) and \(samples)")
        }
        return .tensor(elementType, [count, .fixed(height), .fixed(width), image[3]])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        return kernels.type == .float
            ? prepared(context, x.shape, kernels, Float.self) : prepared(context, x.shape, kernels, Double.self)
    }

    private func prepared<Scalar: BinaryFloatingPoint & Sendable>(
        _ context: Preparation, _ x: Shape, _ kernels: KernelTable, _: Scalar.Type
    ) -> Prepared {
        let (images, channels) = (x[0], x[3])
        let imageScalars = x[1] * x[2] * channels
        let count = context.outputs[0].shape[0]
        let binsPerRegion = height * width
        return Prepared(
            "samples of regions", tiles: count, operations: Double(count * binsPerRegion * channels) * 32, slowness: 6,
            scratchBytes: RoiTaps<Scalar>.byteCount + channels * kernels.type.byteCount
        ) { [self] bindings, tiles in
            let indices = bindings.input(2).assumingMemoryBound(to: Int64.self)
            let regions = bindings.input(1).assumingMemoryBound(to: Scalar.self)
            for region in tiles {
                let image = Int(indices[region])
                guard (0..<images).contains(image) else {
                    return .indexOutOfRange(position: region, index: image, limit: images)
                }
                let source = bindings.input(0).assumingMemoryBound(to: Scalar.self) + image * imageScalars
                let bins = RoiBins(self, regions + region * 4, x)
                let y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + region * binsPerRegion * channels
                for bin in 0..<binsPerRegion {
                    let target = y + bin * channels
                    if mode == .average {
                        average(bins, bin, source, channels, kernels, bindings.scratch, target)
                    } else {
                        maximum(bins, bin, source, channels, target)
                    }
                }
            }
            return .done
        }
    }

    /// The mean of a bin's samples: sums of pixels in runs as long as there is memory for their weights.
    private func average<Scalar: BinaryFloatingPoint>(
        _ bins: RoiBins<Scalar>, _ bin: Int, _ x: UnsafePointer<Scalar>, _ channels: Int, _ kernels: KernelTable,
        _ scratch: UnsafeMutableRawPointer, _ y: UnsafeMutablePointer<Scalar>
    ) {
        var taps = RoiTaps<Scalar>(scratch)
        let rest = scratch + RoiTaps<Scalar>.byteCount
        var isFirst = true
        func flush() {
            if isFirst {
                kernels.resample(1, taps.count, channels, taps.indices, taps.weights, x, y)
            } else if taps.count > 0 {
                kernels.resample(1, taps.count, channels, taps.indices, taps.weights, x, rest)
                kernels.binary(1, channels, TAMIS_ADD, y, channels, 1, rest, channels, 1, y)
            }
            isFirst = false
            taps.count = 0
        }
        let share = 1 / bins.sampleCount
        bins.forEachSample(of: bin) { pixel, weight in
            if taps.count == RoiTaps<Scalar>.capacity { flush() }
            taps.add(pixel, weight * share)
        }
        if isFirst || taps.count > 0 { flush() }
    }

    private func maximum<Scalar: BinaryFloatingPoint>(
        _ bins: RoiBins<Scalar>, _ bin: Int, _ x: UnsafePointer<Scalar>, _ channels: Int,
        _ y: UnsafeMutablePointer<Scalar>
    ) {
        var found = 0
        bins.forEachSample(of: bin) { pixel, weight in
            let from = x + pixel * channels
            for channel in 0..<channels {
                let value = weight * from[channel]
                if found == 0 || value > y[channel] { y[channel] = value }
            }
            found += 1
        }
        // Samples outside the image are zeros.
        if Scalar(found / 4) < bins.sampleCount || found == 0 {
            for channel in 0..<channels { y[channel] = found == 0 ? 0 : max(y[channel], 0) }
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard mode == .average, !wanted[1] else {
            throw .mismatch(
                rule: "RoiAlign has a gradient of x, where it takes means",
                received: mode == .average ? "a gradient of the regions" : "maxima")
        }
        guard wanted[0], let dy = outputs[0] else { return [nil, nil, nil] }
        return [
            try graph.append(RoiAlignGradient(align: self), [dy] + node.inputs, name: "\(node.name)/gradient")[0], nil,
            nil,
        ]
    }
}

/// The gradient of RoiAlign's means: each pixel takes its weights' shares of dy.
///
/// Inputs: dy, then those of RoiAlign, x for its shape alone; dx: as x.
public struct RoiAlignGradient: Operator {
    /// What was done.
    public let align: RoiAlign

    public init(align: RoiAlign) { self.align = align }

    public var kind: String { "RoiAlignGradient" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 4...4)
        try inputs.expect(align.output(inputs, x: 1), of: 0, "dy")
        let (elementType, x) = try inputs.tensor(1, "x")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(1)
        return x.elementType == .float32
            ? try prepared(context, x.shape, Float.self) : try prepared(context, x.shape, Double.self)
    }

    private func prepared<Scalar: BinaryFloatingPoint & Sendable>(
        _ context: Preparation, _ x: Shape, _: Scalar.Type
    ) throws(PlanError) -> Prepared {
        let (images, channels) = (x[0], x[3])
        let imageScalars = x[1] * x[2] * channels
        let binsPerRegion = align.height * align.width
        let count = try context.input(0).shape[0]
        // A tile is an image, which looks for its regions: their sums have the order of the regions.
        return Prepared(
            "samples of regions", tiles: images, operations: Double(count * binsPerRegion * channels) * 32, slowness: 10
        ) { [self] bindings, tiles in
            let indices = bindings.input(3).assumingMemoryBound(to: Int64.self)
            let regions = bindings.input(2).assumingMemoryBound(to: Scalar.self)
            for image in tiles {
                let dx = bindings.output(0).assumingMemoryBound(to: Scalar.self) + image * imageScalars
                dx.update(repeating: 0, count: imageScalars)
                for region in 0..<count {
                    let own = Int(indices[region])
                    guard (0..<images).contains(own) else {
                        return .indexOutOfRange(position: region, index: own, limit: images)
                    }
                    guard own == image else { continue }
                    let dy = bindings.input(0).assumingMemoryBound(to: Scalar.self) + region * binsPerRegion * channels
                    let bins = RoiBins(align, regions + region * 4, x)
                    let share = 1 / bins.sampleCount
                    for bin in 0..<binsPerRegion {
                        bins.forEachSample(of: bin) { pixel, weight in
                            let (from, to) = (dy + bin * channels, dx + pixel * channels)
                            for channel in 0..<channels { to[channel] += from[channel] * weight * share }
                        }
                    }
                }
            }
            return .done
        }
    }
}

/// The bins of one region and their samples.
private struct RoiBins<Scalar: BinaryFloatingPoint> {
    /// One axis: where the region starts, the extent of a bin, and the samples of one.
    private struct Axis {
        var start: Scalar
        var bin: Scalar
        var samples: Int
        var extent: Int

        init(_ align: RoiAlign, _ low: Scalar, _ high: Scalar, bins: Int, extent: Int) {
            let offset: Scalar = align.isAligned ? 0.5 : 0
            let scale = Scalar(align.scale)
            start = low * scale - offset
            var length = high * scale - offset - start
            if !align.isAligned { length = max(length, 1) }
            bin = length / Scalar(bins)
            self.extent = extent
            // A region that is no number, or beyond all images, has no samples.
            let isSound = bin.isFinite && start.isFinite && abs(bin) < 0x1p40 && abs(start) < 0x1p40
            samples = !isSound ? 0 : align.samples > 0 ? align.samples : max(0, Int(bin.rounded(.up)))
        }

        /// Where a sample lies.
        func place(_ index: Int, _ sample: Int) -> Scalar {
            start + Scalar(index) * bin + (Scalar(sample) + 0.5) * bin / Scalar(samples)
        }

        /// The samples of a bin that may lie in the image: one by one it is looked at which do.
        func candidates(_ index: Int) -> Range<Int> {
            guard samples > 1024, bin > 0 else { return 0..<samples }
            let step = bin / Scalar(samples)
            let first = (-1 - start - Scalar(index) * bin) / step
            let last = first + (Scalar(extent) + 1) / step
            let low = min(max(Int(first.rounded(.down)) - 2, 0), samples)
            return low..<max(low, min(Int(last.rounded(.up)) + 2, samples))
        }
    }

    private let vertical: Axis
    private let horizontal: Axis
    private let columns: Int
    /// The samples of a bin, 1 where there are none.
    let sampleCount: Scalar

    init(_ align: RoiAlign, _ region: UnsafePointer<Scalar>, _ x: Shape) {
        vertical = Axis(align, region[1], region[3], bins: align.height, extent: x[1])
        horizontal = Axis(align, region[0], region[2], bins: align.width, extent: x[2])
        columns = align.width
        sampleCount = max(1, Scalar(vertical.samples) * Scalar(horizontal.samples))
    }

    /// Calls `body` with the four pixels, and their weights, of each sample of a bin that lies in the image or less than a
    /// pixel beside it.
    @inline(__always)
    func forEachSample(of bin: Int, _ body: (_ pixel: Int, _ weight: Scalar) -> Void) {
        let (row, column) = (bin / columns, bin % columns)
        let candidates = horizontal.candidates(column)
        for sample in vertical.candidates(row) {
            guard let y = neighbours(vertical.place(row, sample), vertical.extent) else { continue }
            for sample in candidates {
                guard let x = neighbours(horizontal.place(column, sample), horizontal.extent) else { continue }
                let (top, bottom) = (y.low * horizontal.extent, y.high * horizontal.extent)
                body(top + x.low, (1 - y.part) * (1 - x.part))
                body(top + x.high, (1 - y.part) * x.part)
                body(bottom + x.low, y.part * (1 - x.part))
                body(bottom + x.high, y.part * x.part)
            }
        }
    }

    /// The pixels on both sides of a place, and how far it lies behind the first; nil outside.
    @inline(__always)
    private func neighbours(_ place: Scalar, _ extent: Int) -> (low: Int, high: Int, part: Scalar)? {
        guard place >= -1, place <= Scalar(extent), extent > 0 else { return nil }
        let inside = max(place, 0)
        let low = Int(inside)
        return low >= extent - 1 ? (extent - 1, extent - 1, 0) : (low, low + 1, inside - Scalar(low))
    }
}

/// Pixels and weights that are gathered before they are summed.
private struct RoiTaps<Scalar: BinaryFloatingPoint> {
    static var capacity: Int { 256 }
    static var byteCount: Int { capacity * 16 }

    let indices: UnsafeMutablePointer<Int>
    let weights: UnsafeMutablePointer<Scalar>
    var count = 0

    init(_ memory: UnsafeMutableRawPointer) {
        indices = memory.bindMemory(to: Int.self, capacity: Self.capacity)
        weights = (memory + Self.capacity * 8).bindMemory(to: Scalar.self, capacity: Self.capacity)
    }

    mutating func add(_ index: Int, _ weight: Scalar) {
        guard weight != 0 else { return }
        indices[count] = index
        weights[count] = weight
        count += 1
    }
}
