import TamisKernels

/// The parts of x that tuples of indices name. ONNX's GatherND.
///
/// x: batches × indexed axes × rest; indices: batches × any axes × k of int32 or int64, each k of them a place on the first k
/// axes behind the batches, negative ones counting from the end; y: batches × any axes × rest.
public struct GatherND: DifferentiableOperator, Hashable {
    /// The number of first axes that x and the indices share.
    public let batchDimensions: Int

    public init(batchDimensions: Int = 0) { self.batchDimensions = batchDimensions }

    public var kind: String { "GatherND" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let elementType = try inputs.tensor(0, "x").elementType
        return [.tensor(elementType, try IndexedParts.dimensions(inputs, batchDimensions: batchDimensions))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (indices, size) = (try context.input(1), try context.elementBytes(0))
        let parts = IndexedParts(try context.input(0).shape, indices.shape, batchDimensions: batchDimensions)
        let reader = IndexReader(indices.elementType)
        let bytes = parts.extent * size
        let run = max(1, (1 << 16) / max(1, bytes))
        return Prepared(
            "gather parts", tiles: (parts.count + run - 1) / run, bytes: 2 * parts.count * bytes
        ) { bindings, tiles in
            let (x, indices, y) = (bindings.input(0), bindings.input(1), bindings.output(0))
            let places = tiles.lowerBound * run..<min(parts.count, tiles.upperBound * run)
            return parts.forEach(in: places, indices, reader) { place, source in
                (y + place * bytes).copyMemory(from: x + source * size, byteCount: bytes)
            }
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [
            try graph.call(
                ScatterND(reduction: .add, batchDimensions: batchDimensions), graph.call(ZerosLike(), x),
                node.inputs[1], dy, name: "\(node.name)/gradient")
        ]
    }
}

/// The parts of a tensor that tuples of indices name.
struct IndexedParts: Sendable {
    /// The number of tuples, and of indices in each.
    let count: Int
    private let depth: Int
    /// The elements of a part.
    let extent: Int
    private let tuplesPerBatch: Int
    private let batchStride: Int
    private let limits: [Int]
    private let strides: [Int]

    init(_ shape: Shape, _ indices: Shape, batchDimensions: Int) {
        depth = indices[indices.rank - 1]
        let indexed = batchDimensions..<batchDimensions + depth
        count = indices.dimensions.dropLast().reduce(1, *)
        tuplesPerBatch = indices.dimensions.dropLast().dropFirst(batchDimensions).reduce(1, *)
        batchStride = shape.dimensions[batchDimensions...].reduce(1, *)
        extent = shape.dimensions[indexed.upperBound...].reduce(1, *)
        limits = Array(shape.dimensions[indexed])
        strides = Array(shape.strides[indexed])
    }

    /// The dimensions of the parts of input 0 that input 1 names; nil where their number is not known.
    static func dimensions(_ inputs: Operands, batchDimensions: Int) throws(ShapeError) -> [Dimension]? {
        let x = try inputs.tensor(0, "x", rank: 1...64).dimensions
        try inputs.expectIndices(1, "indices")
        guard let x, let indices = try inputs.tensor(1, "indices", rank: 1...64).dimensions else { return nil }
        guard batchDimensions >= 0, batchDimensions < min(x.count, indices.count) else {
            throw .mismatch(
                rule: "\(inputs.operatorName) must have an axis behind its batches",
                received: "\(batchDimensions) axes of batches for \(x) and \(indices)")
        }
        var result: [Dimension] = []
        for axis in 0..<batchDimensions { result.append(try inputs.common(x[axis], indices[axis], "the batches")) }
        guard let depth = indices[indices.count - 1].value else { return nil }
        guard depth >= 1, depth <= x.count - batchDimensions else {
            throw .mismatch(
                rule: "\(inputs.operatorName)'s tuples must have 1 to \(x.count - batchDimensions) indices",
                received: "\(depth)")
        }
        return result + indices[batchDimensions..<indices.count - 1] + x[(batchDimensions + depth)...]
    }

    /// Calls `body` with the place of each tuple and the first element of the part it names, in order, until one names none.
    @inline(__always)
    func forEach(
        in places: Range<Int>, _ indices: UnsafeRawPointer, _ reader: IndexReader, _ body: (Int, Int) -> Void
    ) -> KernelStatus {
        for place in places {
            var offset = place / tuplesPerBatch * batchStride
            for axis in 0..<depth {
                let index = place * depth + axis
                guard let position = reader.read(indices, index, within: limits[axis]) else {
                    return .indexOutOfRange(position: index, index: reader.read(indices, index), limit: limits[axis])
                }
                offset += position * strides[axis]
            }
            body(place, offset)
        }
        return .done
    }
}
