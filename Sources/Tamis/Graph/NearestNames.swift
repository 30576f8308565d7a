extension Sequence<String> {
    /// The names that are most like `name`, the nearest first: those that a slip of the finger could have made of it, or that
    /// hold it.
    package func nearest(to name: String, count: Int = 3) -> [String] {
        let wanted = Array(name.lowercased().unicodeScalars)
        var found: [(distance: Int, name: String)] = []
        for candidate in self {
            let letters = Array(candidate.lowercased().unicodeScalars)
            let most = Swift.max(2, Swift.max(wanted.count, letters.count) / 3)
            var distance = wanted.editDistance(to: letters, atMost: most)
            if distance > most, wanted.count > 2, candidate.lowercased().contains(name.lowercased()) { distance = most }
            if distance <= most { found.append((distance, candidate)) }
        }
        // Names of one distance stay in their order.
        let order = found.indices.sorted { (found[$0].distance, $0) < (found[$1].distance, $1) }
        return order.prefix(count).map { found[$0].name }
    }

    /// Names for a message: all where they are few, else those that are most like `name`.
    package func listed(for name: String) -> String {
        let all = Array(self)
        if all.isEmpty { return "none" }
        let quoted = { (names: [String]) in names.map { "\"\($0)\"" }.joined(separator: ", ") }
        if all.count <= 6 { return quoted(all) }
        let nearest = all.nearest(to: name)
        return nearest.isEmpty
            ? "\(all.count) names, such as \(quoted(Array(all.prefix(3))))"
            : "\(all.count) names; the nearest \(nearest.count == 1 ? "is" : "are") \(quoted(nearest))"
    }
}

extension [Unicode.Scalar] {
    /// How many letters must be put in, left out, replaced or swapped with their neighbour to make `other` of this; anything
    /// above `most` where it is more than that.
    fileprivate func editDistance(to other: [Unicode.Scalar], atMost most: Int) -> Int {
        guard abs(count - other.count) <= most else { return most + 1 }
        var (before, above) = ([Int](), [Int](0...other.count))
        for (row, letter) in enumerated() {
            var line = [row + 1]
            for (column, otherLetter) in other.enumerated() {
                var best = Swift.min(above[column + 1], line[column]) + 1
                best = Swift.min(best, above[column] + (letter == otherLetter ? 0 : 1))
                if row > 0, column > 0, letter == other[column - 1], self[row - 1] == otherLetter {
                    best = Swift.min(best, before[column - 1] + 1)
                }
                line.append(best)
            }
            (before, above) = (above, line)
        }
        return above[other.count]
    }
}
