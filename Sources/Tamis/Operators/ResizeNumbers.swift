/// What a Resize's constants say: scales or sizes, and the region that is taken, a number for each of its axes.
struct ResizeNumbers {
    private let resize: Resize
    /// The axes they are about, counted from the first.
    private let axes: [Int]
    private let scales: [Double]?
    private let sizes: [Int]?
    private let region: [Double]?

    /// The numbers among the inputs of a shape rule, where x has `rank` axes.
    init(_ inputs: Operands, of resize: Resize, rank: Int) throws(ShapeError) {
        try self.init(resize, rank: rank, isGiven: { inputs.optional($0) != nil }) { inputs.optional($0)?.constant }
    }

    /// The numbers among the inputs of a plan's step, that of the region being `first`.
    init(_ context: Preparation, of resize: Resize, first: Int, rank: Int) throws(ShapeError) {
        let offset = first - 1
        try self.init(resize, rank: rank, isGiven: { context.hasInput($0 + offset) }) { context.constant($0 + offset) }
    }

    private init(
        _ resize: Resize, rank: Int, isGiven: (Int) -> Bool, constant: (Int) -> Tensor?
    ) throws(ShapeError) {
        self.resize = resize
        var axes: [Int] = []
        for axis in resize.axes ?? Array(0..<rank) {
            let position = axis < 0 ? axis + rank : axis
            guard (0..<rank).contains(position), !axes.contains(position) else {
                throw .mismatch(
                    rule: "Resize's axes must be different axes of \(rank)", received: "\(resize.axes ?? [])")
            }
            axes.append(position)
        }
        self.axes = axes
        /// The numbers of an input; none where it has no elements: files that must give an input give such a one.
        func numbers(_ index: Int, _ role: String, count: Int) throws(ShapeError) -> [Double]? {
            guard let tensor = constant(index), tensor.shape.elementCount > 0 else { return nil }
            guard tensor.shape.dimensions == [count] else {
                throw .mismatch(rule: "Resize's \(role) must be \(count) numbers", received: "\(tensor.shape)")
            }
            return try tensor.doubles()
        }
        scales = try numbers(2, "scales", count: axes.count)
        sizes = try numbers(3, "sizes", count: axes.count)?.map { Int(Int64(nearest: $0)) }
        region =
            resize.coordinates == .cropAndResize ? try numbers(1, "region", count: 2 * axes.count) : nil
        guard scales == nil || sizes == nil else {
            throw .mismatch(rule: "Resize takes scales or sizes", received: "both")
        }
        guard isGiven(2) || isGiven(3) else {
            throw .mismatch(rule: "Resize must have scales or sizes", received: "none")
        }
        for scale in scales ?? [] where !(scale > 0 && scale.isFinite) {
            throw .mismatch(rule: "Resize's scales must be above 0", received: "\(scale)")
        }
        if let sizes { _ = try Shape(sizes) }
    }

    /// Whether each scale is the quotient of two extents.
    private var isQuotient: Bool { scales == nil && resize.aspectRatio == .stretch }

    /// The output's dimensions, and the scale of each axis where it is known.
    func extents(of x: [Dimension]) throws(ShapeError) -> [(dimension: Dimension, scale: Double?)] {
        var extents = x.map { (dimension: $0, scale: Double?.some(1)) }
        if let scales {
            for (axis, scale) in zip(axes, scales) where scale != 1 {
                guard let extent = x[axis].value else {
                    extents[axis] = (.unknown, scale)
                    continue
                }
                // As a product of floats: what other implementations do, and what makes 10 · 0.7 seven.
                let product = Double((Float(extent) * Float(scale)).rounded(.down))
                guard product <= Double(Shape.largest) else { throw .tooManyElements([extent]) }
                extents[axis] = (.fixed(Int(product)), scale)
            }
        } else if let sizes {
            let known = zip(axes, sizes).compactMap { axis, size in
                x[axis].value.map { $0 == 0 ? 1 : Double(size) / Double($0) }
            }
            var common: Double?
            if resize.aspectRatio != .stretch {
                guard known.count == axes.count else {
                    for axis in axes { extents[axis] = (.unknown, nil) }
                    return extents
                }
                common = resize.aspectRatio == .notLarger ? known.min() : known.max()
            }
            for (axis, size) in zip(axes, sizes) {
                guard let extent = x[axis].value else {
                    extents[axis] = (.fixed(size), nil)
                    continue
                }
                let scale = common ?? (extent == 0 ? 1 : Double(size) / Double(extent))
                let scaled = common == nil ? Double(size) : (scale * Double(extent) + 0.5).rounded(.down)
                guard scaled <= Double(Shape.largest) else { throw .tooManyElements([extent]) }
                extents[axis] = (.fixed(Int(scaled)), scale)
            }
        } else {
            for axis in axes { extents[axis] = (.unknown, nil) }
        }
        for (axis, extent) in extents.enumerated() where x[axis] == 0 {
            guard extent.dimension.value.map({ $0 == 0 }) ?? true else {
                throw .mismatch(rule: "Resize cannot make elements of none", received: "axis \(axis) of 0 elements")
            }
        }
        return extents
    }

    /// Where the output's elements come from, for each axis that changes.
    func sampledAxes(of x: Shape) throws(ShapeError) -> [SampledAxis] {
        let extents = try extents(of: x.dimensions.map(Dimension.fixed))
        var sampled: [SampledAxis] = []
        for (position, axis) in axes.enumerated() {
            guard let output = extents[axis].dimension.value, let scale = extents[axis].scale else {
                throw .mismatch(rule: "Resize's scales or sizes must be known to make a plan", received: "none")
            }
            let ends = region.map { ($0[position], $0[axes.count + position]) } ?? (0, 1)
            let own = try resize.sampled(
                AxisScale(axis: axis, input: x[axis], output: output, scale: scale, isQuotient: isQuotient), ends)
            if !own.isIdentity { sampled.append(own) }
        }
        return sampled.sorted { $0.axis < $1.axis }
    }
}

/// How the extent of one axis changes.
private struct AxisScale {
    let axis: Int
    let input: Int
    let output: Int
    let scale: Double
    /// Whether the scale is output / input.
    let isQuotient: Bool

    /// value / scale, exactly where that is a whole number.
    func unscaled<Number: BinaryFloatingPoint>(_ value: Number) -> Number {
        isQuotient ? value * Number(input) / Number(output) : value / Number(scale)
    }

    /// The output's extent, not rounded to whole elements.
    func extent<Number: BinaryFloatingPoint>() -> Number {
        isQuotient ? Number(output) : Number(scale) * Number(input)
    }
}

extension Resize {
    /// Where the elements along one axis come from.
    fileprivate func sampled(_ axis: AxisScale, _ region: (start: Double, end: Double)) throws(ShapeError)
        -> SampledAxis
    {
        let (input, output, scale) = (axis.input, axis.output, axis.scale)
        let entries = Double(output) * (mode == .nearest ? 1 : antialiases ? max(1, 4 / scale) : 4)
        guard entries <= Double(1 << 27) else {
            throw .mismatch(
                rule: "Resize's weights of one axis must be at most 2^27",
                received: "\(input) elements to become \(output)")
        }
        var outside: [Int] = []
        var places: [[(index: Int, weight: Double)]] = []
        places.reserveCapacity(output)
        for place in 0..<output {
            // Scales are floats, and so is what others make of them: 3 / 0.6 is then 5, and not a little less.
            let source =
                mode == .nearest && !axis.isQuotient
                ? Double(self.source(Float(place), axis, region)) : self.source(Double(place), axis, region)
            if coordinates == .cropAndResize, !(source >= 0 && source <= Double(input - 1)) { outside.append(place) }
            // Far outside is as good as outside, and has whole numbers that an Int holds.
            let bounded = source.isNaN ? 0 : min(max(source, -0x1p50), 0x1p50)
            places.append(
                mode == .nearest
                    ? [(min(max(nearest(bounded), 0), input - 1), 1)] : weighted(bounded, input: input, scale: scale))
        }
        return SampledAxis(axis: axis.axis, input: input, places: places, outside: outside)
    }

    /// The place of the input that a place of the output comes from.
    private func source<Number: BinaryFloatingPoint>(
        _ place: Number, _ axis: AxisScale, _ region: (start: Double, end: Double)
    ) -> Number {
        let extent: Number = axis.extent()
        let last = Number(axis.input - 1)
        switch coordinates {
        case .halfPixel: return axis.unscaled(place + 0.5) - 0.5
        case .halfPixelSymmetric:
            return Number(axis.input) / 2 * (1 - Number(axis.output) / extent) + axis.unscaled(place + 0.5) - 0.5
        case .pytorchHalfPixel: return axis.output > 1 ? axis.unscaled(place + 0.5) - 0.5 : 0
        case .alignCorners: return place == 0 ? 0 : place * last / (extent - 1)
        case .asymmetric: return axis.unscaled(place)
        case .nearestHalfPixel: return axis.unscaled(place + 0.5)
        case .cropAndResize:
            let (start, end) = (Number(region.start), Number(region.end))
            return axis.output > 1
                ? place * (end - start) * last / (extent - 1) + start * last : (start + end) / 2 * last
        }
    }

    private func nearest(_ source: Double) -> Int {
        let floor = source.rounded(.down)
        let part = source - floor
        let isAbove: Bool
        switch rounding {
        case .preferFloor: isAbove = part > 0.5
        case .preferCeil: isAbove = part >= 0.5
        case .floor: isAbove = false
        case .ceil: isAbove = part > 0
        }
        return Int(floor) + (isAbove ? 1 : 0)
    }

    /// The elements near a place, and their weights.
    private func weighted(_ source: Double, input: Int, scale: Double) -> [(index: Int, weight: Double)] {
        // The place lies behind `base` by `part`, which is above 0 and at most 1.
        let floor = source.rounded(.down)
        let base = source == floor ? Int(floor) - 1 : Int(floor)
        let part = source == floor ? 1 : source - floor
        let shrink = antialiases ? min(scale, 1) : 1
        let reach = mode == .linear ? 1.0 : 2.0
        let start = Int((-reach / shrink).rounded(.down)) + 1
        var entries: [(index: Int, weight: Double)] = []
        for offset in start..<2 - start {
            entries.append((base + offset, weight((Double(offset) - part) * shrink)))
        }
        if antialiases { normalize(&entries) }
        if excludesOutside {
            for position in entries.indices where !(0..<input).contains(entries[position].index) {
                entries[position].weight = 0
            }
            normalize(&entries)
        }
        // What lies outside is the border, together with what lies there.
        var merged: [(index: Int, weight: Double)] = []
        for entry in entries where entry.weight != 0 {
            let index = min(max(entry.index, 0), input - 1)
            if let last = merged.indices.last, merged[last].index == index {
                merged[last].weight += entry.weight
            } else {
                merged.append((index, entry.weight))
            }
        }
        return merged.filter { $0.weight != 0 }
    }

    private func normalize(_ entries: inout [(index: Int, weight: Double)]) {
        let sum = entries.reduce(0) { $0 + $1.weight }
        guard sum != 0 else { return }
        for position in entries.indices { entries[position].weight /= sum }
    }

    /// The weight of an element at a distance.
    private func weight(_ distance: Double) -> Double {
        let d = abs(distance)
        guard mode == .cubic else { return max(0, 1 - d) }
        let a = cubicCoefficient
        if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
        return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
    }
}
