/// The extents of a tensor: 0 to 64 dimensions of zero or more elements, whose product fits an `Int`.
public struct Shape: Hashable, Sendable {
    /// The extent of each axis.
    public let dimensions: [Int]
    /// The product of the dimensions; 1 for a scalar, which has none.
    public let elementCount: Int

    /// The most elements a tensor or an axis may have: more than any machine holds, and so few that the arithmetic of
    /// kernels and memory cannot overflow.
    static let largest = 1 << 48
    /// The most axes a tensor may have, as in numpy: what is done for each axis of each element stays short.
    static let largestRank = 64

    /// Checks that there are at most 64 dimensions, that none is negative and that the product of those that are not zero is
    /// at most 2⁴⁸: then so is that of any axes of the shape, of a batch of no images too, as in numpy.
    public init(_ dimensions: [Int]) throws(ShapeError) {
        var count = 1
        guard dimensions.count <= Shape.largestRank else { throw .tooManyAxes(dimensions.count) }
        guard dimensions.allSatisfy({ $0 >= 0 }) else { throw .negativeDimension(dimensions) }
        for dimension in dimensions where dimension > 0 {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard !overflow, product <= Shape.largest else { throw .tooManyElements(dimensions) }
            count = product
        }
        self.dimensions = dimensions
        self.elementCount = dimensions.contains(0) ? 0 : count
    }

    /// The shape of a single value: no axes, one element.
    public static let scalar = Shape(unchecked: [], elementCount: 1)

    private init(unchecked dimensions: [Int], elementCount: Int) {
        self.dimensions = dimensions
        self.elementCount = elementCount
    }

    /// The number of axes.
    public var rank: Int { dimensions.count }

    /// The extent of one axis.
    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// The shape with its axes in another order.
    package func permuted(by order: Permutation) -> Shape {
        Shape(unchecked: order.apply(to: dimensions), elementCount: elementCount)
    }

    /// For each axis, how many elements lie between neighbours along it in row-major order.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] &* max(dimensions[axis + 1], 1)
        }
        return strides
    }
}

extension Shape: CustomStringConvertible {
    public var description: String { dimensions.description }
}
