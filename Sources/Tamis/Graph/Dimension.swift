/// The extent of an axis before the shapes of the inputs are known.
public enum Dimension: Hashable, Sendable {
    /// This many elements.
    case fixed(Int)
    /// The same number wherever the name stands, such as "batch".
    case named(String)
    /// Any number.
    case unknown

    /// The number of elements where it is known.
    public var value: Int? {
        if case .fixed(let value) = self { value } else { nil }
    }
}

extension [Dimension] {
    /// Throws where the extents that are known are none that a shape can have, so that shape rules may count without
    /// overflow.
    func checkExtents() throws(ShapeError) { _ = try Shape(compactMap(\.value)) }
}

extension Dimension: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, CustomStringConvertible {
    public init(integerLiteral value: Int) { self = .fixed(value) }
    public init(stringLiteral name: String) { self = .named(name) }

    public var description: String {
        switch self {
        case .fixed(let value): "\(value)"
        case .named(let name): name
        case .unknown: "?"
        }
    }
}
