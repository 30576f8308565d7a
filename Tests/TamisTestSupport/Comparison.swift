import Tamis

/// The first place where a tensor is not exactly the reference rounded to its type, or nil. One NaN is like
/// another.
package func firstDifference(_ tensor: Tensor, _ expected: DoubleTensor) throws -> String? {
    guard tensor.shape.dimensions == expected.shape else { return "shape \(tensor.shape), not \(expected.shape)" }
    if tensor.elementType == .float64 {
        return firstDifference(try tensor.scalars(as: Double.self), expected.values) {
            $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
        }
    }
    return firstDifference(try tensor.scalars(as: Float.self), expected.values.map(Float.init)) {
        $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
    }
}

/// The first place where a tensor is farther from the reference than the bound for that place, or nil.
package func firstExcess(_ tensor: Tensor, _ expected: DoubleTensor, bounds: [Double]) throws -> String? {
    guard tensor.shape.dimensions == expected.shape else { return "shape \(tensor.shape), not \(expected.shape)" }
    for (index, value) in try tensor.doubles().enumerated() {
        let error = abs(value - expected.values[index])
        // Infinities have no difference, but may be equal.
        if !(error <= bounds[index]), value != expected.values[index] {
            return "[\(index)] is \(value), not \(expected.values[index]): error \(error), bound \(bounds[index])"
        }
    }
    return nil
}

/// The first place where a tensor is farther than `absolute` + `relative` · |reference| from the reference, or nil.
package func firstExcess(
    _ tensor: Tensor, _ expected: DoubleTensor, absolute: Double, relative: Double
) throws -> String? {
    try firstExcess(tensor, expected, bounds: expected.values.map { absolute + relative * abs($0) })
}

/// The bound of a sum of K products: 4 · √K · 2⁻²⁴ · (|x| ∗ |w|), 2⁻⁵³ for doubles.
package func productBounds(_ magnitude: DoubleTensor, depth: Int, _ elementType: ElementType) -> [Double] {
    let unit = elementType == .float64 ? 0x1p-53 : 0x1p-24
    return magnitude.values.map { 4 * Double(depth).squareRoot() * unit * $0 }
}

/// The number of bits in which two tensors of one type and shape differ; all bits of both where type or shape differ.
package func differingBits(_ left: Tensor, _ right: Tensor) -> Int {
    guard left.elementType == right.elementType, left.shape == right.shape else {
        return 8 * (left.byteCount + right.byteCount)
    }
    return left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in zip(left, right).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } }
    }
}

private func firstDifference<Scalar>(
    _ values: [Scalar], _ expected: [Scalar], _ areEqual: (Scalar, Scalar) -> Bool
) -> String? {
    for index in values.indices where !areEqual(values[index], expected[index]) {
        return "[\(index)] is \(values[index]), not \(expected[index])"
    }
    return nil
}
