import Glibc
import Tamis

extension Oracle {
    package static func exponential(_ x: Double) -> Double { exp(x) }
    package static func logarithm(_ x: Double) -> Double { log(x) }
    package static func power(_ x: Double, _ exponent: Double) -> Double { pow(x, exponent) }

    /// The functions of the table of activations.
    package static func activate(_ activation: Activation, _ x: Double) -> Double {
        let (alpha, beta) = (activation.alpha, activation.beta)
        func clip(_ x: Double, _ low: Double, _ high: Double) -> Double { x < low ? low : x > high ? high : x }
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        func softplus(_ x: Double) -> Double { x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)) }
        // The limit at −∞ is 0.
        func gated(_ x: Double, _ factor: Double) -> Double { factor == 0 ? 0 : x * factor }
        switch activation.function {
        case .linear: return x
        case .relu: return x.isNaN ? x : max(x, 0)
        case .sigmoid: return sigmoid(x)
        case .tanh: return tanh(x)
        case .leakyRelu: return x > 0 ? x : alpha * x
        case .clip: return clip(x, alpha, beta)
        case .threshold: return x <= alpha ? 0 : x
        case .shrink: return x < -alpha ? x + beta : x <= alpha ? 0 : x - beta
        case .hardSigmoid: return clip(alpha * x + beta, 0, 1)
        case .hardSilu: return gated(x, clip(x / 6 + 0.5, 0, 1))
        case .silu: return gated(x, sigmoid(alpha * x))
        case .elu: return x > 0 ? x : alpha * expm1(x)
        case .selu: return beta * (x > 0 ? x : alpha * expm1(x))
        case .celu: return x > 0 ? x : alpha * expm1(x / alpha)
        case .gelu: return gated(x, erfc(-x / 2.0.squareRoot()) / 2)
        case .geluTanh: return gated(x, sigmoid(2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .softplus: return softplus(x)
        case .softsign: return x.isInfinite ? (x > 0 ? 1 : -1) : x / (1 + abs(x))
        case .mish: return gated(x, tanh(softplus(x)))
        }
    }

    /// How far from it a result may be: 4 units of the last place, and more where the result falls to 0.
    package static func activationBounds(_ activation: Activation, _ x: DoubleTensor, unit: Double) -> [Double] {
        x.values.map { x in
            let y = abs(activate(activation, x))
            switch activation.function {
            // What is subtracted is no larger than this.
            case .hardSigmoid, .hardSilu, .shrink: return 4 * unit * (y + 4)
            case .silu, .gelu, .geluTanh, .mish: return 4 * unit * y * max(1, x * x) + 1e-30
            // Below the normal numbers nothing is promised but smallness.
            default: return 4 * unit * y + (unit < 0x1p-40 ? 1e-307 : 1.2e-38)
            }
        }
    }

    /// What an element-wise operator makes of a pair.
    package static func arithmetic(_ function: Arithmetic.Function) -> (Double, Double) -> Double {
        switch function {
        case .add: { $0 + $1 }
        case .subtract: { $0 - $1 }
        case .multiply: { $0 * $1 }
        case .divide: { $0 / $1 }
        case .maximum: { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
        case .minimum: { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }
        case .modulo: { $0 - floor($0 / $1) * $1 }
        case .remainder: { fmod($0, $1) }
        case .power: { pow($0, $1) }
        case .prelu: { $0 < 0 ? $0 * $1 : $0 }
        }
    }
}

extension Activation {
    /// Where the derivative, or its own, jumps.
    package var kinks: [Double] {
        switch function {
        case .relu, .leakyRelu, .elu, .selu, .celu, .softsign: [0]
        case .clip: [alpha, beta]
        case .threshold: [alpha]
        case .shrink: [-alpha, alpha]
        case .hardSigmoid: [-beta / alpha, (1 - beta) / alpha]
        case .hardSilu: [-3, 3]
        default: []
        }
    }

    /// The table's rows, and others with other parameters.
    package static let samples: [Activation] =
        all + [
            .leakyRelu(-0.3), .clip(-0.5, 0.75), .threshold(-0.375), .shrink(0.3125, bias: -0.125), .elu(0.7), .celu(2),
            .silu(1.7), .silu(-0.5), .selu(alpha: 1, gamma: 2), .hardSigmoid(alpha: 0.25, beta: 0.5),
        ]
}
