import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Values in the memory of others")
struct SharedMemoryTests {
    /// How many lines of a plan have an algorithm.
    private func count(_ plan: Plan, _ algorithm: String) -> Int { plan.lines.count { $0.algorithm == algorithm } }

    /// Runs the plan twice, so that what a first run left behind shows, and compares with each node run alone.
    private func check(
        _ model: Model, _ inputs: [String: Tensor], threads: Int = 1, options: PlanOptions = PlanOptions(),
        location: SourceLocation = #_sourceLocation
    ) throws -> Plan {
        var options = options
        options.optimizes = false
        let plan = try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
        let session = try Session(plan, threads: threads)
        _ = try session.run(inputs)
        let found = try session.run(inputs)
        let expected = try Interpreter(model, inputs).outputs
        for (name, tensor) in expected {
            #expect(try differingBits(#require(found[name]), tensor) == 0, "\(name)", sourceLocation: location)
        }
        return plan
    }

    @Test("any graph of joined and divided values", arguments: 0..<150)
    func random(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "shared")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let graph = GraphBuilder()
        let first = number(0...3) == 0 ? 2 : 1
        var inputs: [String: Tensor] = [:]
        func input(_ channels: Int) throws -> Symbol {
            let tensor = try DoubleTensor.integers([first, channels, 3], using: &generator).tensor()
            let symbol = graph.input("x\(inputs.count)", .tensor(.float32, tensor.shape))
            inputs[symbol.name] = tensor
            return symbol
        }
        var values = [try input(4), try input(2)]
        values.append(graph.constant(try DoubleTensor.integers([first, 3, 3], using: &generator).tensor()))
        for _ in 0..<number(3...14) {
            let x = values[number(0...values.count - 1)]
            let channels = x.dimensions?[1].value ?? 0
            switch number(0...6) {
            case 0, 1:
                let others = (0..<number(1...2)).map { _ in values[number(0...values.count - 1)] }
                let joined = try graph.append(Concat(axis: 1), [x] + others)[0]
                if joined.dimensions?[1].value ?? 0 <= 40 { values.append(joined) }
            case 2 where channels > 1:
                let split = number(1...channels - 1)
                values += try graph.append(Split(axis: 1, parts: .lengths([split, channels - split])), [x])
            case 3 where channels > 2:
                values.append(try graph.call(Slice([.init(axis: 1, start: 1, end: -1)]), x))
            case 4: values.append(try graph.call(Arithmetic(.add), x, x))
            case 5:
                let flat = try graph.call(Reshape(to: [first, 3 * channels]), x)
                values.append(try graph.call(Reshape(to: [first, channels, 3]), graph.call(Activate(.relu), flat)))
            default: values.append(try graph.call(Activate(.relu), x))
            }
        }
        for (position, value) in values.enumerated() where position == values.count - 1 || number(0...4) == 0 {
            graph.output(value, name: "y\(position)")
        }
        _ = try check(graph.model, inputs)
    }

    @Test("what a Concat joins is made where it goes")
    func joined() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [1, 2, 500]))
        let a = try graph.call(Activate(.tanh), x)
        let b = try graph.call(Activate(.relu), x)
        let inner = try graph.call(Concat(axis: 1), a, b)
        let c = try graph.call(Activate(.sigmoid), b)
        let y = try graph.call(Concat(axis: 1), c, inner)
        graph.output(try graph.call(Activate(.relu), y), name: "y")
        let plan = try check(graph.model, ["x": randomTensor([1, 2, 500])])
        #expect(count(plan, "made in place") == 2)
        #expect(plan.arenaBytes <= 6 * 500 * 4 + 64)
    }

    @Test("parts of the outermost axis take no work")
    func divided() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [4, 3]))
        let parts = try graph.append(Split(parts: .lengths([1, 3])), [x])
        graph.output(try graph.call(Activate(.relu), parts[0]), name: "a")
        let rows = try graph.call(Slice([.init(axis: 0, start: 1, end: 3)]), parts[1])
        let last = try graph.call(Gather(), rows, graph.constant(try Tensor(scalar: Int64(-1))))
        graph.output(try graph.call(Activate(.tanh), last), name: "b")
        graph.output(parts[1], name: "c")
        let plan = try check(graph.model, ["x": randomTensor([4, 3])])
        #expect(count(plan, "view") == 3)
    }

    /// Branches as in Inception: convolutions and pools of one image, joined by channels.
    private func branches(
        _ batch: Int, readsTwice: Bool = false, _ elementType: ElementType = .float32
    ) throws -> (Model, [String: Tensor]) {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(elementType, [.fixed(batch), 6, 7, 3]))
        func conv(_ kernel: Int, _ filters: Int, groups: Int = 1) throws -> Symbol {
            let w = try randomTensor([kernel, kernel, 3 / groups, filters], seed: UInt64(filters)).converted(
                to: elementType)
            let window = try WindowGeometry(kernel: [kernel, kernel], padding: .same)
            return try graph.call(
                Conv(window: window, groups: groups, activation: .relu), x, graph.parameter("w\(filters)", w))
        }
        let window = try WindowGeometry(kernel: [3, 3], stride: [1, 1], padding: .same)
        let parts = [
            try conv(1, 5), try conv(3, 17), try graph.call(MaxPool(window: window), x), try conv(3, 6, groups: 3),
            try graph.call(AveragePool(window: window), x), try graph.call(LpPool(window: window), x),
        ]
        let y = try graph.append(Concat(axis: -1), parts)[0]
        graph.output(try graph.call(Activate(.relu), y), name: "y")
        if readsTwice { for part in parts { graph.output(try graph.call(Activate(.tanh), part), name: part.name) } }
        return (graph.model, ["x": try randomTensor([batch, 6, 7, 3]).converted(to: elementType)])
    }

    @Test("rows are written within longer ones", arguments: KernelLevel.available, [1, 2])
    func apart(level: KernelLevel, batch: Int) throws {
        for elementType in [ElementType.float32, .float64] {
            var options = PlanOptions()
            options.level = level
            let (model, inputs) = try branches(batch, elementType)
            options.optimizes = false
            let plan = try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
            let found = try Session(plan, threads: 2).run(inputs)
            let expected = try Interpreter(model, inputs, level: RunMode(level: level)).outputs
            #expect(try differingBits(#require(found["y"]), #require(expected["y"])) == 0)
            let dense = count(plan, "depthwise")
            #expect(dense == 1 && count(plan, "rows side by side") == 1)
        }
    }

    @Test("but not if they have other readers")
    func readTwice() throws {
        let (model, inputs) = try branches(2, readsTwice: true)
        _ = try check(model, inputs, threads: 2)
    }

    @Test("steps of training with joined and divided values", arguments: [1, 2])
    func training(batch: Int) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.fixed(batch), 4]))
        let w = graph.parameter("w", try randomTensor([4, 6]))
        let product = try graph.call(MatMul(), x, w)
        let parts = try graph.append(Split(axis: 1, parts: .equal(2)), [product])
        let joined = try graph.call(Concat(axis: 1), graph.call(Activate(.tanh), parts[1]), parts[0], product)
        let scores = try graph.call(Slice([.init(axis: 1, start: 1, end: 6)]), joined)
        graph.output(try graph.call(Softmax(), scores), name: "y")
        let step = try graph.model.differentiated(
            loss: .sparseCategoricalCrossentropy, optimizer: SGD(momentum: 0.9))
        let inputs = [
            "x": try randomTensor([batch, 4]), "labels": try Tensor((0..<batch).map { Int64($0) }),
            "learning_rate": try Tensor(scalar: Float(0.5)), "step": try Tensor(scalar: Int64(1)),
        ]
        let plan = try Plan(step, inputs: inputs.mapValues(\.shape), options: PlanOptions())
        let state = try State(of: step)
        let found = try Session(plan, threads: 1, state: state).run(inputs)
        let expected = try Interpreter(step, inputs)
        #expect(try differingBits(#require(found["loss"]), #require(expected.outputs["loss"])) == 0)
        for (name, tensor) in expected.parameters {
            #expect(try differingBits(#require(state[name]), tensor) == 0, "\(name)")
        }
    }
}
