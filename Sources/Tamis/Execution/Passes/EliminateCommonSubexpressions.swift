/// Computes once what several nodes compute: the same operation on the same values.
///
/// An operation is compared by its attributes, if it is `Hashable`; others stay, as does what draws random numbers.
public struct EliminateCommonSubexpressions: Pass {
    public init() {}

    public var name: String { "eliminate common subexpressions" }

    private struct Call: Hashable {
        var operation: AnyHashable
        var inputs: [Graph.ValueID?]
    }

    private struct Constant: Hashable {
        var elementType: ElementType
        var shape: Shape
        var bytes: [UInt8]

        /// A constant that is short, as shapes, axes and scalars are; weights that are the same have the same name.
        init?(_ value: Graph.Value) throws(ShapeError) {
            guard let tensor = value.constant, tensor.elementType != .string, tensor.byteCount <= 1 << 10 else {
                return nil
            }
            (elementType, shape) = (tensor.elementType, tensor.shape)
            try tensor.storage.make()
            bytes = tensor.withUnsafeBytes { Array($0) }
        }
    }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        var calls: [Call: [Symbol]] = [:]
        var constants: [Constant: Symbol] = [:]
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            for case let id? in node.inputs where !rewriter.isReplaced(id) {
                guard let constant = try Constant(model.graph.values[id]) else { continue }
                if let known = constants[constant] {
                    rewriter.replace(id, by: known)
                } else {
                    constants[constant] = rewriter.copy(id)
                }
            }
            guard let operation = node.operation as? any Hashable else { return false }
            let call = Call(
                operation: AnyHashable(operation), inputs: node.inputs.map { $0.map { rewriter.copy($0).id } })
            if let known = calls[call] {
                for (id, symbol) in zip(node.outputs, known) { rewriter.replace(id, by: symbol) }
            } else {
                try rewriter.copyNode(node)
                calls[call] = node.outputs.map { rewriter.copy($0) }
            }
            return true
        }
    }
}
