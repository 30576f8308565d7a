import Tamis
import TamisTestSupport
import Testing

/// An operator whose work says what it must not.
private struct Wrong: Operator {
    var prepared: Prepared
    var kind: String { "Wrong" }
    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] { [.tensor(.float32, [4])] }
    func prepare(_ context: Preparation) throws(PlanError) -> Prepared { prepared }
}

@Suite("What a planner refuses, and work on no elements")
struct PlannerErrorTests {
    @Test("two outputs of one name would share memory")
    func outputNames() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [4]))
        let y = graph.input("y", .tensor(.float32, [400]))
        graph.output(try graph.call(Activate(.relu), x), name: "out")
        graph.output(try graph.call(Activate(.relu), y), name: "out")
        let model = graph.model
        let error = #expect(throws: PlanError.self) { try Plan(model, inputs: [:]) }
        #expect(error?.description.contains("\"out\" twice") == true)
    }

    @Test("an operator of one's own that breaks the contract")
    func contracts() throws {
        var place = Prepared("in place", stages: [])
        place.inPlace = [Prepared.InPlace(output: 1, input: 0)]
        for prepared in [Prepared.view, place] {
            let graph = GraphBuilder()
            let x = graph.input("x", .tensor(.float32, [2]))
            graph.output(try graph.call(Wrong(prepared: prepared), x), name: "y")
            let model = graph.model
            #expect(throws: PlanError.self) { try Plan(model, inputs: [:]) }
        }
    }

    @Test("a parameter that was set to another shape")
    func parameter() throws {
        let network = try Sequential(input: [6, 6, 2]) {
            Conv2D(4, (3, 3))
            BatchNormalization()
        }
        var model = network.model
        model.parameters["batch_normalization/moving_mean"] = try Tensor([Float(1)])
        let changed = model
        let error = #expect(throws: PlanError.self) { try Plan(changed, inputs: ["input": Shape([1, 6, 6, 2])]) }
        #expect(error?.description.contains("must be float32 [4]; received float32 [1]") == true)
    }

    @Test("a long axis beside one of no elements takes no time")
    func emptyAxis() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", "m"]))
        graph.output(try graph.call(Transpose(Permutation([1, 0])), x), name: "transposed")
        graph.output(try graph.call(Softmax(axis: 0), x), name: "softmax")
        let session = try Session(Plan(graph.model, inputs: ["x": Shape([0, 1 << 44])]), threads: 1)
        let outputs = try session.run(["x": Tensor(zeros: .float32, shape: [0, 1 << 44])])
        #expect(outputs["transposed"]?.shape.dimensions == [1 << 44, 0])
    }

    @Test("sums over axes of no elements stay in their memory")
    func emptySum() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [200, 0, 30, 4]))
        let like = graph.input("like", .tensor(.float32, [200, 1, 30, 1]))
        graph.output(try graph.call(Unbroadcast(), x, like), name: "y")
        let plan = try Plan(graph.model, inputs: [:])
        #expect(plan.arenaBytes >= 200 * 30 * 4 * 4)
        let y = try Session(plan, threads: 1).run([
            "x": Tensor(zeros: .float32, shape: [200, 0, 30, 4]),
            "like": Tensor(zeros: .float32, shape: [200, 1, 30, 1]),
        ])
        #expect(try y["y"]?.doubles().allSatisfy { $0 == 0 } == true)
    }

    @Test("a window of 2⁶⁰ taps, all but a few in the padding, can be planned")
    func largeWindow() throws {
        let most = (1 << 20) - 1
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [8, 1, 1, 1, 2]))
        graph.output(
            try graph.call(MaxPool(window: WindowGeometry(kernel: [most, most, most], padding: .same)), x), name: "y")
        #expect(try Plan(graph.model, inputs: [:]).operations > 1e18)
    }

    @Test("products beyond the 32 bits of OpenBLAS")
    func largeProducts() throws {
        let large = 1 << 32
        let graph = GraphBuilder()
        let a = graph.input("a", .tensor(.float32, [1, .fixed(large), 1]))
        let b = graph.input("b", .tensor(.float32, [1, 1, 1]))
        graph.output(try graph.call(MatMul(), a, b), name: "y")
        let product = graph.model
        let error = #expect(throws: PlanError.self) { try Plan(product, inputs: [:]) }
        #expect(error?.description.contains("below 2^31; received 4294967296") == true)
        let images = GraphBuilder()
        let x = images.input("x", .tensor(.float32, [1, 1, .fixed(large)]))
        let w = images.input("w", .tensor(.float32, [1, .fixed(large), 1]))
        images.output(try images.call(Conv(window: WindowGeometry(kernel: [1])), x, w), name: "y")
        let convolution = images.model
        #expect(throws: PlanError.self) { try Plan(convolution, inputs: [:]) }
    }

    @Test("a convolution without filters has a gradient of zeros")
    func noFilters() throws {
        let graph = GraphBuilder()
        let dy = graph.input("dy", .tensor(.float32, [1, 2, 2, 0]))
        let w = graph.input("w", .tensor(.float32, [3, 3, 2, 0]))
        let x = graph.input("x", .tensor(.float32, [1, 4, 4, 2]))
        let gradient = ConvInputGradient(window: try WindowGeometry(kernel: [3, 3]), groups: 1)
        graph.output(try graph.call(gradient, dy, w, x), name: "dx")
        let outputs = try Session(Plan(graph.model, inputs: [:]), threads: 1).run([
            "dy": Tensor(zeros: .float32, shape: [1, 2, 2, 0]), "w": Tensor(zeros: .float32, shape: [3, 3, 2, 0]),
            "x": Tensor(repeating: Float(1), shape: [1, 4, 4, 2]),
        ])
        #expect(try outputs["dx"]?.doubles() == Array(repeating: 0, count: 32))
    }
}
