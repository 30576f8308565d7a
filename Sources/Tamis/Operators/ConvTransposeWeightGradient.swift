import CTamisKernels
import TamisKernels

/// The gradient of a transposed convolution with respect to its weights: that of the convolution from dy to x.
///
/// x: N × spatial × C, dy: N × spatial' × F; dw: kernel × F/groups × C.
public struct ConvTransposeWeightGradient: Operator {
    /// How the window lies over the output.
    public let geometry: TransposedGeometry
    /// Groups of channels, each with its own filters.
    public let groups: Int

    public init(geometry: TransposedGeometry, groups: Int) {
        self.geometry = geometry
        self.groups = groups
    }

    public var kind: String { "ConvTransposeWeightGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let rank = geometry.window.rank + 2
        let (elementType, x) = try inputs.floats(0, "x", rank: rank...rank)
        let dy = try inputs.floats(1, "dy", rank: rank...rank).dimensions
        let filters: Dimension = dy[rank - 1].value.map { .fixed($0 / max(1, groups)) } ?? .unknown
        let dw: ValueType = .tensor(elementType, geometry.window.kernel.map(Dimension.fixed) + [filters, x[rank - 1]])
        // The transposed convolution of x with weights of dw's shape says what dy must be.
        let y = try ConvTranspose(geometry: geometry, groups: groups)
            .output(Operands([inputs.all[0], Operand(type: dw)], operatorName: kind), x: 0, w: 1)
        try inputs.expect(y, of: 1, "dy")
        return [dw]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, dy) = (try context.input(0), try context.input(1))
        let kernels = try context.kernels(for: x.elementType)
        let shape = try geometry.adjoint(x: x.shape, y: dy.shape, groups: groups, of: kind)
        if !shape.isDepthwise { try context.checkProduct(shape.depth, shape.channels, shape.filters) }
        let algorithm = ConvolutionGradient(shape, kernels: kernels)
        let sum = Prepared.Stage(tiles: algorithm.chunks, operations: shape.operations) { bindings, tiles in
            algorithm.sumWeights(
                tiles, x: bindings.input(1), dy: bindings.input(0), wantsBias: false, workspace: bindings.workspace,
                scratch: bindings.scratch)
            return .done
        }
        let add = Prepared.Stage { bindings, _ in
            algorithm.addChunks(workspace: bindings.workspace, dw: bindings.output(0), db: nil)
            return .done
        }
        return Prepared(
            algorithm.name, stages: [sum, add], workspaceBytes: max(1, algorithm.workspaceBytes),
            scratchBytes: algorithm.scratchBytes)
    }
}
