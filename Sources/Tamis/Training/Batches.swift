/// Rows of a data set gathered into tensors that are filled again for each batch.
struct Batches {
    let data: Dataset
    let size: Int
    private let inputName: String
    private var full: [String: Tensor] = [:]
    private var last: [String: Tensor] = [:]

    /// `inputName` is the network's input; the labels go to "labels".
    init(_ data: Dataset, size: Int, inputName: String) throws(TrainingError) {
        self.data = data
        self.size = min(size, data.count)
        self.inputName = inputName
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
                    uninitialized: data.inputs.elementType, shape: Shape([count] + data.inputs.shape.dimensions.dropFirst())),
                "labels": try Tensor(uninitialized: .int64, shape: Shape([count])),
            ]
        }
    }

    /// Gathers batch `index`, its examples taken in `order` where one is given, and lends it to `body`.
    mutating func withBatch(
        _ index: Int, order: [Int]?, _ body: (inout [String: Tensor]) throws(ExecutionError) -> Void
    ) throws(TrainingError) {
        let isFull = count(of: index) == size
        if isFull { fill(&full, index, order) } else { fill(&last, index, order) }
        do throws(ExecutionError) {
            if isFull { try body(&full) } else { try body(&last) }
        } catch {
            throw .execution(error)
        }
    }

    private func fill(_ buffers: inout [String: Tensor], _ index: Int, _ order: [Int]?) {
        for (name, source) in [(inputName, data.inputs), ("labels", data.labels)] {
            let rowBytes = source.byteCount / data.count
            let first = index * size
            let rows = count(of: index)
            try? buffers[name]?.withUnsafeMutableBytes { target in
                guard let target = target.baseAddress else { return }
                source.withUnsafeBytes { source in
                    guard let source = source.baseAddress else { return }
                    for row in 0..<rows {
                        let example = order?[first + row] ?? first + row
                        (target + row * rowBytes).copyMemory(from: source + example * rowBytes, byteCount: rowBytes)
                    }
                }
            }
        }
    }
}
