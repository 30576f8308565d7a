/// How a step changes a parameter along its gradient.
public protocol Optimizer: Sendable {
    /// The rate a training starts with.
    var learningRate: Double { get }
    /// Appends the nodes that compute the next value of `parameter`, and says so by `update`. `rate` is a scalar, `step` the
    /// int64 number of the step from 1.
    func append(
        _ parameter: Symbol, gradient: Symbol, rate: Symbol, step: Symbol, in graph: GraphBuilder
    ) throws(ShapeError)
}

extension Optimizer {
    /// A value the optimiser keeps for a parameter, zero at the start.
    func slot(_ role: String, of parameter: Symbol, in graph: GraphBuilder) throws(ShapeError) -> Symbol {
        guard case .tensor(let elementType, _) = parameter.type, let shape = parameter.type.shape else {
            throw .mismatch(rule: "a parameter must have a fixed shape", received: "\(parameter.type)")
        }
        return graph.parameter(
            "\(parameter.name)/\(role)", try Tensor(zeros: elementType, shape: shape.dimensions), isTrainable: false)
    }
}

/// Stochastic gradient descent, with momentum and Nesterov's form of it: Keras's SGD.
public struct SGD: Optimizer {
    /// The rate a training starts with.
    public var learningRate: Double
    /// How much of the last step's direction stays; 0 keeps none.
    public var momentum: Double
    /// Whether the step looks ahead along the momentum.
    public var isNesterov: Bool

    public init(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.isNesterov = nesterov
    }

    public func append(
        _ parameter: Symbol, gradient: Symbol, rate: Symbol, step: Symbol, in graph: GraphBuilder
    ) throws(ShapeError) {
        if momentum == 0 {
            let change = try graph.call(Arithmetic(.multiply), gradient, rate, name: "\(parameter.name)/change")
            graph.update(
                parameter, to: try graph.call(Arithmetic(.subtract), parameter, change, name: "\(parameter.name)/next"))
            return
        }
        let velocity = try slot("momentum", of: parameter, in: graph)
        let next = try graph.append(
            Momentum(alpha: momentum, isNesterov: isNesterov), [rate, parameter, gradient, velocity],
            name: "\(parameter.name)/next")
        graph.update(parameter, to: next[0])
        graph.update(velocity, to: next[1])
    }
}

/// Adam (Kingma and Ba, 2015): Keras's Adam.
public struct AdamOptimizer: Optimizer {
    /// The rate a training starts with.
    public var learningRate: Double
    /// How much of the first moment stays.
    public var beta1: Double
    /// How much of the second moment stays.
    public var beta2: Double
    /// Added to the root of the second moment.
    public var epsilon: Double

    public init(learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    public func append(
        _ parameter: Symbol, gradient: Symbol, rate: Symbol, step: Symbol, in graph: GraphBuilder
    ) throws(ShapeError) {
        let first = try slot("first_moment", of: parameter, in: graph)
        let second = try slot("second_moment", of: parameter, in: graph)
        let next = try graph.append(
            Adam(alpha: beta1, beta: beta2, epsilon: epsilon), [rate, step, parameter, gradient, first, second],
            name: "\(parameter.name)/next")
        graph.update(parameter, to: next[0])
        graph.update(first, to: next[1])
        graph.update(second, to: next[2])
    }
}

extension Optimizer where Self == SGD {
    /// Stochastic gradient descent.
    public static func sgd(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) -> SGD {
        SGD(learningRate: learningRate, momentum: momentum, nesterov: nesterov)
    }
}

extension Optimizer where Self == AdamOptimizer {
    /// Adam.
    public static func adam(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7
    ) -> AdamOptimizer {
        AdamOptimizer(learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon)
    }
}
