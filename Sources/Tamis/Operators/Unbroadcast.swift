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
        let target = context.outputs[0].shape
        let kernels = try context.kernels(for: x.elementType)
        let size = kernels.type.byteCount
        // Neighbouring axes that are both summed, or both kept, are one.
        let wanted = [Int](repeating: 1, count: x.shape.rank - target.rank) + target.dimensions
        var groups: [(extent: Int, isSummed: Bool)] = []
        for (extent, kept) in zip(x.shape.dimensions, wanted) where extent != 1 {
            let isSummed = kept == 1
            if let last = groups.indices.last, groups[last].isSummed == isSummed {
                groups[last].extent *= extent
            } else {
                groups.append((extent, isSummed))
            }
        }
        guard groups.contains(where: \.isSummed) else { return .view }
        // Each summed group in turn, from the first: outer × summed × inner becomes outer × inner, in one half of the
        // workspace or the other, at last in the output.
        var stages: [Prepared.Stage] = []
        let summed = groups.indices.filter { groups[$0].isSummed }
        // The sum over an axis of no elements has elements, so such an axis counts as one.
        let largest = groups.reduce(1) { $0 * max(1, $1.extent) }
        let half = summed.count > 1 ? (largest * size + 63) / 64 * 64 : 0
        var partialBytes = 0
        var outer = 1
        for (round, position) in summed.enumerated() {
            let first = round == 0 ? 0 : summed[round - 1] + 1
            outer *= groups[first..<position].reduce(1) { $0 * $1.extent }
            let rows = groups[position].extent
            let inner = groups[(position + 1)...].reduce(1) { $0 * $1.extent }
            let isLast = round == summed.count - 1
            let (from, to) = ((round + 1) % 2 * half, round % 2 * half)
            let reduction = RowReduction(rows: rows, columns: inner)
            partialBytes = max(partialBytes, reduction.partialScalars * size)
            stages += Self.sums(
                outer: outer, reduction, kernels, partialOffset: 2 * half,
                source: { round == 0 ? $0.input(0) : UnsafeRawPointer($0.workspace + from) },
                target: { isLast ? $0.output(0) : $0.workspace + to })
        }
        return Prepared("sum of rows", stages: stages, workspaceBytes: 2 * half + partialBytes)
    }

    /// Sums the middle axis of outer × rows × columns, in chunks of rows where there is but one outer.
    private static func sums(
        outer: Int, _ reduction: RowReduction, _ kernels: KernelTable, partialOffset: Int,
        source: @escaping @Sendable (borrowing Bindings) -> UnsafeRawPointer,
        target: @escaping @Sendable (borrowing Bindings) -> UnsafeMutableRawPointer
    ) -> [Prepared.Stage] {
        let (rows, columns, size) = (reduction.rows, reduction.columns, kernels.type.byteCount)
        let bytes = outer * rows * columns * size
        if outer > 1 || reduction.chunks == 1 {
            return [
                Prepared.Stage(tiles: outer, bytes: bytes) { bindings, tiles in
                    for index in tiles {
                        kernels.sum_rows(
                            rows, columns, source(bindings) + index * rows * columns * size, columns,
                            target(bindings) + index * columns * size)
                    }
                    return .done
                }
            ]
        }
        return [
            Prepared.Stage(tiles: reduction.chunks, bytes: bytes) { bindings, tiles in
                for chunk in tiles {
                    let (first, count) = reduction.rows(of: chunk)
                    kernels.sum_rows(
                        count, columns, source(bindings) + first * columns * size, columns,
                        bindings.workspace + partialOffset + chunk * columns * size)
                }
                return .done
            },
            Prepared.Stage(bytes: reduction.partialScalars * size) { bindings, _ in
                kernels.sum_rows(
                    reduction.chunks, columns, bindings.workspace + partialOffset, columns, target(bindings))
                return .done
            },
        ]
    }
}
