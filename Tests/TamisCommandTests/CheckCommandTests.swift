import Foundation
import Tamis
import Testing

struct CheckCommandTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    @Test func aModelThatIsRightHasNoProblems() throws {
        let model = try folder.writeNetwork("m.onnx")
        let run = try CommandRun(["check", model])
        #expect(run.status == 0, "\(run.error)")
        #expect(run.output.contains("no errors, no warnings"), "\(run.output)")
        #expect(run.output.contains("assumed: N of \"x\" is taken for 1"))
    }

    @Test func allProblemsAreFoundInOneGo() throws {
        // One that is unknown, one whose shapes do not fit, one whose attribute is wrong, and one that only a plan of these
        // shapes shows to be wrong; what depends on them is no problem of its own.
        let model = try folder.writeModel(
            "bad.onnx",
            [
                ONNXNode("Sortmax", "x", "a"), ONNXNode("Relu", "a", "a2"),
                ONNXNode("Conv", "x,w", "b"), ONNXNode("Relu", "b", "b2"),
                ONNXNode("Flatten", "x", "c", ["axis": .string("one")]),
                ONNXNode("Flatten", "x", "d", ["axis": .int(0)]), ONNXNode("MatMul", "d,v", "e"),
                ONNXNode("Relu", "x", "y"),
            ],
            initializers: [
                "w": Tensor(repeating: Float(1), shape: [2, 5, 3, 3]),
                "v": Tensor(repeating: Float(1), shape: [384, 2]),
            ], outputs: ["y"])
        let run = try CommandRun(["check", model, "--input-shape", "x=1,3,8,8", "--json"])
        #expect(run.status == 1, "\(run.error)")
        let object = try run.object()
        #expect(object["errors"] as? Int == 4, "\(run.output)")
        let problems = object["problems"] as? [[String: Any]] ?? []
        #expect(problems.map { $0["node"] as? String } == ["make a", "make b", "make c", "make e"])
        #expect(problems.map { $0["operator_name"] as? String } == ["Sortmax", "Conv", "Flatten", "MatMul"])
        #expect(problems.allSatisfy { $0["version"] as? Int == 17 })
        #expect(problems.allSatisfy { !($0["remedy"] as? String ?? "").isEmpty })
        #expect(problems[1]["inputs"] as? [String] == ["float32 [N, 3, 8, 8]", "float32 [2, 5, 3, 3]"])
        #expect((problems[3]["text"] as? String ?? "").contains("192"), "\(problems)")
        // For two images all of the product fits.
        let two = try CommandRun(["check", model, "--input-shape", "x=2,3,8,8", "--json"])
        #expect(try two.object()["errors"] as? Int == 3)

        let table = try CommandRun(["check", model])
        #expect(table.status == 1)
        #expect(table.output.contains("4 errors, no warnings"), "\(table.output)")
        #expect(table.output.components(separatedBy: "    mend:   ").count == 5)
    }

    @Test func warningsAloneAreNoFailure() throws {
        var graph = ONNXGraph()
        graph.nodes = [ONNXNode("Relu", "x", "y")]
        graph.inputs = ["x", "unused"].map { ONNXValueInfo($0, type: .tensor(.float32, [.fixed(2)])) }
        graph.outputs = [ONNXValueInfo("y", type: .tensor(.float32, [.fixed(3)]))]
        try ONNXModel(graph: graph, operatorSets: [ONNXOperatorSet(version: 17)]).write(to: folder.path("w.onnx"))
        let run = try CommandRun(["check", folder.path("w.onnx"), "--json"])
        #expect(run.status == 0)
        let object = try run.object()
        #expect(object["warnings"] as? Int == 2 && object["errors"] as? Int == 0)
        #expect(run.output.contains("unused") && run.output.contains("declares"), "\(run.output)")
    }

    @Test(arguments: [
        ("missing", "No such file"), ("folder", "it is a folder"), ("empty", "an empty file"),
        ("photo", "a JPEG image"), ("text", "a text"), ("truncated", "copy or download it again"),
    ]) func whatIsNoModelIsSaid(kind: String, words: String) throws {
        let path = folder.path("\(kind).onnx")
        switch kind {
        case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        case "empty": try folder.write([], to: "empty.onnx")
        case "photo": try folder.write([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70], to: "photo.onnx")
        case "text": try folder.write(Array("a model of a modern network".utf8), to: "text.onnx")
        case "truncated":
            _ = try folder.writeNetwork("m.onnx")
            try folder.write(Array(folder.bytes("m.onnx").prefix(900)), to: "truncated.onnx")
        default: break
        }
        let run = try CommandRun(["check", path])
        #expect(run.status == 1)
        #expect(run.output.contains(words), "\(run.output)")
        let inspected = try CommandRun(["inspect", path])
        #expect(inspected.status == 3)
        #expect(inspected.error.hasPrefix("tamis: \(path)"), "\(inspected.error)")
    }

    @Test func unknownOperatorsBehindOthersAreNamed() throws {
        let folder = try Folder()
        let path = try folder.writeModel(
            "unknown.onnx",
            [ONNXNode("Foo", "x", "a"), ONNXNode("Relu", "a", "b"), ONNXNode("Bar", "b", "y")], initializers: [:])
        let run = try CommandRun(["check", path])
        #expect(run.status == 1)
        #expect(run.output.contains("Foo") && run.output.contains("Bar"), "\(run.output)")
        #expect(!run.output.contains("no node reads"), "\(run.output)")
    }
}
