package import CTamisKernels

/// A function of one variable with its parameters, which stands alone (`Activate`) or which operators apply to what they
/// have just computed: a row of one table.
public struct Activation: Hashable, Sendable {
    /// The functions, by Keras's names.
    public enum Function: String, Sendable, CaseIterable {
        case linear, relu, sigmoid, tanh
        case leakyRelu = "leaky_relu"
        case clip
        case threshold, shrink
        case hardSigmoid = "hard_sigmoid"
        case hardSilu = "hard_silu"
        case silu
        case elu, selu, celu
        case gelu
        case geluTanh = "gelu_tanh"
        case softplus, softsign, mish

        /// The operator type ONNX has for the function, and the kernels' name of it.
        fileprivate var row: (onnxName: String, curve: tamis_curve) {
            switch self {
            case .linear: ("Identity", TAMIS_IDENTITY)
            case .relu: ("Relu", TAMIS_RELU)
            case .sigmoid: ("Sigmoid", TAMIS_SIGMOID)
            case .tanh: ("Tanh", TAMIS_TANH)
            case .leakyRelu: ("LeakyRelu", TAMIS_LEAKY_RELU)
            case .clip: ("Clip", TAMIS_CLIP)
            case .threshold: ("ThresholdedRelu", TAMIS_THRESHOLDED_RELU)
            case .shrink: ("Shrink", TAMIS_SHRINK)
            case .hardSigmoid: ("HardSigmoid", TAMIS_HARD_SIGMOID)
            case .hardSilu: ("HardSwish", TAMIS_HARD_SWISH)
            case .silu: ("Swish", TAMIS_SWISH)
            case .elu: ("Elu", TAMIS_ELU)
            case .selu: ("Selu", TAMIS_ELU)
            case .celu: ("Celu", TAMIS_CELU)
            case .gelu: ("Gelu", TAMIS_GELU)
            case .geluTanh: ("Gelu", TAMIS_GELU_TANH)
            case .softplus: ("Softplus", TAMIS_SOFTPLUS)
            case .softsign: ("Softsign", TAMIS_SOFTSIGN)
            case .mish: ("Mish", TAMIS_MISH)
            }
        }
    }

    /// Which function.
    public let function: Function
    /// Its first parameter; 0 where it has none.
    public let alpha: Double
    /// Its second parameter; 0 where it has none.
    public let beta: Double

    private init(_ function: Function, alpha: Double = 0, beta: Double = 0) {
        self.function = function
        self.alpha = alpha
        self.beta = beta
    }

    /// The name, Keras's.
    public var name: String { function.rawValue }
    /// The operator type ONNX has for it.
    public var onnxName: String { function.row.onnxName }

    package var kernel: tamis_activation {
        switch function {
        case .elu: tamis_activation(curve: TAMIS_ELU, alpha: alpha, beta: 1)
        case .selu: tamis_activation(curve: TAMIS_ELU, alpha: alpha * beta, beta: beta)
        default: tamis_activation(curve: function.row.curve, alpha: alpha, beta: beta)
        }
    }

    /// Whether the derivative follows from the output y: the function grows, so that y tells where x was. Then nobody
    /// needs x any more; else the gradient reads x.
    package var derivesFromOutput: Bool {
        switch function {
        case .linear, .relu, .sigmoid, .tanh, .clip, .hardSigmoid, .elu, .selu, .celu, .softplus, .softsign: true
        case .leakyRelu, .threshold: alpha >= 0
        case .shrink, .hardSilu, .silu, .gelu, .geluTanh, .mish: false
        }
    }
}

extension Activation {
    /// x
    public static let linear = Activation(.linear)
    /// max(x, 0); its derivative at 0 is 0.
    public static let relu = Activation(.relu)
    /// min(max(x, 0), 6)
    public static let relu6 = clip(0, 6)
    /// 1 / (1 + e⁻ˣ)
    public static let sigmoid = Activation(.sigmoid)
    /// (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
    public static let tanh = Activation(.tanh)
    /// x · sigmoid(x)
    public static let silu = silu(1)
    /// min(max(x / 6 + ½, 0), 1)
    public static let hardSigmoid = hardSigmoid(alpha: 1.0 / 6, beta: 0.5)
    /// x · min(max(x / 6 + ½, 0), 1)
    public static let hardSilu = Activation(.hardSilu)
    /// x where it is positive, eˣ − 1 elsewhere.
    public static let elu = elu(1)
    /// `elu` scaled so that it keeps a mean of 0 and a variance of 1.
    public static let selu = selu(alpha: 1.67326319217681884765625, gamma: 1.05070102214813232421875)
    /// x · Φ(x), Φ being the normal distribution.
    public static let gelu = Activation(.gelu)
    /// x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2, which is close to `gelu`.
    public static let geluTanh = Activation(.geluTanh)
    /// ln(1 + eˣ)
    public static let softplus = Activation(.softplus)
    /// x / (1 + |x|)
    public static let softsign = Activation(.softsign)
    /// x · tanh(softplus(x))
    public static let mish = Activation(.mish)

    /// x where it is positive, alpha · x elsewhere.
    public static func leakyRelu(_ alpha: Double = 0.2) -> Activation { Activation(.leakyRelu, alpha: alpha) }
    /// min(max(x, low), high)
    public static func clip(_ low: Double, _ high: Double) -> Activation { Activation(.clip, alpha: low, beta: high) }
    /// x where it is above alpha, 0 elsewhere.
    public static func threshold(_ alpha: Double) -> Activation { Activation(.threshold, alpha: alpha) }
    /// x moved towards 0 by `bias` where it lies outside ±lambda, 0 inside.
    public static func shrink(_ lambda: Double = 0.5, bias: Double = 0) -> Activation {
        Activation(.shrink, alpha: lambda, beta: bias)
    }
    /// min(max(alpha · x + beta, 0), 1)
    public static func hardSigmoid(alpha: Double, beta: Double) -> Activation {
        Activation(.hardSigmoid, alpha: alpha, beta: beta)
    }
    /// x · sigmoid(alpha · x): Swish.
    public static func silu(_ alpha: Double) -> Activation { Activation(.silu, alpha: alpha) }
    /// x where it is positive, alpha · (eˣ − 1) elsewhere.
    public static func elu(_ alpha: Double) -> Activation { Activation(.elu, alpha: alpha) }
    /// gamma · x where x is positive, gamma · alpha · (eˣ − 1) elsewhere.
    public static func selu(alpha: Double, gamma: Double) -> Activation {
        Activation(.selu, alpha: alpha, beta: gamma)
    }
    /// x where it is positive, alpha · (e^(x / alpha) − 1) elsewhere, for an alpha above 0.
    public static func celu(_ alpha: Double = 1) -> Activation { Activation(.celu, alpha: alpha) }

    /// Each row of the table, with its usual parameters.
    public static let all: [Activation] = [
        .linear, .relu, .sigmoid, .tanh, .leakyRelu(), .relu6, .threshold(1), .shrink(bias: 0.25), .hardSigmoid,
        .hardSilu, .silu, .elu, .selu, .celu(), .gelu, .geluTanh, .softplus, .softsign, .mish,
    ]
}
