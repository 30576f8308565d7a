/// Places buffers that live for a while in one arena, so that two which live at the same time never overlap.
///
/// Greedy by size: the largest first, each at the lowest offset that is free for its whole life.
package struct MemoryPlan {
    /// A buffer and the steps, first and last, between which it must keep its content.
    package struct Buffer {
        package var byteCount: Int
        package var first: Int
        package var last: Int

        package init(byteCount: Int, first: Int, last: Int) {
            self.byteCount = byteCount
            self.first = first
            self.last = last
        }
    }

    /// Where each buffer begins.
    package let offsets: [Int]
    /// The bytes of the arena.
    package let byteCount: Int

    package static let alignment = 64

    /// More than any machine has: sums of sizes stay there instead of overflowing, so that the limit, or the system,
    /// refuses them.
    private static let largest = 1 << 61

    private static func aligned(_ byteCount: Int) -> Int {
        (min(byteCount, largest - alignment) + alignment - 1) / alignment * alignment
    }

    private static func sum(_ a: Int, _ b: Int) -> Int { min(a + b, largest) }

    package init(_ buffers: [Buffer]) {
        var offsets = [Int](repeating: 0, count: buffers.count)
        var total = 0
        // Placed buffers, by offset.
        var placed: [(offset: Int, index: Int)] = []
        let order = buffers.indices.sorted {
            (buffers[$0].byteCount, -buffers[$0].first) > (buffers[$1].byteCount, -buffers[$1].first)
        }
        for index in order {
            let buffer = buffers[index]
            let size = Self.aligned(buffer.byteCount)
            var offset = 0
            for (start, other) in placed {
                let neighbour = buffers[other]
                guard neighbour.first <= buffer.last, buffer.first <= neighbour.last else { continue }
                if start >= Self.sum(offset, size) { break }
                offset = max(offset, Self.sum(start, Self.aligned(neighbour.byteCount)))
            }
            offsets[index] = offset
            total = max(total, Self.sum(offset, size))
            let position = placed.firstIndex { $0.offset > offset } ?? placed.endIndex
            placed.insert((offset, index), at: position)
        }
        self.offsets = offsets
        self.byteCount = total
    }
}
