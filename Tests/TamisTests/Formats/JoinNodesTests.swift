import Tamis
import TamisTestSupport
import Testing

@Suite("nodes of a file that are several of Tamis's")
struct JoinNodesTests {
    private static let image: [ONNXDimension] = [.fixed(2), .fixed(3), .fixed(4), .fixed(5)]

    /// Nodes of a file of a version of the operator set.
    struct Case: CustomTestStringConvertible {
        var nodes: [ONNXNode]
        var version = 17
        var initializers: [String: Tensor] = [:]

        init(_ nodes: ONNXNode..., version: Int = 17, initializers: [String: Tensor] = [:]) {
            (self.nodes, self.version, self.initializers) = (nodes, version, initializers)
        }

        var testDescription: String { nodes.map(\.operatorName).joined(separator: ", ") + " \(version)" }
        var file: ONNXModel {
            onnxFile(nodes, version: version, inputs: ["x": image, "y": image], initializers: initializers)
        }
    }

    static func cases() throws -> [Case] {
        let (float, int64) = (ONNXAttribute.Value.int(1), ONNXAttribute.Value.int(7))
        return [
            Case(ONNXNode("Sum", "x,y,x,y", "z")), Case(ONNXNode("Max", "x,y,x", "z")),
            Case(ONNXNode("Min", "x,y,y", "z")), Case(ONNXNode("Mean", "x,y", "z")),
            Case(ONNXNode("Mean", "x,y,y", "z")), Case(ONNXNode("Mean", "x", "z")),
            Case(ONNXNode("MeanVarianceNormalization", "x", "z")),
            Case(ONNXNode("MeanVarianceNormalization", "x", "z", ["axes": .ints([1, 3])])),
            Case(ONNXNode("Cast", "y", "i", ["to": int64]), ONNXNode("Pow", "x,i", "z")),
            Case(
                ONNXNode("Cast", "y", "i", ["to": int64]), ONNXNode("Pow", "i,x", "p"),
                ONNXNode("Cast", "p", "z", ["to": float])),
            Case(
                ONNXNode("PRelu", "x,w", "z"), version: 6, initializers: ["w": try Tensor([0.5, -0.25, 2] as [Float])]),
            Case(
                ONNXNode("Mul", "x,w", "z", ["broadcast": .int(1), "axis": .int(1)]), version: 6,
                initializers: ["w": try Tensor([0.5, -0.25, 2] as [Float])]),
            // What the file spells out stays.
            Case(ONNXNode("Add", "x,y", "a"), ONNXNode("Add", "a,x", "z")),
            Case(ONNXNode("Max", "x,y", "a"), ONNXNode("Max", "a,x", "b"), ONNXNode("Add", "a,b", "z")),
        ]
    }

    @Test("they are written as the nodes they were", arguments: try cases())
    func roundTrip(of case: Case) throws {
        let model = try Model(onnxBytes: `case`.file.encoded())
        let inputs = ["x": try randomTensor([2, 3, 4, 5]), "y": try randomTensor([2, 3, 4, 5], seed: 2)]
        let written = try model.onnx(opset: 17)
        let wanted = `case`.nodes.filter { !($0.operatorName == "Mean" && $0.inputs.count == 1) }.map(\.operatorName)
        #expect(written.graph.nodes.map(\.operatorName).filter { $0 != "Identity" } == wanted)
        let again = try Model(onnxBytes: written.encoded())
        #expect(try differingBits(run(again, inputs), run(model, inputs)) == 0)
    }

    @Test("between convolutions as well, without a transpose")
    func betweenConvolutions() throws {
        let weights = try randomTensor([3, 3, 1, 1])
        let file = onnxFile(
            [
                ONNXNode("Conv", "x,w", "a"), ONNXNode("Conv", "y,w", "b"), ONNXNode("Sum", "a,b,x", "s"),
                ONNXNode("Conv", "s,w", "z"),
            ], inputs: ["x": Self.image, "y": Self.image], initializers: ["w": weights])
        let model = try Model(onnxBytes: file.encoded())
        #expect(try model.onnx().graph.nodes.map(\.operatorName) == ["Conv", "Conv", "Sum", "Conv"])
    }
}
