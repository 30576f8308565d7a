import Tamis
import Testing

/// The positions of the elements that are not zero, as ONNX's NonZero: an operator of one's own whose shape depends on
/// values.
private struct NonZero: DynamicOperator {
    var kind: String { "NonZero" }

    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        return [.tensor(.float32, [.unknown])]
    }

    func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        guard let tensor = inputs[0]?.tensor, let values = try? tensor.scalars(as: Float.self),
            let found = try? Tensor(values.indices.filter { values[$0] != 0 }.map(Float.init))
        else { throw .missingInput(name: "x", known: []) }
        return [.tensor(found)]
    }
}

/// y = 2 x, computed without a kernel: what a user writes who brings an operator.
private struct Double2: Operator {
    var kind: String { "Double" }

    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        return [.tensor(elementType, dimensions)]
    }

    func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let count = try context.input(0).shape.elementCount
        return Prepared("loop") { bindings, _ in
            let (x, y) = (bindings.input(0), bindings.output(0))
            for index in 0..<count {
                y.storeBytes(
                    of: 2 * x.load(fromByteOffset: 4 * index, as: Float.self), toByteOffset: 4 * index, as: Float.self)
            }
            return .done
        }
    }
}

@Suite struct RunnerTests {
    private func dynamicModel() throws -> Model {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.named("n")]))
        let relu = try graph.call(Activate(.relu), x)
        let positions = try graph.call(NonZero(), relu, name: "positions")
        let doubled = try graph.call(Double2(), positions)
        graph.output(try graph.call(Arithmetic(.add), doubled, graph.scalar(1, .float32)), name: "y")
        graph.output(relu, name: "relu")
        return graph.model
    }

    @Test func splitsWhereShapesDependOnValues() throws {
        let runner = Runner(try dynamicModel(), threads: 1)
        let first = try runner.run(["x": Tensor([-1, 2, 0, 3] as [Float])])
        #expect(try first["y"]?.scalars(as: Float.self) == [3, 7])
        #expect(try first["relu"]?.scalars(as: Float.self) == [0, 2, 0, 3])
        let second = try runner.run(["x": Tensor([1, 1, 1, -1, 1] as [Float])])
        #expect(try second["y"]?.scalars(as: Float.self) == [1, 3, 5, 9])
        let none = try runner.run(["x": Tensor([-1] as [Float])])
        #expect(none["y"]?.shape.dimensions == [0])
    }

    @Test func aPlanRefusesADynamicOperator() throws {
        let model = try dynamicModel()
        #expect(throws: PlanError.self) { try Plan(model, inputs: ["x": Shape([4])]) }
    }

    @Test func plansAnewForNewShapesAndSharesPackedWeights() throws {
        let network = try Sequential(input: [8, 8, 3]) {
            Conv2D(16, (3, 3)); Flatten(); Dense(5)
        }
        let store = WeightStore()
        let runner = Runner(network.model, threads: 1, capacity: 2, store: store)
        var packed: [Int] = []
        for batch in [1, 2, 3, 1, 4] {
            let x = try Tensor(repeating: Float(1), shape: [batch, 8, 8, 3])
            let y = try #require(try runner.run(["input": x])["output"])
            #expect(y.shape.dimensions == [batch, 5])
            packed.append(store.byteCount)
        }
        #expect(Set(packed).count == 1 && packed[0] > 0, "packed weights must be made once: \(packed)")
    }

    @Test func namesAMissingInput() throws {
        let runner = Runner(try dynamicModel(), threads: 1)
        #expect(throws: ExecutionError.missingInput(name: "x", known: ["z"])) {
            try runner.run(["z": Tensor([1] as [Float])])
        }
    }
}
