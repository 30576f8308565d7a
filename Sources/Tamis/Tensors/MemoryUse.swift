import Glibc
import Synchronization
import TamisKernels

/// The memory of this process: what the system counts of it, and what tensors may take.
public enum MemoryUse {
    /// The most bytes the process has had in memory so far; nil where the system does not tell.
    public static var peakResidentBytes: Int? { status("VmHWM:") }

    /// The bytes the process has in memory now; nil where the system does not tell.
    public static var residentBytes: Int? { status("VmRSS:") }

    private static func status(_ name: String) -> Int? {
        let line = Processor.read("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// The bytes that all tensors, plans and files of the process together may have in memory: four fifths of what the
    /// machine has, the control group grants, or `ulimit -v` allows. Linux grants more than that and kills the process when
    /// it is used; what would go beyond is refused instead.
    public static let limit: Int = {
        var bytes = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        // Version 2 of control groups, then version 1; "max", or a number beyond all memory, where there is no limit.
        for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
            if let granted = Processor.read(path)?.split(separator: "\n").first.flatMap({ Int($0) }) {
                bytes = min(bytes, granted)
            }
        }
        var addressSpace = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &addressSpace) == 0 {
            bytes = min(bytes, Int(clamping: addressSpace.rlim_cur))
        }
        return bytes / 5 * 4
    }()

    /// The bytes that tensors, plans and files hold now.
    private static let held = Atomic<Int>(0)

    /// Takes account of bytes to be asked of the system; false where the limit does not let them be.
    static func take(_ byteCount: Int) -> Bool {
        guard byteCount <= limit else { return false }
        if held.add(byteCount, ordering: .relaxed).newValue <= limit { return true }
        give(byteCount)
        return false
    }

    /// Throws where so many bytes more would be too many. Swift's own arrays are not counted: this is asked before one as
    /// large as a tensor is made, because it would end the process where the system refuses.
    static func expect(_ byteCount: Int) throws(ShapeError) {
        guard take(byteCount) else { throw .outOfMemory(bytes: byteCount) }
        give(byteCount)
    }

    /// Takes account of bytes given back.
    static func give(_ byteCount: Int) { held.subtract(byteCount, ordering: .relaxed) }
}
