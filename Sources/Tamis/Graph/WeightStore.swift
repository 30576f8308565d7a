import Synchronization

/// Constants in the forms that kernels want them, each made once and shared by all plans that hold the store.
///
/// It keeps at most `byteLimit` bytes; what it drops lives on in the plans that use it, and is made again for the next.
public final class WeightStore: Sendable {
    private struct Key: Hashable {
        var storage: ObjectIdentifier
        var form: String
    }

    private struct Entry {
        /// Kept so that no other constant can take its identity.
        var source: TensorStorage
        var packed: PackedWeights
        var lastUse: Int
    }

    private struct Contents {
        var entries: [Key: Entry] = [:]
        var byteCount = 0
        var clock = 0
    }

    private let byteLimit: Int
    private let contents = Mutex(Contents())

    /// A store of at most `byteLimit` bytes; 4 GiB by default.
    public init(byteLimit: Int = 4 << 30) { self.byteLimit = byteLimit }

    /// The bytes it holds.
    public var byteCount: Int { contents.withLock { $0.byteCount } }

    func packed(
        _ constant: Tensor, form: String, byteCount: Int, pack: (UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
    ) throws(PlanError) -> PackedWeights {
        try entry(for: constant, form: "\(form) \(constant.shape)") { () throws(PlanError) in
            do throws(ShapeError) {
                let storage = try TensorStorage(byteCount: byteCount)
                try constant.storage.withTemporary { pack($0, storage.base) }
                return storage
            } catch {
                throw .outOfMemory(bytes: byteCount)
            }
        }
    }

    /// A constant as it lies; nil where its bytes are yet to be made.
    func inPlace(_ constant: Tensor) -> PackedWeights? {
        guard let bytes = constant.storage.bytesInPlace else { return nil }
        return entry(for: constant, form: "in place") { TensorStorage(viewing: bytes, of: constant.storage) }
    }

    private func entry<Failure: Error>(
        for constant: Tensor, form: String, make: () throws(Failure) -> TensorStorage
    ) throws(Failure) -> PackedWeights {
        let key = Key(storage: ObjectIdentifier(constant.storage), form: form)
        let known = contents.withLock { contents -> PackedWeights? in
            contents.clock += 1
            contents.entries[key]?.lastUse = contents.clock
            return contents.entries[key]?.packed
        }
        if let known { return known }
        let packed = PackedWeights(storage: try make())
        let byteCount = packed.storage.byteCount
        contents.withLock { contents in
            guard contents.entries[key] == nil, byteCount <= byteLimit else { return }
            while contents.byteCount + byteCount > byteLimit,
                let oldest = contents.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                contents.byteCount -= oldest.value.packed.storage.byteCount
                contents.entries[oldest.key] = nil
            }
            contents.entries[key] = Entry(source: constant.storage, packed: packed, lastUse: contents.clock)
            contents.byteCount += byteCount
        }
        return packed
    }
}

/// A constant in the form a kernel wants it. Written once, before anybody else has it.
public final class PackedWeights: Sendable {
    let storage: TensorStorage

    init(storage: TensorStorage) { self.storage = storage }

    /// The packed scalars.
    public var base: UnsafeRawPointer { UnsafeRawPointer(storage.base) }
}
