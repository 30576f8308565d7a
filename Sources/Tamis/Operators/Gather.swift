import CTamisKernels
import TamisKernels

/// The positions of an axis that the second input names, in its order and shape. ONNX's Gather.
///
/// x: before × axis × after; indices: any shape of int32 or int64, negative ones count from the end of the axis;
/// y: before × indices × after.
public struct Gather: DifferentiableOperator, Hashable {
    /// The axis of x; negative counts from the end.
    public let axis: Int

    public init(axis: Int = 0) { self.axis = axis }

    public var kind: String { "Gather" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        return [try Gather.type(of: inputs, axis: axis)]
    }

    /// The type of the positions of input 0 that input 1 names.
    static func type(of inputs: Operands, axis: Int) throws(ShapeError) -> ValueType {
        let (elementType, x) = try inputs.tensor(0, "x", rank: 1...64)
        try inputs.expectIndices(1, "indices")
        guard let x else { return .tensor(elementType, nil) }
        let axis = try inputs.axis(axis, rank: x.count)
        guard let indices = try inputs.tensor(1, "indices").dimensions else { return .tensor(elementType, nil) }
        return .tensor(elementType, x[..<axis] + indices + x[(axis + 1)...])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, indices, size) = (try context.input(0).shape, try context.input(1), try context.elementBytes(0))
        let slices = Slices(x, axis: axis)
        let (limit, bytes, count) = (slices.count, slices.inner * size, indices.shape.elementCount)
        // Neighbouring positions in their order are a part of x.
        if slices.outer == 1,
            let known = try context.shaped({ () throws(ShapeError) in try context.constant(1)?.integers() }),
            let first = known.first, first >= -limit, first < limit
        {
            let start = first < 0 ? first + limit : first
            if known.enumerated().allSatisfy({ ($1 < 0 ? $1 + limit : $1) == start + $0 }), start + count <= limit {
                return .views(at: [start * bytes])
            }
        }
        let reader = IndexReader(indices.elementType)
        let total = slices.outer * count
        let run = max(1, (1 << 16) / max(1, bytes))
        return Prepared("gather", tiles: (total + run - 1) / run, bytes: 2 * total * bytes) { bindings, tiles in
            let (x, indices, y) = (bindings.input(0), bindings.input(1), bindings.output(0))
            for place in tiles.lowerBound * run..<min(total, tiles.upperBound * run) {
                let (outer, index) = place.quotientAndRemainder(dividingBy: count)
                guard let position = reader.read(indices, index, within: limit) else {
                    return .indexOutOfRange(position: index, index: reader.read(indices, index), limit: limit)
                }
                (y + place * bytes).copyMemory(from: x + (outer * limit + position) * bytes, byteCount: bytes)
            }
            return .done
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.optional(0)?.type.dimensions?.count == order.rank, let axis = order.source(of: axis),
            let count = inputs.optional(1)?.type.dimensions?.count
        else { return nil }
        // The axes of the indices stand in the place of the axis, among the others in their new order.
        func places(_ source: Int) -> [Int] {
            let first = source < axis ? source : source - 1 + count
            return source == axis ? Array(axis..<axis + count) : [first]
        }
        guard let output = try? Permutation(order.order.flatMap(places)) else { return nil }
        return PermutedOperator(operation: Gather(axis: axis), inputs: [order, nil], outputs: [output])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil, nil] }
        return [
            try graph.call(
                GatherGradient(axis: axis), dy, node.inputs[1], node.inputs[0], name: "\(node.name)/gradient"), nil,
        ]
    }
}

/// For each position of an axis, the sum of the gradients of the outputs that it was gathered for, in their order.
///
/// Inputs: dy, the indices and x, which counts for its shape alone.
public struct GatherGradient: Operator {
    /// The axis of x; negative counts from the end.
    public let axis: Int

    public init(axis: Int = 0) { self.axis = axis }

    public var kind: String { "GatherGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let forward = Operands([inputs.optional(2), inputs.optional(1)], operatorName: inputs.operatorName)
        try inputs.expect(try Gather.type(of: forward, axis: axis), of: 0, "dy")
        let (elementType, x) = try inputs.tensor(2, "x")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (dy, indices, x) = (try context.input(0), try context.input(1), try context.input(2))
        let sum = GatheredSum(
            slices: Slices(x.shape, axis: axis), count: indices.shape.elementCount,
            reader: IndexReader(indices.elementType))
        guard var prepared = dy.elementType.visit(sum) else {
            throw .unsupported(
                operator: kind, rule: "it computes with floats and integers", received: dy.elementType.rawValue)
        }
        prepared.unreadInputs = [2]
        return prepared
    }
}

/// Adds each gathered row to the row it came from.
private struct GatheredSum: NumericVisitor {
    let slices: Slices
    let count: Int
    let reader: IndexReader

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        let (outer, limit, inner) = (slices.outer, slices.count, slices.inner)
        // A tile is some columns of one outer step, which no other tile writes.
        let columns = max(1, min(inner, 1 << 10))
        let columnTiles = (inner + columns - 1) / columns
        return Prepared(
            "sums of gathered rows", tiles: outer * columnTiles,
            bytes: outer * inner * (limit + 2 * count) * MemoryLayout<Scalar>.size
        ) { [self] bindings, tiles in
            let (dy, indices) = (bindings.input(0).assumingMemoryBound(to: Scalar.self), bindings.input(1))
            let dx = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for tile in tiles {
                let (step, part) = tile.quotientAndRemainder(dividingBy: columnTiles)
                let first = part * columns
                let width = min(columns, inner - first)
                let target = dx + step * limit * inner + first
                for position in 0..<limit {
                    (target + position * inner).initialize(repeating: Scalar(wrapping: 0), count: width)
                }
                for index in 0..<count {
                    guard let position = reader.read(indices, index, within: limit) else {
                        return .indexOutOfRange(position: index, index: reader.read(indices, index), limit: limit)
                    }
                    let (sum, term) = (target + position * inner, dy + (step * count + index) * inner + first)
                    for column in 0..<width { sum[column] = Scalar.sum(sum[column], term[column]) }
                }
            }
            return .done
        }
    }
}
