/// An attribute of an ONNX node (`AttributeProto`).
package struct ONNXAttribute: Equatable, Sendable {
    package var name: String
    package var value: Value
    package var documentation = ""

    /// An attribute of a name.
    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    /// What an attribute holds.
    package enum Value: Equatable, Sendable {
        case float(Float), int(Int), string(String), tensor(ONNXTensor), graph(ONNXGraph), type(ONNXType)
        case floats([Float]), ints([Int]), strings([String]), tensors([ONNXTensor]), graphs([ONNXGraph])
        case types([ONNXType])
        /// In a function: the attribute of this name and kind of the node that calls it.
        case reference(String, Kind)
        /// Sparse tensors, which are neither read nor written.
        case unsupported(Kind)
    }

    /// The kinds by the numbers of `AttributeProto.AttributeType`.
    package enum Kind: Int, Sendable {
        case float = 1, int, string, tensor, graph, floats, ints, strings, tensors, graphs, sparseTensor, sparseTensors
        case type, types
    }
}
