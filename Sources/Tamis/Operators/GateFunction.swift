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

    /// The function for a type of scalars, as outer · f(inner · x) + shift of a row of the table of activations.
    func parts<Scalar: RecurrentScalar>(
        _ type: Scalar.Type
    ) -> (inner: Double, activation: Activation, outer: Double, shift: Double) {
        switch formula {
        case .relu: (1, .relu, 1, 0)
        case .tanh: (1, .tanh, 1, 0)
        case .sigmoid: (1, .sigmoid, 1, 0)
        case .affine: (1, .linear, alpha, beta)
        case .leakyRelu: (1, .leakyRelu(alpha), 1, 0)
        // Here x passes at alpha itself, in the table only above it.
        case .thresholdedRelu: (1, .threshold(Double(Scalar(alpha).nextDown)), 1, 0)
        case .scaledTanh: (beta, .tanh, alpha, 0)
        case .hardSigmoid: (1, .hardSigmoid(alpha: alpha, beta: beta), 1, 0)
        case .elu: (1, .elu(alpha), 1, 0)
        case .softsign: (1, .softsign, 1, 0)
        case .softplus: (1, .softplus, 1, 0)
        }
    }

    /// The row of the table that it is and whose derivative follows from the output, or nil.
    var differentiable: Activation? {
        let (inner, activation, outer, shift) = parts(Double.self)
        return activation.derivesFromOutput && (inner, outer, shift) == (1, 1, 0) ? activation : nil
    }
}
