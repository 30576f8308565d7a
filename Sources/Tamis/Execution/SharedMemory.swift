/// Which values of a plan lie in the memory of others: each has a root, whose memory it is, and an offset in it.
struct SharedMemory {
    private var parents: [Graph.ValueID]
    /// Bytes from the beginning of the parent's memory.
    private var offsets: [Int]
    /// Of roots, the number of values in their memory.
    private var counts: [Int]
    /// Of roots, the first and the last step at which their memory holds a value.
    private var first: [Int]
    private var last: [Int]

    /// Values each in memory of its own; `lastUse` says which step reads each last, −1 where none does.
    init(lastUse: [Int]) {
        parents = Array(lastUse.indices)
        offsets = Array(repeating: 0, count: lastUse.count)
        counts = Array(repeating: 1, count: lastUse.count)
        first = Array(repeating: 0, count: lastUse.count)
        last = lastUse
    }

    /// Says that a step makes a value.
    mutating func make(_ value: Graph.ValueID, at step: Int) {
        first[value] = step
        last[value] = max(last[value], step)
    }

    /// Whose memory a value lies in, and where.
    mutating func place(of value: Graph.ValueID) -> (root: Graph.ValueID, offset: Int) {
        var (root, offset) = (value, 0)
        while parents[root] != root {
            offset += offsets[root]
            root = parents[root]
        }
        // The way is short the next time.
        var (next, rest) = (value, offset)
        while parents[next] != root, next != root {
            let (parent, step) = (parents[next], offsets[next])
            (parents[next], offsets[next]) = (root, rest)
            (next, rest) = (parent, rest - step)
        }
        return (root, offset)
    }

    mutating func root(of value: Graph.ValueID) -> Graph.ValueID { place(of: value).root }

    /// Puts a root, with all values in its memory, into that of another value, `offset` bytes from where that begins.
    mutating func put(_ root: Graph.ValueID, into value: Graph.ValueID, at offset: Int) {
        let place = place(of: value)
        parents[root] = place.root
        offsets[root] = place.offset + offset
        counts[place.root] += counts[root]
        first[place.root] = min(first[place.root], first[root])
        last[place.root] = max(last[place.root], last[root])
    }

    /// The number of values in the memory of a root.
    func count(in root: Graph.ValueID) -> Int { counts[root] }
    /// The first and the last step at which the memory of a root holds a value.
    func life(of root: Graph.ValueID) -> (first: Int, last: Int) { (first[root], last[root]) }
}
