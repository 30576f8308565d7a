import CTamisKernels
import TamisKernels

/// The gradients of a convolution with respect to its weights and its bias.
///
/// x: N × spatial × C, dy: N × spatial' × F; dw: kernel × C/groups × F and, with `hasBias`, db: F.
public struct ConvWeightGradient: Operator {
    /// How the window slides.
    public let window: WindowGeometry
    /// Groups of channels, each convolved with its own filters.
    public let groups: Int
    /// Whether the bias's gradient is wanted too.
    public let hasBias: Bool

    public init(window: WindowGeometry, groups: Int, hasBias: Bool) {
        self.window = window
        self.groups = groups
        self.hasBias = hasBias
    }

    public var kind: String { "ConvWeightGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let rank = window.rank + 2
        let (elementType, x) = try inputs.floats(0, "x", rank: rank...rank)
        let dy = try inputs.floats(1, "dy", rank: rank...rank).dimensions
        let channels: Dimension = x[rank - 1].value.map { .fixed($0 / max(1, groups)) } ?? .unknown
        let dw: ValueType = .tensor(elementType, window.kernel.map(Dimension.fixed) + [channels, dy[rank - 1]])
        // The convolution of x with weights of dw's shape says what dy must be.
        let y = try Conv(window: window, groups: groups)
            .outputTypes(for: Operands([inputs.all[0], Operand(type: dw)], operatorName: kind))
        try inputs.expect(y[0], of: 1, "dy")
        return hasBias ? [dw, .tensor(elementType, [dy[rank - 1]])] : [dw]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = window.convolution(x: x.shape, w: context.outputs[0].shape, groups: groups)
        let hasBias = hasBias
        if !shape.isDepthwise { try context.checkProduct(shape.depth, shape.channels, shape.filters) }
        let algorithm = ConvolutionGradient(shape, kernels: kernels)
        let sum = Prepared.Stage(tiles: algorithm.chunks, operations: shape.operations) { bindings, tiles in
            algorithm.sumWeights(
                tiles, x: bindings.input(0), dy: bindings.input(1), wantsBias: hasBias, workspace: bindings.workspace,
                scratch: bindings.scratch)
            return .done
        }
        let add = Prepared.Stage { bindings, _ in
            algorithm.addChunks(
                workspace: bindings.workspace, dw: bindings.output(0), db: hasBias ? bindings.output(1) : nil)
            return .done
        }
        return Prepared(
            algorithm.name, stages: [sum, add], workspaceBytes: max(1, algorithm.workspaceBytes),
            scratchBytes: algorithm.scratchBytes)
    }
}
