import Tamis

extension Oracle {
    /// What a reduction makes of the elements of each result.
    package static func reduce(_ function: Reduce.Function, _ values: [Double]) -> Double {
        let hasNaN = values.contains(where: \.isNaN)
        return switch function {
        case .sum: values.reduce(0, +)
        case .mean: values.reduce(0, +) / Double(values.count)
        case .largest: hasNaN ? .nan : values.reduce(-.infinity, max)
        case .smallest: hasNaN ? .nan : values.reduce(.infinity, min)
        case .product: values.reduce(1, *)
        case .l1: values.reduce(0) { $0 + abs($1) }
        case .l2: values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        case .logSum: logarithm(values.reduce(0, +))
        case .logSumExponentials: logarithm(values.reduce(0) { $0 + exponential($1) })
        case .sumOfSquares: values.reduce(0) { $0 + $1 * $1 }
        }
    }

    /// The elements of x along some axes, for each place of the others, row-major.
    package static func slices(_ x: DoubleTensor, axes: [Int]) -> [[Double]] {
        let axes = axes.map { $0 < 0 ? $0 + x.shape.count : $0 }
        let outer = x.shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
        let inner = x.shape.enumerated().map { axes.contains($0.offset) ? $0.element : 1 }
        let steps = DoubleTensor.indices(of: inner)
        return DoubleTensor.indices(of: outer).map { place in steps.map { x[zip(place, $0).map(+)] } }
    }

    package static func reduce(
        _ function: Reduce.Function, _ x: DoubleTensor, axes: [Int], keepsDimensions: Bool = true
    ) -> DoubleTensor {
        DoubleTensor(
            slices(x, axes: axes).map { reduce(function, $0) },
            shape: reducedShape(x.shape, axes: axes, keepsDimensions: keepsDimensions))
    }

    package static func reducedShape(_ shape: [Int], axes: [Int], keepsDimensions: Bool) -> [Int] {
        let axes = axes.map { $0 < 0 ? $0 + shape.count : $0 }
        return shape.enumerated().compactMap { axis, extent in
            axes.contains(axis) ? (keepsDimensions ? 1 : nil) : extent
        }
    }
}
