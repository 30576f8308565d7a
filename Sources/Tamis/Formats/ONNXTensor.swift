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

    /// The tensor, its elements from another file if they are there; `external` finds those.
    package func tensor() throws(ImportError) -> Tensor { try tensor(nil) }

    func tensor(_ external: ONNXExternalData?) throws(ImportError) -> Tensor {
        switch contents {
        case .tensor(let tensor): return tensor
        case .external(let elementType, let shape, let entries):
            let place = "tensor \"\(name)\""
            guard let external else {
                throw .unsupported("tensors whose elements are in another file", place: place)
            }
            return try external.tensor(elementType, shape, entries, place: place)
        }
    }
}
