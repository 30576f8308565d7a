/// The same elements in another shape. ONNX's Reshape.
///
/// Inputs: x and, where `shape` does not say, the wanted shape. There −1 stands for what is left over (once), 0 for x's own
/// extent at that place unless `allowsZero`.
public struct Reshape: DifferentiableOperator, Hashable {
    /// The wanted shape; nil where input 1 says it.
    public let shape: [Int]?
    /// Whether a 0 in the shape means an axis of no elements.
    public let allowsZero: Bool

    public init(to shape: [Int]? = nil, allowsZero: Bool = false) {
        self.shape = shape
        self.allowsZero = allowsZero
    }

    public var kind: String { "Reshape" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: shape == nil ? 2...2 : 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard let shape = try inputs.integers(1, "shape", unless: shape) else {
            let rank = try inputs.tensor(1, "shape", rank: 1...1).dimensions?.first?.value
            return [.tensor(elementType, try [Dimension].unknown(rank: rank))]
        }
        return [.tensor(elementType, try output(shape, of: dimensions))]
    }

    /// The dimensions that `shape` means for x.
    private func output(_ shape: [Int], of dimensions: [Dimension]?) throws(ShapeError) -> [Dimension] {
        var output: [Dimension] = []
        var inferred: Int?
        for (axis, extent) in shape.enumerated() {
            switch extent {
            case -1:
                guard inferred == nil else {
                    throw .mismatch(rule: "Reshape's shape may have one -1", received: "\(shape)")
                }
                inferred = axis
                output.append(.unknown)
            case 0 where !allowsZero:
                guard dimensions.map({ axis < $0.count }) ?? true else {
                    throw .mismatch(
                        rule: "a 0 in Reshape's shape must stand for an axis of x",
                        received: "\(shape) for \(dimensions ?? [])")
                }
                output.append(dimensions?[axis] ?? .unknown)
            case 0...: output.append(.fixed(extent))
            default:
                throw .mismatch(rule: "Reshape's extents must be -1 or more", received: "\(shape)")
            }
        }
        // Free dimensions that stand on both sides cancel; what remains must come out even.
        guard let dimensions else { return output }
        var before = dimensions
        var after = output.enumerated().filter { $0.offset != inferred }.map(\.element)
        for dimension in after where dimension.value == nil && dimension != .unknown {
            if let i = before.firstIndex(of: dimension), let j = after.firstIndex(of: dimension) {
                before.remove(at: i)
                after.remove(at: j)
            }
        }
        let open = before.filter { $0.value == nil }
        let isRest = open.count == 1 && before.filter { $0.value != nil }.fixedProduct == after.fixedProduct
        if let inferred, isRest, after.fixedProduct ?? 0 > 0 {
            output[inferred] = open[0]
        } else if let total = before.fixedProduct {
            guard let known = after.fixedProduct else {
                // Free extents may still fit; a product beyond all integers never does.
                guard after.contains(where: { $0.value == nil }) else {
                    throw .mismatch(
                        rule: "Reshape must keep the number of elements", received: "\(shape) for \(dimensions)")
                }
                return output
            }
            if let inferred {
                guard known > 0, total % known == 0 else {
                    throw .mismatch(
                        rule: "Reshape's -1 must come out whole", received: "\(shape) for \(dimensions)")
                }
                output[inferred] = .fixed(total / known)
            } else if total != known {
                throw .mismatch(
                    rule: "Reshape must keep the number of elements", received: "\(shape) for \(dimensions)")
            }
        }
        return output
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard shape == nil, let known = try inputs.integers(1, "shape") else { return nil }
        return Reshape(to: known, allowsZero: allowsZero)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let shape, let x = inputs.optional(0)?.type.dimensions, x.count == order.rank,
            let y = try? output(shape, of: x), let groups = groups(x, y, shape)
        else { return nil }
        // Each group of axes that becomes another stands where its first axis stands in the source; axes of one element may
        // stand anywhere.
        let sorted = groups.map { group in
            (place: group.from.filter { x[$0] != 1 }.map { order.order[$0] }.min() ?? -1, group: group)
        }.sorted { $0.place < $1.place }.map(\.group)
        let grouped = sorted.flatMap(\.from)
        // Where the axes of a group do not follow each other in the source, they must be brought to that order.
        let isGrouped =
            order.inverse.order.filter { x[$0] != 1 } == grouped.filter { x[$0] != 1 }
        guard let wanted = isGrouped ? order : try? Permutation(grouped).inverse else { return nil }
        let axes = sorted.flatMap(\.to)
        guard !y.contains(0), axes.count(where: { y[$0].value == nil }) <= 1,
            let output = try? Permutation(axes).inverse
        else { return nil }
        let moved = axes.map { y[$0].value ?? -1 }
        return PermutedOperator(operation: Reshape(to: moved), inputs: [wanted], outputs: [output])
    }

    /// The axes of x and y in the smallest groups of as many elements, one after the other; nil where it is not known that
    /// there are such.
    private func groups(_ x: [Dimension], _ y: [Dimension], _ shape: [Int]) -> [(from: [Int], to: [Int])]? {
        var groups: [(from: [Int], to: [Int])] = []
        var (i, j) = (0, 0)
        while i < x.count, j < y.count {
            let isSame = x[i] == y[j] && (x[i] != .unknown || (i == j && shape[j] == 0 && !allowsZero))
            if isSame {
                groups.append(([i], [j]))
                (i, j) = (i + 1, j + 1)
                continue
            }
            guard var left = x[i].value, var right = y[j].value, left > 0, right > 0 else { return nil }
            var (from, to) = ([i], [j])
            (i, j) = (i + 1, j + 1)
            while left != right {
                if left < right {
                    guard i < x.count, let next = x[i].value, next > 0 else { return nil }
                    left = left.multipliedReportingOverflow(by: next).partialValue
                    from.append(i)
                    i += 1
                } else {
                    guard j < y.count, let next = y[j].value, next > 0 else { return nil }
                    right = right.multipliedReportingOverflow(by: next).partialValue
                    to.append(j)
                    j += 1
                }
            }
            groups.append((from, to))
        }
        // What is left over are axes of one element.
        guard x[i...].allSatisfy({ $0 == 1 }), y[j...].allSatisfy({ $0 == 1 }) else { return nil }
        return groups + [(Array(i..<x.count), Array(j..<y.count))]
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try graph.call(ReshapeLike(), dy, x, name: "\(node.name)/gradient")]
    }
}

extension [Dimension] {
    /// The product where every dimension is known and it fits an Int.
    var fixedProduct: Int? {
        // A zero makes the product zero, whatever the product of the others would be.
        contains(.fixed(0)) && allSatisfy({ $0.value != nil }) ? 0 : product.value
    }
}
