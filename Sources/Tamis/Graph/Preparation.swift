public import TamisKernels

/// How exact a plan's arithmetic must be.
public enum Precision: String, Sendable, Hashable, CaseIterable {
    /// Fast algorithms with a network error of at most 10⁻⁴ of the largest output are allowed.
    case `default`
    /// Every layer within 4·√K·2⁻²⁴·(|x|∗|w|) of the exact result.
    case strict
}

/// What an operator learns when a plan is made: fixed shapes, the processor, precision and constants.
public struct Preparation: Sendable {
    /// A tensor at the operator.
    public struct Tensor: Sendable {
        /// The type of its elements.
        public var elementType: ElementType
        /// Its extents.
        public var shape: Shape
    }

    /// The inputs; nil where an optional one is not given.
    public let inputs: [Tensor?]
    /// The outputs.
    public let outputs: [Tensor]
    /// Which outputs anybody reads.
    public let isOutputWanted: [Bool]
    /// How much of the processor to use.
    public let level: KernelLevel
    /// How exact to be.
    public let precision: Precision
    /// How to convolve, where that algorithm can; nil for the fastest.
    public let convolution: ConvolutionAlgorithm?
    /// Whether an image's answer must have the same bits in every batch: always but in a training step, whose bits must
    /// not depend on threads but may on the batch.
    public let isBatchInvariant: Bool

    let constants: [Tamis.Tensor?]
    let store: WeightStore
    let budget: MemoryBudget
    let operatorName: String

    /// The value of an input that is the same in each run.
    public func constant(_ index: Int) -> Tamis.Tensor? { index < constants.count ? constants[index] : nil }

    /// Whether an optional input is given.
    public func hasInput(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

    /// The input at `index`, which the shape rule has found to be there.
    public func input(_ index: Int) throws(PlanError) -> Tensor {
        guard index < inputs.count, let input = inputs[index] else {
            throw .unsupported(operator: operatorName, rule: "input \(index) must be given", received: "none")
        }
        return input
    }

    /// The kernels for an element type that the float kernels compute with.
    public func kernels(for elementType: ElementType) throws(PlanError) -> KernelTable {
        switch elementType {
        case .float32: return level.kernels(for: .float)
        case .float64: return level.kernels(for: .double)
        default:
            throw .unsupported(
                operator: operatorName, rule: "it computes with float32 and float64", received: elementType.rawValue)
        }
    }

    /// Takes account of memory that an algorithm keeps for itself, such as tables, before it is asked for; throws where that
    /// is more than the plan may take.
    public func take(_ byteCount: Int) throws(PlanError) { try budget.take(byteCount) }

    /// The constant input at `index` in another form, made once for all plans that share the store: `pack` reads the
    /// constant and fills `byteCount` bytes. Nil where the input is not constant.
    public func packed(
        _ index: Int, form: String, byteCount: Int, pack: (UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
    ) throws(PlanError) -> PackedWeights? {
        guard let constant = constant(index) else { return nil }
        try budget.take(byteCount)
        return try store.packed(constant, form: form, byteCount: byteCount, pack: pack)
    }

    /// The constant input at `index` where it lies, which need not be an aligned address. Nil where the input is not constant,
    /// or its bytes are yet to be made.
    func inPlace(_ index: Int) -> PackedWeights? {
        constant(index).flatMap { store.inPlace($0) }
    }
}
