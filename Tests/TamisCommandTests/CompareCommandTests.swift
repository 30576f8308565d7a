import Foundation
import Tamis
import Testing

struct CompareCommandTests {
    private let folder: Folder
    private let model: String

    init() throws {
        folder = try Folder()
        model = try folder.writeNetwork("m.onnx")
    }

    @Test func plansWithAndWithoutPassesAgree() throws {
        let run = try CommandRun(["compare", model, "--plain", "--json"])
        #expect(run.status == 0, "\(run.error)\(run.output)")
        let object = try run.object()
        let values = object["values"] as? [[String: Any]] ?? []
        #expect(values.map { $0["value"] as? String } == ["c1", "n1", "r1", "c2", "a2", "r2", "p", "f", "y"])
        #expect(object["first"] == nil)
        // Values that joining nodes would hide have runs of their own.
        #expect((object["runs"] as? Int ?? 0) >= 2)
    }

    @Test func theFirstNodeThatDiffersIsNamed() throws {
        // The same but for one weight of the second convolution.
        let read = try Model(onnx: model)
        var other = read
        let name = try #require(other.parameters.names.first { $0 == "w2" })
        var weights = try #require(other.parameters[name]).scalars(as: Float.self)
        weights[7] += 1
        other.parameters[name] = try Tensor(weights, shape: read.parameters[name]?.shape.dimensions ?? [])
        try other.writeONNX(to: folder.path("other.onnx"))
        let run = try CommandRun(["compare", folder.path("other.onnx"), model])
        #expect(run.status == 1, "\(run.error)")
        let last = run.output.split(separator: "\n").last ?? ""
        #expect(last.contains("the first is \"c2\" of node"), "\(run.output)")
        let json = try CommandRun(["compare", folder.path("other.onnx"), model, "--json"])
        let first = try json.object()["first"] as? [String: Any] ?? [:]
        #expect(first["value"] as? String == "c2")
        #expect((first["difference"] as? [String: Any])?["position"] as? [Int] != nil)
        // What is expected to differ may.
        #expect(try CommandRun(["compare", folder.path("other.onnx"), model, "--tolerance", "100"]).status == 0)
    }

    @Test func aFolderOfArraysIsAReference() throws {
        try Tensor(random: .float32, shape: Shape([2, 3, 8, 8]), seed: 5, name: "x").writeNPY(to: folder.path("x.npy"))
        let references = folder.path("references")
        let made = try CommandRun([
            "run", model, "--input", "x=\(folder.path("x.npy"))", "--output", "c1", "--output", "r2", "--output", "0",
            "--output-dir", references,
        ])
        #expect(made.status == 0, "\(made.error)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: references).sorted() == ["c1.npy", "r2.npy", "y.npy"])
        // The answers alone do not say what was asked.
        let without = try CommandRun(["compare", model, references])
        #expect(without.status == 3)
        #expect(without.error.contains("\"x\""), "\(without.error)")
        let run = try CommandRun([
            "compare", model, references, "--input", "x=\(folder.path("x.npy"))", "--json",
        ])
        #expect(run.status == 0, "\(run.error)\(run.output)")
        let values = try run.object()["values"] as? [[String: Any]] ?? []
        #expect(values.map { $0["value"] as? String } == ["c1", "r2", "y"])

        var changed = try Tensor(npy: "\(references)/r2.npy").scalars(as: Float.self)
        changed[100] = .nan
        try Tensor(changed, shape: [2, 4, 8, 8]).writeNPY(to: "\(references)/r2.npy")
        // The input may stand in the folder as well.
        try Tensor(npy: folder.path("x.npy")).writeNPY(to: "\(references)/x.npy")
        let wrong = try CommandRun(["compare", model, references])
        #expect(wrong.status == 1)
        #expect(wrong.output.contains("\"r2\"") && wrong.output.contains("[0, 1, 4, 4]"), "\(wrong.output)")
    }

    @Test func modelsWithoutCommonGroundAreAnError() throws {
        let other = try folder.writeModel("o.onnx", [ONNXNode("Relu", "x", "another")], outputs: ["another"])
        let run = try CommandRun(["compare", model, other])
        #expect(run.status == 3)
        #expect(run.error.contains("values of the same names"), "\(run.error)")
    }
}
