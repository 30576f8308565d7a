extension Tensor {
    /// Normally distributed floats, or the whole numbers 0 and 1, which are a valid index of nearly everything: the same for
    /// each run with this seed and name. What is no number, such as a string, is zero.
    public init(random elementType: ElementType, shape: Shape, seed: UInt64, name: String) throws(ShapeError) {
        // Zeros first: memory that the system may refuse, then filled in place.
        try self.init(zeros: elementType, shape: shape.dimensions)
        let fill = RandomFill(
            base: storage.base, count: shape.elementCount, generator: Philox(seed: seed, name: name))
        switch elementType {
        case .bool: fill.truths()
        case .bfloat16: fill.brainFloats()
        default: _ = elementType.visit(fill)
        }
    }
}

private struct RandomFill: NumericVisitor {
    let base: UnsafeMutableRawPointer
    let count: Int
    let generator: Philox

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) {
        var generator = generator
        let elements = base.bindMemory(to: Scalar.self, capacity: count)
        for index in 0..<count {
            elements[index] =
                Scalar.isInteger
                ? Scalar(wrapping: Int64(generator.next() & 1)) : Scalar(nearest: generator.nextNormal())
        }
    }

    func truths() {
        var generator = generator
        let elements = base.bindMemory(to: Bool.self, capacity: count)
        for index in 0..<count { elements[index] = generator.next() & 1 == 1 }
    }

    func brainFloats() {
        var generator = generator
        let elements = base.bindMemory(to: BFloat16.self, capacity: count)
        for index in 0..<count { elements[index] = BFloat16(Float(generator.nextNormal())) }
    }
}
