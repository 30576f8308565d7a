/// What a node of a graph computes: a small immutable value of attributes, with its whole contract.
public protocol Operator: Sendable {
    /// The field's name for the operation: ONNX's where ONNX has it.
    var kind: String { get }
    /// Types of the outputs, or why these inputs do not fit. The only shape rule there is; it admits free dimensions.
    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType]
    /// Fixed shapes, processor level, precision and the store of packed weights in; a chosen algorithm out.
    func prepare(_ context: Preparation) throws(PlanError) -> Prepared
    /// The same operation on inputs whose axes come in another order, or nil: it needs the order it has.
    ///
    /// `order` is what a Transpose has done to the first input; the answer says what must be done to each of the others,
    /// and what the outputs' Transpose then is.
    func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator?
    /// What a training step does in the place of this operation, or nil: the same.
    var training: TrainingForm? { get }
    /// The operation followed by an activation in one pass, or nil: it cannot.
    func fused(with activation: Activation) -> (any Operator)?
    /// The position of the optional input that is added to the result before the activation, or nil: there is none, or its
    /// place is behind an activation already.
    var residualOperand: Int? { get }
    /// The positions of the inputs whose values the shape rule reads (Reshape's shape, Slice's starts …). Where such a value
    /// follows from shapes, it is a constant when a plan is made; where it does not, a `Runner` cuts the model before the
    /// node, and makes it one.
    var valueOperands: [Int] { get }
    /// The operation with the values of its value operands for attributes, so that those are no inputs of the node and its
    /// axes can change order; nil where it has no such form, or a value is not constant.
    func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)?
    /// Whether images stay apart: where the inputs marked in `images` hold images along axis 0, the outputs do too, and an
    /// output's image follows from the same image of those and from the other inputs as a whole, however many there are. The
    /// planner has seen to it that the extents say the same: axis 0 of each output has as many as there are images, and the
    /// other axes do not depend on it.
    func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool
    /// Whether float16 and bfloat16 inputs are computed in float32, and the results rounded back: what computes with floats
    /// says true and is then prepared for float32 and float64 alone; what moves elements says false.
    var widensHalves: Bool { get }
}

extension Operator {
    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? { nil }
    public var training: TrainingForm? { nil }
    public func fused(with activation: Activation) -> (any Operator)? { nil }
    public var residualOperand: Int? { nil }
    public var valueOperands: [Int] { [] }
    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? { nil }
    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { false }
    public var widensHalves: Bool { false }
}

/// What a training step does in the place of an operation that learns from the batch.
public struct TrainingForm: Sendable {
    /// The operation; its first outputs are those of the one it replaces.
    public var operation: any Operator
    /// Outputs that are the next values of parameters among the inputs.
    public var updates: [(output: Int, input: Int)]

    public init(operation: any Operator, updates: [(output: Int, input: Int)]) {
        self.operation = operation
        self.updates = updates
    }
}

/// An operator on inputs whose axes come in another order.
public struct PermutedOperator: Sendable {
    /// The operator to put in the place of the old one.
    public var operation: any Operator
    /// For each input, the order its axes must be brought to; nil leaves it as it is.
    public var inputs: [Permutation?]
    /// For each output, the order in which its axes now come.
    public var outputs: [Permutation]

    public init(operation: any Operator, inputs: [Permutation?], outputs: [Permutation]) {
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// An operator with a derivative, which it states by appending the nodes that compute it.
public protocol DifferentiableOperator: Operator {
    /// The gradients of the wanted inputs, given those of the outputs (nil where nothing depends on an output). What it
    /// reads of `node`'s inputs and outputs is what must be kept until the gradient is computed.
    func gradients(at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder)
        throws(ShapeError)
        -> [Symbol?]
}

/// An operator whose outputs follow from the types of its inputs alone (Shape, Size): they are constants of every plan.
public protocol TypeOperator: Operator {
    /// The outputs, or nil where the inputs' shapes are not known yet.
    func values(for inputs: Operands) throws(ShapeError) -> [Tensor]?
}

extension TypeOperator {
    /// A plan has fixed shapes, so it holds the values instead.
    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        throw .unsupported(operator: kind, rule: "its values follow from shapes", received: "a step of a plan")
    }
}

/// An operator whose outputs' shapes depend on its inputs' values (If, Loop, NonZero …): it computes values, not tiles. A
/// `Runner` splits the plan where one stands.
public protocol DynamicOperator: Operator {
    /// The outputs for these inputs. `run` executes the models the operator holds (the branches of an If, the body of a
    /// Loop).
    func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value]
}

/// What a dynamic operator can ask of the run it is part of.
public protocol RunContext: AnyObject {
    /// Runs the operator's model at `index` (0 for the first it holds) on values for its inputs, in order, and returns its
    /// outputs, in order. Plans are kept from one call to the next.
    func run(_ model: Model, at index: Int, on inputs: [Value]) throws(ExecutionError) -> [Value]
    /// The outputs of an operator of fixed shapes for these tensors.
    func evaluate(_ operation: any Operator, on inputs: [Tensor]) throws(ExecutionError) -> [Tensor]
    /// The most bytes that memory for one value may take.
    var memoryLimit: Int { get }
}

extension DynamicOperator {
    /// A plan has fixed shapes, so it cannot hold the operator.
    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        throw .unsupported(
            operator: kind, rule: "its shapes depend on values: run the model with a Runner",
            received: "a plan of fixed shapes")
    }
}

/// The symbols at a node.
public struct NodeSymbols {
    /// The node's name.
    public let name: String
    /// What it reads, one for each operand; nil for one that is not given.
    public let inputs: [Symbol?]
    /// What it computes.
    public let outputs: [Symbol]
}
