/// min(max(x, low), high), element by element; NaN stays NaN. ONNX's Clip with bounds that come at run time or are no floats;
/// with others it is `Activation.clip`.
///
/// Inputs: x, and low and high (each optional), single values of its type.
public struct Clip: DifferentiableOperator {
    public init() {}

    public var kind: String { "Clip" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...3)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "Clip's x must be numbers", received: elementType)
        }
        for (index, role) in [(1, "low"), (2, "high")] where inputs.optional(index) != nil {
            try inputs.expect(elementType, of: index, role)
            for dimension in try inputs.tensor(index, role, rank: 0...1).dimensions ?? [] {
                try inputs.expect(dimension, equals: 1, "number of values of \(role)")
            }
        }
        return [.tensor(elementType, dimensions)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        guard let body = x.elementType.visit(ElementLoop()) else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: x.elementType.rawValue)
        }
        return .elementwise(
            "element-wise, \(x.elementType)", count: x.shape.elementCount,
            bytesPerElement: 2 * x.elementType.bitWidth / 8, slowness: 20,
            inPlace: [Prepared.InPlace(output: 0, input: 0)], body: body)
    }

    private struct ElementLoop: NumericVisitor {
        func visit<Scalar: NumericScalar>(
            _ type: Scalar.Type
        ) -> @Sendable (borrowing Bindings, _ first: Int, _ count: Int) -> Void {
            { bindings, first, count in
                let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + first
                let y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + first
                let low = bindings.optionalInput(1)?.load(as: Scalar.self) ?? .lowest
                let high = bindings.optionalInput(2)?.load(as: Scalar.self) ?? .highest
                for index in 0..<count {
                    let value = x[index] < low ? low : x[index]
                    y[index] = value > high ? high : value
                }
            }
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        PermutedOperator(operation: self, inputs: inputs.all.indices.map { $0 == 0 ? order : nil }, outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard let dy = outputs[0], let x = node.inputs[0] else { return gradients }
        let zero = try graph.scalar(0, dy.type.elementType ?? .float32)
        // At a bound the gradient is the bound's: what went through is dy without that. Where both hold, high has the say.
        var through = dy
        for (index, relation) in [(2, Comparison.Function.greaterOrEqual), (1, .lessOrEqual)] {
            guard index < node.inputs.count, let bound = node.inputs[index] else { continue }
            let isBeyond = try graph.call(Comparison(relation), x, bound)
            if wanted[index] {
                let taken = try graph.call(Where(), isBeyond, through, zero)
                gradients[index] = try Unbroadcast.append(taken, like: bound, in: graph)
            }
            through = try graph.call(Where(), isBeyond, zero, through)
        }
        if wanted[0] { gradients[0] = through }
        return gradients
    }
}
