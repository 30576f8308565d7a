import CTamisKernels
import TamisKernels

/// The sum of the first input over the axes along which a tensor of the second input's shape was stretched to meet it:
/// the gradient of broadcasting. The second input counts for its shape alone.
public struct Unbroadcast: Operator {
    public init() {}

    public var kind: String { "Unbroadcast" }
    public var widensHalves: Bool { true }

    /// Appends the sum where it is needed: where the shapes are not known to agree.
    static func append(_ full: Symbol, like target: Symbol, in graph: GraphBuilder) throws(ShapeError) -> Symbol {
        if let shape = full.type.shape, shape == target.type.shape { return full }
        return try graph.call(Unbroadcast(), full, target)
    }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, full) = try inputs.tensor(0, "x")
        let like = try inputs.tensor(1, "like").dimensions
        if let full, let like {
            let stretched = try Broadcast.dimensions(full, like, of: kind)
            guard stretched.count == full.count,
                zip(stretched, full).allSatisfy({ $0.value == nil || $1.value == nil || $0 == $1 })
            else {
                throw .mismatch(rule: "like must broadcast to Unbroadcast's x", received: "\(full) and \(like)")
            }
        }
        return [.tensor(elementType, like)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        var prepared = Self.prepared(
            x.shape, to: context.outputs[0].shape, try context.kernels(for: x.elementType))
        if prepared.views == nil { prepared.unreadInputs = [1] }
        return prepared
    }

    /// The sums of input 0, seen in the shape `x`, that are output 0 in the shape `target`.
    static func prepared(_ x: Shape, to target: Shape, _ kernels: KernelTable) -> Prepared {
        let wanted = [Int](repeating: 1, count: x.rank - target.rank) + target.dimensions
        let reduction = AxisReduction(x.dimensions, isReduced: wanted.map { $0 == 1 }, kernels)
        guard !reduction.isTrivial else { return .view }
        let (stages, workspace) = reduction.stages(
            TAMIS_SUM, TAMIS_SUM, source: { $0.input(0) }, target: { $0.output(0) })
        return Prepared("sum of rows", stages: stages, workspaceBytes: workspace)
    }
}
