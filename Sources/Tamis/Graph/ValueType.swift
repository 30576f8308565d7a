/// What a value of a graph can be: a tensor of some type and perhaps shape, a sequence, or something that may be missing.
public indirect enum ValueType: Hashable, Sendable {
    /// A tensor; the dimensions are nil where not even the rank is known.
    case tensor(ElementType, [Dimension]?)
    /// Values of one type, one after another.
    case sequence(ValueType)
    /// A value that may be missing.
    case optional(ValueType)

    /// A tensor of a known shape.
    public static func tensor(_ elementType: ElementType, _ shape: Shape) -> ValueType {
        .tensor(elementType, shape.dimensions.map(Dimension.fixed))
    }

    /// The element type of a tensor.
    public var elementType: ElementType? {
        if case .tensor(let elementType, _) = self { elementType } else { nil }
    }

    /// The dimensions of a tensor of known rank.
    public var dimensions: [Dimension]? {
        if case .tensor(_, let dimensions) = self { dimensions } else { nil }
    }

    /// The shape of a tensor whose dimensions are all known.
    public var shape: Shape? {
        guard let dimensions else { return nil }
        let values = dimensions.compactMap(\.value)
        return values.count == dimensions.count ? try? Shape(values) : nil
    }
}

extension ValueType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tensor(let elementType, let dimensions?):
            "\(elementType) [\(dimensions.map(\.description).joined(separator: ", "))]"
        case .tensor(let elementType, nil): "\(elementType) [...]"
        case .sequence(let element): "sequence of \(element)"
        case .optional(let element): "optional \(element)"
        }
    }
}
