import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// That a plan's memory holds each value as long as somebody wants it.
@Suite("Planner")
struct PlannerTests {
    /// Runs a model's plan on inputs `runs` times; the outputs of the last run, and the parameters it leaves.
    func planned(
        _ model: Model, _ inputs: [String: Tensor], runs: Int = 1, optimizes: Bool = false, threads: Int = 2
    ) throws -> Interpreter {
        var options = PlanOptions()
        options.optimizes = optimizes
        let state = try State(of: model)
        let session = try Session(Plan(model, inputs: [:], options: options), threads: threads, state: state)
        var result = try Interpreter(GraphBuilder().model, [:])
        for _ in 0..<runs { try session.run(inputs, into: &result.outputs) }
        for name in state.names { result.parameters[name] = state[name] }
        return result
    }

    /// Checks a plan against the interpreter over three runs, the parameters going from one to the next.
    func check(_ model: Model, _ inputs: [String: Tensor], _ comment: Comment? = nil) throws {
        var present = model
        for runs in 1...3 {
            let expected = try Interpreter(present, inputs)
            let plain = try planned(model, inputs, runs: runs)
            #expect(plain.outputs == expected.outputs, comment)
            #expect(plain.parameters == expected.parameters, comment)
            // Where transposes were moved, Softmax adds up in another order.
            let optimized = try planned(model, inputs, runs: runs, optimizes: true)
            for (name, value) in expected.outputs {
                let result = try #require(optimized.outputs[name])
                #expect(try firstExcess(result, DoubleTensor(value), absolute: 1e-6, relative: 1e-5) == nil, comment)
            }
            for (name, value) in expected.parameters {
                let result = try #require(optimized.parameters[name])
                #expect(try firstExcess(result, DoubleTensor(value), absolute: 1e-6, relative: 1e-5) == nil, comment)
            }
            for (name, value) in expected.parameters { present.parameters[name] = value }
        }
    }

    /// A graph of element-wise operators, views, softmax and sums over a few shapes, in which values are read again and
    /// again, with any values for outputs and next values.
    static func randomGraph(_ index: Int) throws -> (Model, [String: Tensor]) {
        var generator = Philox(seed: UInt64(index), name: "graph")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let graph = GraphBuilder()
        let shapes = [[4, 6], [6, 4], [24], [4, 1], [6]]
        var given: [String: Tensor] = [:]
        var values: [Symbol] = []
        var parameters: [Symbol] = []
        for (position, shape) in (shapes + shapes).enumerated() {
            let tensor = try DoubleTensor.uniform(shape, in: 0.5...1.5, using: &generator).tensor()
            switch number(0...2) {
            case 0:
                let input = graph.input("input\(position)", .tensor(.float32, tensor.shape))
                given[input.name] = tensor
                values.append(input)
            case 1: values.append(graph.constant(tensor))
            default:
                let parameter = graph.parameter("parameter\(position)", tensor)
                parameters.append(parameter)
                values.append(parameter)
            }
        }
        for _ in 0..<number(1...25) {
            // Mostly the newest, so that there are chains to compute in place.
            let x = values[number(0...2) == 0 ? number(0...values.count - 1) : values.count - 1]
            let shape = x.type.shape?.dimensions ?? []
            switch number(0...8) {
            case 0...2:
                let others = values.filter { $0.type == x.type }
                let y = others[number(0...others.count - 1)]
                values.append(try graph.call(Arithmetic(Arithmetic.Function.allCases[number(0...2)]), x, y))
            case 3: values.append(try graph.call(Activate(Activation.all[number(0...3)]), x))
            case 4: values.append(try graph.call(Softmax(), x))
            case 5:
                let same = shapes.filter { $0.reduce(1, *) == shape.reduce(1, *) }
                let target = same[number(0...same.count - 1)].map(Int64.init)
                values.append(try graph.call(Reshape(), x, graph.constant(Tensor(target))))
            case 6 where shape.count == 2:
                let y = try graph.call(Transpose(Permutation([1, 0])), x)
                values.append(shape[1] == 1 ? try graph.call(Transpose(Permutation([1, 0])), y) : y)
            case 7 where shape == [4, 6]:
                let rows = values.first { $0.type.shape?.dimensions == [4, 1] }
                values.append(try graph.call(Unbroadcast(), x, rows))
            case 8 where shape == [6]:
                let wide = values.first { $0.type.shape?.dimensions == [4, 6] }
                values.append(try graph.call(Arithmetic(.add), wide, x))
            default: values.append(try graph.call(Activate(.tanh), x))
            }
        }
        for output in 0..<number(1...5) {
            graph.output(
                values[number(0...1) == 0 ? values.count - 1 : number(0...values.count - 1)], name: "output\(output)")
        }
        for parameter in parameters where number(0...2) > 0 {
            let others = values.filter { $0.type == parameter.type }
            graph.update(parameter, to: others[number(0...1) == 0 ? others.count - 1 : number(0...others.count - 1)])
        }
        return (graph.model, given)
    }

    @Test("random graphs with branches, views and updates", arguments: 0..<400)
    func random(index: Int) throws {
        let (model, inputs) = try Self.randomGraph(index)
        try check(model, inputs)
    }

    @Test(
        "a step of training, node by node", arguments: ["mixed", "lesson"],
        [SGD(), SGD(momentum: 0.9), AdamOptimizer()] as [any Optimizer])
    func training(name: String, optimizer: any Optimizer) throws {
        let network = name == "mixed" ? try Networks.mixed() : try Networks.lesson(filters: 6, side: 14)
        let (images, labels) = try Networks.data(
            5, name == "mixed" ? [13, 11, 3] : [14, 14, 1], classes: name == "mixed" ? 5 : 10)
        let model = try network.model.differentiated(loss: .sparseCategoricalCrossentropy, optimizer: optimizer)
        let inputs = [
            "input": images, "labels": labels, "learning_rate": try Tensor(scalar: Float(0.01)),
            "step": try Tensor(scalar: Int64(1)),
        ]
        var options = PlanOptions()
        options.optimizes = false
        let state = try State(of: model)
        let plan = try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
        let outputs = try Session(plan, threads: 2, state: state).run(inputs)
        let expected = try Interpreter(model, inputs)
        #expect(outputs == expected.outputs)
        for name in state.names { #expect(state[name] == expected.parameters[name], "\(name)") }
    }

    /// A graph over one input, one parameter and a constant of two elements.
    func small(
        _ build: (GraphBuilder, _ x: Symbol, _ p: Symbol, _ c: Symbol) throws -> Void
    ) throws -> (Model, [String: Tensor]) {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2]))
        let p = graph.parameter("p", try Tensor([Float(3), 5]))
        let c = graph.constant(try Tensor([Float(10), 20]))
        try build(graph, x, p, c)
        return (graph.model, ["x": try Tensor([Float(-1), 2])])
    }

    @Test("an input, a parameter and a constant are outputs, also twice, also as views")
    func outputsOfGivenValues() throws {
        let (model, inputs) = try small { graph, x, p, c in
            graph.output(x, name: "x1")
            graph.output(x, name: "x2")
            graph.output(p, name: "p1")
            graph.output(c, name: "c1")
            graph.output(try graph.call(Activate(.linear), x), name: "x3")
            graph.output(try graph.call(Activate(.linear), p), name: "p2")
            graph.output(try graph.call(Reshape(), c, graph.constant(Tensor([Int64(1), 2]))), name: "c2")
        }
        try check(model, inputs)
        let outputs = try planned(model, inputs).outputs
        #expect(try outputs["x3"]?.doubles() == [-1, 2] && outputs["p2"]?.doubles() == [3, 5])
        #expect(try outputs["c2"] == Tensor([Float(10), 20], shape: [1, 2]))
    }

    @Test("an output that is the old value of a parameter the run changes")
    func oldValue() throws {
        let (model, inputs) = try small { graph, x, p, _ in
            graph.output(p, name: "old")
            graph.output(try graph.call(Activate(.linear), p), name: "view")
            let next = try graph.call(Arithmetic(.add), p, x)
            graph.output(next, name: "next")
            graph.update(p, to: next)
        }
        try check(model, inputs)
        let result = try planned(model, inputs)
        #expect(try result.outputs["old"]?.doubles() == [3, 5] && result.outputs["view"]?.doubles() == [3, 5])
        #expect(try result.outputs["next"]?.doubles() == [2, 7] && result.parameters["p"]?.doubles() == [2, 7])
    }

    @Test("a next value that is read again before the run ends")
    func nextValueReadAgain() throws {
        let (model, inputs) = try small { graph, x, p, c in
            let next = try graph.call(Arithmetic(.subtract), x, c)
            graph.update(p, to: next)
            // May not be computed in the memory of `next`.
            graph.output(try graph.call(Activate(.relu), next), name: "relu")
        }
        try check(model, inputs)
        #expect(try planned(model, inputs).parameters["p"]?.doubles() == [-11, -18])
    }

    @Test("two parameters change places; a third takes the first's old value")
    func swap() throws {
        let (model, inputs) = try small { graph, x, p, _ in
            let q = graph.parameter("q", try Tensor([Float(7), 9]))
            let r = graph.parameter("r", try Tensor([Float(1), 1]))
            graph.update(p, to: q)
            graph.update(q, to: try graph.call(Activate(.linear), p))
            graph.update(r, to: p)
            graph.output(x, name: "x")
        }
        try check(model, inputs)
        let parameters = try planned(model, inputs).parameters
        #expect(try parameters["p"]?.doubles() == [7, 9] && parameters["q"]?.doubles() == [3, 5])
        #expect(try parameters["r"]?.doubles() == [3, 5])
    }

    @Test("a parameter takes another's old value while that is updated in place")
    func shift() throws {
        let (model, inputs) = try small { graph, x, p, _ in
            let q = graph.parameter("q", try Tensor([Float(7), 9]))
            graph.update(q, to: try graph.call(Arithmetic(.add), q, x))
            graph.update(p, to: q)
            graph.output(x, name: "x")
        }
        try check(model, inputs)
        #expect(try planned(model, inputs).parameters["p"]?.doubles() == [7, 9])
    }

    @Test("a value updates two parameters, an input updates one")
    func sharedNextValue() throws {
        let (model, inputs) = try small { graph, x, p, c in
            let q = graph.parameter("q", try Tensor([Float(7), 9]))
            let r = graph.parameter("r", try Tensor([Float(0), 0]))
            let next = try graph.call(Arithmetic(.multiply), p, c)
            graph.update(q, to: next)
            graph.update(p, to: next)
            graph.update(r, to: x)
            graph.output(try graph.call(Arithmetic(.add), next, next), name: "twice")
        }
        try check(model, inputs)
    }

    @Test("a residual add keeps the branch it adds")
    func residual() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 8, 8, 4]))
        var generator = Philox(seed: 1)
        var y = x
        let window = try WindowGeometry(kernel: [3, 3], padding: .same)
        for block in 0..<3 {
            let w = try DoubleTensor.integers([3, 3, 4, 4], in: -1...1, using: &generator).tensor()
            let branch = try graph.call(Activate(.relu), y)
            let conv = try graph.call(Conv(window: window), branch, graph.parameter("w\(block)", w))
            y = try graph.call(Activate(.relu), graph.call(Arithmetic(.add), conv, y))
        }
        graph.output(y, name: "y")
        let input = try DoubleTensor.integers([2, 8, 8, 4], in: -2...2, using: &generator).tensor()
        try check(graph.model, ["x": input])
    }

    @Test("an update of another shape or type is refused")
    func misfit() throws {
        let (model, inputs) = try small { graph, x, p, _ in
            graph.update(p, to: try graph.call(Reshape(), x, graph.constant(Tensor([Int64(2), 1]))))
            graph.output(x, name: "x")
        }
        let error = #expect(throws: PlanError.self) { try planned(model, inputs) }
        #expect(error?.description.contains("next value of the parameter \"p\"") == true)
    }

    @Test("the arena of a long chain stays that of its widest step")
    func arena() throws {
        let graph = GraphBuilder()
        var x = graph.input("x", .tensor(.float32, [1, 1000]))
        for _ in 0..<50 { x = try graph.call(Softmax(), graph.call(Activate(.tanh), x)) }
        graph.output(x, name: "y")
        #expect(try Plan(graph.model, inputs: [:]).arenaBytes <= 2 * 4032)
    }
}
