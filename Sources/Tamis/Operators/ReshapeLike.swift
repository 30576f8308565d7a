/// The elements of the first input in the shape of the second: what the gradients of Reshape and Flatten are.
public struct ReshapeLike: Operator {
    public init() {}

    public var kind: String { "ReshapeLike" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let elementType = try inputs.tensor(0, "x").elementType
        return [.tensor(elementType, try inputs.tensor(1, "like").dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared { .view }
}
