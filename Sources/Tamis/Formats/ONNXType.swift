/// The type of a value of an ONNX graph (`TypeProto`).
package indirect enum ONNXType: Equatable, Sendable {
    /// A tensor of an element type and a shape; nil is what the file leaves open.
    case tensor(ElementType?, [ONNXDimension]?)
    case sequence(ONNXType)
    case optional(ONNXType)
    case map(key: ElementType, value: ONNXType)
    /// A type Tamis has not, in words; written as a type left open.
    case unsupported(String)
}
