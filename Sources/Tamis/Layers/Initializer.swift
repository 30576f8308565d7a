/// How the first values of a parameter are drawn: Keras's initialisers.
public enum Initializer: Sendable, Hashable {
    case zeros
    case ones
    case constant(Double)
    /// Uniform within ±√(6 / (fan in + fan out)) (Glorot and Bengio, 2010).
    case glorotUniform
    /// Normal with variance 2 / (fan in + fan out), cut at two standard deviations.
    case glorotNormal
    /// Uniform within ±√(6 / fan in) (He and others, 2015).
    case heUniform
    /// Normal with variance 2 / fan in, cut at two standard deviations.
    case heNormal

    /// A float32 tensor of first values. The fans are those of a kernel: taps × inputs and taps × outputs.
    public func tensor(shape: [Int], using generator: Philox) throws(ShapeError) -> Tensor {
        var generator = generator
        // The memory first, from a call that can refuse it.
        let tensor = try Tensor(uninitialized: .float32, shape: Shape(shape))
        let count = tensor.shape.elementCount
        let values = tensor.storage.base.bindMemory(to: Float.self, capacity: count)
        let taps = shape.dropLast(2).reduce(1, *)
        let fanIn = Double(shape.count > 1 ? taps * shape[shape.count - 2] : shape.first ?? 1)
        let fanOut = Double(shape.count > 1 ? taps * shape[shape.count - 1] : shape.first ?? 1)
        func fill(_ value: Float) { values.initialize(repeating: value, count: count) }
        func uniform(_ limit: Double) {
            for index in 0..<count { values[index] = Float((2 * generator.nextUniform() - 1) * limit) }
        }
        func normal(_ variance: Double) {
            // The cut makes the distribution narrower by this factor, which the draw makes up for.
            let deviation = variance.squareRoot() / 0.87962566103423978
            for index in 0..<count {
                var draw = generator.nextNormal()
                while abs(draw) > 2 { draw = generator.nextNormal() }
                values[index] = Float(draw * deviation)
            }
        }
        switch self {
        case .zeros: fill(0)
        case .ones: fill(1)
        case .constant(let value): fill(Float(value))
        case .glorotUniform: uniform((6 / max(1, fanIn + fanOut)).squareRoot())
        case .glorotNormal: normal(2 / max(1, fanIn + fanOut))
        case .heUniform: uniform((6 / max(1, fanIn)).squareRoot())
        case .heNormal: normal(2 / max(1, fanIn))
        }
        return tensor
    }
}
