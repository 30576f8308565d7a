import TamisKernels

/// The axes of a tensor that an operator takes together, and what becomes of them.
struct ReducedAxes: Sendable {
    /// The axes, ascending from 0.
    let axes: [Int]
    private let rank: Int
    private let keepsDimensions: Bool

    /// Checks that `axes`, negative ones counting from the end, name axes of a tensor of `rank` axes once each.
    init(_ axes: [Int], rank: Int, keepsDimensions: Bool, of kind: String) throws(ShapeError) {
        guard axes.allSatisfy({ (-rank..<rank).contains($0) }) else {
            throw .mismatch(rule: "\(kind)'s axes must be among \(rank) axes", received: "\(axes)")
        }
        self.axes = axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
        guard Set(self.axes).count == axes.count else {
            throw .mismatch(rule: "\(kind) must name each axis once", received: "\(axes) of \(rank) axes")
        }
        self.rank = rank
        self.keepsDimensions = keepsDimensions
    }

    /// The dimensions of the result: a reduced axis has one element, or is gone.
    func output(_ input: [Dimension]) -> [Dimension] {
        input.enumerated().compactMap { axis, dimension in
            axes.contains(axis) ? (keepsDimensions ? 1 : nil) : dimension
        }
    }

    /// The same axes before a Transpose of `order`, and what a Transpose then does to the result.
    func permuted(by order: Permutation) -> (axes: [Int], output: Permutation)? {
        guard order.rank == rank else { return nil }
        let moved = axes.map { order.order[$0] }.sorted()
        if keepsDimensions { return (moved, order) }
        let kept = (0..<rank).filter { !moved.contains($0) }
        let places = (0..<rank).filter { !axes.contains($0) }.compactMap { kept.firstIndex(of: order.order[$0]) }
        guard let output = try? Permutation(places) else { return nil }
        return (moved, output)
    }
}

/// The way through a tensor for an operator that takes axes together: for each element of the result, the elements of the
/// tensor that it comes from, in row-major order.
struct ReducedPlaces: Sendable {
    /// Neighbouring axes that are alike, as one.
    private struct Axis: Sendable {
        var extent: Int
        var stride: Int
    }

    private let kept: [Axis]
    private let reduced: [Axis]
    /// The number of elements of the result.
    let outputCount: Int
    /// The number of elements that each of them comes from.
    let count: Int

    init(_ shape: Shape, axes: [Int]) {
        func merged(_ chosen: [Int]) -> [Axis] {
            var result: [Axis] = []
            for axis in chosen where shape[axis] != 1 {
                let next = Axis(extent: shape[axis], stride: shape.strides[axis])
                if let last = result.last, last.stride == next.stride * next.extent {
                    result[result.count - 1] = Axis(extent: last.extent * next.extent, stride: next.stride)
                } else {
                    result.append(next)
                }
            }
            return result
        }
        kept = merged(shape.dimensions.indices.filter { !axes.contains($0) })
        let reduced = merged(axes)
        self.reduced = reduced.isEmpty ? [Axis(extent: 1, stride: 1)] : reduced
        outputCount = kept.reduce(1) { $0 * $1.extent }
        count = reduced.reduce(1) { $0 * $1.extent }
    }

    /// Where the elements of one result begin.
    @inline(__always)
    private func offset(_ index: Int, in axes: some BidirectionalCollection<Axis>) -> Int {
        var (rest, offset) = (index, 0)
        for axis in axes.reversed() {
            let (quotient, position) = rest.quotientAndRemainder(dividingBy: axis.extent)
            offset += position * axis.stride
            rest = quotient
        }
        return offset
    }

    /// Calls `body` with the place of each element that the result at `index` comes from.
    @inline(__always)
    func forEach(of index: Int, _ body: (Int) -> Void) {
        guard count > 0 else { return }
        let base = offset(index, in: kept)
        let inner = reduced[reduced.count - 1]
        let outer = reduced.dropLast()
        for run in 0..<count / inner.extent {
            var place = base + offset(run, in: outer)
            for _ in 0..<inner.extent {
                body(place)
                place += inner.stride
            }
        }
    }

    /// Results in runs of a fixed amount of work.
    func stage(
        bytesPerElement: Int, slowness: Double = 20,
        body: @escaping @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus
    ) -> Prepared.Stage {
        let run = max(1, (1 << 14) / max(1, count))
        let total = outputCount
        return Prepared.Stage(
            tiles: (total + run - 1) / run, operations: Double(total) * Double(count), slowness: slowness,
            bytes: total * count * bytesPerElement
        ) { bindings, tiles in
            body(bindings, tiles.lowerBound * run..<min(tiles.upperBound * run, total))
        }
    }
}
