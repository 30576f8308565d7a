/// Positions of either integer type, read from memory.
struct IndexReader: Sendable {
    private let isWide: Bool

    init(_ elementType: ElementType) { isWide = elementType == .int64 }

    func read(_ indices: UnsafeRawPointer, _ index: Int) -> Int {
        isWide
            ? Int(indices.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
            : Int(indices.loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
    }

    /// The position at `index` within `0 ..< limit`, a negative one counted from the end; nil where it lies outside.
    func read(_ indices: UnsafeRawPointer, _ index: Int, within limit: Int) -> Int? {
        let value = read(indices, index)
        let position = value < 0 ? value + limit : value
        return position >= 0 && position < limit ? position : nil
    }
}
