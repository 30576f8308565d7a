package import CTamisKernels

/// An element-wise function that operators can apply to what they have just computed: a row of one table.
public struct Activation: Hashable, Sendable {
    /// The name, Keras's.
    public let name: String
    /// The operator type ONNX has for it.
    public let onnxName: String
    package let kernel: tamis_activation

    private init(_ name: String, onnxName: String, _ kernel: tamis_activation) {
        self.name = name
        self.onnxName = onnxName
        self.kernel = kernel
    }

    /// x
    public static let linear = Activation("linear", onnxName: "Identity", TAMIS_IDENTITY)
    /// max(x, 0); its derivative at 0 is 0.
    public static let relu = Activation("relu", onnxName: "Relu", TAMIS_RELU)
    /// 1 / (1 + e⁻ˣ)
    public static let sigmoid = Activation("sigmoid", onnxName: "Sigmoid", TAMIS_SIGMOID)
    /// (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
    public static let tanh = Activation("tanh", onnxName: "Tanh", TAMIS_TANH)

    /// All rows of the table.
    public static let all: [Activation] = [.linear, .relu, .sigmoid, .tanh]

    public static func == (left: Activation, right: Activation) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
