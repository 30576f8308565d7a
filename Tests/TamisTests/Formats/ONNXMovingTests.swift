import Tamis
import TamisTestSupport
import Testing

extension SpatialRow {
    static func moving() throws -> [SpatialRow] {
        let image = [2, 5, 6, 4]
        let places = try integers([-1, 0, 1])
        let elements = try Tensor([Int64(0), 1, -1, 0], shape: [2, 2])
        let tuples = try Tensor([Int64(0), 1, 1, -1], shape: [2, 2])
        func row(
            _ operation: any Operator, _ shapes: [[Int]?] = [[2, 5, 6, 4]], _ constants: [Int: Tensor] = [:],
            version: Int = 13
        ) -> SpatialRow {
            SpatialRow(operation: operation, shapes: shapes, constants: constants, version: version)
        }
        return [
            row(Reshape(to: [2, -1, 4])), row(Squeeze(axes: [1, -1]), [[2, 1, 3, 1]]), row(Squeeze(), [[2, 1, 3]]),
            row(Unsqueeze(axes: [0, -1])), row(Transpose(try Permutation([3, 0, 2, 1]))), row(Flatten(axis: 2)),
            row(Concat(axis: -1), [image, [2, 5, 6, 1]]), row(Split(axis: 1, parts: .lengths([1, 3, 1]))),
            row(Split(axis: 2, parts: .equal(3))), row(Split(axis: 1, parts: .equal(4))),
            row(Split(axis: 1, parts: .input(2)), [image, nil], [1: try integers([4, 1])]),
            row(Slice([.init(axis: 1, start: 1, end: -1), .init(axis: -1, start: -1, end: .min, step: -2)])),
            row(Gather(axis: -1), [image, nil], [1: places]), row(Expand(shape: [3, 1, 5, 6, 4])),
            row(Tile(repeats: [1, 2, 1, 3])), row(Pad(.constant, [.init(axis: 1, before: 1, after: 2)])),
            row(Pad(.reflect, [.init(axis: -2, before: 2, after: -1)])),
            row(Pad(.edge, [.init(axis: 0, before: 0, after: 1)])),
            row(Pad(.wrap, [.init(axis: 1, before: 1, after: 1)]), version: 19),
            row(
                Pad(.constant, [.init(axis: 1, before: 1, after: 2)]), [image, nil, nil],
                [2: try Tensor(scalar: Float(3))]),
            row(CenterCropPad(axes: [1, 2], extents: [3, 9]), version: 18),
            row(GatherElements(axis: 1), [[2, 3], nil], [1: elements]),
            row(GatherND(), [image, nil], [1: tuples]),
            row(GatherND(batchDimensions: 1), [image, nil], [1: tuples]),
            row(ScatterElements(axis: 1), [[2, 3], nil, [2, 2]], [1: elements]),
            row(ScatterElements(axis: -1, reduction: .add), [[2, 3], nil, [2, 2]], [1: elements], version: 16),
            row(ScatterND(), [image, nil, [2, 6, 4]], [1: tuples]),
            row(ScatterND(reduction: .max), [image, nil, [2, 6, 4]], [1: tuples], version: 18),
            row(OneHot(axis: 0, depth: 3), [[4], nil, [2]], [:]), row(EyeLike(diagonal: 1), [[3, 4]]),
            row(EyeLike(elementType: .int64), [[3, 4]]), row(Trilu(), version: 14),
            row(Trilu(isUpper: false), [image, nil], [1: try Tensor(scalar: Int64(-1))], version: 14),
            row(DepthToSpace(block: 2)), row(DepthToSpace(block: 2, order: .depthFirst)),
            row(SpaceToDepth(block: 2), [[2, 4, 6, 3]]),
            row(SpaceToDepth(block: 2, order: .depthFirst), [[2, 4, 6, 3]], version: 28),
            row(ReverseSequence(isBatchFirst: true), [[2, 5], nil], [1: try integers([3, 4])]),
            row(NonZero()), row(Compress(axis: 1), [image, nil], [1: try Tensor([true, false, true])]),
            row(Compress(), [image, nil], [1: try Tensor([true, false, true])]), row(Unique(axis: 1, isSorted: false)),
            row(ShapeOf()), row(ShapeOf(start: 1, end: -1), version: 15), row(SizeOf()),
            row(try ConstantOfShape(value: Tensor(scalar: Int64(7))), [nil], [0: try integers([2, 3])]),
            row(
                NumberRange(), [nil, nil, nil],
                [0: try Tensor(scalar: Int32(1)), 1: try Tensor(scalar: Int32(9)), 2: try Tensor(scalar: Int32(3))]),
        ]
    }
}

@Suite("ONNX rows of operators that move elements")
struct ONNXMovingTests {
    @Test("are written and read again", arguments: try SpatialRow.moving())
    func rows(row: SpatialRow) throws { try ONNXSpatialTests.check(row) }

    private func run(
        _ nodes: [ONNXNode], version: Int, _ initializers: [String: Tensor] = [:], shape: [Int] = [2, 1, 3]
    ) throws -> Tensor {
        let file = onnxFile(
            nodes, version: version, inputs: ["x": shape.map { .fixed($0) }], initializers: initializers)
        let model = try Model(file, operators: .standard, limits: Limits())
        let x = try Tensor((0..<shape.reduce(1, *)).map(Float.init), shape: shape)
        return try #require(try Runner(model).run(["x": x])["z"])
    }

    @Test("attributes that later became inputs")
    func oldForms() throws {
        let squeezed = try run([ONNXNode("Squeeze", "x", "z", ["axes": .ints([1])])], version: 11)
        #expect(squeezed.shape.dimensions == [2, 3])
        let unsqueezed = try run([ONNXNode("Unsqueeze", "x", "z", ["axes": .ints([0, -1])])], version: 11)
        #expect(unsqueezed.shape.dimensions == [1, 2, 1, 3, 1])
        let split = try run([ONNXNode("Split", "x", "a,z", ["axis": .int(2), "split": .ints([1, 2])])], version: 11)
        #expect(try split.doubles() == [1, 2, 4, 5])
        let half = try run([ONNXNode("Split", "x", "a,z")], version: 6)
        #expect(try half.doubles() == [3, 4, 5])
        let slice = ONNXNode(
            "Slice", "x", "z", ["axes": .ints([2, 0]), "starts": .ints([-2, 1]), "ends": .ints([9, 2])])
        #expect(try run([slice], version: 9).doubles() == [4, 5])
        let all = ONNXNode("Slice", "x", "z", ["starts": .ints([1]), "ends": .ints([2])])
        #expect(try run([all], version: 6).doubles() == [3, 4, 5])
        let pads = ONNXAttribute.Value.ints([0, 0, 1, 0, 1, 0])
        let padded = try run([ONNXNode("Pad", "x", "z", ["pads": pads, "value": .float(9)])], version: 10)
        #expect(try padded.doubles() == [9, 0, 1, 2, 9, 9, 9, 9, 9, 3, 4, 5, 9, 9, 9, 9])
        let mirrored = ONNXNode("Pad", "x", "z", ["pads": .ints([0, 0, 1, 0, 0, 1]), "mode": .string("reflect")])
        #expect(try run([mirrored], version: 10).doubles() == [1, 0, 1, 2, 1, 4, 3, 4, 5, 4])
        let indices = try Tensor([Int64(0), 1, 1], shape: [1, 1, 3])
        let scattered = try run(
            [ONNXNode("Scatter", "x,i,u", "z")], version: 9,
            ["i": indices, "u": Tensor(zeros: .float32, shape: [1, 1, 3])])
        #expect(try scattered.doubles() == [0, 1, 2, 3, 0, 0])
        #expect(try run([ONNXNode("Concat", "x,x", "z")], version: 6).shape.dimensions == [2, 2, 3])
        let tiled = try run([ONNXNode("Tile", "x,r", "z")], version: 6, ["r": integers([1, 2, 1])])
        #expect(tiled.shape.dimensions == [2, 2, 3])
        let picked = try run([ONNXNode("Compress", "x,c", "z")], version: 9, ["c": Tensor([false, true, true])])
        #expect(try picked.doubles() == [1, 2])
    }

    private func error(
        _ node: ONNXNode, version: Int = 17, _ initializers: [String: Tensor] = [:]
    ) -> String {
        do { _ = try run([node], version: version, initializers) } catch { return "\(error)" }
        return "none"
    }

    @Test("what breaks a rule or the table has not")
    func errors() throws {
        #expect(error(ONNXNode("Split", "x", "a,z", ["axis": .int(2)])).contains("one length"))
        #expect(error(ONNXNode("Slice", "x", "z", ["starts": .ints([1])]), version: 9).contains("\"ends\""))
        #expect(error(ONNXNode("Pad", "x", "z", ["pads": .ints([1, 1])]), version: 9).contains("two for each axis"))
        #expect(
            error(ONNXNode("Pad", "x,p", "z", ["mode": .string("odd")]), ["p": try integers([1])]).contains("\"odd\""))
        #expect(error(ONNXNode("Pad", "x,p", "z"), ["p": try integers([1])]).contains("two for each axis"))
        #expect(error(ONNXNode("DepthToSpace", "x", "z", ["mode": .string("odd")])).contains("DCR or CRD"))
        #expect(error(ONNXNode("ScatterND", "x,x,x", "z", ["reduction": .string("odd")])).contains("\"odd\""))
        #expect(error(ONNXNode("ReverseSequence", "x,x", "z", ["batch_axis": .int(2)])).contains("0 and 1"))
        #expect(error(ONNXNode("EyeLike", "x", "z", ["dtype": .int(99)])).contains("element type"))
        #expect(error(ONNXNode("Expand", "x,x", "z"), version: 7).contains("Expand"))
    }

    /// Between two convolutions of channel-first files, operators of axes take them channel-last.
    @Test("no transposes stay around axes that move")
    func channelLast() throws {
        let w = try randomTensor([4, 4, 1, 1])
        let nodes = [
            ONNXNode("Conv", "x,w", "a"), ONNXNode("Split", "a,two", "b,c", ["axis": .int(1)]),
            ONNXNode("Concat", "c,b,b", "d", ["axis": .int(1)]), ONNXNode("Slice", "d,one,five,one", "e"),
            ONNXNode("Pad", "e,pads", "f", ["mode": .string("edge")]),
            ONNXNode("Gather", "f,order", "g", ["axis": .int(1)]),
            ONNXNode("Tile", "g,repeats", "h"), ONNXNode("Expand", "h,ones", "i"), ONNXNode("Conv", "i,w", "z"),
        ]
        let initializers = [
            "w": w, "two": try integers([2, 2]), "one": try integers([1]), "five": try integers([5]),
            "pads": try integers([0, 0, 1, 1, 0, 0, 0, 2]), "order": try integers([3, 1, 0, 2]),
            "repeats": try integers([1, 1, 2, 1]), "ones": try integers([1, 1, 1, 1]),
        ]
        let file = onnxFile(nodes, inputs: ["x": [2, 4, 5, 6].map { .fixed($0) }], initializers: initializers)
        let model = try Model(file, operators: .standard, limits: Limits())
        let optimized = try model.optimized()
        #expect(optimized.count("Transpose") == 2)
        let x = try randomTensor([2, 4, 5, 6])
        let plain = try TamisTests.run(model, ["x": x], optimizes: false)
        #expect(plain.shape.dimensions == [2, 4, 12, 9])
        #expect(try differingBits(TamisTests.run(model, ["x": x]), plain) == 0)
        // Written from there, it is channel-first again.
        let again = try Model(onnxBytes: optimized.onnxBytes(opset: 17))
        #expect(try differingBits(TamisTests.run(again, ["x": x]), plain) == 0)
    }
}
