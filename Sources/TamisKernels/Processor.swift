import Glibc

/// What the machine lets this process use.
public enum Processor {
    /// Processors this process may run on: its affinity mask, cut to the CPU quota of its control group.
    public static let availableCount: Int = {
        var count = affinityCount
        if let quota = controlGroupQuota { count = min(count, max(1, Int(quota.rounded(.up)))) }
        return max(1, count)
    }()

    /// The name the processor gives itself.
    public static let name: String = {
        guard let text = read("/proc/cpuinfo") else { return "unknown" }
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        guard let value = line?.split(separator: ":", maxSplits: 1).last else { return "unknown" }
        return value.drop { $0 == " " }.description
    }()

    /// The processors in this process's affinity mask: bits of the hexadecimal groups the system lists.
    public static let affinityCount: Int = {
        let text = read("/proc/self/status") ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
        let count = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count > 0 ? count : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }()

    /// Processors' worth of time that the control group grants, or nil where it sets no limit.
    public static let controlGroupQuota: Double? = {
        // Version 2: "max 100000" or "150000 100000"; version 1: two files, -1 without a limit.
        let words: [Substring]
        if let text = read("/sys/fs/cgroup/cpu.max") {
            words = text.split { $0 == " " || $0 == "\n" }
        } else if let quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
            let period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
        {
            words = (quota + " " + period).split { $0 == " " || $0 == "\n" }
        } else {
            return nil
        }
        guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0, period > 0
        else {
            return nil
        }
        return quota / period
    }()

    /// The text of a small file of the system; nil where it cannot be read.
    package static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(file, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
