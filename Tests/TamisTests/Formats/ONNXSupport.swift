import Glibc
import Tamis
import TamisTestSupport
import Testing

/// A model of `Tests/Fixtures/make_onnx.py` with what onnxruntime says of it.
struct ONNXFixture: CustomTestStringConvertible {
    let name: String

    private static let folder =
        #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Fixtures/ONNX"

    var path: String { "\(Self.folder)/\(name).onnx" }
    var testDescription: String { name }

    /// The inputs by the names of the model's inputs, in order.
    func inputs(of model: Model) throws -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for (input, suffix) in zip(model.inputs, ["input", "labels"]) {
            inputs[input.name] = try Tensor(npy: "\(Self.folder)/\(name).\(suffix).npy")
        }
        return inputs
    }

    func output() throws -> Tensor { try Tensor(npy: "\(Self.folder)/\(name).output.npy") }

    static let all = [
        "averagepool_0", "averagepool_1", "averagepool_dilated", "averagepool_same", "constants", "conv_asymmetric",
        "conv_computed", "conv_same_lower", "conv_same_upper", "conv_valid", "gemm_column", "gemm_full", "gemm_row",
        "gemm_scaled", "gemm_single", "gemm_transposed", "lesson", "line", "logsoftmax_13", "loss", "matmul_bias",
        "maxpool_ceil", "maxpool_ceil_gaps", "old", "residual", "softmax_11_1", "softmax_11_2", "softmax_11_3",
        "viewed",
        "volume",
    ].map { ONNXFixture(name: $0) }
}

/// The first output of a model.
func run(_ model: Model, _ inputs: [String: Tensor], optimizes: Bool = true) throws -> Tensor {
    var options = PlanOptions()
    options.optimizes = optimizes
    let plan = try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
    return try #require(try Session(plan, threads: 1).run(inputs)[model.outputs[0].name])
}

/// The largest distance of two tensors over the largest number of the second.
func relativeDifference(_ tensor: Tensor, _ expected: Tensor) throws -> Double {
    guard tensor.shape == expected.shape else { return .infinity }
    let pairs = zip(try tensor.doubles(), try expected.doubles())
    var (difference, largest) = (0.0, 1e-30)
    for (value, wanted) in pairs {
        difference = max(difference, value.isNaN ? .infinity : abs(value - wanted))
        largest = max(largest, abs(wanted))
    }
    return difference / largest
}

/// Numbers between −1 and 1 from a fixed seed.
func randomTensor(_ shape: [Int], seed: UInt64 = 1) throws -> Tensor {
    var random = Philox(seed: seed)
    return try Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.nextUniform() * 2 - 1) }, shape: shape)
}

extension Model {
    /// How many nodes of a kind the graph has.
    func count(_ kind: String) -> Int { graph.nodes.count { $0.operation.kind == kind } }

    /// The same model with each parameter moved away from its simple first value.
    func shaken() throws -> Model {
        var model = self
        for (index, name) in parameters.names.enumerated() {
            guard let tensor = parameters[name] else { continue }
            let noise = try randomTensor(tensor.shape.dimensions, seed: UInt64(index)).scalars(as: Float.self)
            let isVariance = name.contains("variance")
            let scalars = try zip(tensor.scalars(as: Float.self), noise).map { isVariance ? $0 + abs($1) : $0 + $1 / 4 }
            model.parameters[name] = try Tensor(scalars, shape: tensor.shape.dimensions)
        }
        return model
    }
}

/// An ONNX file of some nodes: inputs x and y, output z, initializers w (float) and i (int64).
func onnxFile(
    _ nodes: [ONNXNode], version: Int = 17, inputs: [String: [ONNXDimension]] = ["x": [.named("n"), .fixed(4)]],
    initializers: [String: Tensor] = [:], output: String = "z"
) -> ONNXModel {
    var graph = ONNXGraph()
    graph.name = "test"
    graph.nodes = nodes
    graph.inputs = inputs.sorted { $0.key < $1.key }.map { ONNXValueInfo($0.key, type: .tensor(.float32, $0.value)) }
    graph.outputs = [ONNXValueInfo(output, type: .tensor(.float32, nil))]
    graph.initializers = initializers.sorted { $0.key < $1.key }.map { ONNXTensor($0.value, name: $0.key) }
    return ONNXModel(graph: graph, operatorSets: [ONNXOperatorSet(version: version)])
}

extension ONNXNode {
    /// A node named after its operator, of inputs and outputs written in one string each.
    init(_ operatorName: String, _ inputs: String, _ outputs: String, _ attributes: [String: ONNXAttribute.Value] = [:])
    {
        self.init(
            operatorName, inputs: inputs.split(separator: ",", omittingEmptySubsequences: false).map(String.init),
            outputs: outputs.split(separator: ",").map(String.init), name: "the \(operatorName)",
            attributes: attributes.sorted { $0.key < $1.key }.map { ONNXAttribute($0.key, $0.value) })
    }
}
