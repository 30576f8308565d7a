/// The triangle of each matrix above or below a diagonal, with it; zeros elsewhere. ONNX's Trilu.
///
/// Inputs: x: … × rows × columns, and how far the diagonal lies above the main one (int64, one element, 0 by default).
public struct Trilu: DifferentiableOperator, Hashable {
    /// Whether the triangle above the diagonal is kept.
    public let isUpper: Bool

    public init(isUpper: Bool = true) { self.isUpper = isUpper }

    public var kind: String { "Trilu" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: 2...64)
        if inputs.optional(1) != nil {
            let (diagonalType, diagonal) = try inputs.tensor(1, "diagonal", rank: 0...1)
            guard diagonalType == .int64 else {
                throw .elementType(rule: "Trilu's diagonal must be int64", received: diagonalType)
            }
            for dimension in diagonal ?? [] { try inputs.expect(dimension, equals: 1, "number of diagonals") }
        }
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        let (rows, columns) = (x[x.rank - 2], x[x.rank - 1])
        let total = x.dimensions.dropLast().reduce(1, *)
        let run = max(1, (1 << 14) / max(1, columns))
        let isUpper = isUpper
        return Prepared(
            "triangle", tiles: (total + run - 1) / run, bytes: 2 * x.elementCount * size,
            inPlace: [Prepared.InPlace(output: 0, input: 0)]
        ) { bindings, tiles in
            let given = bindings.optionalInput(1)?.loadUnaligned(as: Int64.self) ?? 0
            let diagonal = max(-Shape.largest, min(Int(given), Shape.largest))
            for index in tiles.lowerBound * run..<min(total, tiles.upperBound * run) {
                let (source, target) = (
                    bindings.input(0) + index * columns * size, bindings.output(0) + index * columns * size
                )
                // The first column on or right of the diagonal, or right of it.
                let place = index % rows + diagonal
                let split = max(0, min(isUpper ? place : place + 1, columns))
                let kept = isUpper ? split..<columns : 0..<split
                if source != UnsafeRawPointer(target) {
                    (target + kept.lowerBound * size).copyMemory(
                        from: source + kept.lowerBound * size, byteCount: kept.count * size)
                }
                let cleared = isUpper ? 0..<split : split..<columns
                fillElements(cleared.count, size, with: nil, at: target + cleared.lowerBound * size)
            }
            return .done
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        let others = Array(node.inputs.dropFirst())
        return [try graph.append(self, [dy] + others, name: "\(node.name)/gradient")[0]]
    }
}
