extension Arithmetic {
    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard let dy = outputs[0], let a = node.inputs[0], let b = node.inputs[1] else { return [nil, nil] }
        let operands = Pair(a: a, b: b, y: node.outputs[0], dy: dy, graph: graph)
        return [
            wanted[0] ? try Unbroadcast.append(operands.gradientOfA(function), like: a, in: graph) : nil,
            wanted[1] ? try Unbroadcast.append(operands.gradientOfB(function), like: b, in: graph) : nil,
        ]
    }
}

/// What the gradients of an element-wise function of two operands are made of.
private struct Pair {
    let a: Symbol
    let b: Symbol
    let y: Symbol
    let dy: Symbol
    let graph: GraphBuilder

    /// dy · ∂y/∂a, of the output's shape.
    func gradientOfA(_ function: Arithmetic.Function) throws(ShapeError) -> Symbol {
        switch function {
        case .add, .subtract, .modulo, .remainder: return dy
        case .multiply: return try call(.multiply, dy, b)
        case .divide: return try call(.divide, dy, b)
        // Of two equal ones the first counts.
        case .maximum: return try kept(where: graph.call(Comparison(.greaterOrEqual), a, b))
        case .minimum: return try kept(where: graph.call(Comparison(.lessOrEqual), a, b))
        case .prelu: return try graph.call(Where(), isNegative(a), call(.multiply, dy, b), dy)
        case .power:
            // b · a^(b − 1)
            let slope: Symbol
            switch exponent {
            case 2: slope = try call(.multiply, a, number(2))
            case 0.5: slope = try call(.divide, number(0.5), y)
            case let exponent?:
                slope = try call(.multiply, call(.power, a, number(exponent - 1)), number(exponent))
            case nil: slope = try call(.multiply, call(.power, a, call(.subtract, b, number(1))), b)
            }
            return try call(.multiply, dy, slope)
        }
    }

    /// dy · ∂y/∂b, of the output's shape.
    func gradientOfB(_ function: Arithmetic.Function) throws(ShapeError) -> Symbol {
        switch function {
        case .add: return dy
        case .subtract: return try negative(dy)
        case .multiply: return try call(.multiply, dy, a)
        // d(a / b) / db = −(a / b) / b
        case .divide: return try negative(call(.multiply, dy, call(.divide, y, b)))
        case .maximum: return try kept(where: graph.call(Comparison(.less), a, b))
        case .minimum: return try kept(where: graph.call(Comparison(.greater), a, b))
        // y = a − q · b with a whole q
        case .modulo, .remainder: return try negative(call(.multiply, dy, call(.divide, call(.subtract, a, y), b)))
        case .prelu: return try call(.multiply, dy, call(.minimum, a, number(0)))
        case .power:
            // y · ln a, which is 0 where y is, whatever its logarithm
            let slope = try call(.multiply, y, graph.call(Unary(.logarithm), a))
            let isZero = try graph.call(Comparison(.equal), y, number(0))
            return try call(.multiply, dy, graph.call(Where(), isZero, number(0), slope))
        }
    }

    /// The exponent, where it is one constant.
    private var exponent: Double? {
        guard let constant = graph.graph.values[b.id].constant, constant.shape.elementCount == 1 else { return nil }
        return (try? constant.doubles())?.first
    }

    private func call(_ function: Arithmetic.Function, _ a: Symbol, _ b: Symbol) throws(ShapeError) -> Symbol {
        try graph.call(Arithmetic(function), a, b)
    }

    private func negative(_ symbol: Symbol) throws(ShapeError) -> Symbol { try graph.call(Unary(.negate), symbol) }

    private func isNegative(_ symbol: Symbol) throws(ShapeError) -> Symbol {
        try graph.call(Comparison(.less), symbol, number(0))
    }

    private func number(_ value: Double) throws(ShapeError) -> Symbol {
        try graph.scalar(value, dy.type.elementType ?? .float32)
    }

    private func kept(where condition: Symbol) throws(ShapeError) -> Symbol {
        try graph.call(Where(), condition, dy, number(0))
    }
}
