/// Whether a ∘ b holds, element by element, with numpy's broadcasting: a tensor of booleans. ONNX's Equal, Less,
/// LessOrEqual, Greater and GreaterOrEqual. A NaN is unequal to everything, itself too, and neither less nor greater.
public struct Comparison: DifferentiableOperator {
    /// The relation: a row of one table.
    public enum Function: String, Sendable, CaseIterable {
        case equal = "Equal"
        case less = "Less"
        case lessOrEqual = "LessOrEqual"
        case greater = "Greater"
        case greaterOrEqual = "GreaterOrEqual"
    }

    /// What is asked of each pair.
    public let function: Function

    public init(_ function: Function) { self.function = function }

    public var kind: String { function.rawValue }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, a) = try inputs.tensor(0, "a")
        try inputs.expect(elementType, of: 1, "b")
        guard elementType.isNumeric || elementType.isFloat || (function == .equal && elementType == .bool) else {
            throw .elementType(
                rule: "\(kind)'s operands must be numbers\(function == .equal ? " or booleans" : "")",
                received: elementType)
        }
        guard let a, let b = try inputs.tensor(1, "b").dimensions else { return [.tensor(.bool, nil)] }
        return [.tensor(.bool, try Broadcast.dimensions(a, b, of: kind))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (a, b) = (try context.input(0), try context.input(1))
        // A boolean is a byte of 0 or 1.
        let elementType = a.elementType == .bool ? .uint8 : a.elementType
        guard let body = elementType.visit(ElementLoop(function: function)) else {
            throw .unsupported(operator: kind, rule: "it compares numbers", received: a.elementType.rawValue)
        }
        return try context.broadcast(a.shape, b.shape).prepared(
            "element-wise, \(a.elementType)", bytesPerElement: 2 * a.elementType.bitWidth / 8 + 1, slowness: 20,
            body: body)
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        .broadcasting(self, by: order, inputs: inputs)
    }

    /// None: it is constant but where it jumps.
    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] { [nil, nil] }
}

/// The relation of scalars of any type.
private struct ElementLoop: NumericVisitor {
    let function: Comparison.Function

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Broadcast.Body {
        let function = function
        return { bindings, block in
            switch function {
            case .equal: block.map(bindings) { (a: Scalar, b: Scalar) in a == b }
            case .less: block.map(bindings) { (a: Scalar, b: Scalar) in a < b }
            case .lessOrEqual: block.map(bindings) { (a: Scalar, b: Scalar) in a <= b }
            case .greater: block.map(bindings) { (a: Scalar, b: Scalar) in a > b }
            case .greaterOrEqual: block.map(bindings) { (a: Scalar, b: Scalar) in a >= b }
            }
            return .done
        }
    }
}
