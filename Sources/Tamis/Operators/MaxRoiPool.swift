import TamisKernels

/// Regions of images, each brought to one size by the maxima of its bins. ONNX's MaxRoiPool (Girshick, Fast R-CNN, 2015) on
/// channel-last tensors.
///
/// x: N × H × W × C, regions: R × 5 (image, left, top, right, bottom); y: R × height × width × C. A bin without pixels is 0.
public struct MaxRoiPool: Operator, Hashable {
    /// The bins of a region.
    public let height: Int
    public let width: Int
    /// From the regions' coordinates to pixels.
    public let scale: Double

    public init(height: Int, width: Int, scale: Double = 1) {
        self.height = height
        self.width = width
        self.scale = scale
    }

    public var kind: String { "MaxRoiPool" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, x) = try inputs.floats(0, "x", rank: 4...4)
        try inputs.expect(elementType, of: 1, "regions")
        let regions = try inputs.floats(1, "regions", rank: 2...2).dimensions
        try inputs.expect(regions[1], equals: 5, "numbers of a region")
        guard height > 0, width > 0 else {
            throw .mismatch(rule: "MaxRoiPool's bins must be 1 or more", received: "\(height) × \(width)")
        }
        return [.tensor(elementType, [regions[0], .fixed(height), .fixed(width), x[3]])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        return x.elementType == .float32
            ? prepared(context, x.shape, Float.self) : prepared(context, x.shape, Double.self)
    }

    private func prepared<Scalar: BinaryFloatingPoint & Sendable>(
        _ context: Preparation, _ x: Shape, _: Scalar.Type
    ) -> Prepared {
        let (images, channels) = (x[0], x[3])
        let binsPerRegion = height * width
        let count = context.outputs[0].shape[0]
        return Prepared(
            "maxima of regions", tiles: count, operations: Double(count * binsPerRegion * channels) * 16, slowness: 10
        ) { [self] bindings, tiles in
            for region in tiles {
                let numbers = bindings.input(1).assumingMemoryBound(to: Scalar.self) + region * 5
                // The number of an image stands among floats.
                let image = numbers[0].isFinite && abs(numbers[0]) < 0x1p40 ? Int(numbers[0]) : -1
                guard (0..<images).contains(image) else {
                    return .indexOutOfRange(position: region * 5, index: image, limit: images)
                }
                let source =
                    bindings.input(0).assumingMemoryBound(to: Scalar.self) + image * x[1] * x[2] * channels
                var y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + region * binsPerRegion * channels
                for row in 0..<height {
                    let rows = pixels(numbers[2], numbers[4], bin: row, of: height, extent: x[1])
                    for column in 0..<width {
                        let columns = pixels(numbers[1], numbers[3], bin: column, of: width, extent: x[2])
                        let isEmpty = rows.isEmpty || columns.isEmpty
                        y.update(repeating: isEmpty ? 0 : -.infinity, count: channels)
                        for line in rows {
                            for pixel in columns {
                                let from = source + (line * x[2] + pixel) * channels
                                for channel in 0..<channels where from[channel] > y[channel] {
                                    y[channel] = from[channel]
                                }
                            }
                        }
                        y += channels
                    }
                }
            }
            return .done
        }
    }

    /// The pixels of a bin along one axis: the region's ends are rounded to pixels, both of which it holds.
    private func pixels<Scalar: BinaryFloatingPoint>(
        _ low: Scalar, _ high: Scalar, bin: Int, of bins: Int, extent: Int
    ) -> Range<Int> {
        func rounded(_ value: Scalar) -> Scalar {
            let value = (value * Scalar(scale)).rounded(.toNearestOrAwayFromZero)
            return value.isNaN ? 0 : min(max(value, -0x1p24), 0x1p24)
        }
        let start = rounded(low)
        let size = max(rounded(high) - start + 1, 1) / Scalar(bins)
        let first = Int((Scalar(bin) * size).rounded(.down) + start)
        let end = Int((Scalar(bin + 1) * size).rounded(.up) + start)
        let lower = min(max(first, 0), extent)
        return lower..<max(lower, min(end, extent))
    }
}
