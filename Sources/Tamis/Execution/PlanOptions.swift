public import TamisKernels

/// How a plan is made.
public struct PlanOptions: Sendable {
    /// How exact the arithmetic must be.
    public var precision = Precision.default
    /// How much of the processor to use; the best level of the machine by default.
    public var level = KernelLevel.best
    /// How convolutions with constant weights are computed, where that algorithm can; by default each by the fastest.
    public var convolution: ConvolutionAlgorithm?
    /// Whether passes rewrite the graph first: fold, fuse, drop what nobody reads.
    public var optimizes = true
    /// The most bytes that a plan may take for values, results, packed constants and work in progress, and that an operator
    /// whose shapes depend on values may take for one of them; what needs more fails before it asks for the memory.
    /// Default `MemoryUse.limit`, four fifths of what the process may have.
    public var memoryLimit = MemoryUse.limit
    /// The most times that one run of a `Runner` may enter models within the model: bodies of loops, branches. Default
    /// 1,000,000; a loop without end ends there.
    public var iterationLimit = 1_000_000
    /// The longest that one run of a `Runner` may take, asked before each tile of work; nil, the default, for as long as it
    /// takes.
    public var timeLimit: Duration?
    /// Values to be results beside the model's outputs, by name.
    public var extraOutputs: [String] = []

    /// The documented defaults.
    public init() {}
}
