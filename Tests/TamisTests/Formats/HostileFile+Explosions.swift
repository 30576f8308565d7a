import Tamis

extension HostileFile {
    /// Small files that ask for much: memory, or time without end.
    static let explosions: [HostileFile] = constant.flatMap { $0 } + growing + endless

    /// One node whose result would be huge, its numbers in the file and from outside.
    private static func huge(
        _ name: String, _ node: ONNXNode, version: Int = 17, x: [Int] = [2, 4], _ tensors: [String: Tensor] = [:],
        saying text: String = "", fromOutside outside: End? = nil
    ) -> [HostileFile] {
        let name = "\(node.operatorName): \(name)"
        let inside = HostileFile.nodes(name, .refused(text), [node], version: version, x: x, tensors)
        if tensors.isEmpty { return [inside] }
        return [
            inside,
            .nodes("\(name), from outside", outside ?? .refused(text), [node], version: version, x: x, inputs: tensors),
            // Read only after a cut: the number of elements that are not zero decides where the model is cut.
            .nodes(
                "\(name), behind a cut", outside ?? .refused(text),
                [ONNXNode("NonZero", "x", "n"), node], version: version, x: x, inputs: tensors
            ) { $0.graph.outputs.append(ONNXValueInfo("n", type: nil)) },
        ]
    }

    private static let image = [1, 1, 4, 4]

    private static let constant: [[HostileFile]] = [
        huge(
            "to 2^40", ONNXNode("Expand", "v,s", "z"), ["v": .zeroFloats([1]), "s": .whole(1 << 40)], saying: "at most"),
        huge("to 2^62", ONNXNode("Expand", "v,s", "z"), ["v": .zeroFloats([1]), "s": .whole(1 << 62)]),
        huge(
            "to 40 MB", ONNXNode("Expand", "v,s", "z"), ["v": .zeroFloats([1]), "s": .whole(10_000_000)],
            saying: "at most"),
        huge("by 2^20 and 2^20", ONNXNode("Tile", "x,s", "z"), ["s": .whole(1 << 20, 1 << 20)], saying: "at most"),
        huge("2^40", ONNXNode("ConstantOfShape", "s", "z"), ["s": .whole(1 << 40)], saying: "at most"),
        huge("2^32 times 2^32", ONNXNode("ConstantOfShape", "s", "z"), ["s": .whole(1 << 32, 1 << 32)]),
        huge("negative", ONNXNode("ConstantOfShape", "s", "z"), ["s": .whole(-1)]),
        huge(
            "1000 axes", ONNXNode("ConstantOfShape", "s", "z"), ["s": .numbers(Array(repeating: 1, count: 1000))],
            fromOutside: .refused("at most 64 axes")),
        huge("by 2^40", ONNXNode("Pad", "x,p", "z"), ["p": .whole(1 << 40, 0, 0, 0)], saying: "at most"),
        huge(
            "to 2^40", ONNXNode("Range", "a,b,c", "z"),
            ["a": .indices([], 0), "b": .indices([], 1 << 40), "c": .indices([], 1)], saying: "at most"),
        huge(
            "by tiny steps", ONNXNode("Range", "a,b,c", "z"),
            ["a": .floats([], 0), "b": .floats([], 1), "c": .floats([], 1e-30)]),
        huge(
            "of 2^40", ONNXNode("OneHot", "i,d,v", "z"),
            ["i": .whole(0, 1), "d": .whole(1 << 40), "v": .floats([2], 1)], saying: "at most"),
        huge("2^20 times as large", ONNXNode("Resize", "x,,s", "z"), x: image, ["s": .floats([4], 1_048_576)]),
        huge("to 2^40", ONNXNode("Resize", "x,,,t", "z"), x: image, ["t": .whole(1, 1, 1 << 40, 4)], saying: "at most"),
        huge(
            "to 2^24 on one axis", ONNXNode("Resize", "x,,,t", "z"), x: image, ["t": .whole(1, 1, 1, 1 << 24)],
            saying: "at most"),
        huge(
            "to 2^24 on one axis, cubic", ONNXNode("Resize", "x,,,t", "z", ["mode": .string("cubic")]), x: image,
            ["t": .whole(1, 1, 1, 1 << 24)], saying: "at most"),
        huge(
            "2^20 times as large", ONNXNode("Upsample", "x,s", "z"), version: 9, x: image,
            ["s": .floats([4], 1_048_576)]),
        huge(
            "an output of 2^40", ONNXNode("MaxUnpool", "x,i,s", "z", ["kernel_shape": .ints([2, 2])]), x: [1, 1, 1, 1],
            ["i": .indices([1, 1, 1, 1], 0), "s": .whole(1, 1, 1 << 20, 1 << 20)]),
        huge("2^40", ONNXNode("RandomNormal", "", "z", ["shape": .ints([1 << 40])]), saying: "has not RandomNormal"),
        huge("2^62 times 4", ONNXNode("RandomUniform", "", "z", ["shape": .ints([1 << 62, 4])])),
        huge(
            "outer product of 2^12 and 2^12", ONNXNode("MatMul", "v,w", "z"),
            [
                "v": .zeroFloats([4096, 1]), "w": .zeroFloats([1, 4096]),
            ], saying: "at most"),
        huge(
            "sums of 2^12 and 2^12", ONNXNode("Add", "v,w", "z"),
            [
                "v": .zeroFloats([4096, 1]), "w": .zeroFloats([1, 4096]),
            ], saying: "at most"),
        huge(
            "2^16 outputs of 2^12", ONNXNode("CenterCropPad", "x,s", "z"), version: 18, ["s": .whole(1 << 16, 1 << 12)],
            saying: "at most"),
        huge("a window of 2^30", ONNXNode("HannWindow", "s", "z"), ["s": .indices([], 1 << 30)]),
    ]

    // MARK: Growth

    /// x, which doubles again and again.
    private static func doublings(_ kind: (_ from: String, _ to: String) -> ONNXNode, _ count: Int) -> [ONNXNode] {
        (0..<count).map { kind($0 == 0 ? "x" : "v\($0)", $0 == count - 1 ? "z" : "v\($0 + 1)") }
    }

    private static let growing: [HostileFile] = [
        .nodes(
            "Concat doubles 60 times", .refused(""),
            doublings({ ONNXNode("Concat", "\($0),\($0)", $1, ["axis": .int(0)]) }, 60)),
        .nodes(
            "Concat doubles 25 times", .refused("at most"),
            doublings({ ONNXNode("Concat", "\($0),\($0)", $1, ["axis": .int(0)]) }, 25)),
        .nodes(
            "Concat of a constant doubles 40 times", .refused("at most"),
            {
                var nodes = doublings({ ONNXNode("Concat", "\($0),\($0)", $1, ["axis": .int(0)]) }, 40)
                nodes[0].inputs = ["w", "w"]
                return nodes
            }(), ["w": .zeroFloats([64, 64])]),
        .nodes(
            "10,000 constants of 4,096 numbers", .refused("at most"),
            {
                // Each short enough to be computed when the plan is made; all together they are 160 MB.
                var nodes = (0..<10_000).map { ONNXNode("Add", $0 == 0 ? "w,w" : "v\($0),w", "v\($0 + 1)") }
                nodes.append(ONNXNode("Add", "x,v10000", "z"))
                return nodes
            }(), x: [4096], ["w": .zeroFloats([4096])], isLarge: true),
        .nodes(
            "an outer product of an outer product", .refused(""),
            [
                ONNXNode("Unsqueeze", "x,last", "a"), ONNXNode("Mul", "a,x", "b"), ONNXNode("Unsqueeze", "b,last", "c"),
                ONNXNode("Mul", "c,x", "z"),
            ], x: [1000], ["last": .whole(-1)]),
        .nodes(
            "shape arithmetic beyond 64 bits", .refused(""),
            {
                // (4 · 4 · …) wraps to 0 or less.
                var nodes = [ONNXNode("Shape", "x", "v0")]
                for index in 0..<40 { nodes.append(ONNXNode("Mul", "v\(index),v\(index)", "v\(index + 1)")) }
                nodes.append(ONNXNode("Sub", "v40,one", "s"))
                nodes.append(ONNXNode("ConstantOfShape", "s", "z"))
                return nodes
            }(), ["one": .whole(1, 1)]),
        .nodes(
            "a Loop that doubles its value", .refused("at most"),
            [
                loop([goOn, ONNXNode("Concat", "a,a", "b", ["axis": .int(0)])])
            ], ["count": .whole(1000)]),
        .nodes(
            "a Loop that stacks 16 MB, a hundred times", .refused(""),
            [
                loop([goOn, ONNXNode("Relu", "a", "b")], outputs: ["on", "b", "b"], results: "y,z")
            ], x: [2048, 2048], ["count": .whole(100)]),
        .nodes(
            "a Loop that puts 4 MB into a sequence, a hundred times", .runs,
            [
                ONNXNode("SequenceEmpty", "", "empty"),
                ONNXNode(
                    "Loop", "count,,empty", "sequence",
                    [
                        "body": .graph(
                            {
                                var body = graph(
                                    [goOn, ONNXNode("SequenceInsert", "s,x", "t")],
                                    inputs: [("i", .int64), ("go", .bool)], outputs: ["on", "t"])
                                body.inputs.append(ONNXValueInfo("s", type: .sequence(.tensor(.float32, nil))))
                                return body
                            }())
                    ]),
                ONNXNode("SequenceLength", "sequence", "z"),
            ], x: [1024, 1024], ["count": .whole(100)]),
    ]

    // MARK: Time

    private static let endless: [HostileFile] = [
        .nodes(
            "a Loop without end", .refused("at most 1000 times"), [loop([goOn, ONNXNode("Relu", "a", "b")], count: "")]),
        .nodes(
            "a Loop of 2^63 - 1 runs", .refused("at most 1000 times"), [loop([goOn, ONNXNode("Relu", "a", "b")])],
            [
                "count": .whole(.max)
            ]),
        .nodes(
            "a Loop without end of nothing", .refused("at most 1000 times"),
            [
                loop([], count: "", outputs: ["go", "a"])
            ]),
        .nodes(
            "a Loop without end in a Loop without end", .refused("at most 1000 times"),
            {
                let inner = graph(
                    [goOn, ONNXNode("Relu", "a", "b")], inputs: [("i", .int64), ("go", .bool), ("a", .float32)],
                    outputs: ["on", "b"])
                return [loop([goOn, ONNXNode("Loop", ",,a", "b", ["body": .graph(inner)])], count: "")]
            }()),
        .nodes(
            "a Loop without end in a branch", .refused("at most 1000 times"),
            branches(graph([loop([goOn, ONNXNode("Relu", "a", "b")], count: "", results: "r")], outputs: ["r"]))),
        .nodes(
            "a Loop that grows until it may not", .refused(""),
            [
                // One row more a run: each run needs a plan of its own.
                loop([goOn, ONNXNode("Concat", "a,x", "b", ["axis": .int(0)])], count: "")
            ]),
    ]
}
