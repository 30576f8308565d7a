/// Computes what only constants, or only shapes that are fixed, decide.
///
/// What would take much more memory than the constants it comes from stays to be computed in each run. Weights that only
/// move or take another shape do so when they are read.
public struct FoldConstants: Pass {
    private let evaluate: Evaluation

    /// Computes as a plan of these options does, to the same bits.
    public init(options: PlanOptions = PlanOptions()) { evaluate = Evaluation(options: options) }

    public var name: String { "fold constants" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        // However many nodes add a little each, all together add no more than comes from constants read in wider types.
        let constantBytes = model.graph.values.indices.reduce(Self.addedBytes) {
            $0 + (model.constant($1)?.byteCount ?? 0)
        }
        let budget = MemoryBudget(limit: 16 * constantBytes)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let values = values(of: node, in: rewriter, budget) else { return false }
            let isLearned = node.inputs.contains { $0.map(rewriter.isParameter) ?? false }
            for (output, (id, value)) in zip(node.outputs, values).enumerated() {
                let name = output == 0 ? node.name : "\(node.name):\(output)"
                rewriter.replace(
                    id,
                    by: isLearned ? rewriter.graph.parameter(name, value) : rewriter.graph.constant(value, name: name))
            }
            return true
        }
    }

    /// Bytes that may come to those of the inputs.
    private static let addedBytes = 1 << 20

    private func values(of node: Graph.Node, in rewriter: Rewriter, _ budget: MemoryBudget) -> [Tensor]? {
        let constants = node.inputs.map { $0.map { rewriter.constant($0) } }
        let operands = Operands(
            zip(node.inputs, constants).map { input, constant in
                input.map { Operand(type: rewriter.type(of: $0), constant: constant ?? nil) }
            }, operatorName: node.operation.kind)
        if let typed = node.operation as? any TypeOperator { return try? typed.values(for: operands) }
        // What draws random numbers has no inputs either.
        guard !constants.isEmpty, constants.allSatisfy({ $0.map { $0 != nil } ?? true }),
            let types = try? node.operation.outputTypes(for: operands)
        else { return nil }
        var (elements, bytes) = (0, 0)
        for type in types {
            guard let shape = type.shape, let count = type.elementType?.byteCount(of: shape.elementCount) else {
                return nil
            }
            elements += shape.elementCount
            bytes += count
        }
        let tensors = constants.compactMap { $0 ?? nil }
        guard
            elements <= tensors.reduce(0, { $0 + $1.shape.elementCount })
                || bytes <= tensors.reduce(Self.addedBytes, { $0 + $1.byteCount })
        else { return nil }
        guard (try? budget.take(bytes)) != nil else { return nil }
        // What breaks the operator's rule says so when it runs.
        return try? evaluate(node.operation, constants.map { $0 ?? nil })
    }
}
