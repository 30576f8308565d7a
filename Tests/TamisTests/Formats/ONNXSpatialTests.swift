import Tamis
import TamisTestSupport
import Testing

/// An operator that ONNX files can hold, with what it works on.
struct SpatialRow: Sendable, CustomTestStringConvertible {
    var operation: any Operator
    var shapes: [[Int]?]
    /// Inputs of other types or of fixed values, by position; they are constants of the file.
    var constants: [Int: Tensor] = [:]
    /// The first version of the operator set that can hold it.
    var version = 13

    var testDescription: String { "\(operation)" }

    static func window(
        _ kernel: [Int], _ stride: [Int]? = nil, pads: ([Int], [Int])? = nil, dilation: [Int]? = nil,
        roundsUp: Bool = false
    ) throws -> WindowGeometry {
        try WindowGeometry(
            kernel: kernel, stride: stride, padding: pads.map { .explicit(before: $0.0, after: $0.1) } ?? .valid,
            dilation: dilation, roundsUp: roundsUp)
    }

    static func pooling() throws -> [SpatialRow] {
        let image = [2, 8, 9, 3]
        return [
            SpatialRow(operation: MaxPool(window: try window([3, 2], [2, 2]), indices: .rowMajor), shapes: [image]),
            SpatialRow(
                operation: MaxPool(window: try window([2, 2], pads: ([1, 0], [0, 1])), indices: .columnMajor),
                shapes: [image]),
            SpatialRow(operation: LpPool(window: try window([3, 3], [2, 1])), shapes: [image]),
            SpatialRow(
                operation: LpPool(window: try window([3], dilation: [2]), p: 3), shapes: [[2, 9, 3]], version: 18),
            SpatialRow(operation: GlobalPool(.average), shapes: [image]),
            SpatialRow(operation: GlobalPool(.maximum), shapes: [image]),
            SpatialRow(operation: GlobalPool(.norm(p: 2)), shapes: [image]),
            SpatialRow(operation: GlobalPool(.norm(p: 1)), shapes: [image]),
            SpatialRow(
                operation: MaxUnpool(window: try window([2, 2], [2, 2])), shapes: [[1, 2, 3, 2], nil],
                constants: [1: try Tensor((0..<12).map { Int64($0 * 4) }, shape: [1, 2, 3, 2])]),
        ]
    }
}

extension SpatialRow {
    static func convolutions() throws -> [SpatialRow] {
        func transposed(
            _ padding: WindowGeometry.Padding, stride: [Int] = [2, 2], dilation: [Int]? = nil,
            outputPadding: [Int]? = nil, output: [Int]? = nil, groups: Int = 1
        ) throws -> SpatialRow {
            let window = try WindowGeometry(kernel: [3, 2], stride: stride, padding: padding, dilation: dilation)
            let geometry = try TransposedGeometry(window: window, outputPadding: outputPadding, output: output)
            return SpatialRow(
                operation: ConvTranspose(geometry: geometry, groups: groups, activation: .relu),
                shapes: [[2, 5, 4, 6], [3, 2, 4 / groups, 6], [4]])
        }
        return [
            try transposed(.valid), try transposed(.same), try transposed(.sameLower, dilation: [2, 1]),
            try transposed(.explicit(before: [1, 0], after: [0, 1]), outputPadding: [1, 0], groups: 2),
            try transposed(.same, output: [11, 9]), try transposed(.valid, output: [10, 7]),
        ]
    }
}

@Suite("ONNX rows of spatial operators")
struct ONNXSpatialTests {
    /// A model of one row's operator.
    static func model(_ row: SpatialRow) throws -> (model: Model, inputs: [String: Tensor]) {
        let graph = GraphBuilder()
        var inputs: [String: Tensor] = [:]
        let symbols = try row.shapes.enumerated().map { index, shape -> Symbol? in
            if let constant = row.constants[index] { return graph.constant(constant, name: "constant\(index)") }
            guard let shape else { return nil }
            inputs["input\(index)"] = try randomTensor(shape, seed: UInt64(index))
            return graph.input("input\(index)", .tensor(.float32, try Shape(shape)))
        }
        for (index, output) in try graph.append(row.operation, symbols).enumerated() {
            graph.output(output, name: "output\(index)")
        }
        return (graph.model, inputs)
    }

    static func check(_ row: SpatialRow) throws {
        let (model, inputs) = try model(row)
        let expected = try Runner(model).run(inputs)
        for version in [13, 18, 22, 28] {
            guard version >= row.version else {
                #expect(throws: ExportError.self) { _ = try model.onnxBytes(opset: version) }
                continue
            }
            let again = try Model(onnxBytes: model.onnxBytes(opset: version))
            let found = try Runner(again).run(inputs)
            for (name, tensor) in expected {
                #expect(try differingBits(#require(found[name]), tensor) == 0, "\(name), version \(version)")
            }
        }
    }

    @Test("pooling is written and read again", arguments: try SpatialRow.pooling())
    func pooling(row: SpatialRow) throws { try Self.check(row) }

    @Test("transposed convolutions are written and read again", arguments: try SpatialRow.convolutions())
    func convolutions(row: SpatialRow) throws { try Self.check(row) }

    @Test("an image of any number of axes has those the window says")
    func openRank() throws {
        let pool = ONNXNode("MaxPool", "x", "z", ["kernel_shape": .ints([2, 2])])
        var file = onnxFile([pool])
        file.graph.inputs = [ONNXValueInfo("x", type: .tensor(.float32, nil))]
        let model = try Model(file, operators: .standard, folder: nil, limits: Limits())
        let x = try Tensor((0..<18).map(Float.init), shape: [1, 2, 3, 3])
        let z = try #require(Runner(model).run(["x": x])["z"])
        #expect(try z.scalars(as: Float.self) == [4, 5, 7, 8, 13, 14, 16, 17])
    }
}
