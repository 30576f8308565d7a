import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// What goes wrong when a plan is made or run is a typed error that gives the rule and what was received.
@Suite("Errors of plans and sessions")
struct PlanTests {
    let network: Sequential
    let images: Tensor

    init() throws {
        network = try Networks.lesson(filters: 4, side: 12)
        images = try Networks.data(2, [12, 12, 1], classes: 10).0
    }

    func session() throws -> Session { try Session(Plan(network.model, inputs: ["input": images.shape]), threads: 1) }

    @Test("an input of another shape, of another type, none, too many")
    func inputs() throws {
        let session = try session()
        let wide = try Tensor(zeros: .float32, shape: [2, 12, 13, 1])
        #expect(
            throws: ExecutionError.inputType(
                name: "input", expected: .tensor(.float32, images.shape), received: .tensor(.float32, wide.shape))
        ) { try session.run(["input": wide]) }
        let double = try Tensor(zeros: .float64, shape: [2, 12, 12, 1])
        let typeError = #expect(throws: ExecutionError.self) { try session.run(["input": double]) }
        #expect(
            typeError?.description.contains("must be float32 [2, 12, 12, 1]; received float64 [2, 12, 12, 1]") == true)
        let missing = #expect(throws: ExecutionError.self) { try session.run(["image": images]) }
        #expect(missing?.description == "the input \"input\" must be given; received image")
        #expect(throws: ExecutionError.missingInput(name: "input", known: [])) { try session.run([:]) }
        // After errors the session still works, and one input too many does no harm.
        #expect(try session.run(["input": images, "other": wide]).keys.sorted() == ["output"])
    }

    @Test("shapes a plan cannot be made for")
    func shapes() throws {
        let model = network.model
        let missing = #expect(throws: PlanError.self) { try Plan(model, inputs: [:]) }
        #expect(missing?.description.contains("\"input\" (float32 [batch, 12, 12, 1]) must be given") == true)
        let unknown = #expect(throws: PlanError.self) {
            try Plan(model, inputs: ["input": images.shape, "inputt": images.shape])
        }
        #expect(unknown?.description.contains("one of \"input\"; received \"inputt\"") == true)
        for shape in [[2, 12, 13, 1], [2, 12, 12], [], [2, 12, 12, 1, 1]] {
            let error = #expect(throws: PlanError.self) { try Plan(model, inputs: ["input": Shape(shape)]) }
            #expect(error?.description.contains("must be float32 [batch, 12, 12, 1]; received \(shape)") == true)
        }
        var options = PlanOptions()
        options.extraOutputs = ["conv3d"]
        let output = #expect(throws: PlanError.self) {
            try Plan(model, inputs: ["input": images.shape], options: options)
        }
        #expect(output?.description.contains("received \"conv3d\"") == true)
    }

    @Test("a named dimension has one extent")
    func namedDimension() throws {
        let graph = GraphBuilder()
        let a = graph.input("a", .tensor(.float32, ["n", 3]))
        let b = graph.input("b", .tensor(.float32, ["n", 3]))
        graph.output(try graph.call(Arithmetic(.add), a, b), name: "y")
        let error = #expect(throws: PlanError.self) {
            try Plan(graph.model, inputs: ["a": Shape([2, 3]), "b": Shape([1, 3])])
        }
        #expect(error?.description.contains("\"b\" must be float32 [n, 3]; received [1, 3]") == true)
    }

    @Test("parameters that are missing or of another shape")
    func parameters() throws {
        var model = network.model
        model.parameters["conv2d/kernel"] = nil
        let missing = #expect(throws: PlanError.self) { try Plan(model, inputs: ["input": images.shape]) }
        #expect(missing?.description.contains("conv2d/kernel") == true)
        for tensor in [
            try Tensor(zeros: .float32, shape: [3, 3, 2, 4]), try Tensor(zeros: .float64, shape: [3, 3, 1, 4]),
        ] {
            model.parameters["conv2d/kernel"] = tensor
            for optimizes in [false, true] {
                var options = PlanOptions()
                options.optimizes = optimizes
                let error = #expect(throws: PlanError.self) {
                    try Plan(model, inputs: ["input": images.shape], options: options)
                }
                #expect(error?.description.contains("\"conv2d\" (Conv)") == true, "\(error?.description ?? "")")
            }
        }
    }

    @Test("a state that lacks the plan's parameters")
    func state() throws {
        let model = try network.model.differentiated(loss: .sparseCategoricalCrossentropy, optimizer: SGD())
        let plan = try Plan(model, inputs: ["input": images.shape, "labels": Shape([2])])
        let error = #expect(throws: ExecutionError.self) { try Session(plan) }
        #expect(error?.description.contains("the state must hold the parameter") == true)
        let other = try Networks.lesson(filters: 5, side: 12).model
            .differentiated(loss: .sparseCategoricalCrossentropy, optimizer: SGD())
        #expect(throws: ExecutionError.self) { try Session(plan, state: State(of: other)) }
    }

    @Test("the memory limit, and shapes beyond all memory")
    func memory() throws {
        var options = PlanOptions()
        options.memoryLimit = 1000
        let error = #expect(throws: PlanError.self) {
            try Plan(network.model, inputs: ["input": images.shape], options: options)
        }
        #expect(error?.description.contains("at most 1000 bytes may be taken;") == true)
        options.memoryLimit = try Plan(network.model, inputs: ["input": images.shape]).memoryBytes
        _ = try Plan(network.model, inputs: ["input": images.shape], options: options)

        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n"]))
        var sums: [Symbol] = []
        for _ in 0..<40 { sums.append(try graph.call(Activate(.tanh), x)) }
        graph.output(try sums.dropFirst().reduce(sums[0]) { try graph.call(Arithmetic(.add), $0, $1) }, name: "y")
        #expect(throws: PlanError.self) { try Plan(graph.model, inputs: ["x": Shape([1 << 48])]) }
        var unlimited = PlanOptions()
        unlimited.memoryLimit = .max
        let plan = try Plan(graph.model, inputs: ["x": Shape([1 << 48])], options: unlimited)
        #expect(throws: ExecutionError.self) { try Session(plan) }
        let limited = #expect(throws: PlanError.self) {
            try Plan(graph.model, inputs: ["x": Shape([1 << 48])], options: options)
        }
        #expect(limited?.description.contains("at most") == true)
        #expect(throws: ShapeError.self) { try Shape([1 << 48, 2]) }
        #expect(throws: ShapeError.self) { try Shape([.max, .max]) }
        #expect(throws: ShapeError.self) { try Shape([2, -1]) }
        #expect(throws: ShapeError.outOfMemory(bytes: 1 << 50)) { try Tensor(zeros: .float32, shape: [1 << 48]) }
    }

    @Test("element types the kernels do not compute with", arguments: [ElementType.complex64, .bool, .string])
    func elementTypes(elementType: ElementType) throws {
        let x = try Tensor(zeros: elementType, shape: [2, 4, 4, 3])
        let window = try WindowGeometry(kernel: [2, 2])
        for operation in [Activate(.relu), MaxPool(window: window), AveragePool(window: window), Softmax()]
            as [any Operator]
        {
            let error = #expect(throws: ShapeError.self) { try run(operation, [x]) }
            #expect(error?.description.contains("; received \(elementType)") == true)
        }
        #expect(throws: ShapeError.self) { try run(Arithmetic(.add), [x, x]) }
        let float = try Tensor(zeros: .float32, shape: [2, 4, 4, 3])
        let mixed = #expect(throws: ShapeError.self) { try run(Arithmetic(.add), [float, x]) }
        #expect(mixed?.description.contains("node \"Add\" (Add)") == true)
    }

    @Test("a run that fails leaves parameters, session and outputs usable")
    func failedStep() throws {
        let (images, labels) = try Networks.data(4, [12, 12, 1], classes: 10)
        let step = try TrainingStep(network.model, loss: .sparseCategoricalCrossentropy, optimizer: SGD(), threads: 2)
        let before = step.parameters
        let error = #expect(throws: TrainingError.self) { try step(images, Tensor([Int64(1), 2, 10, 3])) }
        #expect(error?.description.contains("0 to 9; received 10 at position 2") == true)
        #expect(SameBitsTests.differing(before, step.parameters) == 0 && step.stepsDone == 0)
        #expect(try step(images, labels).loss.isFinite)
        #expect(SameBitsTests.differing(before, step.parameters) > 0)
        #expect(throws: TrainingError.self) { try step(images, Tensor([Int64(1)])) }
        #expect(throws: TrainingError.self) { try step(Tensor(zeros: .float32, shape: [4, 12, 13, 1]), labels) }
    }
}
