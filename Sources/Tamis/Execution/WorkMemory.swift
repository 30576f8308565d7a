/// The memory in which sessions compute: as much as the largest of them needs. Sessions that share it run one after another.
final class WorkMemory {
    private var storage: TensorStorage?

    /// Where it begins; it moves when it grows.
    var base: UnsafeMutableRawPointer? { storage?.base }

    /// Makes it at least so large. What it held is gone then.
    func reserve(_ byteCount: Int) throws(ExecutionError) {
        if let storage, storage.byteCount >= byteCount { return }
        // Both at a time would be more than is needed.
        storage = nil
        do throws(ShapeError) { storage = try TensorStorage(byteCount: byteCount) } catch {
            throw .memory(bytes: byteCount)
        }
    }
}
