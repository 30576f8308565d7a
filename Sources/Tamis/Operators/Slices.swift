import TamisKernels

/// A tensor seen as outer × count × inner around one axis.
struct Slices: Sendable {
    let outer: Int
    let count: Int
    let inner: Int

    init(_ shape: Shape, axis: Int) {
        let axis = axis < 0 ? axis + shape.rank : axis
        outer = shape.dimensions[..<axis].reduce(1, *)
        count = shape[axis]
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    }

    /// The slices along the axis.
    var total: Int { outer * inner }

    /// Where a slice begins in a tensor with `count` elements along the axis; its elements are `inner` apart.
    @inline(__always)
    func start(of slice: Int, count: Int) -> Int { slice / inner * count * inner + slice % inner }

    /// Work on the slices one by one, in runs of a fixed length.
    func stage(
        slowness: Double = 30, body: @escaping @Sendable (borrowing Bindings, Range<Int>) -> Void
    ) -> Prepared.Stage {
        let run = max(1, (1 << 14) / max(1, count))
        let total = total
        return Prepared.Stage(
            tiles: (total + run - 1) / run, operations: Double(total) * Double(count), slowness: slowness
        ) { bindings, tiles in
            body(bindings, tiles.lowerBound * run..<min(tiles.upperBound * run, total))
            return .done
        }
    }

    /// Work on runs of outer slices: `body` gets where a run begins, in bytes, and the number of its slices.
    func prepared(
        _ algorithm: String, _ kernels: KernelTable, inPlace input: Int,
        body: @escaping @Sendable (Slices, borrowing Bindings, _ offset: Int, _ outer: Int) -> Void
    ) -> Prepared {
        let sliceBytes = count * inner * kernels.type.byteCount
        let run = max(1, (1 << 15) / max(1, sliceBytes))
        let outer = outer
        return Prepared(
            algorithm.lowercased(), tiles: (outer + run - 1) / run, operations: Double(outer * count * inner),
            slowness: 30,
            inPlace: [Prepared.InPlace(output: 0, input: input)]
        ) { [self] bindings, tiles in
            for tile in tiles { body(self, bindings, tile * run * sliceBytes, min(run, outer - tile * run)) }
            return .done
        }
    }
}
