import TamisKernels

/// The first input with parts of the third written where tuples of indices say. ONNX's ScatterND.
///
/// Inputs: x and indices as for GatherND, and updates in the shape of what GatherND would give. Gradients count on tuples
/// that name no part twice unless they are added.
public struct ScatterND: DifferentiableOperator, Hashable {
    /// What becomes of an element that is written to.
    public let reduction: ScatterReduction
    /// The number of first axes that x and the indices share; ONNX has none.
    public let batchDimensions: Int

    public init(reduction: ScatterReduction = .none, batchDimensions: Int = 0) {
        self.reduction = reduction
        self.batchDimensions = batchDimensions
    }

    public var kind: String { "ScatterND" }
    public var widensHalves: Bool { reduction != .none }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let (elementType, x) = try inputs.tensor(0, "x")
        let parts = try IndexedParts.dimensions(inputs, batchDimensions: batchDimensions)
        try inputs.expect(.tensor(elementType, parts), of: 2, "updates")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, indices) = (try context.input(0), try context.input(1))
        let parts = IndexedParts(x.shape, indices.shape, batchDimensions: batchDimensions)
        let size = try context.elementBytes(0)
        let reader = IndexReader(indices.elementType)
        if reduction == .none {
            let bytes = parts.extent * size
            return .scatter(
                x.shape.elementCount, elementBytes: size, updates: parts.count * parts.extent
            ) { bindings in
                let (updates, y) = (bindings.input(2), bindings.output(0))
                return parts.forEach(in: 0..<parts.count, bindings.input(1), reader) { place, target in
                    (y + target * size).copyMemory(from: updates + place * bytes, byteCount: bytes)
                }
            }
        }
        let scatter = ReducingScatter(
            parts: parts, reader: reader, reduction: reduction, count: x.shape.elementCount)
        guard let prepared = x.elementType.visit(scatter) else {
            throw .unsupported(
                operator: kind, rule: "it reduces floats and integers", received: x.elementType.rawValue)
        }
        return prepared
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        try reduction.gradients(
            at: node, of: outputs, wanted: wanted, scatter: ScatterND(batchDimensions: batchDimensions),
            gather: GatherND(batchDimensions: batchDimensions), in: graph)
    }
}

/// A scatter that joins what is there with what is written.
private struct ReducingScatter: NumericVisitor {
    let parts: IndexedParts
    let reader: IndexReader
    let reduction: ScatterReduction
    let count: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        let (parts, reader, reduction) = (parts, reader, reduction)
        return .scatter(
            count, elementBytes: MemoryLayout<Scalar>.size, updates: parts.count * parts.extent
        ) { bindings in
            let updates = bindings.input(2).assumingMemoryBound(to: Scalar.self)
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            return parts.forEach(in: 0..<parts.count, bindings.input(1), reader) { place, target in
                for element in 0..<parts.extent {
                    y[target + element] = reduction(y[target + element], updates[place * parts.extent + element])
                }
            }
        }
    }
}
