import Foundation
import Tamis
import Testing

/// `convert` and `optimize`: models written anew.
struct ConversionCommandTests {
    private let folder: Folder
    private let model: String

    init() throws {
        folder = try Folder()
        model = try folder.writeNetwork("m.onnx")
    }

    @Test(arguments: [13, 21, 28]) func anotherOperatorSetIsWritten(version: Int) throws {
        let output = folder.path("o.onnx")
        let run = try CommandRun(["convert", model, "--output", output, "--opset", "\(version)", "--json"])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        #expect(object["operator_set_before"] as? Int == 17 && object["operator_set"] as? Int == version)
        #expect(object["nodes"] as? Int == 9 && object["nodes_before"] as? Int == 9)
        #expect(object["same_bits"] as? Bool == true)
        #expect(object["bytes"] as? Int == (try folder.bytes("o.onnx")).count)
        #expect(try ONNXModel(path: output).operatorSets.map(\.version) == [version])
        #expect(try CommandRun(["compare", output, model]).status == 0)
    }

    @Test func passesAreListedAndTheirResultIsWritten() throws {
        let output = folder.path("o.onnx")
        let run = try CommandRun(["optimize", model, "--output", output, "--json"])
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        let passes = (object["passes"] as? [[String: Any]] ?? []).compactMap { $0["pass"] as? String }
        #expect(passes.contains("cancel transposes") && passes.contains("fuse activation"), "\(passes)")
        // Batch normalisation is gone; what files have no node for is not.
        #expect(object["nodes"] as? Int == 8)
        let names = try ONNXModel(path: output).graph.nodes.map(\.operatorName)
        #expect(names == ["Conv", "Relu", "Conv", "Add", "Relu", "MaxPool", "Flatten", "Gemm"])
        let text = try CommandRun(["optimize", model, "--output", output, "--nodes"])
        #expect(text.output.contains("\"make n1\" goes into \"make c1\""), "\(text.output)")
        #expect(text.output.contains("9 → 8"))
    }

    @Test func aModelMayTakeItsOwnPlace() throws {
        let before = try Model(onnx: model)
        #expect(try CommandRun(["optimize", model, "--output", model]).status == 0)
        let x = ["x": try Tensor(random: .float32, shape: Shape([2, 3, 8, 8]), seed: 1, name: "x")]
        let (old, new) = try (Runner(before).run(x), Runner(Model(onnx: model)).run(x))
        let difference = ValueDifference(.tensor(try #require(new["y"])), .tensor(try #require(old["y"])))
        #expect(difference.error <= 1e-6)
    }

    @Test func nothingIsWrittenWhereItCannotBe() throws {
        for (arguments, status, words) in [
            (["--output", folder.path("none/o.onnx")], Int32(3), "none/o.onnx"),
            (["--output", folder.path], 3, folder.path),
            (["--output", ""], 2, "--output"), (["--output", "o", "--opset", "12"], 2, "13 to 28"),
        ] {
            let run = try CommandRun(["convert", model] + arguments)
            #expect(run.status == status)
            #expect(run.error.contains(words), "\(run.error)")
        }
        // Before version 19 ONNX has no dilation here.
        let dilated = try folder.writeModel(
            "d.onnx",
            [ONNXNode("AveragePool", "x", "y", ["kernel_shape": .ints([2, 2]), "dilations": .ints([2, 2])])],
            version: 19)
        let run = try CommandRun(["convert", dilated, "--output", folder.path("o.onnx"), "--opset", "17"])
        #expect(run.status == 3)
        #expect(run.error.contains("make y") && run.error.contains("19"), "\(run.error)")
        #expect(!folder.names.contains("o.onnx"))
    }
}
