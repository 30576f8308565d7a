import Glibc
import Synchronization
import Tamis

/// The streams of the command: results on standard output, everything else on standard error.
enum Console {
    /// Writes a line to standard output. Where nobody reads any more, the command ends quietly.
    static func print(_ text: String) {
        switch write(text + "\n", to: STDOUT_FILENO) {
        case 0: return
        case EPIPE: exit(0)
        case let code:
            note("tamis: standard output could not be written: \(String(cString: strerror(code)))")
            exit(ExitStatus.failed.rawValue)
        }
    }

    /// Writes a line to standard error.
    static func note(_ text: String) { _ = write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) -> Int32 {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return written < 0 ? errno : EIO }
            bytes = bytes.dropFirst(written)
        }
        return 0
    }

    /// Whether standard output shows colours: a terminal, unless `NO_COLOR` is set to anything.
    static var hasColor: Bool {
        let term = getenv("TERM").map { String(cString: $0) } ?? ""
        let forbidden = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        return isatty(STDOUT_FILENO) == 1 && term != "dumb" && !forbidden
    }

    /// The characters of a line of the terminal, also where standard output goes there through another program; nil where
    /// there is none.
    static var columns: Int? {
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            var size = winsize()
            if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        }
        return nil
    }

    /// Whether an interruption has to wait, and the one that does; 0 for none. Signals come on any thread.
    private static let isWriting = Atomic<Bool>(false)
    private static let waiting = Atomic<Int32>(0)

    /// Lets interruptions end the command, though not while something is written. What the caller lets it ignore (`nohup`)
    /// stays ignored.
    static func handleInterruptions() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var action = sigaction()
            guard sigaction(number, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { continue }
            signal(number, interrupted)
        }
    }

    /// What a signal does: nothing here may allocate or lock.
    fileprivate static func interrupt(_ number: Int32) {
        guard !isWriting.load(ordering: .sequentiallyConsistent) else {
            return waiting.store(number, ordering: .sequentiallyConsistent)
        }
        // A bar may stand on the line.
        var newline = UInt8(ascii: "\n")
        if isatty(STDERR_FILENO) == 1 { Glibc.write(STDERR_FILENO, &newline, 1) }
        guard number != SIGINT else { _exit(128 + number) }
        // The caller learns of the signal as if nothing had caught it.
        signal(number, SIG_DFL)
        raise(number)
    }

    /// Runs `body` with interruptions kept waiting, so that what it writes is whole before they come.
    static func withoutInterruption<Result>(_ body: () throws -> Result) rethrows -> Result {
        isWriting.store(true, ordering: .sequentiallyConsistent)
        defer {
            isWriting.store(false, ordering: .sequentiallyConsistent)
            let number = waiting.load(ordering: .sequentiallyConsistent)
            if number != 0 { interrupt(number) }
        }
        return try body()
    }
}

/// On whatever thread the signal comes: not isolated to the main actor, as what stands in `main` would be.
private func interrupted(_ number: Int32) { Console.interrupt(number) }
