import Glibc

/// What the file readers and writers share about calls of the system.
enum SystemCall {
    /// Repeats a call for as long as a signal interrupts it.
    static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }

    /// The last error in words.
    static var reason: String { String(cString: strerror(errno)) }
}
