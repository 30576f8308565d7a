import Foundation
import TamisKernels
import Testing

struct DoctorCommandTests {
    @Test func tellsWhatTheMachineGives() throws {
        let run = try CommandRun(["doctor"])
        #expect(run.status == 0)
        #expect(run.error.isEmpty)
        for word in ["processor", "threads", "kernels", "OpenBLAS", "self-test   passed", "GFLOP/s", "GB/s", "memory"] {
            #expect(run.output.contains(word))
        }
    }

    @Test func givesOneObject() throws {
        let run = try CommandRun(["doctor", "--json"])
        #expect(run.status == 0)
        let object = try run.object()
        for key in [
            "processor", "processors_available", "affinity_count", "cpu_level", "blas_core", "blas_config", "self_test",
            "arithmetic_gflops", "sgemm_gflops", "kernel_gflops", "read_gigabytes_per_second", "memory_bytes",
            "warnings",
        ] {
            #expect(object[key] != nil, "\(key)")
        }
        #expect(object["self_test"] as? String == "passed")
        #expect(object["cpu_level"] as? String == KernelLevel.best.rawValue)
        #expect((object["sgemm_gflops"] as? Double ?? 0) > 0)
    }

    @Test func warnsOfForcedKernels() throws {
        let run = try CommandRun(["doctor", "--json"], environment: ["OPENBLAS_CORETYPE": "Nehalem"])
        let warnings = try run.object()["warnings"] as? [String] ?? []
        #expect(warnings.contains { $0.contains("OPENBLAS_CORETYPE is set (Nehalem)") })
        if KernelLevel.best > .portable { #expect(warnings.contains { $0.contains("core Nehalem does not use it") }) }
    }

    @Test func warningsFollowFromLevelAndCore() {
        func warnings(_ level: KernelLevel, _ core: String) -> Int {
            MachineReport.warnings(level: level, core: core) { _ in nil }.count
        }
        #expect(warnings(.avx512, "SkylakeX") == 0)
        #expect(warnings(.avx512, "Haswell") == 1)
        #expect(warnings(.avx2, "Haswell") == 0)
        #expect(warnings(.avx2, "Zen") == 0)
        #expect(warnings(.avx2, "Prescott") == 1)
        #expect(warnings(.portable, "Prescott") == 0)
    }
}
