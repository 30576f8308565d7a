/// What kind of work an ONNX operator does, for the colours of a drawing.
enum OperatorFamily: String, CaseIterable {
    case convolution, product, pooling, normalization, activation, arithmetic, moving, reduction, control, other

    /// The family in words.
    var title: String {
        switch self {
        case .convolution: "convolution"
        case .product: "matrix product"
        case .pooling: "pooling"
        case .normalization: "normalisation"
        case .activation: "activation"
        case .arithmetic: "arithmetic"
        case .moving: "shape and order"
        case .reduction: "reduction"
        case .control: "control"
        case .other: "other"
        }
    }

    /// The family of an operator by its name in files.
    init(_ name: String) {
        switch name {
        case "Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv", "Im2Col", "Col2Im":
            self = .convolution
        case "Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "Einsum", "LSTM", "GRU", "RNN", "Attention":
            self = .product
        case "BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "LRN",
            "LpNormalization", "MeanVarianceNormalization", "RMSNormalization", "Dropout":
            self = .normalization
        case "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid", "HardSwish",
            "Swish",
            "Tanh", "Softmax", "LogSoftmax", "Softplus", "Softsign", "ThresholdedRelu", "Mish", "Clip", "Hardmax",
            "Shrink":
            self = .activation
        case "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Concat", "Split", "Slice", "Gather",
            "GatherElements", "GatherND", "Scatter", "ScatterElements", "ScatterND", "Pad", "Expand", "Tile", "Shape",
            "Size", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "Identity", "Cast", "CastLike", "Constant",
            "ConstantOfShape", "Range", "EyeLike", "Trilu", "GridSample", "AffineGrid", "ReverseSequence", "Compress",
            "CenterCropPad", "OneHot":
            self = .moving
        case "ArgMax", "ArgMin", "TopK", "CumSum", "NonZero", "NonMaxSuppression", "Unique",
            "SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss":
            self = .reduction
        case "If", "Loop", "Scan", "SequenceMap": self = .control
        case "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Neg", "Abs", "Sqrt", "Exp", "Log", "Sum", "Mean", "Max", "Min",
            "Where", "Equal", "Greater", "Less", "And", "Or", "Not", "Xor", "GreaterOrEqual", "LessOrEqual", "Floor",
            "Ceil", "Round", "Sign", "Reciprocal", "Erf", "Sin", "Cos", "QuantizeLinear", "DequantizeLinear",
            "DynamicQuantizeLinear":
            self = .arithmetic
        default:
            self =
                name.hasSuffix("Pool") || name == "MaxRoiPool" || name == "RoiAlign" || name == "MaxUnpool"
                ? .pooling
                : name.hasPrefix("Reduce") ? .reduction : name.hasPrefix("Sequence") ? .control : .other
        }
    }
}
