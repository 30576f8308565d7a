extension Unary {
    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try Chain(x: x, y: node.outputs[0], dy: dy, graph: graph).gradient(of: function)]
    }
}

/// What the gradients of functions are made of.
private struct Chain {
    let x: Symbol
    let y: Symbol
    let dy: Symbol
    let graph: GraphBuilder

    /// dy · f'(x); nil for what is constant but where it jumps.
    func gradient(of function: Unary.Function) throws(ShapeError) -> Symbol? {
        switch function {
        case .floor, .ceiling, .round, .sign, .not, .bitwiseNot, .isNaN, .isInfinite, .isPositiveInfinity,
            .isNegativeInfinity:
            return nil
        case .absolute: return try dy * apply(.sign, x)
        case .negate: return try negative(dy)
        case .squareRoot: return try quotient(dy, y + y)
        case .reciprocal: return try negative(dy * (y * y))
        case .exponential: return try dy * y
        case .logarithm: return try quotient(dy, x)
        case .errorFunction:
            // 2/√π · e^(−x²)
            return try dy * (number(1.12837916709551257390) * apply(.exponential, negative(x * x)))
        case .sine: return try dy * apply(.cosine, x)
        case .cosine: return try negative(dy * apply(.sine, x))
        case .tangent: return try dy * (number(1) + y * y)
        case .arcSine: return try quotient(dy, root(number(1), minus: x * x))
        case .arcCosine: return try negative(quotient(dy, root(number(1), minus: x * x)))
        case .arcTangent: return try quotient(dy, number(1) + x * x)
        case .hyperbolicSine: return try dy * apply(.hyperbolicCosine, x)
        case .hyperbolicCosine: return try dy * apply(.hyperbolicSine, x)
        case .areaSine: return try quotient(dy, apply(.squareRoot, x * x + number(1)))
        case .areaCosine: return try quotient(dy, root(x * x, minus: number(1)))
        case .areaTangent: return try quotient(dy, difference(number(1), x * x))
        }
    }

    private func apply(_ function: Unary.Function, _ symbol: Symbol) throws(ShapeError) -> Symbol {
        try graph.call(Unary(function), symbol)
    }

    private func negative(_ symbol: Symbol) throws(ShapeError) -> Symbol { try apply(.negate, symbol) }

    private func quotient(_ a: Symbol, _ b: Symbol) throws(ShapeError) -> Symbol {
        try graph.call(Arithmetic(.divide), a, b)
    }

    private func difference(_ a: Symbol, _ b: Symbol) throws(ShapeError) -> Symbol {
        try graph.call(Arithmetic(.subtract), a, b)
    }

    /// √(a − b)
    private func root(_ a: Symbol, minus b: Symbol) throws(ShapeError) -> Symbol {
        try apply(.squareRoot, difference(a, b))
    }

    private func number(_ value: Double) throws(ShapeError) -> Symbol {
        try graph.scalar(value, dy.type.elementType ?? .float32)
    }
}

private func * (a: Symbol, b: Symbol) throws(ShapeError) -> Symbol { try a.graph.call(Arithmetic(.multiply), a, b) }
private func + (a: Symbol, b: Symbol) throws(ShapeError) -> Symbol { try a.graph.call(Arithmetic(.add), a, b) }
