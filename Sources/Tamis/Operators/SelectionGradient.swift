/// For each element of an operator's input, the sum of the gradients of the outputs that show it.
///
/// Inputs: dy, then those of the operator, which count for their shapes and constant values alone.
struct SelectionGradient: Operator {
    let forward: any SelectingOperator

    init(_ forward: any SelectingOperator) { self.forward = forward }

    var kind: String { "\(forward.kind)Gradient" }
    var valueOperands: [Int] { forward.valueOperands.map { $0 + 1 } }
    var widensHalves: Bool { true }

    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let (elementType, dimensions) = try inputs.tensor(1, "x")
        let y = try forward.outputTypes(for: inputs.afterFirst)
        try inputs.expect(y[0], of: 0, "dy")
        return [.tensor(elementType, dimensions)]
    }

    func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(1)
        let selection = try context.shaped { () throws(ShapeError) in
            try forward.selection(of: x.shape, context.operands.afterFirst)
        }
        var prepared = try sums(selection, x.elementType, context)
        prepared.unreadInputs = Array(1..<context.inputs.count)
        return prepared
    }

    /// One axis after the other, the last first: outer × shown × inner becomes outer × extent × inner, in one half of the
    /// workspace or the other, at last in the output.
    private func sums(
        _ selection: Selection, _ elementType: ElementType, _ context: Preparation
    ) throws(PlanError) -> Prepared {
        let axes = selection.axes
        let summed = axes.indices.reversed().filter { !axes[$0].isWhole }
        if summed.isEmpty { return .view }
        var extents = axes.map(\.count)
        var steps: [(outer: Int, inner: Int, axis: Selection.Axis)] = []
        var largest = 0
        for index in summed {
            let outer = extents[..<index].reduce(1, *)
            let inner = extents[(index + 1)...].reduce(1, *)
            steps.append((outer, inner, axes[index]))
            extents[index] = axes[index].extent
            let shape = try context.shaped { () throws(ShapeError) in try Shape(extents) }
            largest = max(largest, shape.elementCount)
        }
        let half = steps.count > 1 ? (largest * (elementType.bitWidth / 8) + 63) / 64 * 64 : 0
        var stages: [Prepared.Stage] = []
        for (round, step) in steps.enumerated() {
            let (from, to) = ((round + 1) % 2 * half, round % 2 * half)
            let isLast = round == steps.count - 1
            let sum = AxisSum(
                outer: step.outer, inner: step.inner, axis: step.axis,
                source: { round == 0 ? $0.input(0) : UnsafeRawPointer($0.workspace + from) },
                target: { isLast ? $0.output(0) : $0.workspace + to })
            guard let stage = elementType.visit(sum) else {
                throw .unsupported(
                    operator: kind, rule: "it computes with floats and integers", received: elementType.rawValue)
            }
            stages.append(stage)
        }
        return Prepared("sums of shown elements", stages: stages, workspaceBytes: 2 * half)
    }
}

/// The sum along one axis of what shows each of its positions.
private struct AxisSum: NumericVisitor {
    let outer: Int
    let inner: Int
    let axis: Selection.Axis
    let source: @Sendable (borrowing Bindings) -> UnsafeRawPointer
    let target: @Sendable (borrowing Bindings) -> UnsafeMutableRawPointer

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared.Stage {
        let (outer, inner, axis) = (outer, inner, axis)
        let (source, target) = (source, target)
        let shown = axis.count
        // A tile is some columns of some outer steps, which no other tile writes.
        let columns = min(inner, 1 << 12)
        let columnTiles = (inner + max(1, columns) - 1) / max(1, columns)
        let run = max(1, (1 << 14) / max(1, columns * max(shown, axis.extent)))
        return Prepared.Stage(
            tiles: (outer + run - 1) / run * columnTiles,
            bytes: outer * inner * (shown + 2 * axis.extent) * MemoryLayout<Scalar>.size
        ) { bindings, tiles in
            let from = source(bindings).assumingMemoryBound(to: Scalar.self)
            let to = target(bindings).assumingMemoryBound(to: Scalar.self)
            for tile in tiles {
                let (group, part) = tile.quotientAndRemainder(dividingBy: columnTiles)
                let first = part * columns
                let width = min(columns, inner - first)
                for index in group * run..<min(outer, (group + 1) * run) {
                    let x = to + index * axis.extent * inner + first
                    for position in 0..<axis.extent {
                        (x + position * inner).initialize(repeating: Scalar(wrapping: 0), count: width)
                    }
                    var y = from + index * shown * inner + first
                    for run in axis.runs {
                        if let start = run.start {
                            for place in 0..<run.count {
                                let (sum, term) = (x + (start + place * run.step) * inner, y + place * inner)
                                for column in 0..<width { sum[column] = Scalar.sum(sum[column], term[column]) }
                            }
                        }
                        y += run.count * inner
                    }
                }
            }
            return .done
        }
    }
}

extension Operands {
    /// The inputs without the first.
    fileprivate var afterFirst: Operands { Operands(Array(all.dropFirst()), operatorName: operatorName) }
}
