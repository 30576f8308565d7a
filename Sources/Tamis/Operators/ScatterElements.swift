import TamisKernels

/// What becomes of an element that is written to.
public enum ScatterReduction: String, Sendable, CaseIterable {
    /// The last that is written.
    case none
    /// Its sum with all that is written, in order.
    case add
    /// Its product with all that is written, in order.
    case mul
    /// The largest.
    case max
    /// The smallest.
    case min

    /// What becomes of `old` when `new` is written; NaN wins.
    @inline(__always)
    func callAsFunction<Scalar: NumericScalar>(_ old: Scalar, _ new: Scalar) -> Scalar {
        switch self {
        case .none: new
        case .add: Scalar.sum(old, new)
        case .mul: Scalar.product(old, new)
        case .max: new > old || new.isNotANumber ? new : old
        case .min: new < old || new.isNotANumber ? new : old
        }
    }
}

/// The first input with the elements of the third written where the indices say: at that position of an axis, at the
/// update's own place of all others. ONNX's ScatterElements and Scatter.
///
/// Inputs: x; indices of int32 or int64, negative ones counting from the end, and updates, both of as many axes as x and
/// none but `axis` longer than that of x. Gradients count on indices that name no element twice unless they are added.
public struct ScatterElements: DifferentiableOperator, Hashable {
    /// The axis that the indices are positions of; negative counts from the end.
    public let axis: Int
    /// What becomes of an element that is written to.
    public let reduction: ScatterReduction

    public init(axis: Int = 0, reduction: ScatterReduction = .none) {
        self.axis = axis
        self.reduction = reduction
    }

    public var kind: String { "ScatterElements" }
    public var widensHalves: Bool { reduction != .none }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        try IndexedElements.check(inputs, axis: axis)
        let (elementType, x) = try inputs.tensor(0, "x")
        try inputs.expect(.tensor(elementType, try inputs.tensor(1, "indices").dimensions), of: 2, "updates")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, indices) = (try context.input(0), try context.input(1))
        let elements = IndexedElements(x.shape, indices.shape, axis: axis)
        let size = try context.elementBytes(0)
        let reader = IndexReader(indices.elementType)
        if reduction == .none {
            return .scatter(x.shape.elementCount, elementBytes: size, updates: indices.shape.elementCount) { bindings in
                let (updates, y) = (bindings.input(2), bindings.output(0))
                return elements.forEach(in: elements.allRows, bindings.input(1), reader) { place, target in
                    (y + target * size).copyMemory(from: updates + place * size, byteCount: size)
                }
            }
        }
        let scatter = ReducingScatter(
            elements: elements, reader: reader, reduction: reduction, count: x.shape.elementCount,
            updates: indices.shape.elementCount)
        guard let prepared = x.elementType.visit(scatter) else {
            throw .unsupported(
                operator: kind, rule: "it reduces floats and integers", received: x.elementType.rawValue)
        }
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = order.source(of: axis), inputs.all.allSatisfy({ $0?.type.dimensions?.count == order.rank })
        else { return nil }
        return PermutedOperator(
            operation: ScatterElements(axis: axis, reduction: reduction), inputs: [order, order, order],
            outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        try reduction.gradients(
            at: node, of: outputs, wanted: wanted, scatter: ScatterElements(axis: axis),
            gather: GatherElements(axis: axis),
            in: graph)
    }
}

extension ScatterReduction {
    /// The gradients of a scatter where they follow from the indices alone: dy, without what was written over, and at the
    /// updates what `gather` finds there. `scatter` is the operator that writes, `gather` the one that reads.
    func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], scatter: any Operator, gather: any Operator,
        in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard let dy = outputs[0], let indices = node.inputs[1], let updates = node.inputs[2] else { return [nil] }
        guard self == .none || self == .add else {
            throw .mismatch(rule: "\(scatter.kind) has gradients where it writes or adds", received: rawValue)
        }
        var gradients: [Symbol?] = [nil, nil, nil]
        if wanted[0] {
            gradients[0] =
                self == .add
                ? dy
                : try graph.call(
                    scatter, dy, indices, graph.call(ZerosLike(), updates), name: "\(node.name)/gradient")
        }
        if wanted[2] { gradients[2] = try graph.call(gather, dy, indices, name: "\(node.name)/updates_gradient") }
        return gradients
    }
}

extension Prepared {
    /// Output 0 as a copy of input 0, unless they are the same memory, into which `write` then writes in order.
    static func scatter(
        _ count: Int, elementBytes: Int, updates: Int,
        write: @escaping @Sendable (borrowing Bindings) -> KernelStatus
    ) -> Prepared {
        Prepared(
            "scatter",
            stages: [
                .elements(count, bytesPerElement: 2 * elementBytes) { bindings, first, count in
                    guard bindings.input(0) != UnsafeRawPointer(bindings.output(0)) else { return }
                    (bindings.output(0) + first * elementBytes).copyMemory(
                        from: bindings.input(0) + first * elementBytes, byteCount: count * elementBytes)
                },
                Stage(bytes: 4 * updates * elementBytes) { bindings, _ in write(bindings) },
            ], inPlace: [InPlace(output: 0, input: 0)])
    }
}

/// A scatter that joins what is there with what is written.
private struct ReducingScatter: NumericVisitor {
    let elements: IndexedElements
    let reader: IndexReader
    let reduction: ScatterReduction
    let count: Int
    let updates: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        let (elements, reader, reduction) = (elements, reader, reduction)
        return .scatter(count, elementBytes: MemoryLayout<Scalar>.size, updates: updates) { bindings in
            let updates = bindings.input(2).assumingMemoryBound(to: Scalar.self)
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            return elements.forEach(in: elements.allRows, bindings.input(1), reader) { place, target in
                y[target] = reduction(y[target], updates[place])
            }
        }
    }
}
