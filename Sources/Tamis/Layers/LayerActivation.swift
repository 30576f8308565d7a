/// What a layer applies to its result: one of Keras's activations, or any operator of one input.
public struct LayerActivation: Sendable {
    /// Keras's name.
    public let name: String
    /// The operator, or nil: the result stays as it is.
    public let operation: (any Operator)?

    /// An activation of one's own.
    public init(name: String, operation: (any Operator)?) {
        self.name = name
        self.operation = operation
    }

    /// One of the table.
    public init(_ activation: Activation) {
        self.init(name: activation.name, operation: activation == .linear ? nil : Activate(activation))
    }

    public static let linear = LayerActivation(Activation.linear)
    public static let relu = LayerActivation(Activation.relu)
    public static let relu6 = LayerActivation(name: "relu6", operation: Activate(.relu6))
    public static let sigmoid = LayerActivation(Activation.sigmoid)
    public static let tanh = LayerActivation(Activation.tanh)
    public static let hardSigmoid = LayerActivation(Activation.hardSigmoid)
    public static let silu = LayerActivation(Activation.silu)
    public static let hardSilu = LayerActivation(Activation.hardSilu)
    public static let elu = LayerActivation(Activation.elu)
    public static let selu = LayerActivation(Activation.selu)
    public static let celu = LayerActivation(Activation.celu())
    public static let gelu = LayerActivation(Activation.gelu)
    public static let softplus = LayerActivation(Activation.softplus)
    public static let softsign = LayerActivation(Activation.softsign)
    public static let mish = LayerActivation(Activation.mish)
    /// A slope of `alpha` below 0.
    public static func leakyRelu(_ alpha: Double = 0.2) -> LayerActivation { LayerActivation(.leakyRelu(alpha)) }
    /// Over the last axis.
    public static let softmax = LayerActivation(name: "softmax", operation: Softmax())
    /// Over the last axis.
    public static let logSoftmax = LayerActivation(name: "log_softmax", operation: Softmax(isLogarithmic: true))

    /// The activation appended to what a layer has computed.
    func apply(to symbol: Symbol, layer: String, in graph: GraphBuilder) throws(ShapeError) -> Symbol {
        guard let operation else { return symbol }
        return try graph.call(operation, symbol, name: "\(layer)/\(name)")
    }
}
