/// Rows of a data set gathered into tensors that are filled again for each batch.
struct Batches {
    let data: Dataset
    let size: Int
    private let inputName: String
    /// Where the rows of each buffer come from.
    private let sources: [(name: String, tensor: Tensor)]
    private var full: [String: Tensor] = [:]
    private var last: [String: Tensor] = [:]

    /// `inputName` is the network's input; the labels go to "labels".
    init(_ data: Dataset, size: Int, inputName: String) throws(TrainingError) {
        self.data = data
        self.size = min(size, data.count)
        self.inputName = inputName
        sources = [(inputName, data.inputs), ("labels", data.labels)]
        full = try buffers(self.size)
        if data.count % self.size != 0 { last = try buffers(data.count % self.size) }
    }

    /// The number of batches; the last may be smaller.
    var count: Int { (data.count + size - 1) / size }

    /// The examples of batch `index`.
    func count(of index: Int) -> Int { min(size, data.count - index * size) }

    private func buffers(_ count: Int) throws(TrainingError) -> [String: Tensor] {
        try training { () throws(ShapeError) in
            [
                inputName: try Tensor(
                    uninitialized: data.inputs.elementType,
                    shape: Shape([count] + data.inputs.shape.dimensions.dropFirst())),
                "labels": try Tensor(uninitialized: .int64, shape: Shape([count])),
            ]
        }
    }

    /// Gathers batch `index`, its examples taken in `order` where one is given, and lends it to `body`.
    mutating func withBatch(
        _ index: Int, order: [Int]?, _ body: (inout [String: Tensor]) throws(ExecutionError) -> Void
    ) throws(TrainingError) {
        let isFull = count(of: index) == size
        let rows = index * size..<index * size + count(of: index)
        for (name, source) in sources {
            if isFull {
                Self.fill(&full, name, from: source, rows: rows, order)
            } else {
                Self.fill(&last, name, from: source, rows: rows, order)
            }
        }
        do throws(ExecutionError) {
            if isFull { try body(&full) } else { try body(&last) }
        } catch {
            throw .execution(error)
        }
    }

    /// Copies the rows of a batch; allocates nothing. Not a method: the copy of `self` that one would be lent beside
    /// `full` or `last` would share their memory, which would then be copied before it is written.
    private static func fill(
        _ buffers: inout [String: Tensor], _ name: String, from source: Tensor, rows: Range<Int>, _ order: [Int]?
    ) {
        guard let position = buffers.index(forKey: name), let count = source.shape.dimensions.first else { return }
        let rowBytes = source.byteCount / max(1, count)
        try? buffers.values[position].withUnsafeMutableBytes { target in
            guard let target = target.baseAddress else { return }
            source.withUnsafeBytes { source in
                guard let source = source.baseAddress else { return }
                for row in rows {
                    let example = order?[row] ?? row
                    (target + (row - rows.lowerBound) * rowBytes)
                        .copyMemory(from: source + example * rowBytes, byteCount: rowBytes)
                }
            }
        }
    }
}
