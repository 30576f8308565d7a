import ArgumentParser
import Foundation
import Tamis
import TamisKernels

/// Times kernels, operators and networks on this machine.
@main
struct TamisBenchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Times Tamis's kernels, operators and networks on this machine.")

    enum Suite: String, CaseIterable, ExpressibleByArgument {
        case kernels, convolutions, operators, networks
    }

    @Option(help: "What to time.")
    var suite: [Suite] = Suite.allCases
    @Option(help: "Seconds for each measurement.")
    var seconds = 0.3
    @Option(help: "A file for the same figures as JSON.")
    var json: String?

    func validate() throws {
        guard seconds > 0, seconds <= 600 else {
            throw ValidationError("--seconds must be more than 0 and at most 600; received \(seconds)")
        }
    }

    func run() throws {
        try BLAS.check()
        var report = Report(
            processor: Processor.name, cpuLevel: KernelLevel.best.rawValue, blasCore: BLAS.coreName,
            date: ISO8601DateFormatter().string(from: Date()))
        print("\(report.processor), kernels \(report.cpuLevel), OpenBLAS core \(report.blasCore), \(report.date)\n")
        for suite in suite {
            let sections =
                switch suite {
                case .kernels: try KernelBenchmarks.run(seconds: seconds)
                case .convolutions: try ConvolutionBenchmarks.run(seconds: seconds)
                case .operators: try OperatorBenchmarks.run(seconds: seconds)
                case .networks: try NetworkBenchmarks.run(seconds: seconds)
                }
            for section in sections { print(Report.text(section)) }
            report.sections += sections
        }
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(report).write(to: URL(fileURLWithPath: json), options: .atomic)
        }
    }
}
