/// Elements of a where a condition holds, of b elsewhere, with numpy's broadcasting. ONNX's Where.
///
/// Inputs: the condition (booleans), a and b of any one type but strings.
public struct Where: DifferentiableOperator {
    public init() {}

    public var kind: String { "Where" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        try inputs.expect(.bool, of: 0, "condition")
        let (elementType, a) = try inputs.tensor(1, "a")
        try inputs.expect(elementType, of: 2, "b")
        guard elementType.bitWidth >= 8 else {
            throw .elementType(rule: "Where's elements must be of whole bytes", received: elementType)
        }
        guard let condition = try inputs.tensor(0, "condition").dimensions, let a,
            let b = try inputs.tensor(2, "b").dimensions
        else { return [.tensor(elementType, nil)] }
        let dimensions = try Broadcast.dimensions(Broadcast.dimensions(condition, a, of: kind), b, of: kind)
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (condition, a, b) = (try context.input(0), try context.input(1), try context.input(2))
        let size = a.elementType.bitWidth / 8
        let body: Broadcast.Body =
            switch size {
            case 1: loop(UInt8.self)
            case 2: loop(UInt16.self)
            case 4: loop(UInt32.self)
            case 8: loop(UInt64.self)
            default: loop(SIMD2<UInt64>.self)
            }
        return try context.broadcast(condition.shape, a.shape, b.shape).prepared(
            "element-wise, \(size) bytes", bytesPerElement: 1 + 3 * size, slowness: 30,
            inPlace: [Prepared.InPlace(output: 0, input: 1), Prepared.InPlace(output: 0, input: 2)], body: body)
    }

    private func loop<Element: BitwiseCopyable>(_ type: Element.Type) -> Broadcast.Body {
        { bindings, block in
            let y = bindings.output(0).assumingMemoryBound(to: Element.self) + block.first
            let condition = bindings.input(0).assumingMemoryBound(to: UInt8.self) + block.a.first
            let a = bindings.input(1).assumingMemoryBound(to: Element.self) + block.b.first
            let b = bindings.input(2).assumingMemoryBound(to: Element.self) + block.c.first
            for row in 0..<block.rows {
                let (y, condition) = (y + row * block.count, condition + row * block.a.row)
                let (a, b) = (a + row * block.b.row, b + row * block.c.row)
                for index in 0..<block.count {
                    y[index] = condition[index * block.a.step] != 0 ? a[index * block.b.step] : b[index * block.c.step]
                }
            }
            return .done
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        .broadcasting(self, by: order, inputs: inputs)
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard let dy = outputs[0], let condition = node.inputs[0], let a = node.inputs[1], let b = node.inputs[2] else {
            return [nil, nil, nil]
        }
        let zero = try graph.scalar(0, dy.type.elementType ?? .float32)
        return [
            nil,
            wanted[1] ? try Unbroadcast.append(graph.call(Where(), condition, dy, zero), like: a, in: graph) : nil,
            wanted[2] ? try Unbroadcast.append(graph.call(Where(), condition, zero, dy), like: b, in: graph) : nil,
        ]
    }
}
