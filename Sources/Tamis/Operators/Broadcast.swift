import CTamisKernels
import TamisKernels

/// How shapes meet in an element-wise operator, as numpy broadcasts: axes align at the end, and an extent of 1 stretches.
struct Broadcast: Sendable {
    /// The extents of the result, neighbouring axes that all operands pass in step merged into one.
    let extents: [Int]
    /// For each operand, the elements between neighbours along each of these axes, 0 where it is stretched.
    let strides: [[Int]]

    init(_ shapes: Shape...) throws(ShapeError) {
        var full = Shape.scalar
        for shape in shapes { full = try Broadcast.shape(full, shape) }
        let all = shapes.map { shape in
            [Int](repeating: 0, count: full.rank - shape.rank)
                + zip(shape.dimensions, shape.strides).map { $0 == 1 ? 0 : $1 }
        }
        var extents: [Int] = []
        var strides = [[Int]](repeating: [], count: shapes.count)
        for (axis, extent) in full.dimensions.enumerated() where extent != 1 {
            if let last = extents.indices.last, zip(strides, all).allSatisfy({ $0[last] == $1[axis] * extent }) {
                extents[last] *= extent
                for operand in all.indices { strides[operand][last] = all[operand][axis] }
            } else {
                extents.append(extent)
                for operand in all.indices { strides[operand].append(all[operand][axis]) }
            }
        }
        (self.extents, self.strides) = (extents, strides)
    }

    /// Where the result at `index` finds its elements of the first operand and of the second.
    func offsets(of index: Int) -> (a: Int, b: Int) {
        var (rest, a, b) = (index, 0, 0)
        for axis in extents.indices.reversed() {
            let (quotient, position) = rest.quotientAndRemainder(dividingBy: extents[axis])
            a += position * strides[0][axis]
            b += position * strides[1][axis]
            rest = quotient
        }
        return (a, b)
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

extension Broadcast {
    /// Results that lie one after the other: `rows` rows of `count` elements, from the element `first` of the output on.
    struct Block {
        /// Where the block finds an operand: its first element, and how far it is to the next row and element.
        struct Place {
            var first = 0
            var row = 0
            var step = 0
        }

        var rows: Int
        var count: Int
        var first: Int
        /// The place of the first operand; of the second and the third.
        var a = Place()
        var b = Place()
        var c = Place()
    }

    /// Work on one block.
    typealias Body = @Sendable (borrowing Bindings, Block) -> KernelStatus

    /// Element-wise work in tiles of about as many elements, of at most three operands.
    func prepared(
        _ algorithm: String, bytesPerElement: Int, slowness: Double = 1, inPlace: [Prepared.InPlace] = [],
        body: @escaping Body
    ) -> Prepared {
        let tileElements = 1 << 14
        let count = extents.last ?? 1
        let elements = extents.reduce(1, *)
        let rows = elements / max(1, count)
        let rowsPerTile = max(1, tileElements / max(1, count))
        // A long row is a tile or several.
        let pieces = max(1, (count + tileElements - 1) / tileElements)
        return Prepared(
            algorithm, tiles: (rows + rowsPerTile - 1) / rowsPerTile * pieces, operations: Double(elements),
            slowness: slowness, bytes: elements * bytesPerElement, inPlace: inPlace
        ) { bindings, tiles in
            if pieces > 1 {
                for tile in tiles {
                    let first = tile % pieces * tileElements
                    let block = block(row: tile / pieces, rows: 1, first, min(tileElements, count - first))
                    let status = body(bindings, block)
                    guard status == .done else { return status }
                }
                return .done
            }
            var row = tiles.lowerBound * rowsPerTile
            let end = min(rows, tiles.upperBound * rowsPerTile)
            while row < end {
                let block = block(row: row, rows: end - row, 0, count)
                let status = body(bindings, block)
                guard status == .done else { return status }
                row += block.rows
            }
            return .done
        }
    }

    /// The block of `count` columns from `first` on, from a row on, of at most `rows` rows: as far as they are in step.
    private func block(row: Int, rows: Int, _ first: Int, _ count: Int) -> Block {
        guard let last = extents.indices.last else {
            return Block(rows: 1, count: 1, first: 0)
        }
        var block = Block(rows: 1, count: count, first: row * extents[last] + first)
        block.a.step = stride(0, last)
        block.b.step = stride(1, last)
        block.c.step = stride(2, last)
        block.a.first = first * block.a.step
        block.b.first = first * block.b.step
        block.c.first = first * block.c.step
        var rest = row
        for axis in extents.indices.dropLast().reversed() {
            let (quotient, position) = rest.quotientAndRemainder(dividingBy: extents[axis])
            let (a, b, c) = (stride(0, axis), stride(1, axis), stride(2, axis))
            if axis == last - 1 {
                block.rows = min(rows, extents[axis] - position)
                (block.a.row, block.b.row, block.c.row) = (a, b, c)
            }
            block.a.first += position * a
            block.b.first += position * b
            block.c.first += position * c
            rest = quotient
        }
        return block
    }

    private func stride(_ operand: Int, _ axis: Int) -> Int { operand < strides.count ? strides[operand][axis] : 0 }
}

extension Broadcast.Block {
    /// Writes what a function makes of each element of the first two operands.
    @inline(__always)
    func map<A, B, Result>(_ bindings: borrowing Bindings, _ function: (A, B) -> Result) {
        let y = bindings.output(0).assumingMemoryBound(to: Result.self) + first
        let a = bindings.input(0).assumingMemoryBound(to: A.self) + self.a.first
        let b = bindings.input(1).assumingMemoryBound(to: B.self) + self.b.first
        for row in 0..<rows {
            let (y, a, b) = (y + row * count, a + row * self.a.row, b + row * self.b.row)
            if self.a.step == 1, self.b.step == 1 {
                for index in 0..<count { y[index] = function(a[index], b[index]) }
            } else {
                for index in 0..<count { y[index] = function(a[index * self.a.step], b[index * self.b.step]) }
            }
        }
    }
}

extension PermutedOperator {
    /// An operator whose inputs broadcast, on inputs in another order. Fewer axes stretch over the first ones, so they
    /// take part in the order; single values do not.
    static func broadcasting(
        _ operation: any Operator, by order: Permutation, inputs: Operands
    ) -> PermutedOperator? {
        var orders: [Permutation?] = []
        for input in inputs.all {
            guard let input else {
                orders.append(nil)
                continue
            }
            guard let rank = input.type.dimensions?.count, rank <= order.rank else { return nil }
            orders.append(rank == 0 ? nil : order)
        }
        return PermutedOperator(operation: operation, inputs: orders, outputs: [order])
    }
}

/// Copies a strided array to a contiguous one; strides in elements of `size` bytes.
func stridedCopy(
    _ extents: [Int], strides: [Int], _ size: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer
) {
    tamis_strided_copy(extents.count, extents, strides, size, source, target)
}
