import CTamisKernels

/// How two shapes meet in an element-wise operator, as numpy broadcasts: axes align at the end, and an extent of 1
/// stretches.
struct Broadcast: Sendable {
    /// The extents of the result, neighbouring axes that both operands pass in step merged into one.
    let extents: [Int]
    /// Elements between neighbours along each of these axes, 0 where an operand is stretched.
    let stridesA: [Int]
    let stridesB: [Int]

    init(_ a: Shape, _ b: Shape) throws(ShapeError) {
        let rank = max(a.rank, b.rank)
        func strides(_ shape: Shape) -> [Int] {
            let own = zip(shape.dimensions, shape.strides).map { $0 == 1 ? 0 : $1 }
            return [Int](repeating: 0, count: rank - shape.rank) + own
        }
        let (allA, allB) = (strides(a), strides(b))
        let full = try Broadcast.shape(a, b)
        var (extents, stridesA, stridesB): ([Int], [Int], [Int]) = ([], [], [])
        for axis in 0..<rank where full[axis] != 1 {
            if let last = extents.indices.last, stridesA[last] == allA[axis] * full[axis],
                stridesB[last] == allB[axis] * full[axis]
            {
                extents[last] *= full[axis]
                (stridesA[last], stridesB[last]) = (allA[axis], allB[axis])
            } else {
                extents.append(full[axis])
                stridesA.append(allA[axis])
                stridesB.append(allB[axis])
            }
        }
        (self.extents, self.stridesA, self.stridesB) = (extents, stridesA, stridesB)
    }

    /// The shape two fixed shapes broadcast to.
    static func shape(_ a: Shape, _ b: Shape) throws(ShapeError) -> Shape {
        let dimensions = try dimensions(
            a.dimensions.map(Dimension.fixed), b.dimensions.map(Dimension.fixed), of: "broadcast")
        return try Shape(dimensions.compactMap(\.value))
    }

    /// The dimensions two operands broadcast to; free ones are taken to agree.
    static func dimensions(_ a: [Dimension], _ b: [Dimension], of kind: String) throws(ShapeError) -> [Dimension] {
        let rank = max(a.count, b.count)
        let left = [Dimension](repeating: 1, count: rank - a.count) + a
        let right = [Dimension](repeating: 1, count: rank - b.count) + b
        var result: [Dimension] = []
        for (x, y) in zip(left, right) {
            switch (x, y) {
            case (1, _): result.append(y)
            case (_, 1): result.append(x)
            case (.fixed(let p), .fixed(let q)):
                guard p == q else {
                    throw .mismatch(
                        rule: "\(kind)'s operands must have equal extents, or 1, on each axis from the last",
                        received: "\(a) and \(b)")
                }
                result.append(x)
            case (.fixed, _): result.append(x)
            case (_, .fixed): result.append(y)
            default: result.append(x == y ? x : .unknown)
            }
        }
        return result
    }
}

/// Copies a strided array to a contiguous one; strides in elements of `size` bytes.
func stridedCopy(
    _ extents: [Int], strides: [Int], _ size: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer
) {
    tamis_strided_copy(extents.count, extents, strides, size, source, target)
}
