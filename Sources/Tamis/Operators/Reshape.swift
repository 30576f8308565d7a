/// The same elements in another shape. ONNX's Reshape.
///
/// Inputs: x and the wanted shape, a constant of int64: −1 stands for what is left over (once), 0 for x's own extent at
/// that place unless `allowsZero`.
public struct Reshape: DifferentiableOperator, Hashable {
    /// Whether a 0 in the shape means an axis of no elements.
    public let allowsZero: Bool

    public init(allowsZero: Bool = false) { self.allowsZero = allowsZero }

    public var kind: String { "Reshape" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let (shapeType, shapeDimensions) = try inputs.tensor(1, "shape", rank: 1...1)
        guard shapeType == .int64 else {
            throw .elementType(rule: "Reshape's shape must be int64", received: shapeType)
        }
        guard let shape = try inputs.optional(1)?.constant?.scalars(as: Int64.self) else {
            let rank = shapeDimensions?.first?.value
            return [.tensor(elementType, rank.map { Array(repeating: .unknown, count: min($0, 64)) })]
        }
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
            case 0...: output.append(.fixed(Int(extent)))
            default:
                throw .mismatch(rule: "Reshape's extents must be -1 or more", received: "\(shape)")
            }
        }
        // Free dimensions that stand on both sides cancel; what remains must come out even.
        guard let dimensions else { return [.tensor(elementType, output)] }
        var before = dimensions
        var after = output.enumerated().filter { $0.offset != inferred }.map(\.element)
        for dimension in after where dimension.value == nil && dimension != .unknown {
            if let i = before.firstIndex(of: dimension), let j = after.firstIndex(of: dimension) {
                before.remove(at: i)
                after.remove(at: j)
            }
        }
        let free = before.filter { $0.value == nil }
        if free.count == 1, let inferred, let rest = after.fixedProduct, rest > 0,
            before.filter({ $0.value != nil }).fixedProduct == rest
        {
            output[inferred] = free[0]
        } else if let total = before.fixedProduct {
            guard let known = after.fixedProduct else {
                // Free extents may still fit; a product beyond all integers never does.
                guard after.contains(where: { $0.value == nil }) else {
                    throw .mismatch(
                        rule: "Reshape must keep the number of elements", received: "\(shape) for \(dimensions)")
                }
                return [.tensor(elementType, output)]
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
        return [.tensor(elementType, output)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil, nil] }
        return [try graph.call(ReshapeLike(), dy, x, name: "\(node.name)/gradient"), nil]
    }
}

extension [Dimension] {
    /// The product where every dimension is known and it fits an Int.
    var fixedProduct: Int? {
        // A zero makes the product zero, whatever the product of the others would be.
        contains(.fixed(0)) && allSatisfy({ $0.value != nil }) ? 0 : product.value
    }
}
