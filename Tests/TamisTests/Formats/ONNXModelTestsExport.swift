import Glibc
import Tamis
import TamisTestSupport
import Testing

struct ONNXModelTestsExport {
    /// Networks with all that layers can be.
    static let networks: [(name: String, make: @Sendable () throws -> Model, input: [Int])] = [
        (
            "lesson",
            {
                try Sequential(input: [28, 28, 1]) {
                    Conv2D(8, (3, 3), activation: .relu)
                    MaxPooling2D(2, 2)
                    Conv2D(6, (3, 3), activation: .relu)
                    MaxPooling2D(2, 2)
                    Flatten()
                    Dense(12, activation: .relu)
                    Dense(10, activation: .softmax)
                }.model
            }, [28, 28, 1]
        ),
        (
            "normalized",
            {
                try Sequential(input: [9, 8, 3]) {
                    Conv2D(8, (3, 3), padding: .same, useBias: false)
                    BatchNormalization()
                    ReLU()
                    DepthwiseConv2D((3, 3), strides: (2, 2), padding: .same, depthMultiplier: 2, activation: .tanh)
                    Conv2D(6, (3, 2), padding: .same, dilationRate: (2, 1), groups: 2, activation: .sigmoid)
                    AveragePooling2D(2, 2, padding: .same)
                    BatchNormalization(epsilon: 1e-4, scale: false)
                    Dense(5, activation: .relu)
                    Flatten()
                    Dense(4, activation: .logSoftmax)
                }.model
            }, [9, 8, 3]
        ),
        (
            "dense",
            {
                try Sequential(input: [5]) {
                    Dense(4, useBias: false); BatchNormalization(); Dense(3)
                }.model
            }, [5]
        ),
    ]

    static func network(_ index: Int, batch: Int = 3) throws -> (model: Model, inputs: [String: Tensor]) {
        let network = networks[index]
        return (try network.make().shaken(), ["input": try randomTensor([batch] + network.input)])
    }

    @Test(arguments: networks.indices, [13, 17, 28])
    func roundTripKeepsBitsNamesAndShapes(index: Int, opset: Int) throws {
        let (model, inputs) = try Self.network(index)
        let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
        #expect(again.inputs.map(\.type) == model.inputs.map(\.type) && again.inputs[0].name == "input")
        #expect(again.outputs.map(\.name) == ["output"])
        #expect(again.parameters.names == model.parameters.names)
        for name in model.parameters.names { #expect(again.parameters[name] == model.parameters[name], "\(name)") }
        #expect(try differingBits(run(again, inputs), run(model, inputs)) == 0)
        let shapes = inputs.mapValues(\.shape)
        let (plan, planAgain) = (try Plan(model, inputs: shapes), try Plan(again, inputs: shapes))
        #expect(planAgain.lines.map(\.algorithm) == plan.lines.map(\.algorithm))
        let trainable = { (model: Model) in
            model.graph.parameters.filter {
                if case .parameter(isTrainable: true) = model.graph.values[$0].source { true } else { false }
            }.map { model.graph.values[$0].name }
        }
        #expect(trainable(again) == trainable(model))
    }

    @Test func onlyNeededTransposesAreWritten() throws {
        let file = try Self.network(0).model.onnx()
        #expect(
            file.graph.nodes.map(\.operatorName) == [
                "Transpose", "Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Transpose", "Flatten", "Gemm",
                "Relu",
                "Gemm", "Softmax",
            ])
        #expect(
            file.graph.inputs == [
                ONNXValueInfo("input", type: .tensor(.float32, [.named("batch"), .fixed(28), .fixed(28), .fixed(1)]))
            ])
        #expect(
            file.graph.outputs == [ONNXValueInfo("output", type: .tensor(.float32, [.named("batch"), .fixed(10)]))])
        #expect(
            file.graph.initializers.map(\.name) == [
                "conv2d/kernel", "conv2d/bias", "conv2d_1/kernel", "conv2d_1/bias", "dense/kernel", "dense/bias",
                "dense_1/kernel", "dense_1/bias",
            ])
        #expect(try file.graph.initializers[0].tensor().shape.dimensions == [8, 1, 3, 3])
        #expect(file.formatVersion >= 8 && file.operatorSets == [ONNXOperatorSet(version: 17)])
    }

    @Test func fusedActivationsAreNodes() throws {
        let (model, inputs) = try Self.network(1)
        let optimized = try model.optimized()
        #expect(optimized.graph.nodes.contains { ($0.operation as? Conv)?.activation == .tanh })
        let again = try Model(onnxBytes: optimized.onnxBytes())
        #expect(try differingBits(run(again, inputs), run(model, inputs)) == 0)
    }

    /// Two steps of training from the same start, on the same images.
    private func trained(_ model: Model, _ example: [Int], classes: Int) throws -> Parameters {
        let step = try TrainingStep(model, loss: .sparseCategoricalCrossentropy, optimizer: AdamOptimizer(), threads: 2)
        for seed in 0..<2 {
            let images = try randomTensor([5] + example, seed: UInt64(seed))
            _ = try step(images, try Tensor((0..<5).map { Int64(($0 * 7 + seed) % classes) }))
        }
        return step.parameters
    }

    @Test func trainingGoesOnWithTheSameBits() throws {
        let (model, _) = try Self.network(0)
        let again = try Model(onnxBytes: model.onnxBytes())
        let wanted = try trained(model, [28, 28, 1], classes: 10)
        let received = try trained(again, [28, 28, 1], classes: 10)
        for name in wanted.names {
            #expect(received[name] == wanted[name], "\(name)")
            #expect(received[name] != model.parameters[name], "\(name) has not moved")
        }
        // And what has been trained goes out and in.
        var last = again
        last.parameters = received
        let loaded = try Model(onnxBytes: last.onnxBytes())
        for name in wanted.names { #expect(loaded.parameters[name] == wanted[name], "\(name)") }
    }

    @Test func trainingAModelOfPyTorchMovesNoImageBetweenConvolutions() throws {
        let model = try Model(onnx: ONNXFixture(name: "lesson").path)
        let step = try TrainingStep(model, loss: .sparseCategoricalCrossentropy, optimizer: AdamOptimizer())
        // The input, the image before Flatten and its gradient.
        #expect(step.model.count("Transpose") == 3)
        let wanted = try trained(model, [1, 28, 28], classes: 10)
        for name in model.parameters.names { #expect(wanted[name] != model.parameters[name], "\(name) has not moved") }
    }

    @Test("what says how a node works is an initializer, be it of floats", arguments: [true, false])
    func numbersAreInitializers(isConstantNode: Bool) throws {
        let scales = try Tensor([1, 1, 2, 2] as [Float])
        let constant = ONNXNode("Constant", "", "s", ["value": .tensor(ONNXTensor(scales))])
        let file = onnxFile(
            (isConstantNode ? [constant] : []) + [ONNXNode("Resize", "x,,s", "z")],
            inputs: ["x": [.fixed(1), .fixed(2), .fixed(3), .fixed(4)]],
            initializers: isConstantNode ? [:] : ["s": scales])
        let written = try Model(onnxBytes: file.encoded()).onnx()
        #expect(written.graph.nodes.map(\.operatorName) == ["Resize"])
        #expect(try written.graph.initializers.map { try $0.tensor() } == [scales])
    }

    @Test("a graph within has initializers: nothing in it is learned")
    func initializersWithin() throws {
        var branch = ONNXGraph()
        branch.name = "branch"
        branch.nodes = [ONNXNode("Add", "x,w", "sum")]
        branch.outputs = [ONNXValueInfo("sum", type: .tensor(.float32, nil))]
        branch.initializers = [ONNXTensor(try Tensor([1, 2, 3, 4] as [Float]), name: "w")]
        var file = onnxFile(
            [ONNXNode("If", "c", "z", ["then_branch": .graph(branch), "else_branch": .graph(branch)])])
        file.graph.inputs.append(ONNXValueInfo("c", type: .tensor(.bool, [])))
        let written = try Model(onnxBytes: file.encoded()).onnx()
        let bodies = written.graph.nodes.flatMap(\.attributes).compactMap { attribute in
            if case .graph(let graph) = attribute.value { graph } else { nil }
        }
        #expect(bodies.map { $0.nodes.map(\.operatorName) } == [["Add"], ["Add"]])
        #expect(bodies.map(\.initializers.count) == [1, 1])
    }

    @Test func keepsMetadata() throws {
        var (model, _) = try Self.network(2)
        model.metadata = ["description": "says what", "name": "graph", "licence": "MIT", "author": "nobody"]
        let again = try Model(onnxBytes: model.onnxBytes())
        #expect(again.metadata == model.metadata.merging(["producer": "Tamis"]) { $1 })
    }

    @Test func refusesStepsOfTraining() throws {
        let (model, _) = try Self.network(0)
        let gradients = try model.gradients(of: .sparseCategoricalCrossentropy)
        #expect {
            _ = try gradients.onnxBytes()
        } throws: { error in
            guard case .unsupported(let feature, let place)? = error as? ExportError else { return false }
            return feature.hasPrefix("the operator ") && place.hasPrefix("node \"")
        }
        let step = try model.differentiated(loss: .sparseCategoricalCrossentropy, optimizer: SGD())
        #expect(throws: ExportError.self) { try step.onnxBytes() }
    }

    @Test(arguments: [12, 29, -1]) func refusesOtherVersions(opset: Int) throws {
        let (model, _) = try Self.network(2)
        #expect(throws: ExportError.self) { try model.onnxBytes(opset: opset) }
    }

    @Test func dilatedAveragesNeedANewVersion() throws {
        let model = try Model(onnx: ONNXFixture(name: "averagepool_dilated").path)
        #expect(throws: ExportError.self) { try model.onnxBytes(opset: 18) }
        _ = try model.onnxBytes(opset: 19)
    }

    /// Writes what `Tests/Python/check_onnx.py` then gives to onnxruntime: `make test` names the folder.
    @Test(.enabled(if: getenv("TAMIS_ONNX_CHECK") != nil))
    func writesForOnnxruntime() throws {
        let folder = String(cString: try #require(getenv("TAMIS_ONNX_CHECK")))
        func write(_ model: Model, _ inputs: [String: Tensor], _ name: String, opset: Int) throws {
            let path = "\(folder)/\(name)-\(opset)"
            try model.writeONNX(to: "\(path).onnx", opset: opset)
            for (input, suffix) in zip(model.inputs, ["input", "labels"]) {
                try #require(inputs[input.name]).writeNPY(to: "\(path).\(suffix).npy")
            }
            try run(model, inputs).writeNPY(to: "\(path).output.npy")
        }
        for index in Self.networks.indices {
            let (model, inputs) = try Self.network(index)
            for opset in [13, 17, 28] { try write(model, inputs, "network-\(Self.networks[index].name)", opset: opset) }
        }
        for fixture in ONNXFixture.all {
            let model = try Model(onnx: fixture.path)
            try write(model, fixture.inputs(of: model), fixture.name, opset: fixture.name.contains("dilated") ? 19 : 17)
        }
    }
}
