import TamisKernels

/// For each index, the element of x at that position of an axis and at the index's own place of all others. ONNX's
/// GatherElements.
///
/// indices: int32 or int64, as many axes as x, none but `axis` longer than that of x; negative ones count from the end.
public struct GatherElements: DifferentiableOperator, Hashable {
    /// The axis that the indices are positions of; negative counts from the end.
    public let axis: Int

    public init(axis: Int = 0) { self.axis = axis }

    public var kind: String { "GatherElements" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        try IndexedElements.check(inputs, axis: axis)
        return [.tensor(try inputs.tensor(0, "x").elementType, try inputs.tensor(1, "indices").dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (indices, size) = (try context.input(1), try context.elementBytes(0))
        let elements = IndexedElements(try context.input(0).shape, indices.shape, axis: axis)
        let reader = IndexReader(indices.elementType)
        return elements.prepared("gather elements", elementBytes: size) { bindings, rows in
            let (x, indices, y) = (bindings.input(0), bindings.input(1), bindings.output(0))
            return elements.forEach(in: rows, indices, reader) { place, source in
                (y + place * size).copyMemory(from: x + source * size, byteCount: size)
            }
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = order.source(of: axis), inputs.all.allSatisfy({ $0?.type.dimensions?.count == order.rank })
        else { return nil }
        return PermutedOperator(operation: GatherElements(axis: axis), inputs: [order, order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [
            try graph.call(
                ScatterElements(axis: axis, reduction: .add), graph.call(ZerosLike(), x), node.inputs[1], dy,
                name: "\(node.name)/gradient")
        ]
    }
}

/// The places that indices of a tensor's own rank name: a position of one axis, the index's own place on all others.
struct IndexedElements: Sendable {
    /// Extents of the indices, and elements of the tensor between neighbours along them.
    private let extents: [Int]
    private let strides: [Int]
    private let limit: Int
    private let axisStride: Int
    private let rows: Int

    init(_ shape: Shape, _ indices: Shape, axis: Int) {
        let axis = axis < 0 ? axis + shape.rank : axis
        extents = indices.dimensions
        strides = shape.strides.enumerated().map { $0 == axis ? 0 : $1 }
        limit = shape[axis]
        axisStride = shape.strides[axis]
        rows = indices.dimensions.dropLast().reduce(1, *)
    }

    /// Throws unless input 1 can be indices of elements of input 0.
    static func check(_ inputs: Operands, axis: Int) throws(ShapeError) {
        let x = try inputs.tensor(0, "x", rank: 1...64).dimensions
        try inputs.expectIndices(1, "indices")
        guard let x else { return }
        let axis = try inputs.axis(axis, rank: x.count)
        guard let indices = try inputs.tensor(1, "indices", rank: x.count...x.count).dimensions else { return }
        for other in x.indices where other != axis {
            guard let extent = x[other].value, let count = indices[other].value, count > extent else { continue }
            throw .mismatch(
                rule: "\(inputs.operatorName)'s indices must be no longer than x, \(extent) along axis \(other)",
                received: "\(count)")
        }
    }

    /// Work on rows of indices.
    func prepared(
        _ algorithm: String, elementBytes: Int,
        body: @escaping @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus
    ) -> Prepared {
        let (rows, run) = (rows, max(1, (1 << 13) / max(1, extents[extents.count - 1])))
        return Prepared(
            algorithm, tiles: (rows + run - 1) / run, bytes: 4 * elementBytes * extents.reduce(1, *)
        ) { bindings, tiles in
            body(bindings, tiles.lowerBound * run..<min(rows, tiles.upperBound * run))
        }
    }

    /// All rows of indices.
    var allRows: Range<Int> { 0..<rows }

    /// Calls `body` with the place of each index and the element it names, in order, until one names none.
    @inline(__always)
    func forEach(
        in rows: Range<Int>, _ indices: UnsafeRawPointer, _ reader: IndexReader, _ body: (Int, Int) -> Void
    ) -> KernelStatus {
        let last = extents.count - 1
        for row in rows {
            var (rest, base) = (row, 0)
            for axis in (0..<last).reversed() {
                let (quotient, place) = rest.quotientAndRemainder(dividingBy: extents[axis])
                base += place * strides[axis]
                rest = quotient
            }
            for column in 0..<extents[last] {
                let place = row * extents[last] + column
                guard let position = reader.read(indices, place, within: limit) else {
                    return .indexOutOfRange(position: place, index: reader.read(indices, place), limit: limit)
                }
                body(place, base + column * strides[last] + position * axisStride)
            }
        }
        return .done
    }
}
