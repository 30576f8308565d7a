import CTamisKernels
import TamisKernels

/// The gradients of a recurrent layer with respect to its inputs, through all steps back (Werbos, 1990). It runs the steps
/// once more and keeps what they made.
///
/// Inputs: the layer's eight (absent ones nil), then the gradients of its outputs. Outputs: the gradients of the layer's
/// inputs in order, without the lengths.
public struct RecurrentGradient: Operator {
    /// The layer.
    public let layer: Recurrent

    public init(_ layer: Recurrent) { self.layer = layer }

    public var kind: String { "\(layer.kind)Gradient" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let count = (inputs.all.prefix(layer.cell.inputs).lastIndex { $0 != nil } ?? -1) + 1
        let types = try layer.types(for: Operands(Array(inputs.all.prefix(count)), operatorName: kind))
        for (index, role) in ["dy", "dy_h", "dy_c"].enumerated() where inputs.optional(8 + index) != nil {
            try inputs.expect(index == 0 ? types.y : types.state, of: 8 + index, role)
        }
        guard layer.clip == nil, layer.functions.allSatisfy({ $0.differentiable != nil }) else {
            throw .mismatch(
                rule:
                    "the gradient of \(layer.kind) is there without clip, and for functions that are neither Affine nor "
                    + "ScaledTanh and grow everywhere",
                received: layer.clip.map { "clip \($0)" } ?? "\(layer.functions.map(\.formula.rawValue))")
        }
        return types.inputs.prefix(layer.cell.inputs).enumerated().filter { $0.offset != 4 }.map(\.element)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let layer = try RecurrentLayer(layer, context)
        return layer.kernels.type == .float
            ? try prepare(context, layer, Float.self) : try prepare(context, layer, Double.self)
    }

    private func prepare<Scalar: RecurrentScalar>(
        _ context: Preparation, _ layer: RecurrentLayer, _ type: Scalar.Type
    ) throws(PlanError) -> Prepared {
        let (rows, hidden, columns, size) = (layer.rows, layer.hidden, layer.columns, layer.kernels.type.byteCount)
        try context.checkProduct(rows, layer.width, hidden, columns)
        var workspace = Workspace()
        let (stages, memory) = try layer.inputStages(context, &workspace)
        let backward = RecurrentBackward<Scalar>(
            forward: RecurrentForward(layer: layer, memory: memory),
            panels: try layer.recurrentPanels(context, isBackward: true, &workspace),
            hidden: workspace.reserve(layer.directions * rows * hidden * size),
            cell: workspace.reserve(layer.cellCount * rows * hidden * size),
            reset: workspace.reserve(layer.resetCount * rows * hidden * size),
            peepholes: workspace.reserve(layer.tiles * 3 * hidden * size))
        let weights = try layer.panels(
            context, input: 1, form: "W for x",
            blocks: (0..<layer.directions).map { ($0 * columns, columns, layer.width) },
            isTransposed: false, &workspace)
        let steps = Prepared.Stage(
            tiles: layer.tiles, operations: 2 * layer.recurrentOperations, slowness: 2
        ) { bindings, tiles in
            for tile in tiles { backward.run(layer.tile(tile), bindings) }
            return .done
        }
        var last: [Prepared.Stage] = []
        if context.isOutputWanted[0] { last.append(backward.inputStage(weights)) }
        if context.isOutputWanted.dropFirst().contains(true) { last.append(backward.weightStage()) }
        var prepared = Prepared(
            "steps again and back, packed panels and OpenBLAS",
            stages: stages + [backward.panels.stage, weights.stage].compactMap(\.self) + [steps] + last,
            workspaceBytes: workspace.byteCount, scratchBytes: backward.scratchBytes)
        prepared.unreadInputs = [(1, weights.packed), (2, backward.panels.packed)].compactMap {
            $0.1 != nil && memory.unreadInputs.contains($0.0) ? $0.0 : nil
        }
        return prepared
    }
}

extension RecurrentLayer {
    /// The directions that have a cell.
    var cellCount: Int { operation.cell.isLSTM ? directions : 0 }
    /// The directions that have a reset gate.
    var resetCount: Int { operation.cell.gates == 3 ? directions : 0 }
}
