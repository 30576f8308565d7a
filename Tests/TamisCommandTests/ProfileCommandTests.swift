import Foundation
import Tamis
import Testing

struct ProfileCommandTests {
    private let folder: Folder
    private let model: String

    init() throws {
        folder = try Folder()
        model = try folder.writeNetwork("m.onnx")
    }

    private func number(_ value: Any?) -> Double { (value as? NSNumber)?.doubleValue ?? -1 }

    @Test func aProfileIsOneObject() throws {
        let run = try CommandRun([
            "profile", model, "--shape", "x=2,3,8,8", "--threads", "1", "--seconds", "0.05", "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        let nodes = object["nodes"] as? [[String: Any]] ?? []
        let groups = object["groups"] as? [[String: Any]] ?? []
        #expect(!nodes.isEmpty && nodes.allSatisfy { number($0["ms"]) >= 0 })
        #expect(nodes.contains { $0["operator_name"] as? String == "Conv" && number($0["gflops"]) > 0 })
        let sum = nodes.reduce(0) { $0 + number($1["ms"]) }
        #expect(abs(sum - number(object["ms"])) <= 1e-9 * sum)
        #expect(abs(sum - groups.reduce(0) { $0 + number($1["ms"]) }) <= 1e-9 * sum)
        #expect(groups.reduce(0) { $0 + Int(number($1["nodes"])) } == nodes.count)
        #expect(number(object["runs"]) >= 5 && number(object["peak_gflops"]) > 0)
    }

    @Test func theNodesAreATable() throws {
        let run = try CommandRun(["profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--nodes"])
        #expect(run.status == 0, "\(run.error)")
        let tables = run.output.components(separatedBy: "\n\n")
        #expect(tables.count == 3)
        #expect(tables[1].hasPrefix("operator") && tables[2].hasPrefix("node"))
        #expect(tables[2].split(separator: "\n").count > 3)
    }

    @Test func theNextBestIsMeasured() throws {
        let run = try CommandRun([
            "profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--alternatives", "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        let nodes = try run.object()["nodes"] as? [[String: Any]] ?? []
        let others = nodes.filter { $0["runner_up"] != nil }
        #expect(!others.isEmpty && others.allSatisfy { $0["operator_name"] as? String == "Conv" })
        for node in others {
            let other = try #require(node["runner_up"] as? [String: Any])
            #expect(other["algorithm"] as? String != node["algorithm"] as? String && number(other["ms"]) > 0)
        }
        #expect(nodes.contains { number($0["moved_bytes"]) > 0 && number($0["gigabytes_per_second"]) > 0 })
        let text = try CommandRun([
            "profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--alternatives", "--precision", "strict",
        ])
        #expect(text.output.contains("next best") && !text.output.contains("Winograd"))
    }

    @Test func aPageShowsTheRoofs() throws {
        let page = folder.path("profile.html")
        let run = try CommandRun(["profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--html", page])
        #expect(run.status == 0, "\(run.error)")
        let text = try String(contentsOf: URL(fileURLWithPath: page), encoding: .utf8)
        let nodes = text.components(separatedBy: "<circle").count - 1
        #expect(nodes > 0 && text.contains("GFLOP/s") && text.contains("class=\"f\""))
        #expect(!text.contains("http://") && !text.contains("https://") && !text.contains("nan"))
        #expect(try CommandRun(["profile", model, "--html", model]).status == 2)
    }

    @Test func aTraceHoldsTheRun() throws {
        let trace = folder.path("trace.json")
        let run = try CommandRun([
            "profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--trace", trace, "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        let data = try Data(contentsOf: URL(fileURLWithPath: trace))
        let events = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        #expect(events.count == (try run.object()["nodes"] as? [Any])?.count)
        var end = 0.0
        for event in events {
            #expect(event["ph"] as? String == "X" && number(event["ts"]) >= end - 1e-6)
            end = number(event["ts"]) + number(event["dur"])
        }
    }

    @Test func algorithmsAreForced() throws {
        for (name, words) in [("blas", "OpenBLAS"), ("panels", "packed panels"), ("winograd4", "Winograd F(4×4)")] {
            let run = try CommandRun([
                "profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--convolution", name, "--json",
            ])
            let nodes = try run.object()["nodes"] as? [[String: Any]] ?? []
            let convolutions = nodes.filter { $0["operator_name"] as? String == "Conv" }
            #expect(convolutions.contains { ($0["algorithm"] as? String)?.contains(words) == true }, "\(convolutions)")
        }
    }

    @Test func wrongUseIsSaid() throws {
        #expect(try CommandRun(["profile", model, "--convolution", "fft"]).status == 2)
        #expect(try CommandRun(["profile", model, "--seconds", "0"]).status == 2)
        #expect(
            try CommandRun(["profile", model, "--shape", "x=1,3,8,8", "--seconds", "0.05", "--trace", folder.path])
                .status == 3)
        #expect(try CommandRun(["profile", folder.path("missing.onnx")]).status == 3)
    }
}
