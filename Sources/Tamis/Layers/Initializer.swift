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
        let count = try Shape(shape).elementCount
        let taps = shape.dropLast(2).reduce(1, *)
        let fanIn = Double(shape.count > 1 ? taps * shape[shape.count - 2] : shape.first ?? 1)
        let fanOut = Double(shape.count > 1 ? taps * shape[shape.count - 1] : shape.first ?? 1)
        func uniform(_ limit: Double) -> [Float] { (0..<count).map { _ in Float((2 * generator.nextUniform() - 1) * limit) } }
        func normal(_ variance: Double) -> [Float] {
            // The cut makes the distribution narrower by this factor, which the draw makes up for.
            let deviation = variance.squareRoot() / 0.87962566103423978
            return (0..<count).map { _ in
                var draw = generator.nextNormal()
                while abs(draw) > 2 { draw = generator.nextNormal() }
                return Float(draw * deviation)
            }
        }
        let values: [Float]
        switch self {
        case .zeros: values = Array(repeating: 0, count: count)
        case .ones: values = Array(repeating: 1, count: count)
        case .constant(let value): values = Array(repeating: Float(value), count: count)
        case .glorotUniform: values = uniform((6 / max(1, fanIn + fanOut)).squareRoot())
        case .glorotNormal: values = normal(2 / max(1, fanIn + fanOut))
        case .heUniform: values = uniform((6 / max(1, fanIn)).squareRoot())
        case .heNormal: values = normal(2 / max(1, fanIn))
        }
        return try Tensor(values, shape: shape)
    }
}
