/// An ONNX file as it stands there (`ModelProto`), with no rule of graphs applied yet.
package struct ONNXModel: Equatable, Sendable {
    /// The version of the format itself.
    package var formatVersion = 8
    /// The version of each operator set in use.
    package var operatorSets: [ONNXOperatorSet] = []
    /// What wrote the file.
    package var producerName = ""
    package var producerVersion = ""
    /// Whose model it is, and which version of it.
    package var domain = ""
    package var modelVersion = 0
    package var documentation = ""
    package var graph: ONNXGraph
    package var metadata: [ONNXEntry] = []
    /// The operators that the model brings along.
    package var functions: [ONNXFunction] = []

    /// A model of one graph.
    package init(graph: ONNXGraph, operatorSets: [ONNXOperatorSet] = []) {
        self.graph = graph
        self.operatorSets = operatorSets
    }
}
