import Tamis
import TamisTestSupport
import Testing

struct ONNXModelTestsImport {
    @Test(arguments: ONNXFixture.all)
    func answersAsOnnxruntime(fixture: ONNXFixture) throws {
        let model = try Model(onnx: fixture.path)
        let (inputs, expected) = (try fixture.inputs(of: model), try fixture.output())
        #expect(try relativeDifference(run(model, inputs), expected) < 1e-5)
        #expect(try relativeDifference(run(model, inputs, optimizes: false), expected) < 1e-5, "without passes")
    }

    @Test(arguments: ONNXFixture.all)
    func roundTripKeepsBitsAndNodes(fixture: ONNXFixture) throws {
        let model = try Model(onnx: fixture.path)
        let inputs = try fixture.inputs(of: model)
        let bytes = try model.onnxBytes(opset: 19)
        let again = try Model(onnxBytes: bytes)
        #expect(try differingBits(run(again, inputs), run(model, inputs)) == 0)
        #expect(
            again.inputs.map(\.name) == model.inputs.map(\.name) && again.inputs.map(\.type) == model.inputs.map(\.type)
        )
        #expect(again.outputs.map(\.name) == model.outputs.map(\.name))
        #expect(again.parameters.names == model.parameters.names)
        for name in model.parameters.names { #expect(again.parameters[name] == model.parameters[name], "\(name)") }
        let shapes = inputs.mapValues(\.shape)
        let (plan, planAgain) = (try Plan(model, inputs: shapes), try Plan(again, inputs: shapes))
        #expect(planAgain.lines.map(\.algorithm) == plan.lines.map(\.algorithm))

        // What is written otherwise than it was read: Gemm with factors, and the older softmax.
        let grows = [
            "gemm_scaled", "gemm_row", "gemm_column", "gemm_single", "gemm_full", "softmax_11_1", "softmax_11_2",
        ]
        guard !grows.contains(fixture.name) else { return }
        let nodes = try ONNXModel(path: fixture.path).graph.nodes.count
        #expect(try ONNXModel(FileBytes(bytes)).graph.nodes.count <= nodes)
    }

    @Test(arguments: [("lesson", 1), ("residual", 1), ("line", 1), ("volume", 2), ("viewed", 1), ("old", 1)])
    func noTransposeIsLeftBetweenConvolutions(name: String, transposes: Int) throws {
        let model = try Model(onnx: ONNXFixture(name: name).path)
        let optimized = try model.optimized()
        // One for the input, and one for an output that is an image.
        #expect(optimized.count("Transpose") == transposes)
        #expect(optimized.count("BatchNormalization") == 0)
        #expect(optimized.count("Relu") == 0)
    }

    @Test func floatWeightsAreTrainableAndStatisticsAreNot() throws {
        let model = try Model(onnx: ONNXFixture(name: "old").path)
        let trainable = model.graph.parameters.filter {
            if case .parameter(isTrainable: true) = model.graph.values[$0].source { true } else { false }
        }
        #expect(trainable.map { model.graph.values[$0].name } == ["w", "scale", "bias", "dense", "c2"])
        #expect(model.parameters.names == ["w", "scale", "bias", "mean", "variance", "dense", "c2"])
        #expect(model.parameters["w"]?.shape.dimensions == [3, 2, 2, 6])
    }

    @Test func valuesKeepTheirNames() throws {
        let model = try Model(onnx: ONNXFixture(name: "lesson").path)
        #expect(model.graph.nodes.contains { $0.name == "/0/Conv" && $0.operation is Conv })
        let fixture = ONNXFixture(name: "lesson")
        var options = PlanOptions()
        options.extraOutputs = ["/0/Conv_output_0"]
        let inputs = try fixture.inputs(of: model)
        let plan = try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
        let values = try Session(plan).run(inputs)
        // In the file's order of axes.
        #expect(values["/0/Conv_output_0"]?.shape.dimensions == [2, 8, 26, 26])
    }

    @Test func readsNumbersAsTheirWriterMeantThem() throws {
        let model = try Model(onnx: ONNXFixture(name: "old").path)
        let normalization = model.graph.nodes.lazy.compactMap { $0.operation as? BatchNormalize }.first
        #expect(normalization?.epsilon == 1e-3 && normalization?.momentum == 0.9)
    }

    @Test func aFilterOfTwoOrdersIsOneParameter() throws {
        let w = try randomTensor([2, 2, 1, 1])
        let file = onnxFile(
            [
                ONNXNode("Conv", "x,w", "c"), ONNXNode("Add", "c,s", "a"), ONNXNode("Conv", "a,w", "d"),
                ONNXNode("Mul", "d,w2", "z"), ONNXNode("Identity", "w", "w2"),
            ].swappedAt(3, 4), inputs: ["x": [.fixed(1), .fixed(2), .fixed(2), .fixed(1)]],
            initializers: ["w": w, "s": try randomTensor([2, 1, 1])])
        let model = try Model(file, operators: .standard, folder: nil, limits: Limits())
        #expect(model.parameters.names == ["w", "s"])
        let x = ["x": try randomTensor([1, 2, 2, 1], seed: 9)]
        let again = try Model(onnxBytes: model.onnxBytes())
        let (first, plain) = (try run(model, x), try run(model, x, optimizes: false))
        #expect(try relativeDifference(first, plain) < 1e-6)
        #expect(try relativeDifference(run(again, x), plain) < 1e-6)
    }

    @Test func initializersAmongTheInputsAreNoInputs() throws {
        var file = onnxFile(
            [ONNXNode("Add", "x,w", "z")],
            inputs: ["x": [.fixed(2)], "w": [.fixed(2)]], initializers: ["w": try Tensor([Float(1), 2])])
        file.graph.outputs.append(ONNXValueInfo("w", type: nil))
        file.graph.outputs.append(ONNXValueInfo("x", type: nil))
        let model = try Model(file, operators: .standard, folder: nil, limits: Limits())
        #expect(model.inputs.map(\.name) == ["x"])
        #expect(try run(model, ["x": Tensor([Float(3), 4])]) == Tensor([Float(4), 6]))
        #expect(model.outputs.map(\.name) == ["z", "w", "x"])
        let again = try Model(onnxBytes: model.onnxBytes())
        #expect(again.outputs.map(\.name) == ["z", "w", "x"])
    }

    @Test func extentsNamedForNotBeingKnownNeedNotBeTheSame() throws {
        let dimensions: [ONNXDimension] = [.named("?"), .named("?"), .named("None"), .named("n"), .fixed(-1)]
        let file = onnxFile([ONNXNode("Relu", "x", "z")], inputs: ["x": dimensions])
        let model = try Model(file, operators: .standard, folder: nil, limits: Limits())
        #expect(model.inputs[0].type == .tensor(.float32, [.unknown, .unknown, .unknown, .named("n"), .unknown]))
    }

    @Test func rowsOfOnesOwn() throws {
        let file: ONNXModel = {
            var file = onnxFile([ONNXNode("Twice", "x", "z")])
            file.graph.nodes[0].domain = "my.own"
            file.operatorSets.append(ONNXOperatorSet(domain: "my.own", version: 3))
            return file
        }()
        let operators = ONNXOperators.standard.adding(
            ONNXOperator(
                "Twice", domain: "my.own", versions: 2...4,
                read: { (node) throws(ImportError) in
                    let x = try node.input(0)
                    return [try node.call(Arithmetic(.add), x, x)]
                }))
        let model = try Model(file, operators: operators, folder: nil, limits: Limits())
        #expect(try run(model, ["x": Tensor([Float(3), 4, 5, 6], shape: [1, 4])]).doubles() == [6, 8, 10, 12])
        #expect(throws: ImportError.self) { try Model(file, operators: .standard, folder: nil, limits: Limits()) }
    }
}

extension Array {
    fileprivate func swappedAt(_ i: Int, _ j: Int) -> [Element] {
        var copy = self
        copy.swapAt(i, j)
        return copy
    }
}
