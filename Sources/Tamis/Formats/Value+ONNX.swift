extension Value {
    /// Reads a value of a type in a file of its own, as ONNX's test data have it (`.pb`): what message the file holds, that of
    /// a tensor, a sequence or an optional value, does not stand in it. Throws `ImportError` if the file cannot be read,
    /// breaks the format or exceeds the limits.
    public init(pb path: String, type: ValueType, limits: Limits = Limits()) throws(ImportError) {
        switch type {
        case .tensor: self = .tensor(try Tensor(pb: path, limits: limits))
        case .sequence: self = .sequence(try ONNXSequence(path: path, limits: limits).elements)
        case .optional: self = .optional(try ONNXOptional(path: path, limits: limits).value)
        }
    }

    /// Writes the value, under a name, to a file of its own as ONNX's test data have it.
    public func writePB(to path: String, name: String = "") throws(ExportError) {
        switch self {
        case .tensor(let tensor): try tensor.writePB(to: path, name: name)
        case .sequence(let elements): try ONNXSequence(elements, name: name).write(to: path)
        case .optional(let value): try ONNXOptional(value, name: name).write(to: path)
        }
    }
}
