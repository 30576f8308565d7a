/// Places buffers that live for a while in one arena, so that two which live at the same time never overlap.
///
/// Greedy by size: the largest first, each at the lowest offset that is free for its whole life.
struct MemoryPlan {
    /// A buffer and the steps, first and last, between which it must keep its content.
    struct Buffer {
        var byteCount: Int
        var first: Int
        var last: Int
    }

    /// Where each buffer begins.
    let offsets: [Int]
    /// The bytes of the arena.
    let byteCount: Int

    static let alignment = 64

    init(_ buffers: [Buffer]) {
        var offsets = [Int](repeating: 0, count: buffers.count)
        var total = 0
        // Placed buffers, by offset.
        var placed: [(offset: Int, index: Int)] = []
        let order = buffers.indices.sorted {
            (buffers[$0].byteCount, -buffers[$0].first) > (buffers[$1].byteCount, -buffers[$1].first)
        }
        for index in order {
            let buffer = buffers[index]
            let size = (buffer.byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
            var offset = 0
            for (start, other) in placed {
                let neighbour = buffers[other]
                guard neighbour.first <= buffer.last, buffer.first <= neighbour.last else { continue }
                if start >= offset + size { break }
                let end = start + (neighbour.byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
                offset = max(offset, end)
            }
            offsets[index] = offset
            total = max(total, offset + size)
            let position = placed.firstIndex { $0.offset > offset } ?? placed.endIndex
            placed.insert((offset, index), at: position)
        }
        self.offsets = offsets
        self.byteCount = total
    }
}
