import Tamis

/// How one axis of a resized tensor changes.
package struct ResizedAxis: Sendable {
    package var axis: Int
    package var output: Int
    /// Output over input where the sizes are given; a float where the scales are.
    package var scale: Double
    /// Whether coordinates are rounded to floats: nearest elements by given scales.
    package var isFloat: Bool
    package var region: (Double, Double)

    package init(axis: Int, output: Int, scale: Double, isFloat: Bool = false, region: (Double, Double) = (0, 1)) {
        self.axis = axis
        self.output = output
        self.scale = scale
        self.isFloat = isFloat
        self.region = region
    }
}

extension Oracle {
    /// A resized tensor: each axis in turn by a matrix of all its weights.
    package static func resize(_ x: DoubleTensor, _ resize: Resize, _ axes: [ResizedAxis]) -> DoubleTensor {
        var y = x
        var outside: [(axis: Int, place: Int)] = []
        for axis in axes {
            let input = x.shape[axis.axis]
            let rows = (0..<axis.output).map { place -> [Double] in
                let source = source(place, input, resize, axis)
                if resize.coordinates == .cropAndResize, source < 0 || source > Double(input - 1) {
                    outside.append((axis.axis, place))
                }
                return weights(source, input, resize, axis.scale)
            }
            // Outer × places × inner, as the tensor lies.
            let inner = y.shape[(axis.axis + 1)...].reduce(1, *)
            let outer = y.shape[..<axis.axis].reduce(1, *)
            var shape = y.shape
            shape[axis.axis] = axis.output
            var result = DoubleTensor(zeros: shape)
            for (place, row) in rows.enumerated() {
                for (index, weight) in row.enumerated() where weight != 0 {
                    for block in 0..<outer {
                        for position in 0..<inner {
                            result.values[(block * axis.output + place) * inner + position] +=
                                weight * y.values[(block * input + index) * inner + position]
                        }
                    }
                }
            }
            y = result
        }
        guard !outside.isEmpty else { return y }
        for place in DoubleTensor.indices(of: y.shape)
        where outside.contains(where: { place[$0.axis] == $0.place }) {
            y[place] = resize.extrapolationValue
        }
        return y
    }

    /// The specification's formulas.
    private static func source(_ place: Int, _ input: Int, _ resize: Resize, _ axis: ResizedAxis) -> Double {
        func formula<Number: BinaryFloatingPoint>(_ x: Number) -> Number {
            let (scale, length) = (Number(axis.scale), Number(input))
            let width = scale * length
            switch resize.coordinates {
            case .halfPixel: return (x + 0.5) / scale - 0.5
            case .halfPixelSymmetric:
                return length / 2 * (1 - Number(axis.output) / width) + (x + 0.5) / scale - 0.5
            case .pytorchHalfPixel: return axis.output > 1 ? (x + 0.5) / scale - 0.5 : 0
            case .alignCorners: return x == 0 ? 0 : x * (length - 1) / (width - 1)
            case .asymmetric: return x / scale
            case .nearestHalfPixel: return (x + 0.5) / scale
            case .cropAndResize:
                let (start, end) = (Number(axis.region.0), Number(axis.region.1))
                if axis.output == 1 { return 0.5 * (start + end) * (length - 1) }
                return start * (length - 1) + x * (end - start) * (length - 1) / (width - 1)
            }
        }
        return axis.isFloat ? Double(formula(Float(place))) : formula(Double(place))
    }

    /// The weight of each element of an axis.
    private static func weights(_ source: Double, _ input: Int, _ resize: Resize, _ scale: Double) -> [Double] {
        var weights = [Double](repeating: 0, count: input)
        let shrink = resize.antialiases ? min(1, scale) : 1
        let reach = Int(3 / shrink) + 2
        let center = Int(source.rounded())
        var total = 0.0
        for element in center - reach...center + reach {
            let isOutside = !(0..<input).contains(element)
            if isOutside, resize.excludesOutside { continue }
            let weight =
                resize.mode == .nearest
                ? (element == nearest(source, resize.rounding) ? 1 : 0)
                : filter(resize, abs(Double(element) - source) * shrink)
            weights[min(max(element, 0), input - 1)] += weight
            total += weight
        }
        guard resize.antialiases || resize.excludesOutside, total != 0 else { return weights }
        return weights.map { $0 / total }
    }

    private static func filter(_ resize: Resize, _ d: Double) -> Double {
        let a = resize.cubicCoefficient
        if resize.mode == .linear { return max(0, 1 - d) }
        if d <= 1 { return (a + 2) * d * d * d - (a + 3) * d * d + 1 }
        return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0
    }

    private static func nearest(_ source: Double, _ rounding: Resize.Rounding) -> Int {
        switch rounding {
        case .floor: Int(source.rounded(.down))
        case .ceil: Int(source.rounded(.up))
        case .preferFloor: Int((source - 0.5).rounded(.up))
        case .preferCeil: Int((source + 0.5).rounded(.down))
        }
    }
}
