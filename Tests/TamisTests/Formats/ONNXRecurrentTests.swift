import Glibc
import Tamis
import TamisTestSupport
import Testing

@Suite("LSTM, GRU and RNN in ONNX files")
struct ONNXRecurrentTests {
    static let layers: [Recurrent] = [
        Recurrent(.lstm(), direction: .bidirectional), Recurrent(.lstm(couplesGates: true), clip: 0.5),
        Recurrent(.gru(), direction: .reverse),
        Recurrent(
            .gru(resetsAfterProduct: true), direction: .bidirectional,
            functions: [
                GateFunction(.hardSigmoid), GateFunction(.softsign), GateFunction(.sigmoid),
                GateFunction(.scaledTanh, alpha: 1.5, beta: 0.5),
            ]),
        Recurrent(.simple, functions: [GateFunction(.leakyRelu, alpha: 0.25)]),
        Recurrent(.lstm(), isBatchFirst: true),
    ]

    /// A model of one layer with all its weights, and an input for it.
    static func network(_ layer: Recurrent) throws -> (model: Model, inputs: [String: Tensor]) {
        let directions = layer.direction == .bidirectional ? 2 : 1
        let gates = ["LSTM": 4, "GRU": 3][layer.kind, default: 1]
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.named("a"), .named("b"), .fixed(3)]))
        var shapes = [[directions, gates * 5, 3], [directions, gates * 5, 5], [directions, gates * 10]]
        if layer.kind == "LSTM" { shapes.append([directions, 15]) }
        var symbols: [Symbol?] = [x]
        for (index, shape) in shapes.enumerated() {
            symbols.append(graph.parameter("w\(index)", try randomTensor(shape, seed: UInt64(index))))
        }
        if layer.kind == "LSTM" { symbols.insert(contentsOf: [nil, nil, nil], at: 4) }
        for (index, output) in try graph.append(layer, symbols).enumerated() {
            graph.output(output, name: "output\(index)")
        }
        return (graph.model, ["x": try randomTensor([4, 2, 3])])
    }

    @Test(arguments: layers, [14, 17, 22, 28])
    func roundTripKeepsAttributesAndBits(layer: Recurrent, opset: Int) throws {
        let (model, inputs) = try Self.network(layer)
        let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
        #expect(again.graph.nodes.compactMap { $0.operation as? Recurrent } == [layer])
        #expect(try differingBits(run(again, inputs), run(model, inputs)) == 0)
    }

    @Test func batchFirstNeedsVersion14() throws {
        let model = try Self.network(Recurrent(.gru(), isBatchFirst: true)).model
        #expect(throws: ExportError.self) { try model.onnxBytes(opset: 13) }
    }

    private static func file(_ name: String, _ attributes: [String: ONNXAttribute.Value]) throws -> ONNXModel {
        let gates = name == "GRU" ? 3 : 1
        var file = onnxFile(
            [ONNXNode(name, "x,w,r", "z", attributes)], version: 14,
            inputs: ["x": [.fixed(2), .fixed(1), .fixed(3)]],
            initializers: [
                "w": try randomTensor([1, gates * 2, 3]), "r": try randomTensor([1, gates * 2, 2]),
            ])
        file.formatVersion = 8
        return file
    }

    @Test func numbersOfFunctionsComeInOrder() throws {
        func functions(_ attributes: [String: ONNXAttribute.Value]) throws -> [GateFunction] {
            let model = try Model(onnxBytes: Self.file("GRU", attributes).encoded())
            return try #require(model.graph.nodes[0].operation as? Recurrent).functions
        }
        let names = ONNXAttribute.Value.strings(["hardsigmoid", "Tanh"])
        #expect(
            try functions(["activations": names, "activation_alpha": .floats([0.5])])
                == [GateFunction(.hardSigmoid, alpha: 0.5), GateFunction(.tanh)])
        #expect(
            try functions(["activations": .strings(["Sigmoid", "Elu"]), "activation_alpha": .floats([0.5])])
                == [GateFunction(.sigmoid), GateFunction(.elu, alpha: 0.5)])
        #expect(
            try functions(["activations": .strings(["Sigmoid", "Elu"]), "activation_alpha": .floats([0, 0.5])])
                == [GateFunction(.sigmoid), GateFunction(.elu, alpha: 0.5)])
        #expect(try functions([:]) == [GateFunction(.sigmoid), GateFunction(.tanh)])
    }

    @Test(
        arguments: [
            ["hidden_size": .int(3)], ["direction": .string("sideways")], ["activations": .strings(["Tanh"])],
            ["activations": .strings(["Tanh", "Sine"])], ["clip": .int(1)], ["input_forget": .int(1)],
        ] as [[String: ONNXAttribute.Value]])
    func wrongAttributesAreRefused(attributes: [String: ONNXAttribute.Value]) throws {
        let bytes = try Self.file("GRU", attributes).encoded()
        #expect(throws: ImportError.self) { try Model(onnxBytes: bytes) }
    }

    /// Writes what `Tests/Python/check_onnx.py` then gives to onnxruntime, which has no layers with the batch first.
    @Test(.enabled(if: getenv("TAMIS_ONNX_CHECK") != nil))
    func writesForOnnxruntime() throws {
        let folder = String(cString: try #require(getenv("TAMIS_ONNX_CHECK")))
        for (index, layer) in Self.layers.enumerated() where !layer.isBatchFirst {
            let (model, inputs) = try Self.network(layer)
            let path = "\(folder)/recurrent-\(index)"
            try model.writeONNX(to: "\(path).onnx", opset: 17)
            try #require(inputs["x"]).writeNPY(to: "\(path).input.npy")
            try run(model, inputs).writeNPY(to: "\(path).output.npy")
        }
    }
}
