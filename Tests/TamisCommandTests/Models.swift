import Tamis

/// Small models in files, for the verbs to work on.
extension Folder {
    /// Writes an ONNX file of nodes between x, float32 [N, 3, 8, 8] unless told otherwise, and the outputs.
    func writeModel(
        _ name: String, _ nodes: [ONNXNode], input: [ONNXDimension] = [.named("N"), .fixed(3), .fixed(8), .fixed(8)],
        initializers: [String: Tensor] = [:], outputs: [String] = ["y"], version: Int = 17
    ) throws -> String {
        var graph = ONNXGraph()
        graph.name = "test"
        graph.nodes = nodes
        graph.inputs = [ONNXValueInfo("x", type: .tensor(.float32, input))]
        graph.outputs = outputs.map { ONNXValueInfo($0, type: .tensor(.float32, nil)) }
        graph.initializers = initializers.sorted { $0.key < $1.key }.map { ONNXTensor($0.value, name: $0.key) }
        try ONNXModel(graph: graph, operatorSets: [ONNXOperatorSet(version: version)]).write(to: path(name))
        return path(name)
    }

    /// Writes a network of two convolutions, batch normalisation, a shortcut and a dense layer, all weights random by a seed.
    func writeNetwork(_ name: String, seed: UInt64 = 1) throws -> String {
        func weight(_ name: String, _ shape: [Int]) throws -> Tensor {
            try Tensor(random: .float32, shape: Shape(shape), seed: seed, name: name)
        }
        return try writeModel(
            name,
            [
                ONNXNode("Conv", "x,w1,b1", "c1", ["pads": .ints([1, 1, 1, 1])]),
                ONNXNode("BatchNormalization", "c1,scale,shift,mean,variance", "n1"),
                ONNXNode("Relu", "n1", "r1"),
                ONNXNode("Conv", "r1,w2,b2", "c2", ["pads": .ints([1, 1, 1, 1])]),
                ONNXNode("Add", "c2,r1", "a2"), ONNXNode("Relu", "a2", "r2"),
                ONNXNode("MaxPool", "r2", "p", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
                ONNXNode("Flatten", "p", "f"), ONNXNode("Gemm", "f,w3,b3", "y"),
            ],
            initializers: [
                "w1": weight("w1", [4, 3, 3, 3]), "b1": weight("b1", [4]), "scale": weight("scale", [4]),
                "shift": weight("shift", [4]), "mean": weight("mean", [4]),
                "variance": Tensor([Float(1), 2, 3, 4]), "w2": weight("w2", [4, 4, 3, 3]), "b2": weight("b2", [4]),
                "w3": weight("w3", [64, 5]), "b3": weight("b3", [5]),
            ])
    }
}

extension ONNXNode {
    /// A node named after its first output, of inputs and outputs written in one string each.
    init(_ operatorName: String, _ inputs: String, _ outputs: String, _ attributes: [String: ONNXAttribute.Value] = [:])
    {
        self.init(
            operatorName, inputs: inputs.split(separator: ",", omittingEmptySubsequences: false).map(String.init),
            outputs: outputs.split(separator: ",").map(String.init), name: "make \(outputs)",
            attributes: attributes.sorted { $0.key < $1.key }.map { ONNXAttribute($0.key, $0.value) })
    }
}
