import TamisKernels

/// The share of rows whose largest score (the first, of equals) stands at the label. Keras's SparseCategoricalAccuracy.
///
/// scores: … × classes, labels: … of int32 or int64; a scalar of the scores' type.
public struct SparseCategoricalAccuracy: Operator {
    public init() {}

    public var kind: String { "SparseCategoricalAccuracy" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, scores) = try inputs.floats(0, "scores", rank: 2...64)
        try inputs.expectLabels(of: scores)
        return [.tensor(elementType, [])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let scores = try context.input(0)
        let type = try context.kernels(for: scores.elementType).type
        let classes = scores.shape[scores.shape.rank - 1]
        let rows = scores.shape.elementCount / max(1, classes)
        let labels = IndexReader(try context.input(1).elementType)
        return Prepared("largest score", operations: Double(rows * classes)) { bindings, _ in
            var hits = 0
            for row in 0..<rows {
                var (best, largest) = (0, -Double.infinity)
                for column in 0..<classes {
                    let score = ScalarType.Index(type: type, index: row * classes + column).read(bindings.input(0))
                    if score > largest { (best, largest) = (column, score) }
                }
                if best == labels.read(bindings.input(1), row) { hits += 1 }
            }
            ScalarType.Index(type: type, index: 0).write(Double(hits) / Double(max(1, rows)), bindings.output(0))
            return .done
        }
    }
}
