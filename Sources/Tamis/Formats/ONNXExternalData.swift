import Glibc

/// The files beside a model that hold elements of its tensors. Each is opened below the model's folder, through no link,
/// and read once.
final class ONNXExternalData {
    /// The folder of the model; nil where the model came as bytes, and has none.
    private let folder: String?
    private let limits: Limits
    private var files: [String: FileBytes] = [:]

    init(folder: String?, limits: Limits) {
        self.folder = folder
        self.limits = limits
    }

    /// The tensor whose elements `entries` (location, offset, length) say where to find.
    func tensor(
        _ elementType: ElementType, _ shape: Shape, _ entries: [ONNXEntry], place: String
    ) throws(ImportError) -> Tensor {
        var values: [String: String] = [:]
        for entry in entries {
            guard values.updateValue(entry.value, forKey: entry.key) == nil else {
                throw .malformed(
                    rule: "\(place): each entry of external data may stand once", received: "\"\(entry.key)\" twice",
                    offset: nil)
            }
        }
        func number(_ key: String) throws(ImportError) -> Int? {
            guard let text = values[key] else { return nil }
            guard let number = Int(text), number >= 0 else {
                throw .malformed(
                    rule: "\(place): the \(key) of external data must be a whole number from 0",
                    received: "\"\(text)\"", offset: nil)
            }
            return number
        }
        guard let location = values["location"], !location.isEmpty else {
            throw .malformed(rule: "\(place): external data must have a location", received: "none", offset: nil)
        }
        let expected = elementType.byteCount(of: shape.elementCount) ?? Int.max
        let (offset, length) = (try number("offset") ?? 0, try number("length") ?? expected)
        guard length == expected, elementType != .string else {
            throw .malformed(
                rule: "\(place) (\(elementType) \(shape)) takes \(expected) bytes of external data",
                received: "\(length)", offset: nil)
        }
        var cursor = ByteCursor(try file(location, place: place))
        _ = try cursor.slice(min(offset, Int.max), of: "the offset of \(place) in \"\(location)\"")
        let contents = try cursor.slice(length, of: "\(place) in \"\(location)\"")
        return try Tensor(elementType, shape: shape, contents: contents, place: place)
    }

    private func file(_ location: String, place: String) throws(ImportError) -> FileBytes {
        if let file = files[location] { return file }
        guard let folder else {
            throw .unsupported(
                "tensors whose elements are in another file (\"\(location)\") where the model comes as bytes",
                place: place)
        }
        let file = try FileBytes(location, below: folder, limits: limits)
        files[location] = file
        return file
    }
}

extension FileBytes {
    /// The whole of a regular file below a folder: the path is relative, goes through no link and not up, and the file
    /// has no second name (a hard link could stand for a file elsewhere).
    fileprivate convenience init(_ path: String, below folder: String, limits: Limits) throws(ImportError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !path.utf8.contains(0), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            let name = parts.last
        else {
            throw .cannotOpen(path: path, reason: "it must be a relative path below the model's folder, without \"..\"")
        }
        var descriptor = SystemCall.retrying {
            open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard descriptor >= 0 else { throw .cannotOpen(path: folder, reason: SystemCall.reason) }
        defer { close(descriptor) }
        for part in parts.dropLast() {
            let next = SystemCall.retrying {
                openat(descriptor, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            guard next >= 0 else {
                throw .cannotOpen(path: path, reason: "no link may lead there: \(SystemCall.reason)")
            }
            close(descriptor)
            descriptor = next
        }
        let file = SystemCall.retrying {
            openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        }
        guard file >= 0 else { throw .cannotOpen(path: path, reason: "no link may lead there: \(SystemCall.reason)") }
        defer { close(file) }
        try self.init(descriptor: file, path: path, allowsOtherNames: false, limits: limits)
    }
}
