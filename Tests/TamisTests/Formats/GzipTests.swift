import Tamis
import Testing

struct GzipTests {
    private func unpack(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [UInt8] {
        var limits = Limits()
        limits.unpackedBytes = limit
        return try Gzip.unpack(FileBytes(bytes), limits: limits).withUnsafeBytes { Array($0) }
    }

    @Test func membersFollowEachOther() throws {
        #expect(try unpack(Golden.gzipMembers) == [0, 0, 8, 1, 0, 0, 0, 2, 7, 9])
        #expect(try Tensor(idxBytes: Golden.gzipMembers).scalars() == [UInt8(7), 9])
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 500_000, 999_999])
    func stopsAtTheLimit(limit: Int) throws {
        let error = importError { _ = try unpack(Golden.gzipBomb, limit: limit) }
        guard case .limit(_, limit, _) = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test(arguments: [1_000_000, 1_000_001, Int.max])
    func unpacksUpToTheLimit(limit: Int) throws {
        #expect(try unpack(Golden.gzipBomb, limit: limit).count == 1_000_000)
    }

    @Test(arguments: ["00", "1f", "1f8b", "0000000000000000"])
    func refusesWhatFollows(hexadecimal: String) throws {
        #expect(importError { _ = try unpack(Golden.idxGzip + bytes(hexadecimal)) } != nil)
    }

    @Test func everyCutIsTruncated() throws {
        for count in Golden.idxGzip.indices {
            let error = importError { _ = try unpack(Array(Golden.idxGzip[..<count])) }
            guard case .truncated = error else {
                Issue.record("\(count): \(error as Any)")
                return
            }
        }
    }
}
