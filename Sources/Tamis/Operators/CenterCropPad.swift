/// The middle of a tensor in another shape: cropped where it is too long, with zeros around it where it is too short.
/// ONNX's CenterCropPad.
///
/// Inputs: x and, where `extents` does not say, the wanted extents of the axes.
public struct CenterCropPad: SelectingOperator, Hashable {
    /// The axes, nil for all; negative ones count from the end.
    public let axes: [Int]?
    /// The wanted extents, one an axis; nil where input 1 says them.
    public let extents: [Int]?

    public init(axes: [Int]? = nil, extents: [Int]? = nil) {
        self.axes = axes
        self.extents = extents
    }

    public var kind: String { "CenterCropPad" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: extents == nil ? 2...2 : 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard var dimensions else { return [.tensor(elementType, nil)] }
        for (axis, extent) in try wanted(inputs, rank: dimensions.count) {
            dimensions[axis] = extent.map(Dimension.fixed) ?? .unknown
        }
        return [.tensor(elementType, dimensions)]
    }

    private func wanted(_ inputs: Operands, rank: Int) throws(ShapeError) -> [(axis: Int, extent: Int?)] {
        let axes = try inputs.axes(axes ?? Array(0..<rank), rank: rank)
        guard let extents = try inputs.integers(1, "shape", unless: extents) else { return axes.map { ($0, nil) } }
        guard extents.count == axes.count, extents.allSatisfy({ (0...Shape.largest).contains($0) }) else {
            throw .mismatch(
                rule: "CenterCropPad's shape must be \(axes.count) extents, one for each axis", received: "\(extents)")
        }
        return zip(axes, extents).map { ($0, $1) }
    }

    func selection(of x: Shape, _ inputs: Operands) throws(ShapeError) -> Selection {
        var axes = x.dimensions.map { Selection.Axis($0, [.positions(0, count: $0)]) }
        for case (let axis, let wanted?) in try wanted(inputs, rank: x.rank) {
            let extent = x[axis]
            let before = max(0, wanted - extent) / 2
            let kept = min(wanted, extent)
            axes[axis] = Selection.Axis(
                extent,
                [
                    .constant(count: before), .positions(max(0, extent - wanted) / 2, count: kept),
                    .constant(count: wanted - kept - before),
                ])
        }
        return Selection(axes)
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard extents == nil, let known = try inputs.integers(1, "shape") else { return nil }
        return CenterCropPad(axes: axes, extents: known)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0), try context.elementBytes(0))
        let selection = try context.shaped { () throws(ShapeError) in
            try self.selection(of: x.shape, context.operands)
        }
        var prepared = selection.prepared("crop and pad", elementBytes: size)
        prepared.unreadInputs = [1]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        let axes = (axes ?? Array(order.order.indices)).compactMap { order.source(of: $0) }
        guard axes.count == self.axes?.count ?? order.rank else { return nil }
        let others = [Permutation?](repeating: nil, count: inputs.count - 1)
        return PermutedOperator(
            operation: CenterCropPad(axes: axes, extents: extents), inputs: [order] + others, outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try selectedGradient(at: node, of: dy, in: graph)]
    }
}
