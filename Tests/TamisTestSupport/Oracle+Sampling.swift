import Tamis

extension Oracle {
    /// An image of N × spatial × C read between pixels: the sum over all pixels of their weights on each axis.
    private static func read(
        _ x: DoubleTensor, image: Int, channel: Int, at weights: [[(pixel: Int, weight: Double)]]
    ) -> Double {
        var places: [(place: [Int], weight: Double)] = [([], 1)]
        for axis in weights {
            places = places.flatMap { place in axis.map { (place.place + [$0.pixel], place.weight * $0.weight) } }
        }
        return places.reduce(0) { sum, place in
            let isInside = zip(place.place, x.shape.dropFirst()).allSatisfy { $0 >= 0 && $0 < $1 }
            return isInside ? sum + place.weight * x[[image] + place.place + [channel]] : sum
        }
    }

    private static func linear(_ x: Double) -> [(pixel: Int, weight: Double)] {
        let floor = x.rounded(.down)
        return [(Int(floor), 1 - (x - floor)), (Int(floor) + 1, x - floor)]
    }

    // MARK: Grids

    package static func gridSample(_ x: DoubleTensor, _ grid: DoubleTensor, _ sample: GridSample) -> DoubleTensor {
        let axes = x.shape.count - 2
        var y = DoubleTensor(zeros: Array(grid.shape.dropLast()) + [x.shape[axes + 1]])
        for place in DoubleTensor.indices(of: y.shape) {
            let weights = (0..<axes).map { axis in
                let coordinate = grid[place.dropLast() + [axes - 1 - axis]]
                return gridWeights(coordinate, x.shape[axis + 1], sample)
            }
            y[place] = read(x, image: place[0], channel: place[axes + 1], at: weights)
        }
        return y
    }

    /// The pixels one axis reads; those of zero padding lie outside.
    private static func gridWeights(
        _ coordinate: Double, _ extent: Int, _ sample: GridSample
    ) -> [(pixel: Int, weight: Double)] {
        let length = Double(extent)
        let ends = sample.alignsCorners ? (0, length - 1) : (-0.5, length - 0.5)
        var x = ends.0 + (coordinate + 1) / 2 * (ends.1 - ends.0)
        func padded(_ x: Double) -> Double {
            guard x < ends.0 || x > ends.1 else { return x }
            switch sample.padding {
            case .zeros: return x
            case .border: return min(max(x, 0), length - 1)
            case .reflection:
                var x = x
                guard ends.1 > ends.0 else { return ends.0 }
                while x < ends.0 || x > ends.1 { x = x < ends.0 ? 2 * ends.0 - x : 2 * ends.1 - x }
                return x
            }
        }
        if sample.mode == .nearest { x = x.rounded(.toNearestOrEven) }
        x = padded(x)
        let raw: [(pixel: Int, weight: Double)]
        switch sample.mode {
        case .nearest: raw = [(Int(x), 1)]
        case .linear: raw = linear(x)
        case .cubic:
            raw = (-1...2).map { offset in
                let pixel = x.rounded(.down) + Double(offset)
                let d = abs(pixel - x)
                let weight =
                    d <= 1 ? 1.25 * d * d * d - 2.25 * d * d + 1 : -0.75 * (d * d * d - 5 * d * d + 8 * d - 4)
                return (Int(pixel), weight)
            }
        }
        // A clamped pixel of a border, a mirrored one of a reflection; outside stays outside of zeros.
        return raw.map { entry in
            guard sample.padding != .zeros, !(0..<extent).contains(entry.pixel) else { return entry }
            let moved = sample.padding == .border ? Double(entry.pixel) : padded(Double(entry.pixel))
            return (min(max(Int(moved), 0), extent - 1), entry.weight)
        }
    }

    // MARK: Regions

    package static func roiAlign(
        _ x: DoubleTensor, _ regions: DoubleTensor, images: [Int], _ align: RoiAlign
    ) -> DoubleTensor {
        var y = DoubleTensor(zeros: [images.count, align.height, align.width, x.shape[3]])
        for place in DoubleTensor.indices(of: y.shape) {
            let region = (0..<4).map { regions[[place[0], $0]] * align.scale - (align.isAligned ? 0.5 : 0) }
            func samples(_ low: Double, _ high: Double, _ bin: Int, _ bins: Int) -> [Double] {
                let length = align.isAligned ? high - low : max(1, high - low)
                let size = length / Double(bins)
                let count = align.samples > 0 ? align.samples : max(0, Int(size.rounded(.up)))
                return (0..<count).map { low + size * (Double(bin) + (Double($0) + 0.5) / Double(count)) }
            }
            let rows = samples(region[1], region[3], place[1], align.height)
            let columns = samples(region[0], region[2], place[2], align.width)
            var values: [Double] = []
            for row in rows {
                for column in columns {
                    guard row >= -1, row <= Double(x.shape[1]), column >= -1, column <= Double(x.shape[2]) else {
                        values += [0, 0, 0, 0]
                        continue
                    }
                    let vertical = linear(min(max(row, 0), Double(x.shape[1] - 1)))
                    let horizontal = linear(min(max(column, 0), Double(x.shape[2] - 1)))
                    for v in vertical {
                        for h in horizontal {
                            values.append(
                                read(x, image: images[place[0]], channel: place[3], at: [[v], [h]]))
                        }
                    }
                }
            }
            y[place] =
                align.mode == .maximum
                ? values.max() ?? 0 : values.reduce(0, +) / Double(max(1, rows.count * columns.count))
        }
        return y
    }

    package static func maxRoiPool(_ x: DoubleTensor, _ regions: DoubleTensor, _ pool: MaxRoiPool) -> DoubleTensor {
        var y = DoubleTensor(zeros: [regions.shape[0], pool.height, pool.width, x.shape[3]])
        for place in DoubleTensor.indices(of: y.shape) {
            let region = (0..<5).map { regions[[place[0], $0]] }
            func pixels(_ low: Double, _ high: Double, _ bin: Int, _ bins: Int, _ extent: Int) -> [Int] {
                let (first, last) = ((low * pool.scale).rounded(), (high * pool.scale).rounded())
                let size = max(1, last - first + 1) / Double(bins)
                let start = first + (Double(bin) * size).rounded(.down)
                let end = first + (Double(bin + 1) * size).rounded(.up)
                return (0..<extent).filter { Double($0) >= start && Double($0) < end }
            }
            let rows = pixels(region[2], region[4], place[1], pool.height, x.shape[1])
            let columns = pixels(region[1], region[3], place[2], pool.width, x.shape[2])
            let values = rows.flatMap { row in columns.map { x[[Int(region[0]), row, $0, place[3]]] } }
            y[place] = values.max() ?? 0
        }
        return y
    }

    // MARK: Windows

    /// Each entry of N × (C · taps) × windows added to the pixel it meets.
    package static func col2im(_ x: DoubleTensor, _ geometry: Geometry) -> DoubleTensor {
        let windows = geometry.windows()
        let channels = x.shape[1] / geometry.taps
        var y = DoubleTensor(zeros: [x.shape[0], channels] + geometry.input)
        for image in 0..<x.shape[0] {
            for channel in 0..<channels {
                for (window, taps) in windows.enumerated() {
                    for case (let tap, let pixel?) in taps.enumerated().map({ ($0.offset, $0.element.pixel) }) {
                        y[[image, channel] + pixel] += x[[image, channel * geometry.taps + tap, window]]
                    }
                }
            }
        }
        return y
    }

    /// A convolution whose taps are moved by the offsets (N × spatial' × (offset groups · taps · axes)).
    package static func deformConvolution(
        _ x: DoubleTensor, _ w: DoubleTensor, offsets: DoubleTensor, bias: DoubleTensor?, mask: DoubleTensor?,
        _ test: ConvolutionCase, offsetGroups: Int
    ) -> DoubleTensor {
        let geometry = test.geometry
        let axes = geometry.rank
        let starts = (0..<axes).map(geometry.starts)
        let taps = DoubleTensor.indices(of: geometry.kernel)
        var y = DoubleTensor(zeros: [test.images] + geometry.output + [test.filters])
        let groupChannels = test.channels / test.groups
        for place in DoubleTensor.indices(of: y.shape) {
            let filter = place[axes + 1]
            var sum = bias?.values[filter] ?? 0
            for (number, tap) in taps.enumerated() {
                for channel in 0..<groupChannels {
                    let own = filter / (test.filters / test.groups) * groupChannels + channel
                    let moved = own / (test.channels / offsetGroups) * taps.count + number
                    let weights = (0..<axes).map { axis in
                        linear(
                            Double(starts[axis][place[axis + 1]] + tap[axis] * geometry.dilation[axis])
                                + offsets[place.dropLast() + [moved * axes + axis]])
                    }
                    let value = read(x, image: place[0], channel: own, at: weights)
                    sum += value * (mask?[place.dropLast() + [moved]] ?? 1) * w[tap + [channel, filter]]
                }
            }
            y[place] = sum
        }
        return y
    }

    // MARK: Boxes

    /// The boxes of each class, taken best first as long as none before overlaps them by more than `overlap`.
    package static func nonMaxSuppression(
        boxes: [[[Double]]], scores: [[[Double]]], most: Int, overlap: Double, least: Double?
    ) -> [[Int]] {
        func intersection(_ a: [Double], _ b: [Double]) -> Double {
            max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
        }
        func area(_ a: [Double]) -> Double { (a[2] - a[0]) * (a[3] - a[1]) }
        var selected: [[Int]] = []
        for (image, classes) in scores.enumerated() {
            for (category, values) in classes.enumerated() {
                var left = values.indices.filter { values[$0] > least ?? -.infinity }
                var own: [Int] = []
                while own.count < most, let best = left.max(by: { values[$0] < values[$1] }) {
                    // Of equal scores the first.
                    let first = left.first { values[$0] == values[best] } ?? best
                    left.removeAll { $0 == first }
                    let clashes = own.contains { other in
                        let both = intersection(boxes[image][first], boxes[image][other])
                        let union = area(boxes[image][first]) + area(boxes[image][other]) - both
                        return both > 0 && both / union > overlap
                    }
                    if !clashes { own.append(first) }
                }
                selected += own.map { [image, category, $0] }
            }
        }
        return selected
    }
}
