import CTamisKernels
import TamisKernels

/// An image read at places that are given: each output pixel says where it comes from. ONNX's GridSample (Jaderberg et al.,
/// Spatial Transformer Networks, 2015) on channel-last tensors of one to three spatial axes.
///
/// x: N × spatial × C, grid: N × spatial' × axes, the last axis's coordinate first, −1 and 1 the image's ends; y:
/// N × spatial' × C.
public struct GridSample: Operator, Hashable {
    /// What is made of the pixels near a place.
    public enum Mode: String, Sendable {
        /// The nearest one (of two as near the even one); for all types of whole bytes.
        case nearest
        /// The two nearest on each axis, weighted by how near they are.
        case linear
        /// The four nearest on each axis, weighted by Keys's cubic with a = −¾.
        case cubic
    }

    /// What lies around the image.
    public enum Padding: String, Sendable {
        case zeros
        /// The pixels of the border.
        case border
        /// The image mirrored.
        case reflection
    }

    /// What is made of the pixels near a place.
    public let mode: Mode
    /// What lies around the image.
    public let padding: Padding
    /// Whether −1 and 1 are the middles of the first and last pixels, or their outer edges.
    public let alignsCorners: Bool

    public init(_ mode: Mode = .linear, padding: Padding = .zeros, alignsCorners: Bool = false) {
        self.mode = mode
        self.padding = padding
        self.alignsCorners = alignsCorners
    }

    public var kind: String { "GridSample" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, x) = try inputs.tensor(0, "x", rank: 3...5)
        guard elementType.isFloat || (mode == .nearest && elementType.bitWidth >= 8) else {
            throw .elementType(
                rule: "GridSample's x must be floats, or elements of whole bytes if nearest", received: elementType)
        }
        let (gridType, grid) = try inputs.tensor(1, "grid", rank: 3...5)
        guard gridType.isFloat else {
            throw .elementType(rule: "GridSample's grid must be floats", received: gridType)
        }
        guard let rank = x?.count ?? grid?.count else { return [.tensor(elementType, nil)] }
        let image = x ?? Array(repeating: .unknown, count: rank)
        let places = grid ?? Array(repeating: .unknown, count: rank)
        guard places.count == rank else {
            throw .mismatch(rule: "GridSample's grid must have as many axes as x, \(rank)", received: "\(places.count)")
        }
        try inputs.expect(places[rank - 1], equals: rank - 2, "coordinates, the last axis of the grid,")
        let images = try inputs.common(image[0], places[0], "images")
        guard !image[1..<rank - 1].contains(0) else {
            throw .mismatch(rule: "GridSample's images must have pixels", received: "\(image)")
        }
        return [.tensor(elementType, [images] + places[1..<rank - 1] + [image[rank - 1]])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, grid) = (try context.input(0), try context.input(1))
        let shape = GridShape(x: x.shape, grid: grid.shape, elementBytes: try context.elementBytes(0))
        if mode == .nearest {
            return grid.elementType == .float32 ? nearest(shape, Float.self) : nearest(shape, Double.self)
        }
        let kernels = try context.kernels(for: x.elementType)
        return switch (kernels.type, grid.elementType == .float32) {
        case (.float, true): weighted(shape, kernels, Float.self, Float.self)
        case (.float, false): weighted(shape, kernels, Float.self, Double.self)
        case (.double, true): weighted(shape, kernels, Double.self, Float.self)
        case (.double, false): weighted(shape, kernels, Double.self, Double.self)
        }
    }

    /// Copies the pixel each place comes from.
    private func nearest<Number: BinaryFloatingPoint & Sendable>(_ shape: GridShape, _: Number.Type) -> Prepared {
        shape.prepared("nearest pixels", scratchBytes: PixelTaps.byteCount + 16) { [self] bindings, image, pixels in
            let grid = bindings.input(1).assumingMemoryBound(to: Number.self)
            let pixelBytes = shape.pixelBytes
            let x = bindings.input(0) + image * shape.inputPixels * pixelBytes
            var taps = PixelTaps(shape.extents, memory: bindings.scratch)
            let index = (bindings.scratch + PixelTaps.byteCount).bindMemory(to: Int.self, capacity: 1)
            let weight = (bindings.scratch + PixelTaps.byteCount + 8).bindMemory(to: Double.self, capacity: 1)
            for pixel in pixels {
                place(grid + (image * shape.outputPixels + pixel) * shape.axes, shape, &taps)
                taps.write(to: index, weight, capacity: 1)
                let target = bindings.output(0) + (image * shape.outputPixels + pixel) * pixelBytes
                if weight[0] == 0 {
                    target.initializeMemory(as: UInt8.self, repeating: 0, count: pixelBytes)
                } else {
                    target.copyMemory(from: x + index[0] * pixelBytes, byteCount: pixelBytes)
                }
            }
        }
    }

    /// Weighs the pixels near each place.
    private func weighted<Scalar: BinaryFloatingPoint & Sendable, Number: BinaryFloatingPoint & Sendable>(
        _ shape: GridShape, _ kernels: KernelTable, _: Scalar.Type, _: Number.Type
    ) -> Prepared {
        let capacity = (0..<shape.axes).reduce(1) { product, _ in product * (mode == .linear ? 2 : 4) }
        let run = GridShape.run
        let scratchBytes = PixelTaps.byteCount + run * capacity * 16
        return shape.prepared("weighted pixels", scratchBytes: scratchBytes) { [self] bindings, image, pixels in
            let grid = bindings.input(1).assumingMemoryBound(to: Number.self)
            let pixelBytes = shape.pixelBytes
            var taps = PixelTaps(shape.extents, memory: bindings.scratch)
            let indices = (bindings.scratch + PixelTaps.byteCount).bindMemory(to: Int.self, capacity: run * capacity)
            let weights = (bindings.scratch + PixelTaps.byteCount + run * capacity * 8)
                .bindMemory(to: Scalar.self, capacity: run * capacity)
            for (position, pixel) in pixels.enumerated() {
                place(grid + (image * shape.outputPixels + pixel) * shape.axes, shape, &taps)
                taps.write(to: indices + position * capacity, weights + position * capacity, capacity: capacity)
            }
            kernels.resample(
                pixels.count, capacity, shape.channels, indices, weights,
                bindings.input(0) + image * shape.inputPixels * pixelBytes,
                bindings.output(0) + (image * shape.outputPixels + pixels.lowerBound) * pixelBytes)
        }
    }

    /// The pixels near the place that `coordinates` name, the last axis's first.
    private func place<Number: BinaryFloatingPoint>(
        _ coordinates: UnsafePointer<Number>, _ shape: GridShape, _ taps: inout PixelTaps
    ) {
        for position in 0..<shape.axes {
            let axis = 2 - position
            let extent = axis == 2 ? shape.extents.2 : axis == 1 ? shape.extents.1 : shape.extents.0
            taps.clear(axis)
            addTaps(coordinates[position], axis, extent, &taps)
        }
    }

    /// The pixels of one axis near a coordinate.
    private func addTaps<Number: BinaryFloatingPoint>(
        _ coordinate: Number, _ axis: Int, _ extent: Int, _ taps: inout PixelTaps
    ) {
        let length = Number(extent)
        var x = alignsCorners ? (coordinate + 1) / 2 * (length - 1) : ((coordinate + 1) * length - 1) / 2
        // No number is as far outside as may be.
        x = x.isNaN ? -0x1p30 : min(max(x, -0x1p30), 0x1p30)
        if mode == .nearest { x = x.rounded(.toNearestOrEven) }
        let (low, high): (Number, Number) = alignsCorners ? (0, length - 1) : (-0.5, length - 0.5)
        if x < low || x > high {
            switch padding {
            case .zeros: break
            case .border: x = min(max(x, 0), length - 1)
            case .reflection: x = reflected(x, low, high)
            }
        }
        let floor = x.rounded(.down)
        let part = Double(x - floor)
        func add(_ offset: Int, _ weight: Double) {
            var place = Int(floor) + offset
            if !(0..<extent).contains(place) {
                switch padding {
                case .zeros: return
                case .border: place = min(max(place, 0), extent - 1)
                case .reflection: place = min(max(Int(reflected(Number(place), low, high)), 0), extent - 1)
                }
            }
            taps.add(axis, place, weight)
        }
        switch mode {
        case .nearest: add(0, 1)
        case .linear:
            add(0, 1 - part)
            add(1, part)
        case .cubic:
            for offset in -1...2 { add(offset, GridSample.cubic(abs(Double(offset) - part))) }
        }
    }

    /// Mirrored at `low` and `high` until it lies between.
    private func reflected<Number: BinaryFloatingPoint>(_ x: Number, _ low: Number, _ high: Number) -> Number {
        let range = high - low
        guard range > 0, x < low || x > high else { return min(max(x, low), high) }
        let distance = x < low ? low - x : x - high
        let times = (distance / range).rounded(.down)
        let rest = distance - times * range
        let isEven = times.truncatingRemainder(dividingBy: 2) == 0
        return (x < low) == isEven ? low + rest : high - rest
    }

    /// Keys's cubic with a = −¾.
    private static func cubic(_ d: Double) -> Double {
        let a = -0.75
        return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
    }
}

/// The extents of a GridSample, and its work in runs of output pixels.
private struct GridShape: Sendable {
    /// Output pixels that are computed together.
    static let run = 128

    let images: Int
    let axes: Int
    /// The image's extents, absent axes leading with 1.
    let extents: (Int, Int, Int)
    let outputPixels: Int
    let channels: Int
    let elementBytes: Int

    init(x: Shape, grid: Shape, elementBytes: Int) {
        images = x[0]
        axes = x.rank - 2
        let all = [Int](repeating: 1, count: 3 - axes) + x.dimensions[1..<x.rank - 1]
        extents = (all[0], all[1], all[2])
        outputPixels = grid.dimensions[1..<grid.rank - 1].reduce(1, *)
        channels = x[x.rank - 1]
        self.elementBytes = elementBytes
    }

    var inputPixels: Int { extents.0 * extents.1 * extents.2 }
    var pixelBytes: Int { channels * elementBytes }

    /// The work: `body` gets an image and some of its output pixels.
    func prepared(
        _ algorithm: String, scratchBytes: Int,
        body: @escaping @Sendable (borrowing Bindings, _ image: Int, _ pixels: Range<Int>) -> Void
    ) -> Prepared {
        let runs = (outputPixels + GridShape.run - 1) / GridShape.run
        return Prepared(
            algorithm, tiles: images * runs, operations: Double(images * outputPixels * (channels + 50)), slowness: 20,
            scratchBytes: scratchBytes
        ) { [outputPixels] bindings, tiles in
            for tile in tiles {
                let first = tile % runs * GridShape.run
                body(bindings, tile / runs, first..<min(outputPixels, first + GridShape.run))
            }
            return .done
        }
    }
}
