import Glibc
import Tamis

extension Oracle {
    /// y, the means and 1 / √(variance + epsilon) of a normalisation.
    package static func normalize(
        _ operation: Normalize, _ x: DoubleTensor, scale: DoubleTensor, bias: DoubleTensor?
    ) -> (y: DoubleTensor, means: [Double], inverses: [Double]) {
        let rank = x.shape.count
        let channels = x.shape[rank - 1]
        /// Which mean an element has part in, and how many there are.
        let owner: ([Int]) -> Int
        let count: Int
        var centers = true
        switch operation.form {
        case .layer(let axis), .rootMeanSquare(let axis):
            let outer = Array(x.shape[..<(axis < 0 ? axis + rank : axis)])
            count = outer.reduce(1, *)
            owner = { zip($0, outer).reduce(0) { $0 * $1.1 + $1.0 } }
            if case .rootMeanSquare = operation.form { centers = false }
        case .instance:
            count = x.shape[0] * channels
            owner = { $0[0] * channels + $0[rank - 1] }
        case .group(let groups):
            count = x.shape[0] * groups
            owner = { $0[0] * groups + $0[rank - 1] / (channels / groups) }
        }
        let places = DoubleTensor.indices(of: x.shape)
        let owners = places.map(owner)
        var (sizes, means, squares) = (
            [Double](repeating: 0, count: count), [Double](repeating: 0, count: count),
            [Double](repeating: 0, count: count)
        )
        for (index, value) in x.values.enumerated() {
            sizes[owners[index]] += 1
            means[owners[index]] += value
        }
        means = zip(means, sizes).map { centers ? $0 / max(1, $1) : 0 }
        for (index, value) in x.values.enumerated() {
            let deviation = value - means[owners[index]]
            squares[owners[index]] += deviation * deviation
        }
        let inverses = zip(squares, sizes).map { 1 / ($0 / max(1, $1) + operation.epsilon).squareRoot() }
        let parameter = { (tensor: DoubleTensor, place: [Int]) in
            tensor[zip(place.suffix(tensor.shape.count), tensor.shape).map { $1 == 1 ? 0 : $0 }]
        }
        let y = zip(places, x.values).enumerated().map { index, pair in
            (pair.1 - means[owners[index]]) * inverses[owners[index]] * parameter(scale, pair.0)
                + (bias.map { parameter($0, pair.0) } ?? 0)
        }
        return (DoubleTensor(y, shape: x.shape), means, inverses)
    }

    /// x over a power of the squares around it on the last axis.
    package static func localResponse(_ x: DoubleTensor, _ operation: LocalResponseNormalize) -> DoubleTensor {
        let channels = x.shape[x.shape.count - 1]
        let values = x.values.enumerated().map { index, value in
            let (row, channel) = index.quotientAndRemainder(dividingBy: channels)
            let first = max(0, channel - (operation.size - 1) / 2)
            let last = min(channels - 1, channel + operation.size / 2)
            let sum = (first...last).reduce(0.0) { $0 + x.values[row * channels + $1] * x.values[row * channels + $1] }
            return value / pow(operation.bias + operation.alpha / Double(operation.size) * sum, operation.beta)
        }
        return DoubleTensor(values, shape: x.shape)
    }
}
