import ArgumentParser
import Tamis
import TamisKernels

/// `tamis doctor`: what this machine gives, and what stands in the way.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at this machine: processor, OpenBLAS, limits of memory and speed.",
        discussion: "Exit status 1 if OpenBLAS multiplies wrongly.")

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        let report = MachineReport()
        if format.json { try JSONOption.print(Result(report)) } else { Console.print(text(report)) }
        if report.blasFailure != nil { throw ExitStatus.unexpected }
    }

    private func text(_ report: MachineReport) -> String {
        var table = Table(.left, .left)
        let quota = report.quota.map { "a quota of \($0.fixed(1))" } ?? "no quota"
        table.add("processor", report.processorName)
        table.add("threads", "\(report.availableCount): \(report.affinityCount) in the affinity mask, \(quota)")
        table.add("kernels", report.level.rawValue)
        table.add("OpenBLAS", "core \(report.blasCore); \(report.blasConfiguration)")
        table.add("self-test", report.blasFailure.map { "FAILED: \($0)" } ?? "passed")
        let limits = report.limits
        table.add("arithmetic", "\(limits.arithmeticGigaflops.fixed(1)) GFLOP/s in registers (float32, 1 thread)")
        table.add(
            "product",
            "OpenBLAS \(limits.blasGigaflops.fixed(1)) GFLOP/s, own kernel \(limits.productGigaflops.fixed(1)) GFLOP/s "
                + "(1024 × 1024 × 1024, float32, 1 thread)")
        let read = limits.readGigabytes.map { "\($0.fixed(1)) GB/s (1 thread)" }
        table.add("reading", read ?? "not measured: there is no memory for it")
        table.add("memory", "\(size(report.memoryBytes)), \(size(report.availableMemoryBytes)) available")
        table.add(
            "limits",
            "control group \(limit(report.controlGroupMemoryBytes)), process \(limit(report.addressSpaceBytes))")
        for warning in report.warnings { table.add("warning", warning) }
        return table.text
    }

    private func size(_ bytes: Int?) -> String { bytes?.bytes ?? "unknown" }
    private func limit(_ bytes: Int?) -> String { bytes?.bytes ?? "none" }

    private struct Result: Encodable {
        var processor: String
        var processorsAvailable: Int
        var affinityCount: Int
        var quota: Double?
        var cpuLevel: String
        var blasCore: String
        var blasConfig: String
        var selfTest: String
        var arithmeticGflops: Double
        var sgemmGflops: Double
        var kernelGflops: Double
        var readGigabytesPerSecond: Double?
        var memoryBytes: Int?
        var memoryAvailableBytes: Int?
        var controlGroupMemoryBytes: Int?
        var addressSpaceBytes: Int?
        var warnings: [String]

        init(_ report: MachineReport) {
            processor = report.processorName
            processorsAvailable = report.availableCount
            affinityCount = report.affinityCount
            quota = report.quota
            cpuLevel = report.level.rawValue
            blasCore = report.blasCore
            blasConfig = report.blasConfiguration
            selfTest = report.blasFailure ?? "passed"
            arithmeticGflops = report.limits.arithmeticGigaflops
            sgemmGflops = report.limits.blasGigaflops
            kernelGflops = report.limits.productGigaflops
            readGigabytesPerSecond = report.limits.readGigabytes
            memoryBytes = report.memoryBytes
            memoryAvailableBytes = report.availableMemoryBytes
            controlGroupMemoryBytes = report.controlGroupMemoryBytes
            addressSpaceBytes = report.addressSpaceBytes
            warnings = report.warnings
        }
    }
}
