/// y = a ∘ b bit by bit, with numpy's broadcasting. ONNX's And, Or and Xor of booleans, BitwiseAnd, BitwiseOr, BitwiseXor and
/// BitShift of integers.
public struct Bitwise: Operator {
    /// The function of two operands: a row of one table.
    public enum Function: String, Sendable, CaseIterable {
        case and = "And"
        case or = "Or"
        case xor = "Xor"
        case bitwiseAnd = "BitwiseAnd"
        case bitwiseOr = "BitwiseOr"
        case bitwiseXor = "BitwiseXor"
        /// a · 2ᵇ, bits beyond the type lost. A negative b counts as larger than all others.
        case shiftLeft = "BitShiftLeft"
        /// ⌊a / 2ᵇ⌋
        case shiftRight = "BitShiftRight"

        /// Whether the operands are booleans.
        package var isLogical: Bool { self == .and || self == .or || self == .xor }
        /// Whether it moves bits.
        var isShift: Bool { self == .shiftLeft || self == .shiftRight }
    }

    /// What is done to each pair.
    public let function: Function

    public init(_ function: Function) { self.function = function }

    public var kind: String { function.isShift ? "BitShift" : function.rawValue }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, a) = try inputs.tensor(0, "a")
        try inputs.expect(elementType, of: 1, "b")
        guard function.isLogical ? elementType == .bool : elementType.isInteger else {
            throw .elementType(
                rule: "\(kind)'s operands must be \(function.isLogical ? "booleans" : "integers")",
                received: elementType)
        }
        guard let a, let b = try inputs.tensor(1, "b").dimensions else { return [.tensor(elementType, nil)] }
        return [.tensor(elementType, try Broadcast.dimensions(a, b, of: kind))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (a, b) = (try context.input(0), try context.input(1))
        let function = function
        let body: Broadcast.Body? =
            switch a.elementType {
            case .bool, .uint8: loop(UInt8.self)
            case .int8: loop(Int8.self)
            case .uint16: loop(UInt16.self)
            case .int16: loop(Int16.self)
            case .uint32: loop(UInt32.self)
            case .int32: loop(Int32.self)
            case .uint64: loop(UInt64.self)
            case .int64: loop(Int64.self)
            default: nil
            }
        guard let body else {
            throw .unsupported(operator: kind, rule: "it computes with integers", received: a.elementType.rawValue)
        }
        return try context.broadcast(a.shape, b.shape).prepared(
            "element-wise, \(a.elementType)", bytesPerElement: 3 * a.elementType.bitWidth / 8,
            slowness: function.isShift ? 50 : 10,
            inPlace: [Prepared.InPlace(output: 0, input: 0), Prepared.InPlace(output: 0, input: 1)], body: body)
    }

    private func loop<Scalar: FixedWidthInteger & Sendable>(_ type: Scalar.Type) -> Broadcast.Body {
        let function = function
        return { bindings, block in
            switch function {
            case .and, .bitwiseAnd: block.map(bindings) { (a: Scalar, b: Scalar) in a & b }
            case .or, .bitwiseOr: block.map(bindings) { (a: Scalar, b: Scalar) in a | b }
            case .xor, .bitwiseXor: block.map(bindings) { (a: Scalar, b: Scalar) in a ^ b }
            case .shiftLeft: block.map(bindings) { (a: Scalar, b: Scalar) in a << b.amount }
            case .shiftRight: block.map(bindings) { (a: Scalar, b: Scalar) in a >> b.amount }
            }
            return .done
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        .broadcasting(self, by: order, inputs: inputs)
    }
}

extension FixedWidthInteger {
    /// By how much it shifts: its bits as a number without sign.
    fileprivate var amount: UInt64 { UInt64(truncatingIfNeeded: Magnitude(truncatingIfNeeded: self)) }
}
