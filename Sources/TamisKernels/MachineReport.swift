import CTamisKernels
import Glibc

/// What this machine gives the engine, and what stands in its way.
public struct MachineReport: Sendable {
    /// The name the processor gives itself.
    public let processorName = Processor.name
    /// Processors in the affinity mask.
    public let affinityCount = Processor.affinityCount
    /// Processors' worth of time the control group grants; nil without a limit.
    public let quota = Processor.controlGroupQuota
    /// The threads the engine uses by default: the smaller of the two.
    public let availableCount = Processor.availableCount
    /// How much of the processor the kernels use.
    public let level = KernelLevel.best
    /// The kernels OpenBLAS chose, its version and build options.
    public let blasCore = BLAS.coreName
    public let blasConfiguration = BLAS.configuration
    /// Why OpenBLAS's self-test failed; nil where it passed.
    public let blasFailure: String?
    /// What one thread can do at most.
    public let limits: MachineLimits
    /// Bytes of memory: installed, free for use, and granted by the control group and by the process's own limit.
    public let memoryBytes: Int?
    public let availableMemoryBytes: Int?
    public let controlGroupMemoryBytes: Int?
    public let addressSpaceBytes: Int?
    /// What makes the machine slower or less sure than it could be, in sentences.
    public let warnings: [String]

    /// Runs the self-test and measures the limits.
    public init() {
        do throws(BLAS.Failure) {
            try BLAS.check()
            blasFailure = nil
        } catch {
            blasFailure = error.description
        }
        limits = MachineLimits()
        memoryBytes = Self.memoryInformation("MemTotal:")
        availableMemoryBytes = Self.memoryInformation("MemAvailable:")
        controlGroupMemoryBytes = Self.controlGroupMemory()
        addressSpaceBytes = Self.addressSpace()
        warnings = Self.warnings(level: level, core: blasCore) { name in getenv(name).map { String(cString: $0) } }
    }

    /// What the environment and OpenBLAS's choice of kernels say against this machine's best.
    package static func warnings(
        level: KernelLevel, core: String, environment: (String) -> String?
    ) -> [String] {
        var warnings: [String] = []
        for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] {
            if let value = environment(name) {
                warnings.append(
                    "\(name) is set (\(value)): OpenBLAS does not choose for itself; `unset \(name)` lets it")
            }
        }
        let wide = ["SkylakeX", "Cooperlake", "SapphireRapids", "Zen4", "Zen5"]
        let fused = ["Haswell", "Zen", "Excavator"] + wide
        let wanted: [String] =
            switch level {
            case .portable: []
            case .avx2: fused
            case .avx512: wide
            }
        if !wanted.isEmpty, !wanted.contains(where: { $0.lowercased() == core.lowercased() }) {
            warnings.append(
                "the processor has \(level == .avx512 ? "AVX-512" : "AVX2 and FMA"); OpenBLAS's core \(core) does not use it: "
                    + "matrix products take longer than they need")
        }
        return warnings
    }

    private static func memoryInformation(_ key: String) -> Int? {
        let line = Processor.read("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix(key) }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    private static func controlGroupMemory() -> Int? {
        let text =
            Processor.read("/sys/fs/cgroup/memory.max") ?? Processor.read("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        // Version 1 writes "no limit" as a number near 2⁶³.
        return text.flatMap { Int($0.split(separator: "\n").first ?? "") }.flatMap { $0 < 1 << 60 ? $0 : nil }
    }

    private static func addressSpace() -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { return nil }
        return Int(exactly: limit.rlim_cur)
    }
}
