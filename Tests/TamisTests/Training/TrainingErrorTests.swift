import Tamis
import TamisTestSupport
import Testing

@Suite("Errors of training")
struct TrainingErrorTests {
    private func network(input: String = "input") throws -> Sequential {
        try Sequential(input: [4], name: input) { Dense(3, activation: .softmax) }
    }

    @Test("labels of several numbers an example are refused; a second axis of one is not")
    func labels() throws {
        let inputs = try Tensor(zeros: .float32, shape: [5, 4])
        let oneHot = #expect(throws: TrainingError.self) {
            try Dataset(inputs: inputs, labels: Tensor(zeros: .int64, shape: [5, 3]))
        }
        #expect(oneHot?.description.contains("received inputs [5, 4], labels [5, 3]") == true)
        let column = try Dataset(inputs: inputs, labels: Tensor(zeros: .uint8, shape: [5, 1]))
        #expect(column.labels.shape.dimensions == [5])
        var network = try network()
        try network.fit(column, batchSize: 2, threads: 1)
    }

    @Test("a network with a value by the name of training's own input", arguments: ["labels", "learning_rate", "step"])
    func names(name: String) throws {
        let inputs = try Tensor(zeros: .float32, shape: [5, 4])
        let data = try Dataset(inputs: inputs, labels: Tensor(zeros: .int64, shape: [5]))
        var network = try network(input: name)
        #expect(throws: TrainingError.self) { try network.fit(data, threads: 1) }
        #expect(throws: TrainingError.self) { try network.evaluate(data, threads: 1) }
        #expect(throws: TrainingError.self) { try network.classificationReport(on: data, threads: 1) }
        #expect(throws: TrainingError.self) {
            try TrainingStep(network.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(), threads: 1)
        }
    }

    @Test("a batch of as many images of another size is planned anew")
    func sizes() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", "height", "width", 2]))
        let w = graph.parameter("w", try Tensor(repeating: Float(0.1), shape: [1, 1, 2, 3]))
        let y = try graph.call(Conv(window: WindowGeometry(kernel: [1, 1])), x, w)
        graph.output(y, name: "y")
        let step = try TrainingStep(graph.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(), threads: 1)
        for side in [3, 4] {
            let inputs = try Tensor(repeating: Float(1), shape: [2, side, side, 2])
            let metrics = try step(inputs, Tensor(zeros: .int64, shape: [2, side, side]))
            #expect(metrics.loss.isFinite)
        }
        #expect(throws: TrainingError.self) {
            try step(Tensor(zeros: .float32, shape: [2, 3, 3, 2]), Tensor(zeros: .int64, shape: [2]))
        }
    }

    @Test("labels whose extents do not follow from the batch's are an error before any step")
    func openLabels() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", 8]))
        let w = graph.parameter("w", try Tensor(repeating: Float(1), shape: [8]))
        let shape = graph.constant(try Tensor([Int64](arrayLiteral: 0, 2, 2, 2)))
        let weighted = try graph.call(Arithmetic(.multiply), x, w)
        graph.output(try graph.call(Reshape(), weighted, shape), name: "y")
        // The labels are [batch, 2, 2], which follows; then [batch, ?, ?], which does not.
        let step = try TrainingStep(graph.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(), threads: 1)
        try step.prepare(batchSize: 2, example: [8])
        let open = GraphBuilder()
        let images = open.input("x", .tensor(.float32, ["batch", "n"]))
        let scale = open.parameter("w", try Tensor(repeating: Float(1), shape: [1]))
        let product = try open.call(Arithmetic(.multiply), images, scale)
        let wanted = open.constant(try Tensor([Int64](arrayLiteral: 0, 2, -1, 2)))
        open.output(try open.call(Reshape(), product, wanted), name: "y")
        let openStep = try TrainingStep(open.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(), threads: 1)
        let error = #expect(throws: TrainingError.self) { try openStep.prepare(batchSize: 2, example: [8]) }
        #expect(error?.description.contains("must follow from those of a batch") == true)
    }

    @Test("outputs without axes cannot be joined")
    func scalars() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", 1]))
        let shape = graph.constant(try Tensor([Int64](), shape: [0]))
        graph.output(try graph.call(Reshape(), x, shape), name: "y")
        let model = graph.model
        #expect(throws: ExecutionError.self) {
            try model.predict(Tensor(zeros: .float32, shape: [2, 1]), batchSize: 1)
        }
    }

    @Test("a bar of more steps than there are, and of no time, is drawn all the same")
    func progress() {
        let metrics = Metrics(loss: 1, accuracy: 0.5)
        for (step, seconds) in [(5, 1), (-1, Double.nan), (.max, .infinity)] {
            var text = ""
            ProgressReporter(target: .init(isTerminal: true)) { text += $0 }.report(
                TrainingProgress(epoch: 1, epochs: 1, step: step, steps: 3, metrics: metrics, seconds: seconds))
            #expect(step == 5 || !text.isEmpty)
        }
    }
}
