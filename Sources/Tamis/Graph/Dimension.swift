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
    /// Throws where there are more axes than a shape can have, or the extents that are known are none of one, so that shape
    /// rules may count without overflow.
    func checkExtents() throws(ShapeError) { _ = try Shape(map { $0.value ?? 1 }) }

    /// As many axes of any extent; nil where their number is not known.
    static func unknown(rank: Int?) throws(ShapeError) -> [Dimension]? {
        guard let rank else { return nil }
        // The number may come from a file, and asks for memory.
        guard rank <= Shape.largestRank else { throw .tooManyAxes(rank) }
        return Array(repeating: .unknown, count: rank)
    }
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
