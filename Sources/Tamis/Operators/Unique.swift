/// The different elements of a tensor, or the different parts of it along an axis. ONNX's Unique.
///
/// Outputs: each of them once; where each stands first; for each place, which of them stands there; how often each stands.
public struct Unique: DynamicOperator, Hashable {
    /// The axis whose positions are compared; nil: the elements in a row are. Negative counts from the end.
    public let axis: Int?
    /// Whether they come in ascending order, NaN last; else in the order in which they stand first.
    public let isSorted: Bool

    public init(axis: Int? = nil, isSorted: Bool = true) {
        self.axis = axis
        self.isSorted = isSorted
    }

    public var kind: String { "Unique" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isNumeric || [.bool, .bfloat16].contains(elementType) else {
            throw .elementType(rule: "Unique's x must be numbers or truth values", received: elementType)
        }
        let list = ValueType.tensor(.int64, [.unknown])
        guard let axis else { return [.tensor(elementType, [.unknown]), list, list, list] }
        guard var dimensions else { return [.tensor(elementType, nil), list, list, list] }
        dimensions[try inputs.axis(axis, rank: dimensions.count)] = .unknown
        return [.tensor(elementType, dimensions), list, list, list]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let x = try inputs.tensor(0, "x", of: kind)
        let flat = try shaped { () throws(ShapeError) in
            axis == nil ? try x.reshaped(to: [x.shape.elementCount]) : x
        }
        let along = axis.map { $0 < 0 ? $0 + x.shape.rank : $0 } ?? 0
        guard flat.shape.dimensions.indices.contains(along) else {
            throw .value(rule: "Unique's axis must be one of x's", received: "\(along) of \(x.shape)")
        }
        let groups: Groups = try shaped { () throws(ShapeError) in
            try MemoryUse.expect(64 * flat.shape[along])
            var compared = flat
            if flat.elementType == .bfloat16 {
                compared = try Tensor(
                    flat.scalars(as: BFloat16.self).map(\.float), shape: flat.shape.dimensions)
            }
            let comparison = SliceComparison(
                slices: Slices(flat.shape, axis: along), base: try compared.storage.make())
            defer { withExtendedLifetime(compared) {} }
            // Truth values are bytes, false before true.
            return compared.elementType.visit(comparison) ?? comparison.visit(UInt8.self)
        }
        var order = Array(groups.firsts.indices)
        if !isSorted { order.sort { groups.firsts[$0] < groups.firsts[$1] } }
        var places = order
        for (place, group) in order.enumerated() { places[group] = place }
        let firsts = try shaped { () throws(ShapeError) in try Tensor(order.map { Int64(groups.firsts[$0]) }) }
        let y = try run.evaluate(Gather(axis: along), on: [flat, firsts])
        return try shaped { () throws(ShapeError) in
            y.map(Value.tensor) + [
                .tensor(firsts), .tensor(try Tensor(groups.members.map { Int64(places[$0]) })),
                .tensor(try Tensor(order.map { Int64(groups.counts[$0]) })),
            ]
        }
    }
}

/// Positions that are alike: ascending, where each group stands first, how many it has, and the group of each position.
private struct Groups {
    var firsts: [Int] = []
    var counts: [Int] = []
    var members: [Int]
}

/// Finds the groups of positions along an axis whose elements are all alike.
private struct SliceComparison: NumericVisitor {
    let slices: Slices
    let base: UnsafeMutableRawPointer

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Groups {
        let x = base.assumingMemoryBound(to: Scalar.self)
        let (outer, count, inner) = (slices.outer, slices.count, slices.inner)
        /// −1, 0 or 1 as the left position comes before, is like or comes behind the right one.
        func compare(_ left: Int, _ right: Int) -> Int {
            for step in 0..<outer {
                for column in 0..<inner {
                    let (a, b) = (x[(step * count + left) * inner + column], x[(step * count + right) * inner + column])
                    if a < b || (b.isNotANumber && !a.isNotANumber) { return -1 }
                    if a > b || (a.isNotANumber && !b.isNotANumber) { return 1 }
                }
            }
            return 0
        }
        let order = (0..<count).sorted {
            let comparison = compare($0, $1)
            return comparison < 0 || (comparison == 0 && $0 < $1)
        }
        var groups = Groups(members: Array(repeating: 0, count: count))
        for (place, position) in order.enumerated() {
            if place == 0 || compare(order[place - 1], position) != 0 {
                groups.firsts.append(position)
                groups.counts.append(0)
            }
            groups.counts[groups.counts.count - 1] += 1
            groups.members[position] = groups.firsts.count - 1
        }
        return groups
    }
}
