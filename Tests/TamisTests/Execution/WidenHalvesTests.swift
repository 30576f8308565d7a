import Tamis
import TamisTestSupport
import Testing

@Suite("Widened halves")
struct WidenHalvesTests {
    /// A small network of one float type, its weights and images halves that every type has.
    private func network(_ elementType: ElementType, dense: Bool) throws -> Model {
        let graph = GraphBuilder()
        var generator = Philox(seed: 3)
        func weights(_ name: String, _ shape: [Int]) throws -> Symbol {
            let values = DoubleTensor.integers(shape, in: -32...32, using: &generator)
            return graph.parameter(name, try Oracle.map(values) { $0 / 64 }.tensor(elementType))
        }
        let x = graph.input("x", .tensor(elementType, ["n", 2, 9, 8]))
        let image = try graph.call(Transpose(.channelLast(rank: 4)), x)
        let window = try WindowGeometry(kernel: [3, 3], padding: .same)
        var y = try graph.call(Conv(window: window), image, weights("w", [3, 3, 2, 5]), weights("b", [5]))
        y = try graph.call(Transpose(.channelFirst(rank: 4)), y)
        y = try graph.call(Activate(.silu), y)
        y = try graph.call(Transpose(.channelLast(rank: 4)), y)
        y = try graph.call(MaxPool(window: WindowGeometry(kernel: [2, 2], stride: [2, 2])), y)
        if dense {
            y = try graph.call(Gemm(), graph.call(Flatten(), y), weights("d", [80, 4]))
            y = try graph.call(Softmax(), y)
        }
        graph.output(y, name: "y")
        return graph.model
    }

    private func image(_ elementType: ElementType, count: Int = 3) throws -> [String: Tensor] {
        var generator = Philox(seed: 4)
        let values = DoubleTensor.integers([count, 2, 9, 8], in: -100...100, using: &generator)
        return ["x": try Oracle.map(values) { $0 / 32 }.tensor(elementType)]
    }

    @Test("an optimised plan computes in float32 from end to end", arguments: [ElementType.float16, .bfloat16])
    func wide(elementType: ElementType) throws {
        let (half, single) = (try network(elementType, dense: false), try network(.float32, dense: false))
        let expected = try run(single, image(.float32))
        let found = try run(half, image(elementType))
        #expect(found.elementType == elementType)
        #expect(try found.doubles() == expected.converted(to: elementType).doubles())
        let lines = try Plan(half, inputs: image(elementType).mapValues(\.shape)).lines
        #expect(lines.map(\.operatorName).filter { $0 != "Transpose" } == ["Cast", "Conv", "MaxPool", "Cast"])
        #expect(lines.contains { $0.algorithm.hasSuffix("packed panels") })
        let runner = Runner(half, threads: 1)
        for count in [1, 3] {
            let y = try #require(try runner.run(image(elementType, count: count))["y"])
            #expect(try y.doubles() == expected.slice(0..<count).converted(to: elementType).doubles())
        }
    }

    @Test("a plain plan rounds what each node computes", arguments: [ElementType.float16, .bfloat16])
    func plain(elementType: ElementType) throws {
        let model = try network(elementType, dense: true)
        let expected = try #require(try Interpreter(model, image(elementType)).outputs["y"])
        #expect(try run(model, image(elementType), optimizes: false) == expected)
        // What each rounding changes is about a unit of the last place.
        let single = try run(network(.float32, dense: true), image(.float32))
        let unit = elementType == .float16 ? 0x1p-11 : 0x1p-8
        #expect(try relativeDifference(run(model, image(elementType)), single) < 4 * unit)
    }

    @Test("casts of the model's own stay")
    func ownCasts() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [1]))
        let half = try graph.call(Cast(.float16), graph.call(Activate(.relu), x))
        graph.output(try graph.call(Activate(.relu), graph.call(Cast(.float32), half)), name: "y")
        let y = try run(graph.model, ["x": Tensor([Float(1.0001)])])
        #expect(try y.scalars(as: Float.self) == [1])
    }

    @Test("integers beside halves, results that are no halves, and values asked for by name")
    func mixed() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float16, [3]))
        let whole = graph.input("i", .tensor(.int32, [3]))
        let isLess = try graph.call(Comparison(.less), x, graph.constant(Tensor([Float16(1), 2, 3])))
        let sum = try graph.call(Arithmetic(.add), whole, whole)
        let root = try graph.call(Unary(.squareRoot), x, name: "root")
        graph.output(isLess, name: "less")
        graph.output(sum, name: "sum")
        graph.output(try graph.call(Arithmetic(.multiply), root, root), name: "square")
        var options = PlanOptions()
        options.extraOutputs = ["root"]
        let plan = try Plan(graph.model, inputs: [:], options: options)
        let results = try Session(plan, threads: 1).run([
            "x": Tensor([Float16(0.5), 2, 2.25]), "i": Tensor([Int32(1), 2, 3]),
        ])
        #expect(try results["less"]?.scalars(as: Bool.self) == [true, false, true])
        #expect(try results["sum"]?.scalars(as: Int32.self) == [2, 4, 6])
        #expect(
            try results["root"]?.scalars(as: Float16.self) == [Float16(0.5).squareRoot(), Float16(2).squareRoot(), 1.5])
        #expect(results["square"]?.elementType == .float16)
    }

    @Test("a step of training in float16")
    func training() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float16, ["n", 3]))
        let w = graph.parameter("w", try Tensor([Float16(0.5), -0.25, 0.125, 1, -1, 0.75], shape: [3, 2]))
        let scores = try graph.call(Activate(.gelu), graph.call(Gemm(), x, w))
        graph.output(try graph.call(Softmax(), scores), name: "y")
        let step = try TrainingStep(
            graph.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(learningRate: 0.05), threads: 1)
        let (images, labels) = (try Tensor([Float16(1), 2, 3, -1, 0, 1], shape: [2, 3]), try Tensor([Int64(0), 1]))
        var losses: [Double] = []
        for _ in 0..<5 { losses.append(try step(images, labels).loss) }
        #expect(losses == losses.sorted(by: >) && losses[4] < losses[0], "\(losses)")
    }
}
