import Glibc
import Tamis
import TamisTestSupport
import Testing

/// Whatever the bytes: a result or a typed error.
struct HostileONNXTests {
    static let files = HostileFile.protobuf + HostileFile.tensors + HostileFile.graphs

    @Test(arguments: files) func ends(file: HostileFile) throws {
        let folder = try TemporaryFolder()
        let text = try file.attempt(in: folder.path)
        #expect(file.complaint(about: text) == nil)
    }
}
