import Glibc

/// Bytes from outside, held in memory of their own: nothing that happens to the file later can change them.
package final class FileBytes: Sendable {
    private let storage: TensorStorage
    /// The number of bytes; the memory may be larger.
    package let count: Int

    /// The whole of a regular file no larger than `limits.fileBytes`.
    package convenience init(path: String, limits: Limits = Limits()) throws(ImportError) {
        guard !path.utf8.contains(0) else { throw .cannotOpen(path: path, reason: "the name holds a zero byte") }
        // O_NONBLOCK: opening a FIFO would wait for its writer before fstat could refuse it.
        let descriptor = SystemCall.retrying { open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
        guard descriptor >= 0 else { throw .cannotOpen(path: path, reason: SystemCall.reason) }
        defer { close(descriptor) }
        try self.init(descriptor: descriptor, path: path, allowsOtherNames: true, limits: limits)
    }

    /// The whole of an open file, called `path` in errors; it stays open.
    init(descriptor: Int32, path: String, allowsOtherNames: Bool, limits: Limits) throws(ImportError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .cannotOpen(path: path, reason: SystemCall.reason) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw .cannotOpen(path: path, reason: isFolder ? "it is a folder" : "it is no regular file")
        }
        guard allowsOtherNames || status.st_nlink == 1 else {
            throw .cannotOpen(path: path, reason: "it has a second name elsewhere (a hard link)")
        }
        let size = Int(status.st_size)
        guard size <= limits.fileBytes else {
            throw .inFile(path, .limit("the bytes of a file", limit: limits.fileBytes, received: size))
        }
        count = size
        storage = try ImportError.at(path) { () throws(ShapeError) in try TensorStorage(byteCount: size) }
        var done = 0
        while done < size {
            let target = storage.base + done
            let step = SystemCall.retrying { read(descriptor, target, size - done) }
            guard step >= 0 else { throw .cannotOpen(path: path, reason: SystemCall.reason) }
            guard step > 0 else {
                throw .inFile(path, .truncated("the file", offset: 0, needed: size, available: done))
            }
            done += step
        }
    }

    /// A copy of bytes in memory.
    package init(_ bytes: [UInt8]) throws(ImportError) {
        count = bytes.count
        storage = try ImportError.at("bytes in memory") { () throws(ShapeError) in
            try TensorStorage(byteCount: bytes.count)
        }
        bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { storage.base.copyMemory(from: base, byteCount: source.count) }
        }
    }

    /// The first `count` bytes of `storage`, which nobody writes any more.
    init(_ storage: TensorStorage, count: Int) {
        self.storage = storage
        self.count = min(count, storage.byteCount)
    }

    /// All the bytes, for the duration of `body`, or for longer by whoever retains this object.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: storage.base, count: count))
    }
}
