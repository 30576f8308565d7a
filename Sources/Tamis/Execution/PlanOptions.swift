public import TamisKernels

/// How a plan is made.
public struct PlanOptions: Sendable {
    /// How exact the arithmetic must be.
    public var precision = Precision.default
    /// How much of the processor to use; the best level of the machine by default.
    public var level = KernelLevel.best
    /// Whether passes rewrite the graph first: fold, fuse, drop what nobody reads.
    public var optimizes = true
    /// The most bytes the arena may take; planning fails beyond. No limit by default.
    public var memoryLimit = Int.max
    /// Values to be results beside the model's outputs, by name.
    public var extraOutputs: [String] = []

    /// The documented defaults.
    public init() {}
}
