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

    public static let linear = LayerActivation(name: "linear", operation: nil)
    public static let relu = LayerActivation(name: "relu", operation: Activate(.relu))
    public static let sigmoid = LayerActivation(name: "sigmoid", operation: Activate(.sigmoid))
    public static let tanh = LayerActivation(name: "tanh", operation: Activate(.tanh))
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
