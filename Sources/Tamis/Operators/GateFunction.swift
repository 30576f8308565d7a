import CTamisKernels
import Glibc
import TamisKernels

/// A function that a recurrent layer applies to its gates, with ONNX's names and numbers.
public struct GateFunction: Hashable, Sendable {
    /// The formulas, by ONNX's names.
    public enum Formula: String, Sendable, CaseIterable {
        /// max(x, 0)
        case relu = "Relu"
        /// (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
        case tanh = "Tanh"
        /// 1 / (1 + e⁻ˣ)
        case sigmoid = "Sigmoid"
        /// alpha · x + beta
        case affine = "Affine"
        /// x, or alpha · x below 0
        case leakyRelu = "LeakyRelu"
        /// x, or 0 below alpha
        case thresholdedRelu = "ThresholdedRelu"
        /// alpha · tanh(beta · x)
        case scaledTanh = "ScaledTanh"
        /// alpha · x + beta, between 0 and 1
        case hardSigmoid = "HardSigmoid"
        /// x, or alpha · (eˣ − 1) below 0
        case elu = "Elu"
        /// x / (1 + |x|)
        case softsign = "Softsign"
        /// ln(1 + eˣ)
        case softplus = "Softplus"

        /// The numbers where a file does not say; nil where the formula has no such number.
        var defaults: (alpha: Double?, beta: Double?) {
            switch self {
            case .relu, .tanh, .sigmoid, .softsign, .softplus: (nil, nil)
            case .affine: (1, 0)
            case .leakyRelu: (0.01, nil)
            case .thresholdedRelu, .elu: (1, nil)
            case .scaledTanh: (1, 1)
            case .hardSigmoid: (0.2, 0.5)
            }
        }
    }

    /// The formula.
    public let formula: Formula
    /// Its first number, where it has one.
    public let alpha: Double
    /// Its second number, where it has one.
    public let beta: Double

    /// A function; numbers not given are those ONNX takes, and numbers the formula has not are 0.
    public init(_ formula: Formula, alpha: Double? = nil, beta: Double? = nil) {
        self.formula = formula
        self.alpha = formula.defaults.alpha.map { alpha ?? $0 } ?? 0
        self.beta = formula.defaults.beta.map { beta ?? $0 } ?? 0
    }

    /// The kernel that computes it, and its gradient, where there is one.
    var kernel: tamis_activation? {
        switch formula {
        case .relu: tamis_activation(curve: TAMIS_RELU, alpha: 0, beta: 0)
        case .tanh: tamis_activation(curve: TAMIS_TANH, alpha: 0, beta: 0)
        case .sigmoid: tamis_activation(curve: TAMIS_SIGMOID, alpha: 0, beta: 0)
        default: nil
        }
    }

    /// The function of one number.
    package func callAsFunction(_ x: Double) -> Double {
        switch formula {
        case .relu: x < 0 ? 0 : x
        case .tanh: Glibc.tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .affine: alpha * x + beta
        case .leakyRelu: x < 0 ? alpha * x : x
        case .thresholdedRelu: x < alpha ? 0 : x
        case .scaledTanh: alpha * Glibc.tanh(beta * x)
        case .hardSigmoid: alpha * x + beta < 0 ? 0 : alpha * x + beta > 1 ? 1 : alpha * x + beta
        case .elu: x < 0 ? alpha * expm1(x) : x
        case .softsign: x / (1 + abs(x))
        case .softplus: x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
        }
    }
}
