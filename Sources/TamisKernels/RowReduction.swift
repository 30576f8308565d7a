/// Sums over the M rows of a matrix, one a column, in chunks of rows that depend on M and N alone: each chunk has a sum of
/// its own, then the chunks' sums are added in order.
public struct RowReduction: Sendable {
    /// Rows of the matrix.
    public let rows: Int
    /// Columns of the matrix: the number of sums.
    public let columns: Int
    private let chunkRows: Int

    public init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        // About 64 Ki scalars a chunk, at most 64 chunks.
        chunkRows = max(1, (1 << 16) / max(1, columns), (rows + 63) / 64)
    }

    /// Independent pieces of the work.
    public var chunks: Int { max(1, (rows + chunkRows - 1) / chunkRows) }
    /// Scalars of the chunks' sums.
    public var partialScalars: Int { chunks * columns }

    /// The rows of a chunk.
    public func rows(of chunk: Int) -> (first: Int, count: Int) {
        let first = chunk * chunkRows
        return (first, max(0, min(chunkRows, rows - first)))
    }
}
