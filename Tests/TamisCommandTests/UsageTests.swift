import Foundation
import Glibc
import Testing

struct UsageTests {
    private static let verbs = [
        "train", "evaluate", "run", "inspect", "check", "compare", "optimize", "convert", "bench", "profile", "doctor",
    ]

    @Test func helpListsTheVerbsThatWork() throws {
        let run = try CommandRun(["--help"])
        #expect(run.status == 0)
        #expect(run.error.isEmpty)
        let list = run.output.components(separatedBy: "SUBCOMMANDS:\n").last ?? ""
        let verbs = list.split(separator: "\n").filter {
            $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("See")
        }
        .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(verbs == Self.verbs)
        #expect(try CommandRun([]).output == run.output)
    }

    @Test(arguments: verbs) func eachVerbExplainsItself(verb: String) throws {
        let run = try CommandRun([verb, "--help"])
        #expect(run.status == 0)
        #expect(run.output.contains("USAGE: tamis \(verb)"))
        #expect(run.output.contains("--json"))
        #expect(run.output.split(separator: "\n").filter { !$0.hasPrefix("USAGE") }.allSatisfy { $0.count <= 120 })
    }

    @Test(arguments: [
        (["bake"], "bake"),
        (["--loud"], "--loud"),
        (["train"], "--network"),
        (["train", "--network", "lesson", "--data", "fashion-mnist"], "--output"),
        (["train", "--network", "tiny", "--data", "d", "--output", "o"], "lesson, dense, lenet5"),
        (["train", "--network", "lesson", "--data", "d", "--output", "o", "--epochs", "0"], "1 or more"),
        (["train", "--network", "lesson", "--data", "d", "--output", "o", "--batch", "many"], "whole number"),
        (["train", "--network", "lesson", "--data", "d", "--output", "o", "--seed", "-1"], "seed"),
        (["train", "--network", "lesson", "--data", "d", "--output", "o", "--optimizer", "magic"], "nesterov"),
        (["train", "--network", "lesson", "--data", "d", "--output", "o", "--learning-rate", "nan"], "above 0"),
        (["evaluate"], "model"),
        (["evaluate", "m.onnx"], "--data"),
        (["evaluate", "m.onnx", "--data", "d", "--show", "2", "--json"], "--show"),
        (["run", "m.onnx"], "--output-dir"),
        (["run", "m.onnx", "--output-dir", "d", "--input", "x"], "NAME=FILE"),
        (["run", "m.onnx", "--output-dir", "d", "--precision", "low"], "strict"),
        (["inspect"], "model"),
        (["inspect", "everything"], "lesson, dense, lenet5"),
        (["inspect", "m.onnx", "--input-shape", "x"], "NAME=N,N"),
        (["inspect", "m.onnx", "--input-shape", "x=1,-2"], "whole numbers"),
        (["inspect", "m.onnx", "--memory-limit", "much"], "64MiB"),
        (["check"], "model"),
        (["compare", "m.onnx"], "--plain"),
        (["compare", "m.onnx", "n.onnx", "--tolerance", "none"], "0 or more"),
        (["optimize", "m.onnx"], "--output"),
        (["convert", "m.onnx", "--output", "o.onnx", "--opset", "99"], "13 to 28"),
        (["bench"], "model"),
        (["bench", "m.onnx", "--threads", "0"], "from 1 to 64"),
        (["bench", "m.onnx", "--threads", "1000"], "from 1 to 64"),
        (["bench", "m.onnx", "--seconds", "-2"], "seconds"),
        (["bench", "m.onnx", "--shape", "x=1,a"], "NAME=N,N"),
        (["profile", "m.onnx", "--seconds", "1e300"], "a day"),
        (["bench", "everything"], "lesson, dense, lenet5"),
        (["doctor", "now"], "now"),
    ]) func aWrongUseIsExplained(arguments: [String], word: String) throws {
        let run = try CommandRun(arguments)
        #expect(run.status == 2, "\(arguments)")
        #expect(run.output.isEmpty)
        #expect(run.error.contains(word), "\(run.error)")
    }

    @Test func standardOutputMayBeAClosedPipe() throws {
        for arguments in [["--help"], ["doctor"], ["doctor", "--json"]] {
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            close(ends[0])
            #expect(fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0)
            let scratch = try Folder()
            let process = try CommandProcess(arguments, output: ends[1], error: scratch.opened("err"))
            #expect(process.wait() == 0)
            #expect(try scratch.bytes("err").isEmpty)
        }
    }

    @Test func aFullDiskIsAnError() throws {
        let scratch = try Folder()
        let process = try CommandProcess(
            ["doctor"], output: open("/dev/full", O_WRONLY | O_CLOEXEC), error: scratch.opened("err"))
        #expect(process.wait() == 3)
        #expect(String(decoding: try scratch.bytes("err"), as: UTF8.self).contains("standard output"))
    }
}
