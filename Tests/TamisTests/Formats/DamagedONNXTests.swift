import Glibc
import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// Model files cut at every byte, and with every bit of their first 4 KiB turned over: each ends in a result or a typed error,
/// never in a crash or a hang. `make test` takes a sample of each file's mutants, `make mutate` takes them all.
@Suite struct DamagedONNXTests {
    /// What the repository has, what tests write, and what they make to break a rule.
    static let seeds: [HostileFile] =
        ONNXFixture.all.map { fixture in .bytes(fixture.name, .runs) { try contents(of: fixture.path) } }
        + [.bytes("fashion-mnist", .runs) { try contents(of: "\(repository)/Models/fashion-mnist.onnx") }]
        + [Golden.convolution, Golden.everything].map { golden in .bytes("golden", .runs) { golden } }
        + ONNXModelTestsExport.networks.indices.flatMap { index in
            [13, 17, 28].map { version in
                .bytes("network \(index), version \(version)", .runs) {
                    try ONNXModelTestsExport.network(index).model.onnxBytes(opset: version)
                }
            }
        }
        + ONNXRecurrentTests.layers.map { layer in
            .bytes("\(layer.kind)", .runs) { try ONNXRecurrentTests.network(layer).model.onnxBytes() }
        }
        + HostileONNXTests.files.filter { !$0.isLarge }

    private static let repository = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

    private static func contents(of path: String) throws -> [UInt8] {
        try FileBytes(path: path).withUnsafeBytes { Array($0) }
    }

    /// As many processes as can compute at a time share the seeds.
    private static let parts = Processor.availableCount

    @Test(arguments: 0..<parts) func endInAResultOrATypedError(part: Int) async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [part = part as Int, folder = folder.path as String] in
            try DamagedONNXTests.attempt(part: part, in: folder)
        }
        let said = String(decoding: try Self.contents(of: "\(folder.path)/tally"), as: UTF8.self)
        print("part \(part) of \(Self.parts): \(said)")
        let numbers = said.split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count >= 2)
        let (refused, ran) = (numbers[0], numbers[1])
        let least = (isThorough ? 1_000_000 : 5000) / Self.parts
        #expect(said.hasSuffix("done") && refused + ran > least && min(refused, ran) > least / 50)
    }

    /// What an attempt at a mutant may take.
    private static var options: PlanOptions {
        var options = HostileFile.options
        options.memoryLimit = 8 << 20
        options.iterationLimit = 50
        options.timeLimit = .seconds(1)
        return options
    }

    /// Attempts the mutants of every so many seeds. In the folder's file `tally` stands how many ended how, and what is done
    /// now: where a mutant ends the process, that one.
    private static func attempt(part: Int, in folder: String) throws {
        let log = open("\(folder)/tally", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(log) }
        var (refused, ran, slowest) = (0, 0, (seconds: 0.0, name: ""))
        func note(_ doing: String) {
            let slow = "slowest \(Int(slowest.seconds * 1000)) ms for \(slowest.name)"
            let text = "\(refused) refused, \(ran) ran; \(slow); now \(doing)"
            pwrite(log, text, text.utf8.count, 0)
            ftruncate(log, text.utf8.count)
        }
        let before = try #require(MemoryUse.residentBytes)
        for index in seeds.indices where index % parts == part {
            let (seed, folder) = (seeds[index], try TemporaryFolder(inMemory: true))
            let path = try seed.write(folder.path)
            let mutants = try Damaged(contents(of: path), flipped: 4096)
            let step = isThorough ? 1 : max(1, mutants.count / 24)
            for mutant in stride(from: index % step, to: mutants.count, by: step) {
                let name = "\(seed.name), \(mutants.name(of: mutant))"
                note(name)
                // What hangs ends the process.
                alarm(60)
                overwrite(path, mutants[mutant])
                let start = processorSeconds()
                let text = try seed.attempt(at: path, options: options)
                let seconds = processorSeconds() - start
                if seconds > slowest.seconds { slowest = (seconds, name) }
                if text == nil { ran += 1 } else { refused += 1 }
                #expect(text != "")
            }
        }
        alarm(0)
        note("done")
        let most = try #require(MemoryUse.peakResidentBytes) - before
        #expect(most <= 64 << 20)
    }

    /// Not as `AtomicFile` does, which waits for the disk.
    private static func overwrite(_ path: String, _ bytes: [UInt8]) {
        let file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        #expect(write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }
}
