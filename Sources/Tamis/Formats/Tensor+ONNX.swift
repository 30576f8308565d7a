extension Tensor {
    /// Reads a tensor in a file of its own, as ONNX's test data have it (a `TensorProto`, `.pb`). Throws `ImportError` if the
    /// file cannot be read, breaks the format or exceeds the limits.
    public init(pb path: String, limits: Limits = Limits()) throws(ImportError) {
        let message = try ONNXTensor(path: path, limits: limits)
        do { self = try message.tensor() } catch { throw .inFile(path, error) }
    }

    /// Writes the tensor, under a name, to a file of its own as ONNX's test data have it.
    public func writePB(to path: String, name: String = "") throws(ExportError) {
        try ONNXTensor(self, name: name).write(to: path)
    }
}
