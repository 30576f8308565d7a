extension ONNXOperators {
    /// One result an element: arithmetic, functions, comparisons, casts; what leaves its input as it is.
    static let elementwise: [ONNXOperator] =
        activations + functions + pairs + [
            ONNXOperator(
                "Mod", versions: 10...versions.upperBound,
                read: { (node) throws(ImportError) in
                    let function = try node.int("fmod", default: 0) == 0 ? Arithmetic.Function.modulo : .remainder
                    return [try node.call(Arithmetic(function), node.input(0), node.input(1))]
                },
                write: { (operation: Arithmetic, node) throws(ExportError) in
                    if operation.function == .remainder { node.set("fmod", 1) }
                }),
            ONNXOperator(
                "Pow",
                read: { (node) throws(ImportError) in
                    let (a, b) = try node.operands()
                    return [try node.power(a, b)]
                },
                write: { (_: Arithmetic, _) throws(ExportError) in }),
            ONNXOperator(
                "PRelu",
                read: { (node) throws(ImportError) in
                    let x = try node.input(0)
                    var slope = try node.weight(1)
                    // Before version 7 it was one for all or one a channel.
                    if node.version < 7, slope.dimensions != [1], let rank = x.dimensions?.count, rank > 2 {
                        slope = try node.extended(slope, by: rank - 2)
                    }
                    return [try node.call(Arithmetic(.prelu), x, slope)]
                },
                write: { (_: Arithmetic, _) throws(ExportError) in }),
            variadic("Max") { (node, values) throws(ImportError) in try node.chain(.maximum, values) },
            variadic("Min") { (node, values) throws(ImportError) in try node.chain(.minimum, values) },
            variadic("Sum") { (node, values) throws(ImportError) in try node.chain(.add, values) },
            variadic("Mean") { (node, values) throws(ImportError) in
                let sum = try node.chain(.add, values)
                if values.count == 1 { return sum }
                return try node.call(Arithmetic(.divide), sum, node.scalar(Double(values.count), like: sum))
            },
            ONNXOperator(
                "BitShift", versions: 11...versions.upperBound,
                read: { (node) throws(ImportError) in
                    let direction = try node.string("direction", default: "")
                    guard ["LEFT", "RIGHT"].contains(direction) else {
                        throw node.invalid("\"direction\" must be LEFT or RIGHT", received: "\"\(direction)\"")
                    }
                    let function = direction == "LEFT" ? Bitwise.Function.shiftLeft : .shiftRight
                    return [try node.call(Bitwise(function), node.input(0), node.input(1))]
                },
                write: { (operation: Bitwise, node) throws(ExportError) in
                    node.set("direction", operation.function == .shiftLeft ? "LEFT" : "RIGHT")
                }),
            ONNXOperator(
                "Where", versions: 9...versions.upperBound,
                read: { (node) throws(ImportError) in
                    [try node.call(Where(), node.input(0), node.input(1), node.input(2))]
                },
                write: { (_: Where, _) throws(ExportError) in }),
            ONNXOperator(
                "IsInf", versions: 10...versions.upperBound,
                read: { (node) throws(ImportError) in
                    let x = try node.input(0)
                    let detectsNegative = try node.int("detect_negative", default: 1) != 0
                    let detectsPositive = try node.int("detect_positive", default: 1) != 0
                    if detectsNegative, detectsPositive { return [try node.call(Unary(.isInfinite), x)] }
                    let negative = detectsPositive ? nil : try node.call(Unary(.isNegativeInfinity), x)
                    let positive = detectsNegative ? nil : try node.call(Unary(.isPositiveInfinity), x)
                    // What is neither sought nor the other is nothing.
                    guard let negative, let positive else { return [negative ?? positive ?? x] }
                    return [try node.call(Bitwise(.and), negative, positive)]
                },
                write: { (operation: Unary, node) throws(ExportError) in
                    if operation.function == .isPositiveInfinity { node.set("detect_negative", 0) }
                    if operation.function == .isNegativeInfinity { node.set("detect_positive", 0) }
                }),
            ONNXOperator(
                "Cast",
                read: { (node) throws(ImportError) in
                    let number = try node.int("to", default: 0)
                    guard let elementType = ElementType(onnxNumber: number) else {
                        throw node.invalid("\"to\" must be the number of a type", received: "\(number)")
                    }
                    return [try node.call(node.cast(to: elementType), node.input(0))]
                },
                write: { (cast: Cast, node) throws(ExportError) in
                    node.set("to", cast.elementType.onnxNumber)
                    if !cast.saturates {
                        guard node.version >= 19 else {
                            throw node.unsupported(
                                "a Cast that does not saturate before version 19 of the operator set")
                        }
                        node.set("saturate", 0)
                    }
                    if cast.rounding != .up {
                        guard node.version >= 24 else {
                            throw node.unsupported("a Cast's rounding before version 24 of the operator set")
                        }
                        node.set("round_mode", cast.rounding.rawValue)
                    }
                }),
            ONNXOperator(
                "CastLike", versions: 15...versions.upperBound,
                read: { (node) throws(ImportError) in
                    guard let elementType = try node.input(1).type.elementType else {
                        throw node.invalid("its second input must be a tensor", received: "another value")
                    }
                    return [try node.call(node.cast(to: elementType), node.input(0))]
                }),
            ONNXOperator(
                "Identity", reading: .firstInput { (_) throws(ImportError) in [] },
                write: { (operation, node) throws(ExportError) in
                    (operation as? Activate)?.activation == .linear ? node : nil
                }),
            ONNXOperator(
                "Dropout",
                reading: .firstInput { (node) throws(ImportError) in
                    let ratio = try node.float("ratio", default: 0.5)
                    _ = try node.int("seed", default: 0)
                    // Inputs since version 12.
                    node.ignoreInput(1)
                    node.ignoreInput(2)
                    let isTest = node.version >= 7 ? true : try node.int("is_test", default: 0) != 0
                    let isOff =
                        node.inputCount < 3 || node.constant(2).flatMap { try? $0.scalars(as: Bool.self) } == [false]
                    let dropsNothing =
                        node.inputCount > 1 ? node.constant(1).flatMap { try? $0.doubles() } == [0] : ratio == 0
                    guard (isTest && isOff) || dropsNothing else {
                        throw node.unsupported("its training form; the model must be exported for inference")
                    }
                    return node.outputCount > 1 ? [try node.ones(like: node.input(0))] : []
                }),
        ]

    /// Functions of one operand.
    private static let functions = Unary.Function.allCases.filter { !$0.asksForInfinity }.map { function in
        // Not is as it was at first.
        ONNXOperator(
            function.rawValue, versions: (function == .not ? 1 : versions.lowerBound)...versions.upperBound,
            read: { (node) throws(ImportError) in [try node.call(Unary(function), node.input(0))] },
            write: { (_: Unary, _) throws(ExportError) in })
    }

    /// Functions of two operands of one type, with numpy's broadcasting, or that of before version 7.
    private static let pairs: [ONNXOperator] =
        [Arithmetic.Function.add, .subtract, .multiply, .divide].map { function in
            ONNXOperator(
                function.rawValue,
                read: { (node) throws(ImportError) in
                    let (a, b) = try node.operands()
                    return [try node.call(Arithmetic(function), a, b)]
                },
                write: { (_: Arithmetic, _) throws(ExportError) in })
        }
        + Comparison.Function.allCases.map { function in
            ONNXOperator(
                function.rawValue,
                read: { (node) throws(ImportError) in
                    let (a, b) = try node.operands()
                    return [try node.call(Comparison(function), a, b)]
                },
                write: { (_: Comparison, _) throws(ExportError) in })
        }
        + Bitwise.Function.allCases.filter { !$0.isShift }.map { function in
            ONNXOperator(
                function.rawValue, versions: (function.isLogical ? versions.lowerBound : 18)...versions.upperBound,
                read: { (node) throws(ImportError) in
                    let (a, b) = try node.operands()
                    return [try node.call(Bitwise(function), a, b)]
                },
                write: { (_: Bitwise, _) throws(ExportError) in })
        }

    /// An operator of one operand or more.
    private static func variadic(
        _ name: String, read: @escaping @Sendable (ONNXNodeReader, [Symbol]) throws(ImportError) -> Symbol
    ) -> ONNXOperator {
        ONNXOperator(
            name,
            read: { (node) throws(ImportError) in
                var values = [try node.input(0)]
                for index in 1..<max(1, node.inputCount) { values.append(try node.input(index)) }
                return [try read(node, values)]
            },
            write: { (_: Arithmetic, _) throws(ExportError) in })
    }
}

extension ONNXNodeReader {
    /// The two operands of a function, as they meet in numpy's broadcasting.
    fileprivate func operands() throws(ImportError) -> (Symbol, Symbol) {
        let (a, b) = (try operand(0, beside: 1), try operand(1, beside: 0))
        guard version < 7 else { return (a, b) }
        // Before version 7 b stretched if the attribute said so: from `axis` on, or to the last axes.
        let axis = try int("axis", default: -1)
        guard try int("broadcast", default: 0) != 0, axis >= 0 else { return (a, b) }
        guard let rank = a.dimensions?.count, let own = b.dimensions?.count, axis + own <= rank else {
            throw invalid(
                "its second input must have axes of the first, from the axis \(axis) on",
                received: "\(b.type) for \(a.type)")
        }
        return (a, try extended(b, by: rank - axis - own))
    }

    /// An operand; what is added to a product of matrices is a bias, learned like the matrix.
    private func operand(_ index: Int, beside other: Int) throws(ImportError) -> Symbol {
        guard constant(index) != nil, constant(other) == nil, producer(of: try input(other)) is MatMul else {
            return try input(index)
        }
        return try weight(index)
    }

    /// A value with axes of one element behind its own.
    fileprivate func extended(_ symbol: Symbol, by axes: Int) throws(ImportError) -> Symbol {
        if axes == 0 { return symbol }
        guard let dimensions = symbol.dimensions, dimensions.count(where: { $0.value == nil }) <= 1 else {
            throw unsupported("the broadcasting of before version 7 of an open shape")
        }
        let shape = try shaped { () throws(ShapeError) in
            try Tensor(dimensions.map { Int64($0.value ?? -1) } + [Int64](repeating: 1, count: axes))
        }
        return try call(Reshape(), symbol, constant(shape))
    }

    /// a ∘ b ∘ c …
    fileprivate func chain(_ function: Arithmetic.Function, _ values: [Symbol]) throws(ImportError) -> Symbol {
        var result = values[0]
        for value in values.dropFirst() { result = try call(Arithmetic(function), result, value) }
        return result
    }

    /// a to the power b, of the type of a.
    fileprivate func power(_ a: Symbol, _ b: Symbol) throws(ImportError) -> Symbol {
        guard let type = a.type.elementType, let exponentType = b.type.elementType, type != exponentType else {
            return try call(Arithmetic(.power), a, b)
        }
        if type.isFloat || exponentType.isInteger {
            // A constant stays one: powers that are products are then computed as such.
            let exponent: Symbol
            if let constant = constant(1) {
                exponent = self.constant(try shaped { () throws(ShapeError) in try constant.converted(to: type) })
            } else {
                exponent = try call(Cast(type), b)
            }
            return try call(Arithmetic(.power), a, exponent)
        }
        let power = try call(Arithmetic(.power), call(Cast(.float64), a), call(Cast(.float64), b))
        return try call(Cast(type), power)
    }

    /// The cast that the node's attributes describe.
    fileprivate func cast(to elementType: ElementType) throws(ImportError) -> Cast {
        let saturates = try int("saturate", default: 1) != 0
        let name = try string("round_mode", default: "up")
        guard let rounding = Cast.Rounding(rawValue: name) else {
            throw invalid("\"round_mode\" must be up, down or nearest", received: "\"\(name)\"")
        }
        return Cast(elementType, saturates: saturates, rounding: rounding)
    }

    /// What a Dropout that drops nothing gives as its mask: booleans, or numbers before version 10.
    fileprivate func ones(like x: Symbol) throws(ImportError) -> Symbol {
        let truth = try call(Cast(.bool), x)
        let ones = try call(Bitwise(.or), truth, call(Unary(.not), truth))
        guard version < 10, let type = x.type.elementType else { return ones }
        return try call(Cast(type), ones)
    }
}
