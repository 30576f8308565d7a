import Glibc

/// Writes files so that a reader, or a machine that stops at any moment, sees the old file or the new one, whole.
package enum AtomicFile {
    /// Writes `bytes` under a temporary name beside `path`, then gives them the name.
    package static func write(_ bytes: [UInt8], to path: String) throws(ExportError) {
        guard !path.utf8.contains(0) else { throw .cannotWrite(path: path, reason: "the name holds a zero byte") }
        var status = stat()
        // A rename would replace a device or a pipe by a file.
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw .cannotWrite(path: path, reason: "something stands there that is no regular file")
        }
        let end = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) }
        let folder = end.map { String(decoding: path.utf8[..<$0], as: UTF8.self) } ?? "./"
        let temporary = "\(folder).tamis-\(String(UInt64.random(in: .min ... .max), radix: 36))"

        let descriptor = SystemCall.retrying { open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: SystemCall.reason) }
        var failure = writeAll(bytes, to: descriptor) ? nil : SystemCall.reason
        if close(descriptor) != 0, failure == nil, errno != EINTR { failure = SystemCall.reason }
        if failure == nil, rename(temporary, path) != 0 { failure = SystemCall.reason }
        if let failure {
            unlink(temporary)
            throw .cannotWrite(path: path, reason: failure)
        }
        try synchronize(folder: folder, for: path)
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { source in
            var rest = source[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let step = SystemCall.retrying { Glibc.write(descriptor, part.baseAddress, part.count) }
                guard step > 0 else { return false }
                rest = rest.dropFirst(step)
            }
            return SystemCall.retrying { fsync(descriptor) } == 0
        }
    }

    /// Makes the rename itself last. Some file systems have no such call for folders and say EINVAL.
    private static func synchronize(folder: String, for path: String) throws(ExportError) {
        let descriptor = SystemCall.retrying { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: SystemCall.reason) }
        defer { close(descriptor) }
        guard SystemCall.retrying({ fsync(descriptor) }) == 0 || errno == EINVAL else {
            throw .cannotWrite(path: path, reason: SystemCall.reason)
        }
    }
}
