import Glibc
import Tamis
import Testing

struct AtomicFileTests {
    @Test func replacesTheFileOfThatName() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/file"
        try AtomicFile.write(Array("old and long".utf8), to: path)
        try AtomicFile.write(Array("new".utf8), to: path)
        #expect(try ByteCursor(FileBytes(path: path)).string(of: "file") == "new")
        #expect(folder.names == ["file"])
    }

    @Test func leavesNothingBehindWhereItFails() throws {
        let folder = try TemporaryFolder()
        #expect(mkdir("\(folder.path)/taken", 0o700) == 0)
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        let inside = ["taken", "pipe", "none/file"].map { "\(folder.path)/\($0)" }
        for path in inside + ["", "a\0b", "/dev/null"] {
            #expect(throws: ExportError.self, "\(path)") { try AtomicFile.write([1], to: path) }
        }
        let long = "\(folder.path)/\(String(repeating: "n", count: 300))"
        #expect(throws: ExportError.self) { try AtomicFile.write([1], to: long) }
        #expect(folder.names == ["pipe", "taken"])
    }
}
