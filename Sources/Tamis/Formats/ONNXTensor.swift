/// A tensor of an ONNX file (`TensorProto`) and its name.
package struct ONNXTensor: Equatable, Sendable {
    package var name: String
    package var documentation = ""
    package var contents: Contents

    /// Where the elements are.
    package enum Contents: Equatable, Sendable {
        /// In the file itself.
        case tensor(Tensor)
        /// In another file: what the entries `location`, `offset` and `length` say.
        case external(ElementType, Shape, [ONNXEntry])
    }

    /// A tensor whose elements are in the file.
    package init(_ tensor: Tensor, name: String = "") {
        self.name = name
        self.contents = .tensor(tensor)
    }

    /// The tensor; `ImportError.unsupported` if its elements are in another file.
    package func tensor() throws(ImportError) -> Tensor {
        switch contents {
        case .tensor(let tensor): return tensor
        case .external(_, _, let entries):
            let location = entries.first { $0.key == "location" }?.value ?? ""
            throw .unsupported(
                "tensors whose elements are in another file (\"\(location)\"); save the model as one file",
                place: "tensor \"\(name)\"")
        }
    }
}
