import Tamis

/// A tensor of the reference: row-major doubles, whatever type the engine computes with.
package struct DoubleTensor: Sendable, Equatable {
    package var shape: [Int]
    package var values: [Double]

    package init(_ values: [Double], shape: [Int]) {
        self.shape = shape
        self.values = values
    }

    package init(_ tensor: Tensor) throws {
        self.init(try tensor.doubles(), shape: tensor.shape.dimensions)
    }

    package init(zeros shape: [Int]) {
        self.init([Double](repeating: 0, count: shape.reduce(1, *)), shape: shape)
    }

    /// Whole numbers, which every order of summation adds exactly.
    package static func integers(
        _ shape: [Int], in range: ClosedRange<Int> = -4...4, using generator: inout Philox
    ) -> DoubleTensor {
        DoubleTensor(
            (0..<shape.reduce(1, *)).map { _ in Double(Int.random(in: range, using: &generator)) }, shape: shape)
    }

    /// Numbers of a uniform distribution that float holds exactly.
    package static func uniform(
        _ shape: [Int], in range: ClosedRange<Double> = -1...1, using generator: inout Philox
    ) -> DoubleTensor {
        let (low, width) = (range.lowerBound, range.upperBound - range.lowerBound)
        return DoubleTensor(
            (0..<shape.reduce(1, *)).map { _ in Double(Float(low + width * generator.nextUniform())) }, shape: shape)
    }

    /// Numbers no two of which are closer than `gap`, in a random order around zero: no ties, and no number near zero.
    package static func distinct(_ shape: [Int], gap: Double = 0.01, using generator: inout Philox) -> DoubleTensor {
        let count = shape.reduce(1, *)
        let values = generator.shuffled(count).map { gap * (Double($0 - count / 2) + 0.5) }
        return DoubleTensor(values, shape: shape)
    }

    /// The same values in the engine's form.
    package func tensor(_ elementType: ElementType = .float32) throws -> Tensor {
        try Tensor(values, shape: shape).converted(to: elementType)
    }

    /// The same values as any numeric type; what does not fit it is not for tests.
    package func numbers(_ elementType: ElementType) throws -> Tensor {
        guard let tensor = try elementType.visit(Numbers(tensor: self))?.get() else {
            throw TestFailure("\(elementType) holds no numbers")
        }
        return tensor
    }

    private struct Numbers: NumericVisitor {
        let tensor: DoubleTensor

        func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Result<Tensor, any Error> {
            .init { try Tensor(tensor.values.map(Scalar.init(nearest:)), shape: tensor.shape) }
        }
    }

    /// The number at a place.
    package subscript(indices: [Int]) -> Double {
        get { values[offset(indices)] }
        set { values[offset(indices)] = newValue }
    }

    private func offset(_ indices: [Int]) -> Int {
        zip(indices, shape).reduce(0) { $0 * $1.1 + $1.0 }
    }

    /// Every place of a shape, row-major.
    package static func indices(of shape: [Int]) -> [[Int]] {
        shape.reduce([[]]) { places, extent in places.flatMap { place in (0..<extent).map { place + [$0] } } }
    }
}

/// Whole numbers as a tensor of an integer type.
package func integerTensor(_ values: [Double], _ shape: [Int], _ elementType: ElementType) throws -> Tensor {
    switch elementType {
    case .int8: try Tensor(values.map { Int8($0) }, shape: shape)
    case .int16: try Tensor(values.map { Int16($0) }, shape: shape)
    case .int32: try Tensor(values.map { Int32($0) }, shape: shape)
    case .int64: try Tensor(values.map { Int64($0) }, shape: shape)
    case .uint8: try Tensor(values.map { UInt8($0) }, shape: shape)
    case .uint16: try Tensor(values.map { UInt16($0) }, shape: shape)
    case .uint32: try Tensor(values.map { UInt32($0) }, shape: shape)
    case .uint64: try Tensor(values.map { UInt64($0) }, shape: shape)
    default: throw TestFailure("no integers: \(elementType)")
    }
}
