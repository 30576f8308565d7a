import Foundation
import Tamis
import Testing

/// `evaluate`, `run` and `bench`: what they do with a model.
struct ModelCommandTests {
    /// A trained model and the data it was trained on.
    private let data: Folder
    private let folder: Folder
    private var model: String { folder.path("m.onnx") }

    init() throws {
        data = try Folder.images()
        folder = try Folder()
        let run = try CommandRun([
            "train", "--network", "dense", "--data", data.path, "--epochs", "20", "--seed", "1", "--output", model,
        ])
        #expect(run.status == 0, "\(run.error)")
    }

    // MARK: evaluate

    @Test func evaluationGivesOneObject() throws {
        let run = try CommandRun(["evaluate", model, "--data", data.path, "--batch", "7", "--threads", "1", "--json"])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        #expect(
            Set(object.keys) == [
                "images", "accuracy", "loss", "seconds", "images_per_second", "batch", "threads", "classes",
                "confusion",
            ])
        #expect(object["images"] as? Int == 32)
        #expect(object["accuracy"] as? Double == 1)
        let confusion = object["confusion"] as? [[Int]] ?? []
        #expect(confusion == [[11, 0, 0], [0, 11, 0], [0, 0, 10]])
        let classes = object["classes"] as? [[String: Any]] ?? []
        #expect(classes.count == 3)
        #expect(Set(classes[0].keys) == ["name", "images", "precision", "recall", "f1"])
    }

    @Test func evaluationEndsInOneLine() throws {
        let run = try CommandRun(["evaluate", model, "--data", data.path])
        #expect(run.status == 0)
        let lines = run.output.split(separator: "\n")
        #expect(lines.last?.wholeMatch(of: /32 images, accuracy 1\.000, \d+ images\/s/) != nil, "\(run.output)")
        #expect(lines.first?.hasPrefix("class") == true)
    }

    @Test func imagesAreDrawnWithoutColour() throws {
        let run = try CommandRun(["evaluate", model, "--data", data.path, "--show", "5"])
        #expect(run.status == 0)
        #expect(run.output.matches(of: /✓ [012] \d+\.\d %/).count == 5)
        #expect(!run.output.contains("\u{1b}"))
        #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 120 })
        #expect(try CommandRun(["evaluate", model, "--data", data.path, "--show", "1000"]).status == 0)
    }

    @Test func imagesOfAnotherSizeAreAnError() throws {
        let other = try Folder.images(side: 9)
        let run = try CommandRun(["evaluate", model, "--data", other.path])
        #expect(run.status == 3)
        #expect(run.error.contains("the images must fit the network's input \"input\""), "\(run.error)")
    }

    // MARK: run

    private func writeImages(_ count: Int, to name: String) throws {
        let values = (0..<count * 144).map { Float($0 % 251) / 251 }
        try Tensor(values, shape: [count, 12, 12, 1]).writeNPY(to: folder.path(name))
    }

    @Test func tensorsGoInAndComeOut() throws {
        try writeImages(3, to: "x.npy")
        let output = folder.path("new/deep")
        let run = try CommandRun([
            "run", model, "--input", "input=\(folder.path("x.npy"))", "--output-dir", output, "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        #expect(Set(object.keys) == ["outputs", "seconds", "threads"])
        let outputs = object["outputs"] as? [[String: Any]] ?? []
        #expect(outputs.count == 1)
        #expect(outputs.first?["name"] as? String == "output")
        let answer = try Tensor(npy: "\(output)/output.npy")
        #expect(answer.shape.dimensions == [3, 3])
        let wanted = try Model(onnx: model).predict(Tensor(npy: folder.path("x.npy")))
        #expect(answer == wanted)

        // By position, strictly, on one thread, as messages.
        let again = try CommandRun([
            "run", model, "--input", "0=\(folder.path("x.npy"))", "--output-dir", output, "--precision", "strict",
            "--threads", "1", "--output-format", "pb",
        ])
        #expect(again.status == 0, "\(again.error)")
        #expect(again.output.contains("output.pb"))
        let message = try Tensor(pb: "\(output)/output.pb")
        #expect(message.shape == wanted.shape)
    }

    @Test func messagesGoIn() throws {
        try writeImages(2, to: "x.npy")
        try Tensor(npy: folder.path("x.npy")).writePB(to: folder.path("x.pb"), name: "input")
        for name in ["x.npy", "x.pb"] {
            let run = try CommandRun([
                "run", model, "--input", "input=\(folder.path(name))", "--output-dir", folder.path(name + ".out"),
            ])
            #expect(run.status == 0, "\(run.error)")
        }
        #expect(
            try Tensor(npy: folder.path("x.npy.out/output.npy")) == Tensor(npy: folder.path("x.pb.out/output.npy")))
    }

    @Test func inputsThatAreNotTheModelsAreWrongUse() throws {
        try writeImages(1, to: "x.npy")
        let file = folder.path("x.npy")
        for (inputs, words) in [
            ([], ["missing: \"input\"", "float32 [batch, 12, 12, 1]"]),
            (["image=\(file)"], ["\"image\"", "0 \"input\""]),
            (["inptu=\(file)"], ["is \"input\" meant?"]),
            (["1=\(file)"], ["\"1\"", "0 \"input\""]),
            (["input=\(file)", "0=\(file)"], ["twice"]),
        ] {
            let arguments = inputs.flatMap { ["--input", $0] }
            let run = try CommandRun(["run", model, "--output-dir", folder.path("out")] + arguments)
            #expect(run.status == 2)
            for word in words { #expect(run.error.contains(word), "\(run.error)") }
        }
        #expect(!folder.names.contains("out"))
    }

    @Test func tensorsThatDoNotFitNameTheirFile() throws {
        try Tensor([Float](repeating: 0, count: 100), shape: [1, 10, 10, 1]).writeNPY(to: folder.path("small.npy"))
        try Tensor([Double](repeating: 0, count: 144), shape: [1, 12, 12, 1]).writeNPY(to: folder.path("double.npy"))
        try folder.write(Array("\u{93}NUMPY".utf8), to: "broken.npy")
        try folder.write([0x0a, 0xff], to: "broken.pb")
        for name in ["small.npy", "double.npy", "broken.npy", "broken.pb", "none.npy"] {
            let file = folder.path(name)
            let run = try CommandRun(["run", model, "--input", "input=\(file)", "--output-dir", folder.path("out")])
            #expect(run.status == 3, "\(name)")
            #expect(run.output.isEmpty)
            #expect(run.error.contains(file), "\(run.error)")
        }
        #expect(!folder.names.contains("out"))
    }

    @Test func anyValueCanBeAskedFor() throws {
        try writeImages(2, to: "x.npy")
        let names = try Model(onnx: model).graph.values.filter { $0.node != nil }.map(\.name)
        let inner = try #require(names.first { $0 != "output" })
        let arguments = ["run", model, "--input", "input=\(folder.path("x.npy"))", "--output-dir", folder.path("out")]
        let run = try CommandRun(arguments + ["--output", inner, "--json"])
        #expect(run.status == 0, "\(run.error)")
        let outputs = try run.object()["outputs"] as? [[String: Any]] ?? []
        #expect(outputs.map { $0["name"] as? String } == [inner])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("out")).count == 1)
        let unknown = try CommandRun(arguments + ["--output", "outptu"])
        #expect(unknown.status == 2)
        #expect(unknown.error.contains("\"output\""), "\(unknown.error)")
    }

    @Test func sequencesAndOptionalValuesGoInAndComeOut() throws {
        var graph = ONNXGraph()
        let type = ONNXType.tensor(.float32, [.named("N")])
        graph.nodes = [
            ONNXNode("Identity", "s", "s2"), ONNXNode("Identity", "o", "o2"), ONNXNode("Relu", "x", "y"),
        ]
        graph.inputs = [("s", ONNXType.sequence(type)), ("o", .optional(type)), ("x", type)].map(ONNXValueInfo.init)
        graph.outputs = [("s2", ONNXType.sequence(type)), ("o2", .optional(type)), ("y", type)].map(ONNXValueInfo.init)
        let path = folder.path("s.onnx")
        try ONNXModel(graph: graph, operatorSets: [ONNXOperatorSet(version: 17)]).write(to: path)
        let tensor = try Tensor([Float(1), -2])
        try Value.sequence([.tensor(tensor), .tensor(tensor)]).writePB(to: folder.path("s.pb"), name: "s")
        try Value.optional(nil).writePB(to: folder.path("o.pb"), name: "o")
        try tensor.writeNPY(to: folder.path("x.npy"))
        let given = ["s=s.pb", "o=o.pb", "x=x.npy"].flatMap { text -> [String] in
            let parts = text.split(separator: "=")
            return ["--input", "\(parts[0])=\(folder.path(String(parts[1])))"]
        }
        let run = try CommandRun(
            ["run", path, "--output-dir", folder.path("out"), "--output-format", "pb"] + given)
        #expect(run.status == 0, "\(run.error)")
        let type2 = ValueType.tensor(.float32, nil)
        guard case .sequence(let elements) = try Value(pb: folder.path("out/s2.pb"), type: .sequence(type2)),
            case .optional(let nothing) = try Value(pb: folder.path("out/o2.pb"), type: .optional(type2))
        else { return #expect(Bool(false)) }
        #expect(elements.map(\.tensor) == [tensor, tensor])
        #expect(nothing == nil)
        #expect(try Tensor(pb: folder.path("out/y.pb")) == Tensor([Float(1), 0]))
        // Arrays hold no sequences, neither out nor in.
        let asArray = try CommandRun(["run", path, "--output-dir", folder.path("out")] + given)
        #expect(asArray.status == 2)
        #expect(asArray.error.contains("pb"), "\(asArray.error)")
        let fromArray = try CommandRun([
            "run", path, "--output-dir", folder.path("out"), "--output", "y", "--input", "s=\(folder.path("x.npy"))",
            "--input", "o=\(folder.path("x.npy"))", "--input", "x=\(folder.path("x.npy"))",
        ])
        #expect(fromArray.status == 3)
        #expect(fromArray.error.contains("sequence"), "\(fromArray.error)")
    }

    @Test func aFolderThatCannotBeMadeIsAnError() throws {
        try writeImages(1, to: "x.npy")
        let run = try CommandRun([
            "run", model, "--input", "input=\(folder.path("x.npy"))", "--output-dir", folder.path("x.npy/out"),
        ])
        #expect(run.status == 3)
        #expect(run.error.contains("x.npy/out"))
    }

    // MARK: bench

    private static let benchKeys: Set<String> = [
        "median_ms", "p10_ms", "p90_ms", "p99_ms", "min_ms", "iterations", "images_per_second", "load_ms", "plan_ms",
        "first_ms",
        "peak_rss_bytes", "arena_bytes", "weight_bytes", "threads", "batch", "gflops", "blas_core", "cpu_level",
    ]

    @Test func measuringGivesOneObject() throws {
        let run = try CommandRun(["bench", model, "--batch", "3", "--threads", "1", "--seconds", "0.1", "--json"])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        #expect(Set(object.keys) == Self.benchKeys)
        #expect(object["batch"] as? Int == 3)
        #expect(object["threads"] as? Int == 1)
        func number(_ key: String) -> Double { (object[key] as? NSNumber)?.doubleValue ?? -1 }
        #expect(number("min_ms") > 0)
        #expect(number("min_ms") <= number("p10_ms"))
        #expect(number("p10_ms") <= number("median_ms"))
        #expect(number("median_ms") <= number("p90_ms") && number("p90_ms") <= number("p99_ms"))
        #expect(number("iterations") >= 5)
        #expect(number("gflops") > 0)
        #expect(number("weight_bytes") >= 18_947 * 4)
    }

    @Test(arguments: ["sgd", "adam"]) func trainingStepsAreMeasured(optimizer: String) throws {
        for network in ["lesson", model] {
            let run = try CommandRun([
                "bench", network, "--train", "--optimizer", optimizer, "--batch", "4", "--seconds", "0.1", "--json",
            ])
            #expect(run.status == 0, "\(run.error)")
            #expect(Set(try run.object().keys) == Self.benchKeys)
        }
    }

    @Test func theTableAligns() throws {
        let run = try CommandRun(["bench", "lenet5", "--seconds", "0.1"])
        #expect(run.status == 0)
        let lines = run.output.split(separator: "\n")
        #expect(lines.map { $0.prefix { $0 != " " } } == ["time", "runs", "speed", "start", "memory", "kernels"])
        #expect(lines.allSatisfy { $0.dropFirst(7).hasPrefix("  ") && $0.dropFirst(9).first != " " })
    }

    @Test func boundsFail() throws {
        let run = try CommandRun(["bench", "lenet5", "--seconds", "0.05", "--fail-if", "p50>0ms", "--fail-if", "p99<0"])
        #expect(run.status == 1)
        #expect(run.error.contains("p50 is ") && run.error.contains("p50>0ms") && !run.error.contains("p99"))
        #expect(run.output.hasPrefix("time"))
        #expect(
            try CommandRun(["bench", "lenet5", "--seconds", "0.05", "--fail-if", "images_per_second<1"]).status == 0)
        for text in ["p50", "p51>2", "p50>fast", ">2", "p50=2"] {
            let run = try CommandRun(["bench", "lenet5", "--fail-if", text])
            #expect(run.status == 2 && run.error.contains("images_per_second"), "\(text)")
        }
    }

    @Test func anEarlierResultIsComparedWith() throws {
        let before = try CommandRun(["bench", "lenet5", "--seconds", "0.05", "--json"])
        try folder.write(Array(before.output.utf8), to: "before.json")
        let path = folder.path("before.json")
        let run = try CommandRun(["bench", "lenet5", "--seconds", "0.05", "--compare", path])
        #expect(run.status == 0, "\(run.error)")
        let lines = run.output.components(separatedBy: "\n\n").last?.split(separator: "\n") ?? []
        #expect(lines.count == 12 && lines.dropFirst().first?.hasPrefix("p50") == true, "\(run.output)")
        let json = try CommandRun(["bench", "lenet5", "--seconds", "0.05", "--compare", path, "--json"])
        #expect(try json.object()["median_ms"] != nil && json.error.contains("before"))
        try folder.write(Array("{\"a\": 1}".utf8), to: "other.json")
        #expect(try CommandRun(["bench", "lenet5", "--compare", folder.path("other.json")]).status == 3)
        #expect(try CommandRun(["bench", "lenet5", "--compare", folder.path("missing.json")]).status == 3)
    }

    @Test func axesBesideTheBatchMustBeGiven() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", "height", 3]))
        graph.output(try graph.call(Activate(.relu), x), name: "y")
        let path = folder.path("free.onnx")
        try graph.model.writeONNX(to: path)
        let run = try CommandRun(["bench", path, "--seconds", "0.1"])
        #expect(run.status == 2)
        #expect(run.error.contains("--shape x=N,N,…"), "\(run.error)")
        #expect(try CommandRun(["bench", path, "--seconds", "0.1", "--shape", "x=2,5,3"]).status == 0)
        let wrong = try CommandRun(["bench", path, "--seconds", "0.1", "--shape", "x=2,5,4"])
        #expect(wrong.status == 3)
        #expect(wrong.error.contains("free.onnx"))
        let unknown = try CommandRun(["bench", path, "--seconds", "0.1", "--shape", "z=2,5,4"])
        #expect(unknown.status == 2)
        #expect(unknown.error.contains("\"x\""))
    }

    // MARK: Files that are no models

    @Test(arguments: ["missing", "folder", "empty", "text", "truncated", "flipped"]) func aBadModelIsAnError(
        kind: String
    ) throws {
        let path = folder.path("\(kind).onnx")
        let bytes = try folder.bytes("m.onnx")
        switch kind {
        case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        case "empty": try folder.write([], to: "empty.onnx")
        case "text": try folder.write(Array("a model of a modern network".utf8), to: "text.onnx")
        case "truncated": try folder.write(Array(bytes.prefix(bytes.count / 2)), to: "truncated.onnx")
        case "flipped": try folder.write(bytes.prefix(40).map { ~$0 } + bytes.dropFirst(40), to: "flipped.onnx")
        default: break
        }
        try writeImages(1, to: "x.npy")
        for arguments in [
            ["evaluate", path, "--data", data.path],
            ["bench", path, "--seconds", "0.1"],
            ["run", path, "--input", "input=\(folder.path("x.npy"))", "--output-dir", folder.path("out")],
        ] {
            let run = try CommandRun(arguments + ["--json"])
            #expect(run.status == 3, "\(arguments)")
            #expect(run.output.isEmpty)
            #expect(run.error.contains(path), "\(run.error)")
            #expect(run.error.hasPrefix("tamis: "))
        }
        #expect(!folder.names.contains("out"))
    }

    @Test func anUnknownOperatorIsNamed() throws {
        // The operator's type stands in the file as text of its length.
        var bytes = try folder.bytes("m.onnx")
        let (known, unknown) = (Array("Softmax".utf8), Array("Sortmax".utf8))
        let position = try #require(bytes.indices.first { bytes[$0...].starts(with: [7] + known) })
        bytes.replaceSubrange(position + 1..<position + 8, with: unknown)
        try folder.write(bytes, to: "unknown.onnx")
        let run = try CommandRun(["bench", folder.path("unknown.onnx"), "--seconds", "0.1"])
        #expect(run.status == 3)
        #expect(run.error.contains("Sortmax"), "\(run.error)")
        #expect(run.error.contains("unknown.onnx"))
    }
}
