import Foundation
import Glibc

/// One run of the built command `tamis` to its end, as a user's shell would start it.
struct CommandRun {
    /// What it exited with, or minus the signal that ended it.
    let status: Int32
    let output: String
    let error: String

    /// Runs `tamis`, or another program, with these arguments.
    init(_ arguments: [String], environment: [String: String] = [:], program: String = CommandProcess.path) throws {
        let scratch = try Folder()
        let process = try CommandProcess(
            arguments, environment: environment, output: scratch.opened("out"), error: scratch.opened("err"),
            program: program)
        status = process.wait()
        output = String(decoding: try scratch.bytes("out"), as: UTF8.self)
        error = String(decoding: try scratch.bytes("err"), as: UTF8.self)
    }

    /// The only object on standard output.
    func object() throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
        return value as? [String: Any] ?? [:]
    }
}

/// A started `tamis`. Foundation's `Process` waits by run loops, which tests side by side lose; this waits for the process.
final class CommandProcess {
    let identifier: pid_t
    private var status: Int32?

    /// The release or debug build beside the tests.
    static let path: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let program = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The tests' own program lies there, unless a helper of the toolchain loads them; that was told where they are.
        let told = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
        for candidate in [told, program, CommandLine.arguments[0]] {
            let path = URL(fileURLWithPath: candidate).deletingLastPathComponent().appendingPathComponent("tamis").path
            if access(path, X_OK) == 0 { return path }
        }
        return "tamis"
    }()

    /// Starts `tamis` with no input and the tests' environment, without what would change its behaviour. Closes the
    /// descriptors it is given; where none is, what is written goes nowhere.
    init(
        _ arguments: [String], environment: [String: String] = [:], output: Int32? = nil, error: Int32? = nil,
        program: String = path
    ) throws {
        var variables = ProcessInfo.processInfo.environment
        for name in ["NO_COLOR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] { variables[name] = nil }
        variables.merge(environment) { $1 }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (given, number) in [(output, Int32(1)), (error, 2)] {
            if let given {
                posix_spawn_file_actions_adddup2(&actions, given, number)
            } else {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_WRONLY, 0)
            }
        }
        // The tests may ignore or block signals; the command starts with none.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for name in [SIGINT, SIGPIPE, SIGTERM] { sigaddset(&signals, name) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var argumentPointers = ([program] + arguments).map { strdup($0) } + [nil]
        var variablePointers = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in argumentPointers + variablePointers { free(pointer) }
            for case let descriptor? in [output, error] { close(descriptor) }
        }
        var identifier = pid_t()
        let code = posix_spawn(&identifier, program, &actions, &attributes, &argumentPointers, &variablePointers)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
        self.identifier = identifier
    }

    /// Waits for the end: what the process exited with, or minus the signal that ended it.
    @discardableResult
    func wait() -> Int32 {
        if let status { return status }
        var word: Int32 = 0
        while waitpid(identifier, &word, 0) < 0, errno == EINTR {}
        let signal = word & 0x7f
        let found = signal == 0 ? word >> 8 & 0xff : -signal
        status = found
        return found
    }

    func send(_ signal: Int32) { kill(identifier, signal) }

    deinit {
        guard status == nil else { return }
        send(SIGKILL)
        wait()
    }
}

/// A folder that is gone with its last user.
final class Folder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("tamis-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path(name))) }

    func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    /// A new file, open to be written.
    func opened(_ name: String) -> Int32 { open(path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) }

    /// What is there, hidden files included.
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? [] }
}

extension Folder {
    /// A small data set in idx files: squares whose bright band tells their class, with a little noise.
    static func images(
        side: Int = 12, channels: Int? = nil, training: Int = 96, test: Int = 32, classes: Int = 3
    ) throws -> Folder {
        let folder = try Folder()
        for (name, count) in [("train", training), ("t10k", test)] {
            let size = side * side * (channels ?? 1)
            let dimensions = [count, side, side] + (channels.map { [$0] } ?? [])
            var pixels = idxHeader(dimensions)
            for index in 0..<count {
                for pixel in 0..<size {
                    let isBright = pixel * classes / size == index % classes
                    pixels.append(UInt8((isBright ? 200 : 20) + (index * 31 + pixel * 17) % 13))
                }
            }
            try folder.write(pixels, to: "\(name)-images-idx3-ubyte")
            try folder.write(
                idxHeader([count]) + (0..<count).map { UInt8($0 % classes) }, to: "\(name)-labels-idx1-ubyte")
        }
        return folder
    }

    private static func idxHeader(_ dimensions: [Int]) -> [UInt8] {
        [0, 0, 8, UInt8(dimensions.count)]
            + dimensions.flatMap { extent in [24, 16, 8, 0].map { UInt8(extent >> $0 & 0xff) } }
    }
}
