import Foundation
import Tamis
import Testing

struct InspectCommandTests {
    private let folder: Folder
    private let model: String

    init() throws {
        folder = try Folder()
        model = try folder.writeNetwork("m.onnx")
    }

    @Test func aReportIsOneObject() throws {
        let run = try CommandRun(["inspect", model, "--input-shape", "x=2,3,8,8", "--json"])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        #expect(object["parameters"] as? Int == 601)
        #expect((object["assumptions"] as? [Any])?.isEmpty == true)
        let inputs = object["inputs"] as? [[String: Any]] ?? []
        #expect(inputs.first?["type"] as? String == "float32 [N, 3, 8, 8]")
        #expect(inputs.first?["shape"] as? [Int] == [2, 3, 8, 8])
        let nodes = object["nodes"] as? [[String: Any]] ?? []
        #expect(nodes.map { $0["operator_name"] as? String }.count == 9)
        let first = nodes.first ?? [:]
        #expect((first["outputs"] as? [[String: String]])?.first?["value"] == "float32 [2, 4, 8, 8]")
        #expect(first["byte_count"] as? Int == 2 * 4 * 64 * 4)
        // 2 · images · pixels · kernel · channels · filters, and a bias and an activation for each output at most.
        let operations = (first["operations"] as? NSNumber)?.intValue ?? 0
        let products = 2 * 2 * 64 * 9 * 3 * 4
        #expect(operations >= products && operations <= products + 1536)
        let memory = object["memory"] as? [String: Any] ?? [:]
        let arena = memory["arena_bytes"] as? Int ?? 0
        #expect(arena >= memory["peak_bytes"] as? Int ?? .max)
        for buffer in memory["buffers"] as? [[String: Any]] ?? [] {
            let end = (buffer["offset"] as? Int ?? .max / 2) + (buffer["byte_count"] as? Int ?? .max / 2)
            #expect(end <= arena)
        }
    }

    @Test func joinedNodesSayWhereTheyWent() throws {
        let run = try CommandRun(["inspect", model, "--nodes"])
        #expect(run.status == 0, "\(run.error)")
        #expect(run.output.contains("assumed"), "\(run.output)")
        let lines = run.output.split(separator: "\n")
        for output in ["n1", "r1", "r2"] {
            let line = lines.first { $0.hasPrefix("make \(output) ") } ?? ""
            #expect(line.contains("joined with \"make c"), "\(line)")
        }
        // Columns align.
        let head = try #require(lines.first { $0.hasPrefix("node ") })
        let column = try #require(head.range(of: "operator")).lowerBound.utf16Offset(in: head)
        for line in lines.drop(while: { !$0.hasPrefix("node ") }).dropFirst() {
            #expect(Array(line)[column - 1] == " " && Array(line)[column] != " ")
        }
    }

    @Test func anyNetworkByNameIsShown() throws {
        let run = try CommandRun(["inspect", "lenet5"])
        #expect(run.status == 0, "\(run.error)")
        #expect(run.output.contains("Gemm") && run.output.contains("arena"))
    }

    @Test func tooMuchMemoryIsRefusedBeforeTheRun() throws {
        let run = try CommandRun(["inspect", model, "--memory-limit", "4KiB"])
        #expect(run.status == 3)
        #expect(run.error.contains("at most 4096 bytes may be taken"), "\(run.error)")
        #expect(try CommandRun(["inspect", model, "--memory-limit", "64MiB"]).status == 0)
    }

    @Test func shapesMustBeOnesOfInputs() throws {
        let unknown = try CommandRun(["inspect", model, "--input-shape", "X1=1,3,8,8"])
        #expect(unknown.status == 2)
        #expect(unknown.error.contains("\"x\""), "\(unknown.error)")
        let other = try CommandRun(["inspect", model, "--input-shape", "x=1,4,8,8"])
        #expect(other.status == 3)
        #expect(other.error.contains("float32 [N, 3, 8, 8]"), "\(other.error)")
    }

    @Test func thePageHoldsEverythingAndNothingElse() throws {
        let nasty = "<script>alert(1)</script>\"'&\u{1}"
        let path = try folder.writeModel("n.onnx", [ONNXNode("Relu", "x", nasty), ONNXNode("Relu", nasty, "y")])
        let page = folder.path("n.html")
        let run = try CommandRun(["inspect", path, "--html", page])
        #expect(run.status == 0, "\(run.error)")
        let html = String(decoding: try folder.bytes("n.html"), as: UTF8.self)
        #expect(html.hasPrefix("<!doctype html>"))
        #expect(!html.contains("alert(1)</script>"))
        #expect(html.components(separatedBy: "<script").count == 3)
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"))
        for word in ["http:", "https:", "src=", "url(http", "@import", "href="] {
            #expect(!html.contains(word), "\(word)")
        }
        #expect(html.contains("default-src 'none'"))
        // What the page's script reads is JSON.
        let start = try #require(html.range(of: "id=\"data\">"))
        let end = try #require(html[start.upperBound...].range(of: "</script>"))
        let data = Data(html[start.upperBound..<end.lowerBound].utf8)
        let object = try JSONSerialization.jsonObject(with: data) as? [String: [Any]] ?? [:]
        #expect(Set(object.keys) == ["n0", "n1", "i0", "o0"])
        #expect(object["n0"]?[0] as? String == "make \(nasty)")
    }

    @Test func aPageThatCannotBeWrittenIsAnError() throws {
        let run = try CommandRun(["inspect", model, "--html", folder.path("none/m.html")])
        #expect(run.status == 3)
        #expect(run.error.contains("none/m.html"))
    }

    @Test func aPageDoesNotTakeTheModelsPlace() throws {
        let before = try Data(contentsOf: URL(fileURLWithPath: model))
        let run = try CommandRun(["inspect", model, "--html", model])
        #expect(run.status == 2 && run.error.contains("--html"), "\(run.error)")
        #expect(try CommandRun(["profile", model, "--shape", "x=1,3,8,8", "--trace", model]).status == 2)
        #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == before)
    }
}
