import Tamis

/// Every operator once more, as its definition reads: direct loops in Double, no im2col, no blocks, no fusion.
package enum Oracle {
    // MARK: Windows

    /// The convolution of x (N × spatial × C) with w (kernel × C/groups × F).
    package static func convolution(
        _ x: DoubleTensor, _ w: DoubleTensor, bias: DoubleTensor?, _ geometry: Geometry, groups: Int
    ) -> DoubleTensor {
        let (images, channels) = (x.shape[0], x.shape[x.shape.count - 1])
        let (depth, filters) = (w.shape[w.shape.count - 2], w.shape[w.shape.count - 1])
        let pixels = geometry.input.reduce(1, *)
        let windows = geometry.windows().map { $0.map { tap in tap.pixel.map { flat($0, geometry.input) } } }
        var y = DoubleTensor(zeros: [images] + geometry.output + [filters])
        for image in 0..<images {
            for (place, taps) in windows.enumerated() {
                for filter in 0..<filters {
                    let firstChannel = filter / (filters / groups) * depth
                    var sum = bias?.values[filter] ?? 0
                    for case (let tap, let pixel?) in taps.enumerated() {
                        for channel in 0..<depth {
                            sum +=
                                x.values[(image * pixels + pixel) * channels + firstChannel + channel]
                                * w.values[(tap * depth + channel) * filters + filter]
                        }
                    }
                    y.values[(image * windows.count + place) * filters + filter] = sum
                }
            }
        }
        return y
    }

    /// The maximum of each window, −∞ where it meets no pixel.
    package static func maxPool(_ x: DoubleTensor, _ geometry: Geometry) -> DoubleTensor {
        pool(x, geometry) { values, _ in values.reduce(-.infinity, max) }
    }

    /// The mean of each window, NaN where nothing counts.
    package static func averagePool(_ x: DoubleTensor, _ geometry: Geometry, countsPadding: Bool) -> DoubleTensor {
        pool(x, geometry) { values, padded in
            let count = countsPadding ? padded : values.count
            return values.reduce(0, +) / Double(count)
        }
    }

    static func pool(
        _ x: DoubleTensor, _ geometry: Geometry, _ reduce: (_ values: [Double], _ padded: Int) -> Double
    ) -> DoubleTensor {
        let (images, channels) = (x.shape[0], x.shape[x.shape.count - 1])
        let pixels = geometry.input.reduce(1, *)
        let windows = geometry.windows()
        var y = DoubleTensor(zeros: [images] + geometry.output + [channels])
        for image in 0..<images {
            for (place, taps) in windows.enumerated() {
                let inside = taps.compactMap { tap in tap.pixel.map { flat($0, geometry.input) } }
                let padded = taps.count { $0.isPadded }
                for channel in 0..<channels {
                    let values = inside.map { x.values[(image * pixels + $0) * channels + channel] }
                    y.values[(image * windows.count + place) * channels + channel] = reduce(values, padded)
                }
            }
        }
        return y
    }

    static func flat(_ place: [Int], _ shape: [Int]) -> Int { zip(place, shape).reduce(0) { $0 * $1.1 + $1.0 } }

    // MARK: Products

    /// x · w + bias over matrices, either of them stored transposed.
    package static func gemm(
        _ x: DoubleTensor, _ w: DoubleTensor, bias: DoubleTensor?, transposeX: Bool, transposeW: Bool
    ) -> DoubleTensor {
        let (m, k) = transposeX ? (x.shape[1], x.shape[0]) : (x.shape[0], x.shape[1])
        let n = w.shape[transposeW ? 0 : 1]
        var y = DoubleTensor(zeros: [m, n])
        for row in 0..<m {
            for column in 0..<n {
                var sum = bias?.values[column] ?? 0
                for i in 0..<k {
                    sum +=
                        x.values[transposeX ? i * m + row : row * k + i]
                        * w.values[transposeW ? column * k + i : i * n + column]
                }
                y.values[row * n + column] = sum
            }
        }
        return y
    }

    /// numpy's matmul.
    package static func matMul(_ a: DoubleTensor, _ b: DoubleTensor) -> DoubleTensor {
        let wideA = a.shape.count > 1 ? a.shape : [1] + a.shape
        let wideB = b.shape.count > 1 ? b.shape : b.shape + [1]
        let (m, k, n) = (wideA[wideA.count - 2], wideA[wideA.count - 1], wideB[wideB.count - 1])
        let (left, right) = (Array(wideA.dropLast(2)), Array(wideB.dropLast(2)))
        let batch = broadcast(left, right)
        var values: [Double] = []
        for place in DoubleTensor.indices(of: batch) {
            let offsetA = flat(pulled(place, to: left), left) * m * k
            let offsetB = flat(pulled(place, to: right), right) * k * n
            for row in 0..<m {
                for column in 0..<n {
                    values.append(
                        (0..<k).reduce(0.0) { sum, i in
                            sum + a.values[offsetA + row * k + i] * b.values[offsetB + i * n + column]
                        })
                }
            }
        }
        return DoubleTensor(
            values, shape: batch + (a.shape.count > 1 ? [m] : []) + (b.shape.count > 1 ? [n] : []))
    }

    // MARK: Element by element

    /// The shape two shapes broadcast to, numpy's way.
    package static func broadcast(_ a: [Int], _ b: [Int]) -> [Int] {
        let rank = max(a.count, b.count)
        return (0..<rank).map { axis in
            let left = axis - rank + a.count >= 0 ? a[axis - rank + a.count] : 1
            let right = axis - rank + b.count >= 0 ? b[axis - rank + b.count] : 1
            return left == 1 ? right : left
        }
    }

    /// The place in a smaller shape that a place in the broadcast shape comes from.
    private static func pulled(_ place: [Int], to shape: [Int]) -> [Int] {
        zip(place.suffix(shape.count), shape).map { $1 == 1 ? 0 : $0 }
    }

    /// A function of two operands, broadcast.
    package static func binary(
        _ a: DoubleTensor, _ b: DoubleTensor, _ function: (Double, Double) -> Double
    ) -> DoubleTensor {
        let shape = broadcast(a.shape, b.shape)
        return DoubleTensor(
            DoubleTensor.indices(of: shape).map { function(a[pulled($0, to: a.shape)], b[pulled($0, to: b.shape)]) },
            shape: shape)
    }

    /// A function of each element.
    package static func map(_ x: DoubleTensor, _ function: (Double) -> Double) -> DoubleTensor {
        DoubleTensor(x.values.map(function), shape: x.shape)
    }

    /// The sum over the axes along which `shape` was stretched to x's.
    package static func unbroadcast(_ x: DoubleTensor, to shape: [Int]) -> DoubleTensor {
        var y = DoubleTensor(zeros: shape)
        for place in DoubleTensor.indices(of: x.shape) { y[pulled(place, to: shape)] += x[place] }
        return y
    }

    /// The axes in another order.
    package static func transpose(_ x: DoubleTensor, _ order: [Int]) -> DoubleTensor {
        let shape = order.map { x.shape[$0] }
        var y = DoubleTensor(zeros: shape)
        for place in DoubleTensor.indices(of: x.shape) { y[order.map { place[$0] }] = x[place] }
        return y
    }

    // MARK: Normalisation

    /// (x − mean) / √(variance + epsilon) · scale + bias, a channel an entry of the last axis.
    package static func batchNormalize(
        _ x: DoubleTensor, scale: [Double], bias: [Double], mean: [Double], variance: [Double], epsilon: Double
    ) -> DoubleTensor {
        let channels = scale.count
        let values = x.values.enumerated().map { index, value in
            let c = index % channels
            return (value - mean[c]) / (variance[c] + epsilon).squareRoot() * scale[c] + bias[c]
        }
        return DoubleTensor(values, shape: x.shape)
    }

    /// The mean and the population's variance of each channel.
    package static func statistics(_ x: DoubleTensor) -> (mean: [Double], variance: [Double]) {
        let channels = x.shape[x.shape.count - 1]
        let rows = Double(max(1, x.values.count / channels))
        var mean = [Double](repeating: 0, count: channels)
        var variance = mean
        for (index, value) in x.values.enumerated() { mean[index % channels] += value / rows }
        for (index, value) in x.values.enumerated() {
            let deviation = value - mean[index % channels]
            variance[index % channels] += deviation * deviation / rows
        }
        return (mean, variance)
    }

    /// eˣ over the sum of eˣ along an axis, or its logarithm.
    package static func softmax(_ x: DoubleTensor, axis: Int, isLogarithmic: Bool) -> DoubleTensor {
        let axis = axis < 0 ? axis + x.shape.count : axis
        var y = x
        var others = x.shape
        others[axis] = 1
        for place in DoubleTensor.indices(of: others) {
            let places = (0..<x.shape[axis]).map { position in
                var place = place
                place[axis] = position
                return place
            }
            let largest = places.map { x[$0] }.max() ?? 0
            let sum = places.reduce(0) { $0 + exponential(x[$1] - largest) }
            for place in places {
                y[place] = isLogarithmic ? x[place] - largest - logarithm(sum) : exponential(x[place] - largest) / sum
            }
        }
        return y
    }

    /// The mean over the labels of −ln softmax(scores)[label].
    package static func crossEntropy(_ scores: DoubleTensor, labels: [Int]) -> Double {
        let logs = softmax(scores, axis: -1, isLogarithmic: true)
        let classes = scores.shape[scores.shape.count - 1]
        return -labels.enumerated().reduce(0) { $0 + logs.values[$1.offset * classes + $1.element] }
            / Double(max(1, labels.count))
    }
}
