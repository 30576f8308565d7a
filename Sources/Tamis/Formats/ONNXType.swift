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

extension ONNXType {
    /// The type of a value of Tamis.
    init(_ type: ValueType) {
        switch type {
        case .tensor(let elementType, let dimensions):
            self = .tensor(
                elementType,
                dimensions?.map { dimension in
                    switch dimension {
                    case .fixed(let extent): .fixed(extent)
                    case .named(let name): .named(name)
                    case .unknown: .unknown
                    }
                })
        case .sequence(let element): self = .sequence(ONNXType(element))
        case .optional(let element): self = .optional(ONNXType(element))
        }
    }

    /// The type with its shapes left open; nil where Tamis has no such type, or the file says none.
    var openType: ValueType? {
        switch self {
        case .tensor(let elementType?, _): .tensor(elementType, nil)
        case .sequence(let element): element.openType.map { .sequence($0) }
        case .optional(let element): element.openType.map { .optional($0) }
        default: nil
        }
    }
}
