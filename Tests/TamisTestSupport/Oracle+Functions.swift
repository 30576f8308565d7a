import Glibc
import Tamis

extension Oracle {
    package static func exponential(_ x: Double) -> Double { exp(x) }
    package static func logarithm(_ x: Double) -> Double { log(x) }
    package static func power(_ x: Double, _ exponent: Double) -> Double { pow(x, exponent) }

    /// The functions of the table of activations.
    package static func activate(_ activation: Activation, _ x: Double) -> Double {
        switch activation {
        case .relu: x.isNaN ? x : max(x, 0)
        case .sigmoid: 1 / (1 + exp(-x))
        case .tanh: tanh(x)
        default: x
        }
    }

    /// What an element-wise operator makes of a pair.
    package static func arithmetic(_ function: Arithmetic.Function) -> (Double, Double) -> Double {
        switch function {
        case .add: { $0 + $1 }
        case .subtract: { $0 - $1 }
        case .multiply: { $0 * $1 }
        case .divide: { $0 / $1 }
        }
    }
}
