/// Writes activations that a version of ONNX's operator set has no operator for as several operators it has, and the bounds
/// of a Clip as its inputs.
struct LowerActivations: Pass {
    /// The version of the operator set.
    let version: Int

    var name: String { "lower activations" }

    func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        guard model.graph.nodes.contains(where: { lowering(of: $0.operation) != nil }) else { return model }
        var rewriter = Rewriter(model)
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let lower = lowering(of: node.operation), let input = node.inputs[0] else { return false }
            let x = rewriter.copy(input)
            let elementType = x.type.elementType ?? .float32
            let lowering = Lowering(graph: rewriter.graph, x: x, elementType: elementType, name: node.name)
            rewriter.replace(node.outputs[0], by: try lower(lowering))
            return true
        }
    }

    /// How an operation is written, or nil: as it is.
    private func lowering(of operation: any Operator) -> ((Lowering) throws(ShapeError) -> Symbol)? {
        guard let activation = (operation as? Activate)?.activation else { return nil }
        switch activation.function {
        case .clip: return { (lowering) throws(ShapeError) in try lowering.clip(activation.alpha, activation.beta) }
        case .silu where version < 24:
            return { (lowering) throws(ShapeError) in try lowering.swish(activation.alpha) }
        case .gelu where version < 20: return { (lowering) throws(ShapeError) in try lowering.gelu() }
        case .geluTanh where version < 20: return { (lowering) throws(ShapeError) in try lowering.geluTanh() }
        case .hardSilu where version < 14: return { (lowering) throws(ShapeError) in try lowering.hardSwish() }
        case .mish where version < 18: return { (lowering) throws(ShapeError) in try lowering.mish() }
        default: return nil
        }
    }
}

/// The nodes that stand for an activation of x.
private struct Lowering {
    let graph: GraphBuilder
    let x: Symbol
    let elementType: ElementType
    let name: String

    func clip(_ low: Double, _ high: Double) throws(ShapeError) -> Symbol {
        try graph.call(
            Clip(), x, low > -.infinity ? number(low) : nil, high < .infinity ? number(high) : nil, name: name)
    }

    /// x · sigmoid(alpha · x)
    func swish(_ alpha: Double) throws(ShapeError) -> Symbol {
        let scaled = alpha == 1 ? x : try product(x, number(alpha))
        return try product(x, graph.call(Activate(.sigmoid), scaled), isLast: true)
    }

    /// x · (erf(x / √2) + 1) · ½
    func gelu() throws(ShapeError) -> Symbol {
        let erf = try graph.call(Unary(.errorFunction), product(x, number(0.5.squareRoot())))
        return try half(sum(erf, number(1)))
    }

    /// x · (tanh(√(2/π) · (x + 0.044715 · x³)) + 1) · ½
    func geluTanh() throws(ShapeError) -> Symbol {
        let cube = try product(product(x, x), x)
        let argument = try product(sum(x, product(cube, number(0.044715))), number((2 / Double.pi).squareRoot()))
        return try half(sum(graph.call(Activate(.tanh), argument), number(1)))
    }

    /// x · min(max(x / 6 + ½, 0), 1)
    func hardSwish() throws(ShapeError) -> Symbol {
        try product(x, graph.call(Activate(.hardSigmoid), x), isLast: true)
    }

    /// x · tanh(softplus(x))
    func mish() throws(ShapeError) -> Symbol {
        try product(x, graph.call(Activate(.tanh), graph.call(Activate(.softplus), x)), isLast: true)
    }

    private func half(_ factor: Symbol) throws(ShapeError) -> Symbol {
        try product(product(x, factor), number(0.5), isLast: true)
    }

    private func product(_ a: Symbol, _ b: Symbol, isLast: Bool = false) throws(ShapeError) -> Symbol {
        try graph.call(Arithmetic(.multiply), a, b, name: isLast ? name : nil)
    }

    private func sum(_ a: Symbol, _ b: Symbol) throws(ShapeError) -> Symbol { try graph.call(Arithmetic(.add), a, b) }

    private func number(_ value: Double) throws(ShapeError) -> Symbol { try graph.scalar(value, elementType) }
}
