/// An order of axes: axis `i` of the result is axis `order[i]` of the source, as in ONNX's Transpose.
public struct Permutation: Hashable, Sendable {
    /// For each axis of the result, the axis of the source it comes from.
    public let order: [Int]

    /// Checks that `order` names each of its axes once.
    public init(_ order: [Int]) throws(ShapeError) {
        guard order.sorted() == Array(order.indices) else {
            throw .mismatch(rule: "a permutation must name each axis from 0 once", received: "\(order)")
        }
        self.order = order
    }

    private init(unchecked order: [Int]) { self.order = order }

    /// Leaves `rank` axes where they are.
    public static func identity(rank: Int) -> Permutation { Permutation(unchecked: Array(0..<rank)) }

    /// From N × C × spatial to N × spatial × C.
    public static func channelLast(rank: Int) -> Permutation {
        Permutation(unchecked: rank < 3 ? Array(0..<rank) : [0] + Array(2..<rank) + [1])
    }

    /// From N × spatial × C to N × C × spatial.
    public static func channelFirst(rank: Int) -> Permutation { channelLast(rank: rank).inverse }

    /// From filters × channels × kernel to kernel × channels × filters.
    public static func filtersLast(rank: Int) -> Permutation {
        Permutation(unchecked: rank < 3 ? Array(0..<rank) : Array(2..<rank) + [1, 0])
    }

    /// The number of axes.
    public var rank: Int { order.count }

    /// Whether every axis stays where it is.
    public var isIdentity: Bool { order.indices.allSatisfy { order[$0] == $0 } }

    /// The order that undoes this one.
    public var inverse: Permutation {
        var inverse = order
        for (axis, source) in order.enumerated() { inverse[source] = axis }
        return Permutation(unchecked: inverse)
    }

    /// This order applied to what `first`, of as many axes, has put in order.
    package func after(_ first: Permutation) -> Permutation { Permutation(unchecked: order.map { first.order[$0] }) }

    /// The elements, one an axis of the order, in this order.
    package func apply<Element>(to elements: [Element]) -> [Element] { order.map { elements[$0] } }
}
