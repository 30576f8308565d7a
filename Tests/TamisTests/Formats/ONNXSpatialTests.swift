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

extension SpatialRow {
    static func resizing() throws -> [SpatialRow] {
        let scales = [2: try Tensor([1, 2, 1.5, 1] as [Float])]
        let sizes = [3: try Tensor([1, 4, 7, 3] as [Int64])]
        let image = [1, 5, 6, 3]
        func row(
            _ mode: Resize.Mode, _ constants: [Int: Tensor], version: Int = 13,
            _ change: (inout Resize) -> Void
        ) -> SpatialRow {
            var resize = Resize(mode)
            change(&resize)
            let count = (constants.keys.max() ?? 0) + 1
            return SpatialRow(
                operation: resize, shapes: [image] + Array(repeating: nil, count: count - 1), constants: constants,
                version: version)
        }
        let region = try Tensor([0, 0.25, 0, 0, 1, 1, 0.75, 1] as [Float])
        let some = [2: try Tensor([2, 0.5] as [Float])]
        return [
            row(.nearest, scales) { _ in },
            row(.nearest, sizes) { ($0.coordinates, $0.rounding) = (.asymmetric, .floor) },
            row(.linear, sizes) { $0.coordinates = .alignCorners },
            row(.cubic, scales) { ($0.cubicCoefficient, $0.excludesOutside) = (-0.5, true) },
            row(.linear, sizes.merging([1: region]) { $1 }) {
                ($0.coordinates, $0.extrapolationValue) = (.cropAndResize, 3)
            },
            row(.linear, some, version: 18) { ($0.axes, $0.antialiases) = ([2, 1], true) },
            row(.nearest, sizes, version: 18) { $0.aspectRatio = .notLarger },
            row(.linear, scales, version: 22) { $0.coordinates = .halfPixelSymmetric },
        ]
    }
}

extension SpatialRow {
    static func sampling() throws -> [SpatialRow] {
        let image = [2, 5, 6, 4]
        let window = try window([3, 2], [1, 2], pads: ([1, 0], [1, 0]))
        var align = RoiAlign(.maximum, height: 2, width: 3)
        (align.isAligned, align.samples, align.scale) = (false, 2, 0.5)
        let images = [2: try Tensor([0, 1, 1] as [Int64])]
        return [
            SpatialRow(operation: GridSample(.cubic, padding: .border), shapes: [image, [2, 3, 4, 2]], version: 18),
            SpatialRow(
                operation: GridSample(.linear, alignsCorners: true), shapes: [[1, 3, 4, 5, 2], [1, 2, 2, 2, 3]],
                version: 22),
            SpatialRow(
                operation: AffineGrid(alignsCorners: true), shapes: [[2, 2, 3], nil],
                constants: [1: try Tensor([2, 1, 3, 4] as [Int64])], version: 22),
            SpatialRow(operation: align, shapes: [image, [3, 4], nil], constants: images),
            SpatialRow(operation: RoiAlign(), shapes: [image, [3, 4], nil], constants: images, version: 18),
            SpatialRow(
                operation: MaxRoiPool(height: 2, width: 2, scale: 0.5), shapes: [image, nil],
                constants: [1: try Tensor([1, 0, 1, 9, 8] as [Float], shape: [1, 5])]),
            SpatialRow(
                operation: Col2Im(stride: [1, 2], before: [0, 1], after: [0, 1]), shapes: [[2, 8, 12], nil, nil],
                constants: [1: try Tensor([5, 5] as [Int64]), 2: try Tensor([2, 2] as [Int64])], version: 18),
            SpatialRow(
                operation: DeformConv(window: window, groups: 2, offsetGroups: 2),
                shapes: [image, [3, 2, 2, 6], [2, 5, 3, 24], [6], [2, 5, 3, 12]], version: 22),
            SpatialRow(
                operation: NonMaxSuppression(isCentered: true), shapes: [[1, 5, 4], [1, 2, 5], nil, nil],
                constants: [2: try Tensor(scalar: 3 as Int64), 3: try Tensor(scalar: 0.5 as Float)]),
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

    @Test("resizings are written and read again", arguments: try SpatialRow.resizing())
    func resizing(row: SpatialRow) throws { try Self.check(row) }

    @Test("samplings are written and read again", arguments: try SpatialRow.sampling())
    func sampling(row: SpatialRow) throws { try Self.check(row) }

    /// Between two convolutions of channel-first files a resizing takes them channel-last.
    @Test("no transposes stay around Resize", arguments: ["nearest", "linear"])
    func channelLast(mode: String) throws {
        let w = try randomTensor([3, 3, 1, 1])
        let file = onnxFile(
            [
                ONNXNode("Conv", "x,w", "a"),
                ONNXNode("Resize", "a,,s", "b", ["mode": .string(mode)]), ONNXNode("Conv", "b,w", "z"),
            ], inputs: ["x": [1, 3, 5, 4].map { .fixed($0) }],
            initializers: ["w": w, "s": try Tensor([1, 1, 2, 3] as [Float])])
        let model = try Model(file, operators: .standard, limits: Limits())
        #expect(try model.optimized().graph.nodes.count { $0.operation is Transpose } == 2)
        let x = try randomTensor([1, 3, 5, 4])
        let plain = try run(model, ["x": x], optimizes: false)
        #expect(try relativeDifference(run(model, ["x": x]), plain) < 1e-6)
        #expect(plain.shape.dimensions == [1, 3, 10, 12])
    }

    @Test("Upsample and the first Resize", arguments: [7, 9, 10])
    func upsample(version: Int) throws {
        let scales = try Tensor([1, 1, 2, 2] as [Float])
        let mode = ONNXAttribute.Value.string("nearest")
        let node =
            version == 7
            ? ONNXNode("Upsample", "x", "z", ["mode": mode, "scales": .floats([1, 1, 2, 2])])
            : ONNXNode(version == 9 ? "Upsample" : "Resize", "x,s", "z", ["mode": mode])
        let file = onnxFile(
            [node], version: version, inputs: ["x": [1, 1, 1, 2].map { .fixed($0) }],
            initializers: version == 7 ? [:] : ["s": scales])
        let model = try Model(file, operators: .standard, limits: Limits())
        let z = try run(model, ["x": Tensor([1, 2] as [Float], shape: [1, 1, 1, 2])])
        #expect(try z.scalars(as: Float.self) == [1, 1, 2, 2, 1, 1, 2, 2])
    }

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
