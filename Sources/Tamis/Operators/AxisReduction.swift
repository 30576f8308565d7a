import CTamisKernels
import TamisKernels

/// The sum (product, largest …) over some axes of a tensor of floats, as stages of an operator.
///
/// Neighbouring axes that are alike are one. Each reduced one in turn, from the first, makes outer × rows × columns into
/// outer × columns, in one half of the workspace or the other, at last in the output. The order of a sum follows from the
/// rows and columns alone, never from `outer`, where images stand.
struct AxisReduction {
    /// What is done to the results of the last stage: the place of the first, and how many there are.
    typealias Finish = @Sendable (_ results: UnsafeMutableRawPointer, _ count: Int) -> Void

    private let kernels: KernelTable
    private var groups: [(extent: Int, isReduced: Bool)] = []
    private let workspaceOffset: Int

    /// A reduction whose workspace begins at `workspaceOffset`.
    init(_ extents: [Int], isReduced: [Bool], _ kernels: KernelTable, workspaceOffset: Int = 0) {
        self.kernels = kernels
        self.workspaceOffset = workspaceOffset
        for (extent, isReduced) in zip(extents, isReduced) where extent != 1 {
            if let last = groups.indices.last, groups[last].isReduced == isReduced {
                groups[last].extent *= extent
            } else {
                groups.append((extent, isReduced))
            }
        }
    }

    /// Whether every axis that is reduced has one element.
    var isTrivial: Bool { !groups.contains(where: \.isReduced) }

    /// The number of elements that a result comes from.
    var count: Int { groups.reduce(1) { $1.isReduced ? $0 * $1.extent : $0 } }

    /// The stages and the end of their workspace: `first` joins the elements of the source, `rest` what that has made.
    func stages(
        _ first: tamis_reduction, _ rest: tamis_reduction,
        source: @escaping @Sendable (borrowing Bindings) -> UnsafeRawPointer,
        target: @escaping @Sendable (borrowing Bindings) -> UnsafeMutableRawPointer, finish: Finish? = nil
    ) -> (stages: [Prepared.Stage], workspaceEnd: Int) {
        let groups = isTrivial ? [(extent: 1, isReduced: true)] + groups : groups
        let size = kernels.type.byteCount
        let reduced = groups.indices.filter { groups[$0].isReduced }
        // The sum over an axis of no elements has elements, so such an axis counts as one.
        let largest = groups.reduce(1) { $0 * max(1, $1.extent) }
        let half = reduced.count > 1 ? (largest * size + 63) / 64 * 64 : 0
        let partialOffset = workspaceOffset + 2 * half
        var stages: [Prepared.Stage] = []
        var partialBytes = 0
        var outer = 1
        for (round, position) in reduced.enumerated() {
            let start = round == 0 ? 0 : reduced[round - 1] + 1
            outer *= groups[start..<position].reduce(1) { $0 * $1.extent }
            let columns = groups[(position + 1)...].reduce(1) { $0 * $1.extent }
            let isLast = round == reduced.count - 1
            let from = workspaceOffset + (round + 1) % 2 * half
            let to = workspaceOffset + round % 2 * half
            let made = Round(
                kernels: kernels, function: round == 0 ? first : rest, rest: rest, outer: outer,
                rows: groups[position].extent, columns: columns, partialOffset: partialOffset,
                source: { round == 0 ? source($0) : UnsafeRawPointer($0.workspace + from) },
                target: { isLast ? target($0) : $0.workspace + to }, finish: isLast ? finish : nil)
            partialBytes = max(partialBytes, made.partialBytes)
            stages += made.stages
        }
        return (stages, partialOffset + partialBytes)
    }
}

/// One axis of an `AxisReduction`: outer × rows × columns become outer × columns.
private struct Round {
    let kernels: KernelTable
    let function: tamis_reduction
    let rest: tamis_reduction
    let outer: Int
    let rows: Int
    let columns: Int
    let partialOffset: Int
    let source: @Sendable (borrowing Bindings) -> UnsafeRawPointer
    let target: @Sendable (borrowing Bindings) -> UnsafeMutableRawPointer
    let finish: AxisReduction.Finish?

    /// Rows so long that pieces of them are work enough for a tile.
    private static let wideColumns = 4096

    /// Long columns are cut in chunks of rows, whose sums are added in order.
    private var reduction: RowReduction { RowReduction(rows: rows, columns: columns) }
    private var isChunked: Bool { columns < Self.wideColumns && reduction.chunks > 1 }
    var partialBytes: Int { isChunked ? outer * reduction.partialScalars * kernels.type.byteCount : 0 }

    var stages: [Prepared.Stage] {
        let (kernels, outer, rows, columns) = (kernels, outer, rows, columns)
        let (function, rest, source, target, finish) = (function, rest, source, target, finish)
        let (partialOffset, reduction) = (partialOffset, reduction)
        let size = kernels.type.byteCount
        let bytes = outer * rows * columns * size
        if isChunked {
            let chunks = reduction.chunks
            return [
                Prepared.Stage(tiles: outer * chunks, bytes: bytes) { bindings, tiles in
                    for tile in tiles {
                        let (first, count) = reduction.rows(of: tile % chunks)
                        kernels.reduce_rows(
                            function, count, columns,
                            source(bindings) + (tile / chunks * rows + first) * columns * size, columns,
                            bindings.workspace + partialOffset + tile * columns * size)
                    }
                    return .done
                },
                Prepared.Stage(tiles: outer, bytes: outer * chunks * columns * size) { bindings, tiles in
                    for tile in tiles {
                        let results = target(bindings) + tile * columns * size
                        kernels.reduce_rows(
                            rest, chunks, columns,
                            bindings.workspace + partialOffset + tile * chunks * columns * size, columns, results)
                        finish?(results, columns)
                    }
                    return .done
                },
            ]
        }
        let width = columns < Self.wideColumns ? max(1, columns) : Self.wideColumns / 4
        let pieces = (columns + width - 1) / width
        let run = max(1, (1 << 15) / max(1, rows * width))
        let total = outer * pieces
        return [
            Prepared.Stage(tiles: (total + run - 1) / run, bytes: bytes) { bindings, tiles in
                for piece in tiles.lowerBound * run..<min(tiles.upperBound * run, total) {
                    let (index, first) = (piece / pieces, piece % pieces * width)
                    let results = target(bindings) + (index * columns + first) * size
                    let count = min(width, columns - first)
                    kernels.reduce_rows(
                        function, rows, count, source(bindings) + (index * rows * columns + first) * size, columns,
                        results)
                    finish?(results, count)
                }
                return .done
            }
        ]
    }
}
