/// The elements of the first input in the shape of the second: what the gradients of Reshape and Flatten are.
public struct ReshapeLike: Operator {
    public init() {}

    public var kind: String { "ReshapeLike" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let elementType = try inputs.tensor(0, "x").elementType
        let like = try inputs.tensor(1, "like").dimensions
        if let count = try inputs.tensor(0, "x").dimensions?.fixedProduct, let wanted = like?.fixedProduct,
            count != wanted
        {
            throw .mismatch(rule: "ReshapeLike's x must have as many elements as like, \(wanted)", received: "\(count)")
        }
        return [.tensor(elementType, like)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }
}
