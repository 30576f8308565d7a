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

    package init(_ buffers: [Buffer]) { self.init(buffers, mostPairs: 1 << 22) }

    /// Where more than `mostPairs` pairs of buffers live at the same time, memory is given back and out by size alone, in
    /// linear time.
    package init(_ buffers: [Buffer], mostPairs: Int) {
        let order = buffers.indices.sorted {
            (buffers[$0].byteCount, -buffers[$0].first) > (buffers[$1].byteCount, -buffers[$1].first)
        }
        (offsets, byteCount) =
            Self.largerNeighbours(of: buffers, order, mostPairs: mostPairs).map { Self.greedy(buffers, order, $0) }
            ?? Self.bySize(buffers)
    }

    /// For each buffer, those before it in `order` that live when it does; nil where they are too many.
    private static func largerNeighbours(of buffers: [Buffer], _ order: [Int], mostPairs: Int) -> [[Int32]]? {
        var rank = [Int](repeating: 0, count: buffers.count)
        for (position, index) in order.enumerated() { rank[index] = position }
        var neighbours = [[Int32]](repeating: [], count: buffers.count)
        var pairs = 0
        var living: [Int] = []
        for index in buffers.indices.sorted(by: { buffers[$0].first < buffers[$1].first }) {
            living.removeAll { buffers[$0].last < buffers[index].first }
            pairs += living.count
            guard pairs <= mostPairs else { return nil }
            for other in living {
                let (early, late) = rank[other] < rank[index] ? (other, index) : (index, other)
                neighbours[late].append(Int32(early))
            }
            living.append(index)
        }
        return neighbours
    }

    private static func greedy(
        _ buffers: [Buffer], _ order: [Int], _ neighbours: [[Int32]]
    ) -> (offsets: [Int], byteCount: Int) {
        var offsets = [Int](repeating: 0, count: buffers.count)
        var total = 0
        for index in order {
            let size = aligned(buffers[index].byteCount)
            let occupied = neighbours[index].map { other in
                let start = offsets[Int(other)]
                return (start: start, end: sum(start, aligned(buffers[Int(other)].byteCount)))
            }
            var offset = 0
            for (start, end) in occupied.sorted(by: { $0.start < $1.start }) {
                if start >= sum(offset, size) { break }
                offset = max(offset, end)
            }
            offsets[index] = offset
            total = max(total, sum(offset, size))
        }
        return (offsets, total)
    }

    /// In the order of time: a buffer takes a block of its size, an eighth more at most, that an earlier one left, or the
    /// next bytes.
    private static func bySize(_ buffers: [Buffer]) -> (offsets: [Int], byteCount: Int) {
        func blockSize(_ buffer: Buffer) -> Int {
            let size = aligned(buffer.byteCount)
            let step = max(
                alignment, size <= alignment ? alignment : (1 << (Int.bitWidth - 4 - size.leadingZeroBitCount)))
            return min((size + step - 1) / step * step, largest)
        }
        var offsets = [Int](repeating: 0, count: buffers.count)
        var total = 0
        var free: [Int: [Int]] = [:]
        let ends = buffers.indices.sorted { buffers[$0].last < buffers[$1].last }
        var nextEnd = ends.startIndex
        for index in buffers.indices.sorted(by: { buffers[$0].first < buffers[$1].first }) {
            while nextEnd < ends.endIndex, buffers[ends[nextEnd]].last < buffers[index].first {
                let ended = ends[nextEnd]
                free[blockSize(buffers[ended]), default: []].append(offsets[ended])
                nextEnd += 1
            }
            let size = blockSize(buffers[index])
            if let offset = free[size]?.popLast() {
                offsets[index] = offset
            } else {
                offsets[index] = total
                total = sum(total, size)
            }
        }
        return (offsets, total)
    }
}
