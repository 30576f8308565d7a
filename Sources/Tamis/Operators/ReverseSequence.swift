import TamisKernels

/// Sequences side by side, each with its first positions, so many as the second input says, in reverse. ONNX's
/// ReverseSequence.
///
/// x: the axes of time and of the sequences come first, in either order; lengths: int64, one a sequence.
public struct ReverseSequence: DifferentiableOperator, Hashable {
    /// Whether the axis of the sequences comes before that of time.
    public let isBatchFirst: Bool

    public init(isBatchFirst: Bool = false) { self.isBatchFirst = isBatchFirst }

    public var kind: String { "ReverseSequence" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, x) = try inputs.tensor(0, "x", rank: 2...64)
        let (lengthType, lengths) = try inputs.tensor(1, "lengths", rank: 1...1)
        guard lengthType == .int64 else {
            throw .elementType(rule: "ReverseSequence's lengths must be int64", received: lengthType)
        }
        if let x, let lengths { _ = try inputs.common(x[isBatchFirst ? 0 : 1], lengths[0], "the number of sequences") }
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        let (isBatchFirst, second) = (isBatchFirst, x[1])
        let times = isBatchFirst ? x[1] : x[0]
        let bytes = x.dimensions.dropFirst(2).reduce(size, *)
        let rows = x[0] * x[1]
        let run = max(1, (1 << 16) / max(1, bytes))
        return Prepared(
            "rows in reverse", tiles: (rows + run - 1) / run, bytes: 2 * rows * bytes
        ) { bindings, tiles in
            for row in tiles.lowerBound * run..<min(rows, tiles.upperBound * run) {
                let (first, last) = row.quotientAndRemainder(dividingBy: second)
                let (sequence, time) = isBatchFirst ? (first, last) : (last, first)
                let length = Int(bindings.input(1).loadUnaligned(fromByteOffset: sequence * 8, as: Int64.self))
                guard length >= 0, length <= times else {
                    return .indexOutOfRange(position: sequence, index: length, limit: times + 1)
                }
                let from = time < length ? length - 1 - time : time
                let source = isBatchFirst ? sequence * second + from : from * second + sequence
                (bindings.output(0) + row * bytes).copyMemory(
                    from: bindings.input(0) + source * bytes, byteCount: bytes)
            }
            return .done
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try graph.call(self, dy, node.inputs[1], name: "\(node.name)/gradient")]
    }
}
