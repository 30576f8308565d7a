import Glibc
import Tamis
import TamisTestSupport
import Testing

/// Whatever the bytes: a result or a typed error, within 100 ms and 64 MiB.
@Suite struct HostileONNXTests {
    static let files =
        HostileFile.protobuf + HostileFile.tensors + HostileFile.graphs + HostileFile.operators
        + HostileFile.explosions + HostileFile.externalData

    @Test(arguments: files) func ends(file: HostileFile) throws {
        let folder = try TemporaryFolder(inMemory: !file.isLarge)
        let text = try file.attempt(at: file.write(folder.path))
        #expect(file.complaint(about: text) == nil)
    }

    /// One after the other, in a process where nothing else takes time or memory.
    @Test func takeLittle() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            // What the process has once for all, it has now.
            var costs: [Cost] = []
            for file in HostileONNXTests.files.prefix(20) + HostileONNXTests.files where !file.isLarge {
                costs.append(try Cost(of: file))
            }
            let dearest = costs.dropFirst(20).sorted { $0.milliseconds > $1.milliseconds }.prefix(8)
            let largest = costs.dropFirst(20).sorted { $0.bytes > $1.bytes }.prefix(8)
            var report = "\(costs.count - 20) files\n"
            for cost in dearest { report += "\(cost.milliseconds) ms: \(cost.name)\n" }
            for cost in largest { report += "\(cost.bytes >> 20) MiB: \(cost.name)\n" }
            write(2, report, report.utf8.count)
            #expect(costs.count - 20 > 500)
            #expect(dearest.allSatisfy { $0.milliseconds <= Cost.mostMilliseconds })
            #expect(largest.allSatisfy { $0.bytes <= 64 << 20 })
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        print(said.split(separator: "\n").suffix(40).joined(separator: "\n"))
    }
}

/// What an attempt at a file takes.
private struct Cost {
    #if DEBUG
        /// A debug build checks each step.
        static let mostMilliseconds = 1000.0
    #else
        static let mostMilliseconds = 100.0
    #endif

    let name: String
    /// Of the processor, in all threads: other processes may run beside.
    let milliseconds: Double
    let bytes: Int

    init(of file: HostileFile) throws {
        name = file.name
        // The last one is that which a crash is about.
        let line = "\(name)\n"
        write(2, line, line.utf8.count)
        let folder = try TemporaryFolder(inMemory: !file.isLarge)
        let path = try file.write(folder.path)
        // From here on the highest is counted anew.
        let before = try #require(MemoryUse.residentBytes)
        let reset = open("/proc/self/clear_refs", O_WRONLY)
        write(reset, "5", 1)
        close(reset)
        let start = processorSeconds()
        _ = try file.attempt(at: path)
        milliseconds = (processorSeconds() - start) * 1000
        bytes = try #require(MemoryUse.peakResidentBytes) - before
    }
}
