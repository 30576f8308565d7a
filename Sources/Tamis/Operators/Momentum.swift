import TamisKernels

/// A step of stochastic gradient descent with momentum. ONNX's Momentum (ai.onnx.preview.training).
///
/// Inputs: the rate, a scalar; a parameter x, its gradient g and its momentum v of one shape. Outputs the next x and v:
/// v' = alpha v + g; x' = x − rate v', or, with Nesterov's form, x' = x − rate (g + alpha v').
public struct Momentum: Operator {
    /// How much of the momentum stays.
    public let alpha: Double
    /// Whether the step looks ahead along the momentum (Nesterov, 1983).
    public let isNesterov: Bool

    public init(alpha: Double, isNesterov: Bool = false) {
        self.alpha = alpha
        self.isNesterov = isNesterov
    }

    public var kind: String { "Momentum" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 4...4)
        let x = try inputs.checkedUpdate(rate: 0, tensors: [1: "x", 2: "gradient", 3: "momentum"])
        return [x, x]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(1)
        let kernels = try context.kernels(for: x.elementType)
        let (size, alpha, isNesterov) = (kernels.type.byteCount, alpha, isNesterov)
        return .elementwise(
            "element-wise", count: x.shape.elementCount, bytesPerElement: 5 * size,
            inPlace: [Prepared.InPlace(output: 0, input: 1), Prepared.InPlace(output: 1, input: 3)]
        ) { bindings, first, count in
            let offset = first * size
            kernels.momentum(
                count, ScalarType.Index(type: kernels.type, index: 0).read(bindings.input(0)), alpha, 1, 0, isNesterov,
                bindings.input(1) + offset, bindings.input(2) + offset, bindings.input(3) + offset,
                bindings.output(0) + offset, bindings.output(1) + offset)
        }
    }
}

extension Operands {
    /// The type of the first of an update's tensors, when all agree and the rate is a scalar of their type.
    func checkedUpdate(rate: Int, tensors: KeyValuePairs<Int, String>) throws(ShapeError) -> ValueType {
        let (elementType, rateDimensions) = try floats(rate, "rate", rank: 0...0)
        guard let (first, role) = tensors.first, rateDimensions.isEmpty else { return .tensor(elementType, nil) }
        let dimensions = try floats(first, role, rank: 0...64).dimensions
        for (index, role) in tensors {
            try expect(elementType, of: index, role)
            let own = try floats(index, role, rank: dimensions.count...dimensions.count).dimensions
            for (a, b) in zip(own, dimensions) { _ = try common(a, b, "shape") }
        }
        return .tensor(elementType, dimensions)
    }
}
