/// Lets operators that compute with floats take float16 and bfloat16: computed in float32, rounded back.
///
///     Conv(float16)    becomes    Cast to float32 → Conv → Cast to float16
///
/// Constants are cast here, once.
public struct WidenHalves: Pass {
    public init() {}

    public var name: String { "widen halves" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        let graph = model.graph
        func isHalf(_ id: Graph.ValueID?) -> Bool { id.flatMap { graph.values[$0].type.elementType }?.isHalf ?? false }
        guard graph.nodes.contains(where: { $0.operation.widensHalves && $0.inputs.contains(where: isHalf) }) else {
            return model
        }
        var rewriter = Rewriter(model)
        var widened: [Graph.ValueID: Symbol] = [:]
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard node.operation.widensHalves, node.inputs.contains(where: isHalf) else { return false }
            var inputs: [Symbol?] = []
            for id in node.inputs {
                guard let id, isHalf(id) else {
                    inputs.append(id.map { rewriter.copy($0) })
                    continue
                }
                if widened[id] == nil { widened[id] = try Self.widen(id, &rewriter) }
                inputs.append(widened[id])
            }
            let symbols = try rewriter.graph.append(node.operation, inputs, name: node.name)
            for (id, symbol) in zip(node.outputs, symbols) {
                guard isHalf(id), symbol.type.elementType == .float32,
                    let elementType = graph.values[id].type.elementType
                else {
                    rewriter.replace(id, by: symbol)
                    continue
                }
                let cast = Cast(elementType, isFromWidening: true)
                rewriter.replace(id, by: try rewriter.graph.call(cast, symbol, name: "\(symbol.name)/\(elementType)"))
            }
            return true
        }
    }

    /// A value in float32.
    private static func widen(_ id: Graph.ValueID, _ rewriter: inout Rewriter) throws(ShapeError) -> Symbol {
        let (model, name) = (rewriter.source, "\(rewriter.source.graph.values[id].name)/float32")
        // In a step of training the parameters move.
        if model.graph.updates.isEmpty || model.graph.values[id].constant != nil, let tensor = model.constant(id) {
            let wide = try tensor.widened()
            guard case .parameter(let isTrainable) = model.graph.values[id].source else {
                return rewriter.graph.constant(wide, name: name)
            }
            return rewriter.graph.parameter(name, wide, isTrainable: isTrainable)
        }
        return try rewriter.graph.call(Cast(.float32, isFromWidening: true), rewriter.copy(id), name: name)
    }
}

/// Takes away what `WidenHalves` has left between two operators it has widened, a cast to a half and back, once the
/// transposes between them are gone.
public struct CancelCasts: Pass {
    public init() {}

    public var name: String { "cancel casts" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        guard model.graph.nodes.contains(where: { ($0.operation as? Cast)?.isFromWidening == true }) else {
            return model
        }
        var rewriter = Rewriter(model)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let widening = node.operation as? Cast, widening.isFromWidening, widening.elementType == .float32,
                let narrow = rewriter.producer(of: node.inputs[0]), let narrowing = narrow.operation as? Cast,
                narrowing.isFromWidening, let wide = narrow.inputs[0]
            else { return false }
            rewriter.replace(node.outputs[0], by: rewriter.copy(wide))
            return true
        }
    }
}
