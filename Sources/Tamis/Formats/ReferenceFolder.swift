import Glibc

/// A folder of `.npy` files, each named after a value; "/" and ":", which file names may not hold, stand there as "_".
struct ReferenceFolder {
    private let path: String

    /// Throws unless there is such a folder.
    init(_ path: String) throws(ImportError) {
        var status = stat()
        guard !path.utf8.contains(0), stat(path, &status) == 0 else {
            throw .cannotOpen(path: path, reason: SystemCall.reason)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .cannotOpen(path: path, reason: "it is no folder") }
        self.path = path
    }

    private func file(_ name: String) -> String { "\(path)/\(name.fileName).npy" }

    /// Those of `names` that there is a file for.
    func names(among names: Set<String>) -> [String] { names.filter { access(file($0), R_OK) == 0 } }

    /// The tensors of these names.
    func values(_ names: [String], _ limits: Limits) throws(ImportError) -> [String: Value] {
        var values: [String: Value] = [:]
        for name in names { values[name] = .tensor(try Tensor(npy: file(name), limits: limits)) }
        return values
    }
}

extension String {
    /// The name of a value as one of a file: "/" and ":" become "_".
    package var fileName: String { String(map { $0 == "/" || $0 == ":" ? "_" : $0 }) }
}
