import Glibc
import Tamis
import Testing

struct FileBytesTests {
    @Test(arguments: [0, 1, 63, 64, 100_000])
    func readsWhatWasWritten(count: Int) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/file"
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try AtomicFile.write(content, to: path)
        let file = try FileBytes(path: path)
        #expect(file.count == count)
        #expect(file.withUnsafeBytes { $0.elementsEqual(content) })
        #expect(folder.names == ["file"])
    }

    @Test(arguments: ["/nonexistent/file", "/tmp", "/dev/null", "", "/etc/passwd/x", "/etc/\0passwd"])
    func refusesWhatIsNoRegularFile(path: String) throws {
        let error = importError { _ = try FileBytes(path: path) }
        guard case .cannotOpen(path, _) = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test(.timeLimit(.minutes(1))) func doesNotWaitForAPipe() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        #expect(throws: ImportError.self) { try FileBytes(path: "\(folder.path)/pipe") }
    }

    @Test func keepsToTheLimit() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/file"
        try AtomicFile.write([1, 2, 3], to: path)
        var limits = Limits()
        limits.fileBytes = 2
        #expect(throws: ImportError.inFile(path, .limit("the bytes of a file", limit: 2, received: 3))) {
            try FileBytes(path: path, limits: limits)
        }
        limits.fileBytes = 3
        #expect(try FileBytes(path: path, limits: limits).count == 3)
    }
}
