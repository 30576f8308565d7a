import Tamis

extension HostileFile {
    /// Files whose nodes break the rules of their operators.
    static let operators: [HostileFile] = windows + attributes + inputCounts + values

    // MARK: Windows

    private static let image = [1, 2, 5, 5]
    private static let filters: [String: Tensor] = ["w": .floats([4, 2, 3, 3], 1), "b": .zeroFloats([4])]

    private static func conv(
        _ name: String, _ text: String, _ attributes: [String: ONNXAttribute.Value], inputs: String = "x,w",
        x: [Int] = image, w: [Int]? = nil
    ) -> HostileFile {
        .nodes(
            "Conv: \(name)", .refused(text), [ONNXNode("Conv", inputs, "z", attributes)], x: x,
            w.map { ["w": .zeroFloats($0)] } ?? filters)
    }

    private static let windows: [HostileFile] = slidings + convolutions + pools

    /// Numbers that no window can have, for each operator that has one.
    private static let slidings: [HostileFile] = ["Conv", "MaxPool", "AveragePool", "LpPool", "ConvTranspose"].flatMap {
        (kind: String) -> [HostileFile] in
        let filters: [String: Tensor] = ["w": .zeroFloats([2, 2, 3, 3])]
        return [
            ("strides", [0, 1]), ("strides", [-1, 1]), ("strides", [1 << 40, 1]), ("strides", [1]),
            ("strides", [.min, 1]),
            ("dilations", [0, 1]), ("dilations", [-1, 1]), ("dilations", [1 << 40, 1]), ("dilations", [1, 1, 1]),
            ("kernel_shape", [0, 3]), ("kernel_shape", [-3, 3]), ("kernel_shape", [1 << 40, 3]), ("kernel_shape", []),
            ("kernel_shape", [3]), ("kernel_shape", [1, 1, 1, 1]), ("kernel_shape", [1 << 19, 1 << 19]),
            ("pads", [-1, 0, 0, 0]), ("pads", [1 << 40, 0, 0, 0]), ("pads", [.max, .max, .max, .max]),
            ("pads", [1, 1]),
            ("pads", [.min, 0, 0, 0]),
        ].map { (name: String, numbers: [Int]) in
            var attributes: [String: ONNXAttribute.Value] = ["kernel_shape": .ints([3, 3])]
            attributes[name] = .ints(numbers)
            let inputs = kind.hasPrefix("Conv") ? "x,w" : "x"
            return HostileFile.nodes(
                "\(kind): \(name) \(numbers)", .refused(""), [ONNXNode(kind, inputs, "z", attributes)], x: image,
                filters)
        }
    }

    private static let convolutions: [HostileFile] = [
        conv("no weights", "input 1 must be given", [:], inputs: "x"),
        conv("weights left out", "input 1 must be given", [:], inputs: "x,"),
        conv("no image", "input 0 must be given", [:], inputs: ",w"),
        conv("four inputs", "at most", [:], inputs: "x,w,b,b"),
        conv("0 groups", "groups", ["group": .int(0)]),
        conv("-2 groups", "groups", ["group": .int(-2)]),
        conv("3 groups of 2 channels", "groups", ["group": .int(3)]),
        conv("2^40 groups", "groups", ["group": .int(1 << 40)]),
        conv("-2^63 groups", "groups", ["group": .int(.min)]),
        conv("3 groups of 4 filters", "groups", ["group": .int(3)], x: [1, 3, 5, 5], w: [4, 1, 3, 3]),
        conv("weights of other channels", "channels", [:], w: [4, 3, 3, 3]),
        conv("weights of too few axes", "axes", ["kernel_shape": .ints([3, 3])], w: [4, 2]),
        conv("weights without axes", "", [:], w: []),
        conv("weights of another kernel", "kernel extent", ["kernel_shape": .ints([5, 5])]),
        conv("a bias of 3 for 4 filters", "", [:], inputs: "x,w,x"),
        conv("an image of 2 axes", "axes", [:], x: [2, 2]),
        conv("an image of 7 axes", "axes", [:], x: [1, 2, 5, 5, 5, 5, 5]),
        conv("an image smaller than the window", "must fit", [:], x: [1, 2, 2, 2]),
        conv("an image without channels", "", [:], x: [1, 0, 5, 5], w: [4, 0, 3, 3]),
        conv(
            "auto_pad beside pads", "exclude each other",
            ["auto_pad": .string("SAME_UPPER"), "pads": .ints([1, 1, 1, 1])]),
        conv("an auto_pad that does not exist", "\"auto_pad\" must be", ["auto_pad": .string("MOST")]),
        conv("auto_pad as a number", "a text", ["auto_pad": .int(1)]),
        conv("strides as floats", "whole numbers", ["strides": .floats([1, 1])]),
        conv("strides as one number", "whole numbers", ["strides": .int(1)]),
        conv("group as a list", "a whole number", ["group": .ints([1])]),
        .nodes("Conv: no images", .runs, [ONNXNode("Conv", "x,w", "z")], x: [0, 2, 5, 5], filters),
        .nodes("Conv: no filters", .runs, [ONNXNode("Conv", "x,w", "z")], x: image, ["w": .zeroFloats([0, 2, 3, 3])]),
        .nodes(
            "ConvTranspose: a stride of 2^19", .refused("at most"),
            [ONNXNode("ConvTranspose", "x,w", "z", ["strides": .ints([1 << 19, 1 << 19])])], x: image,
            ["w": .zeroFloats([2, 2, 3, 3])]),
        .nodes(
            "ConvTranspose: an output of -5", .refused(""),
            [ONNXNode("ConvTranspose", "x,w", "z", ["output_shape": .ints([-5, 9])])], x: image,
            ["w": .zeroFloats([2, 2, 3, 3])]),
        .nodes(
            "ConvTranspose: an output of 2^40", .refused(""),
            [ONNXNode("ConvTranspose", "x,w", "z", ["output_shape": .ints([1 << 40, 9])])], x: image,
            ["w": .zeroFloats([2, 2, 3, 3])]),
        .nodes(
            "ConvTranspose: padding of the output beyond the stride", .refused(""),
            [ONNXNode("ConvTranspose", "x,w", "z", ["output_padding": .ints([7, 1 << 40])])], x: image,
            ["w": .zeroFloats([2, 2, 3, 3])]),
    ]

    private static let pools: [HostileFile] = [
        .nodes("MaxPool: no kernel", .refused("kernel_shape"), [ONNXNode("MaxPool", "x", "z")], x: image),
        .nodes(
            "MaxPool: a window of 2^40 taps over padding", .runs,
            [
                ONNXNode(
                    "MaxPool", "x", "z",
                    ["kernel_shape": .ints([1 << 19, 1 << 19]), "auto_pad": .string("SAME_UPPER")])
            ],
            x: image),
        .nodes(
            "MaxPool: three outputs", .refused("3 outputs"),
            [ONNXNode("MaxPool", "x", "z,i,j", ["kernel_shape": .ints([2, 2])])], x: image),
        .nodes(
            "MaxPool: order 7", .refused("\"storage_order\" must be 0 or 1"),
            [ONNXNode("MaxPool", "x", "z,i", ["kernel_shape": .ints([2, 2]), "storage_order": .int(7)])], x: image),
        .nodes(
            "LpPool: p of 0", .refused(""),
            [ONNXNode("LpPool", "x", "z", ["kernel_shape": .ints([2, 2]), "p": .int(0)])], x: image),
        .nodes(
            "GlobalAveragePool: an image of 2 axes", .refused(""), [ONNXNode("GlobalAveragePool", "x", "z")], x: [2]),
        .nodes(
            "GlobalAveragePool: an image without pixels", .runs, [ONNXNode("GlobalAveragePool", "x", "z")],
            x: [1, 2, 0, 0]),
        .nodes(
            "MaxUnpool: indices beyond the output", .refused(""),
            [
                ONNXNode("MaxUnpool", "x,i", "z", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
            ], x: [1, 1, 1, 1], ["i": .indices([1, 1, 1, 1], 1 << 40)]),
        .nodes(
            "MaxUnpool: negative indices", .refused(""),
            [
                ONNXNode("MaxUnpool", "x,i", "z", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
            ], x: [1, 1, 1, 1], ["i": .indices([1, 1, 1, 1], -1)]),
    ]

    // MARK: Attributes and inputs, for every operator of the table

    private static let kinds = Set(
        ONNXOperators.standard.rows.filter { $0.domain.isEmpty && $0.versions.contains(17) }.map(\.name)
    ).sorted()

    /// An attribute that no operator has.
    private static let attributes: [HostileFile] = kinds.map { kind in
        .nodes(
            "\(kind): an attribute of its own", .refused(""),
            [ONNXNode(kind, "x,x", "z", ["evil": .int(1)])])
    }

    /// The operators that make something of no input.
    private static let takesNothing: Set<String> = ["OptionalHasElement", "SequenceEmpty"]

    private static let inputCounts: [HostileFile] =
        kinds.filter { !["Constant", "RandomNormal", "RandomUniform"].contains($0) }.map { kind in
            .nodes("\(kind): no inputs", takesNothing.contains(kind) ? .runs : .refused(""), [ONNXNode(kind, "", "z")])
        }
        + kinds.filter { !["Max", "Min", "Mean", "Sum", "Concat"].contains($0) }.map { kind in
            .nodes(
                "\(kind): 50 inputs", kind == "SequenceConstruct" ? .runs : .refused(""),
                [ONNXNode(kind, Array(repeating: "x", count: 50).joined(separator: ","), "z")])
        }

    // MARK: Values

    private static func node(
        _ name: String, _ end: End, _ node: ONNXNode, version: Int = 17, x: [Int] = [2, 4],
        of elementType: ElementType = .float32, _ tensors: [String: Tensor] = [:], fromOutside outside: End? = nil
    ) -> [HostileFile] {
        // The same values from the file, and from outside, where they are known only when the model runs.
        [.nodes("\(node.operatorName): \(name)", end, [node], version: version, x: x, of: elementType, tensors)]
            + (tensors.isEmpty
                ? []
                : [
                    .nodes(
                        "\(node.operatorName): \(name), from outside", outside ?? end, [node], version: version, x: x,
                        of: elementType, inputs: tensors)
                ])
    }

    private static let values: [HostileFile] =
        (shapeValues + indexValues + numberValues).flatMap { $0 } + announcedLengths

    /// Lists of which the file says that they will be long: what comes of them would have as many axes.
    private static let announcedLengths: [HostileFile] = [
        ONNXNode("Reshape", "x,s", "z"), ONNXNode("Expand", "x,s", "z"), ONNXNode("Unsqueeze", "x,s", "z"),
        ONNXNode("ConstantOfShape", "s", "z"),
    ].map { node in
        .nodes(
            "\(node.operatorName): a list of 2^40 numbers", .refused("at most 64 axes"), [node],
            inputs: ["s": .whole(2, 4)]
        ) { $0.graph.inputs[1].type = .tensor(.int64, [.fixed(1 << 40)]) }
    }

    private static let shapeValues: [[HostileFile]] = [
        node("to -2", .refused(""), ONNXNode("Reshape", "x,s", "z"), ["s": .whole(-2, 4)]),
        node("two -1", .refused("one -1"), ONNXNode("Reshape", "x,s", "z"), ["s": .whole(-1, -1)]),
        node("a 0 beyond x", .refused(""), ONNXNode("Reshape", "x,s", "z"), ["s": .whole(2, 4, 0)]),
        node(
            "a -1 beside 0 elements", .refused(""), ONNXNode("Reshape", "x,s", "z", ["allowzero": .int(1)]),
            ["s": .whole(0, -1)]),
        node(
            "another number of elements", .refused("number of elements"), ONNXNode("Reshape", "x,s", "z"),
            ["s": .whole(3, 3)]),
        node("-1 that does not come out", .refused("whole"), ONNXNode("Reshape", "x,s", "z"), ["s": .whole(3, -1)]),
        node("2^62 times 4", .refused(""), ONNXNode("Reshape", "x,s", "z"), ["s": .whole(1 << 62, 4)]),
        node(
            "2^32 times 2^32 times 2", .refused(""), ONNXNode("Reshape", "x,s", "z"), ["s": .whole(1 << 32, 1 << 32, 2)]
        ),
        node(
            "70 axes", .refused(""), ONNXNode("Reshape", "x,s", "z"),
            ["s": .numbers(Array(repeating: 1, count: 69) + [8])], fromOutside: .refused("at most 64 axes")),
        node("a shape of floats", .refused("int64"), ONNXNode("Reshape", "x,s", "z"), ["s": .floats([2], 2)]),
        node("a shape of two axes", .refused(""), ONNXNode("Reshape", "x,s", "z"), ["s": .indices([1, 2], 1)]),
        node("axis 9", .refused("axis"), ONNXNode("Flatten", "x", "z", ["axis": .int(9)])),
        node("axis -2^63", .refused("axis"), ONNXNode("Flatten", "x", "z", ["axis": .int(.min)])),
        node("an axis twice", .refused("permutation"), ONNXNode("Transpose", "x", "z", ["perm": .ints([0, 0])])),
        node("axis 5", .refused("permutation"), ONNXNode("Transpose", "x", "z", ["perm": .ints([0, 5])])),
        node("axis -1", .refused("permutation"), ONNXNode("Transpose", "x", "z", ["perm": .ints([0, -1])])),
        node("three of two axes", .refused(""), ONNXNode("Transpose", "x", "z", ["perm": .ints([0, 1, 2])])),
        node("an axis of 4", .refused(""), ONNXNode("Squeeze", "x,a", "z"), ["a": .whole(1)]),
        node("axis 9", .refused(""), ONNXNode("Squeeze", "x,a", "z"), ["a": .whole(9)]),
        node("axes twice", .refused(""), ONNXNode("Unsqueeze", "x,a", "z"), ["a": .whole(0, 0)]),
        node("axis 2^62", .refused(""), ONNXNode("Unsqueeze", "x,a", "z"), ["a": .whole(1 << 62)]),
        node("axis -2^63", .refused(""), ONNXNode("Unsqueeze", "x,a", "z"), ["a": .whole(.min)]),
        node(
            "1000 axes", .refused(""), ONNXNode("Unsqueeze", "x,a", "z"), ["a": .numbers(Array(0..<1000))],
            fromOutside: .refused("at most 64 axes")),
        node(
            "65 axes", .refused(""), ONNXNode("Unsqueeze", "x,a", "z"), ["a": .numbers(Array(0..<63))],
            fromOutside: .refused("at most 64 axes")),
        node(
            "64 axes", .refused("rank"), ONNXNode("Unsqueeze", "x,a", "z"), ["a": .numbers(Array(0..<62))],
            fromOutside: .runs),
        node(
            "65 axes", .refused(""), ONNXNode("Expand", "x,s", "z"),
            ["s": .numbers(Array(repeating: 1, count: 63) + [2, 4])],
            fromOutside: .refused("at most 64 axes")),
        node("shapes that do not meet", .refused(""), ONNXNode("Expand", "x,s", "z"), ["s": .whole(3, 4)]),
        node("to -1", .refused(""), ONNXNode("Expand", "x,s", "z"), ["s": .whole(-1, 4)]),
        node("-1 times", .refused(""), ONNXNode("Tile", "x,s", "z"), ["s": .whole(-1, 1)]),
        node("2^62 times", .refused(""), ONNXNode("Tile", "x,s", "z"), ["s": .whole(1 << 62, 4)]),
        node("repeats of one axis", .refused(""), ONNXNode("Tile", "x,s", "z"), ["s": .whole(2)]),
        node("axis 9", .refused(""), ONNXNode("Concat", "x,x", "z", ["axis": .int(9)])),
        node(
            "no axis that fits", .refused(""), ONNXNode("Concat", "x,w", "z", ["axis": .int(0)]),
            ["w": .zeroFloats([2, 3])]),
        node("two types", .refused(""), ONNXNode("Concat", "x,w", "z", ["axis": .int(0)]), ["w": .indices([2, 4], 1)]),
        node("lengths of 7", .refused(""), ONNXNode("Split", "x,s", "z,y", ["axis": .int(1)]), ["s": .whole(3, 4)]),
        node("lengths of -1", .refused(""), ONNXNode("Split", "x,s", "z,y", ["axis": .int(1)]), ["s": .whole(-1, 5)]),
        node(
            "lengths that wrap", .refused(""), ONNXNode("Split", "x,s", "z,y", ["axis": .int(1)]),
            ["s": .whole(.max, .min)]),
        node("2^40 parts", .refused(""), ONNXNode("Split", "x", "z", ["num_outputs": .int(1 << 40)]), version: 18),
        node("-1 parts", .refused(""), ONNXNode("Split", "x", "z", ["num_outputs": .int(-1)]), version: 18),
        node("pads that take all", .refused(""), ONNXNode("Pad", "x,p", "z"), ["p": .whole(-5, 0, 0, 0)]),
        node("pads of three", .refused(""), ONNXNode("Pad", "x,p", "z"), ["p": .whole(1, 1, 1)]),
        node("pads that wrap", .refused(""), ONNXNode("Pad", "x,p", "z"), ["p": .whole(.max, 0, .max, 0)]),
        node(
            "reflection of more than there is", .refused(""), ONNXNode("Pad", "x,p", "z", ["mode": .string("reflect")]),
            ["p": .whole(1 << 40, 0, 0, 0)]),
        node(
            "edges of nothing", .refused(""), ONNXNode("Pad", "x,p", "z", ["mode": .string("edge")]), x: [0, 4],
            ["p": .whole(1, 0, 0, 0)]),
        node(
            "a mode that does not exist", .refused(""), ONNXNode("Pad", "x,p", "z", ["mode": .string("evil")]),
            ["p": .whole(0, 0, 0, 0)]),
        node(
            "a block of 0", .refused(""), ONNXNode("DepthToSpace", "x", "z", ["blocksize": .int(0)]), x: [1, 4, 2, 2]),
        node(
            "a block of 2^40", .refused(""), ONNXNode("DepthToSpace", "x", "z", ["blocksize": .int(1 << 40)]),
            x: [1, 4, 2, 2]),
        node(
            "a block of -2", .refused(""), ONNXNode("SpaceToDepth", "x", "z", ["blocksize": .int(-2)]), x: [1, 4, 2, 2]),
        node(
            "a block of 3037000500", .refused(""),
            ONNXNode("SpaceToDepth", "x", "z", ["blocksize": .int(3_037_000_500)]), x: [1, 4, 2, 2]),
    ]

    private static let indexValues: [[HostileFile]] = [
        node("index 4 of 4", .refused(""), ONNXNode("Gather", "x,i", "z", ["axis": .int(1)]), ["i": .whole(4)]),
        node("index -5 of 4", .refused(""), ONNXNode("Gather", "x,i", "z", ["axis": .int(1)]), ["i": .whole(-5)]),
        node("index -2^63", .refused(""), ONNXNode("Gather", "x,i", "z"), ["i": .whole(.min)]),
        node("index 0 of nothing", .refused(""), ONNXNode("Gather", "x,i", "z"), x: [0, 4], ["i": .whole(0)]),
        node("axis 9", .refused(""), ONNXNode("Gather", "x,i", "z", ["axis": .int(9)]), ["i": .whole(0)]),
        node("floats as indices", .refused(""), ONNXNode("Gather", "x,i", "z"), ["i": .floats([1], 0)]),
        node("index 2^40", .refused(""), ONNXNode("GatherElements", "x,i", "z"), ["i": .indices([1, 4], 1 << 40)]),
        node(
            "more indices than elements", .refused(""), ONNXNode("GatherElements", "x,i", "z"),
            ["i": .indices([2, 9], 0)]),
        node("index 9", .refused(""), ONNXNode("GatherND", "x,i", "z"), ["i": .indices([1, 2], 9)]),
        node("three indices of two axes", .refused(""), ONNXNode("GatherND", "x,i", "z"), ["i": .indices([1, 3], 0)]),
        node(
            "2^40 batch axes", .refused(""), ONNXNode("GatherND", "x,i", "z", ["batch_dims": .int(1 << 40)]),
            ["i": .indices([1, 2], 0)]),
        node(
            "index 9", .refused(""), ONNXNode("ScatterElements", "x,i,u", "z"),
            ["i": .indices([1, 1], 9), "u": .zeroFloats([1, 1])]),
        node(
            "index -2^63", .refused(""), ONNXNode("ScatterElements", "x,i,u", "z"),
            ["i": .indices([1, 1], .min), "u": .zeroFloats([1, 1])]),
        node(
            "updates of another shape", .refused(""), ONNXNode("ScatterElements", "x,i,u", "z"),
            ["i": .indices([1, 1], 0), "u": .zeroFloats([2, 2])]),
        node(
            "index 9", .refused(""), ONNXNode("ScatterND", "x,i,u", "z"),
            ["i": .indices([1, 2], 9), "u": .zeroFloats([1])]),
        node(
            "updates of another shape", .refused(""), ONNXNode("ScatterND", "x,i,u", "z"),
            ["i": .indices([1, 1], 0), "u": .zeroFloats([9])]),
        node(
            "step 0", .refused(""), ONNXNode("Slice", "x,b,e,a,s", "z"),
            ["b": .whole(0), "e": .whole(2), "a": .whole(0), "s": .whole(0)]),
        node(
            "extremes", .runs, ONNXNode("Slice", "x,b,e,a,s", "z"),
            ["b": .whole(.max), "e": .whole(.min), "a": .whole(0), "s": .whole(.min)]),
        node(
            "axes twice", .refused(""), ONNXNode("Slice", "x,b,e,a", "z"),
            ["b": .whole(0, 0), "e": .whole(1, 1), "a": .whole(0, 0)]),
        node(
            "axis 9", .refused(""), ONNXNode("Slice", "x,b,e,a", "z"), ["b": .whole(0), "e": .whole(1), "a": .whole(9)]),
        node(
            "a start and two ends", .refused(""), ONNXNode("Slice", "x,b,e", "z"), ["b": .whole(0), "e": .whole(1, 1)]),
        node("9 of 4", .refused(""), ONNXNode("TopK", "x,k", "z,i"), ["k": .whole(9)]),
        node("-1", .refused(""), ONNXNode("TopK", "x,k", "z,i"), ["k": .whole(-1)]),
        node("two numbers", .refused(""), ONNXNode("TopK", "x,k", "z,i"), ["k": .whole(1, 1)]),
        node("axis 9", .refused(""), ONNXNode("TopK", "x,k", "z,i", ["axis": .int(9)]), ["k": .whole(1)]),
        node("axis -2^63", .refused(""), ONNXNode("ArgMax", "x", "z", ["axis": .int(.min)])),
        node("the largest of none", .refused(""), ONNXNode("ArgMax", "x", "z", ["axis": .int(0)]), x: [0, 4]),
        node("axis 9", .refused(""), ONNXNode("CumSum", "x,a", "z"), ["a": .whole(9)]),
        node("two axes", .refused(""), ONNXNode("CumSum", "x,a", "z"), ["a": .whole(0, 1)]),
        node("axis 9", .refused(""), ONNXNode("ReduceSum", "x,a", "z"), ["a": .whole(9)]),
        node("axes twice", .refused(""), ONNXNode("ReduceSum", "x,a", "z"), ["a": .whole(0, 0)]),
        node(
            "a depth of -1", .refused(""), ONNXNode("OneHot", "i,d,v", "z"),
            ["i": .whole(0), "d": .whole(-1), "v": .floats([2], 1)]),
        node(
            "one value", .refused(""), ONNXNode("OneHot", "i,d,v", "z"),
            ["i": .whole(0), "d": .whole(3), "v": .floats([1], 1)]),
        node("axis 9", .refused(""), ONNXNode("Softmax", "x", "z", ["axis": .int(9)])),
        node("axis -2^63", .refused(""), ONNXNode("LogSoftmax", "x", "z", ["axis": .int(.min)])),
    ]

    private static let numberValues: [[HostileFile]] = [
        node(
            "by 0", .refused("divided by 0"), ONNXNode("Div", "x,w", "z"), x: [4], of: .int64, ["w": .indices([4], 0)]),
        node("-2^63 by -1", .runs, ONNXNode("Div", "v,w", "z"), ["v": .whole(.min), "w": .whole(-1)]),
        node(
            "by 0", .refused("divided by 0"), ONNXNode("Mod", "x,w", "z"), x: [4], of: .int64, ["w": .indices([4], 0)]),
        node("-2^63 by -1", .runs, ONNXNode("Mod", "v,w", "z"), ["v": .whole(.min), "w": .whole(-1)]),
        node("2^63 - 1 times itself", .runs, ONNXNode("Mul", "v,v", "z"), ["v": .whole(.max)]),
        node("2^63 - 1 and itself", .runs, ONNXNode("Add", "v,v", "z"), ["v": .whole(.max)]),
        node("-2^63", .runs, ONNXNode("Abs", "v", "z"), ["v": .whole(.min)]),
        node("-2^63", .runs, ONNXNode("Neg", "v", "z"), ["v": .whole(.min)]),
        node(
            "by 2^40 bits", .runs, ONNXNode("BitShift", "v,w", "z", ["direction": .string("LEFT")]),
            ["v": .unsigned(1), "w": .unsigned(1 << 40)]),
        node("0 to the power of -1", .runs, ONNXNode("Pow", "v,w", "z"), ["v": .whole(0), "w": .whole(-1)]),
        node("2^63 - 1 to its own power", .runs, ONNXNode("Pow", "v,v", "z"), ["v": .whole(.max)]),
        node(
            "not a number to a whole number", .runs, ONNXNode("Cast", "v", "z", ["to": .int(7)]),
            ["v": .floats([3], .nan)]),
        node("infinity to a byte", .runs, ONNXNode("Cast", "v", "z", ["to": .int(2)]), ["v": .floats([3], .infinity)]),
        node("to type 0", .refused(""), ONNXNode("Cast", "x", "z", ["to": .int(0)])),
        node("to type 99", .refused(""), ONNXNode("Cast", "x", "z", ["to": .int(99)])),
        node("to nothing", .refused(""), ONNXNode("Cast", "x", "z")),
        node(
            "limits the wrong way round", .runs, ONNXNode("Clip", "x,l,h", "z"),
            ["l": .floats([], 5), "h": .floats([], -5)]),
        node(
            "limits that are no numbers", .runs, ONNXNode("Clip", "x,l,h", "z"),
            ["l": .floats([], .nan), "h": .floats([], .nan)]),
        node("limits of two", .refused(""), ONNXNode("Clip", "x,l", "z"), ["l": .floats([2], 0)]),
        node(
            "a step of 0", .refused(""), ONNXNode("Range", "a,b,c", "z"),
            ["a": .floats([], 0), "b": .floats([], 5), "c": .floats([], 0)]),
        node(
            "a step that is no number", .refused(""), ONNXNode("Range", "a,b,c", "z"),
            ["a": .floats([], 0), "b": .floats([], 5), "c": .floats([], .nan)]),
        node(
            "without end", .refused(""), ONNXNode("Range", "a,b,c", "z"),
            ["a": .floats([], 0), "b": .floats([], .infinity), "c": .floats([], 1)]),
        node(
            "from -2^63 to 2^63 - 1", .refused(""), ONNXNode("Range", "a,b,c", "z"),
            ["a": .indices([], .min), "b": .indices([], .max), "c": .indices([], 1)]),
        node(
            "to a factor of 0", .refused(""), ONNXNode("Resize", "x,,s", "z"), x: [1, 1, 4, 4], ["s": .floats([4], 0)]),
        node(
            "to a factor of -1", .refused(""), ONNXNode("Resize", "x,,s", "z"), x: [1, 1, 4, 4], ["s": .floats([4], -1)]
        ),
        node(
            "to a factor that is no number", .refused(""), ONNXNode("Resize", "x,,s", "z"), x: [1, 1, 4, 4],
            ["s": .floats([4], .nan)]),
        node(
            "to an infinite factor", .refused(""), ONNXNode("Resize", "x,,s", "z"), x: [1, 1, 4, 4],
            ["s": .floats([4], .infinity)]),
        node(
            "to factors and sizes", .refused(""), ONNXNode("Resize", "x,,s,t", "z"), x: [1, 1, 4, 4],
            ["s": .floats([4], 1), "t": .whole(1, 1, 4, 4)]),
        node(
            "to a size of -1", .refused(""), ONNXNode("Resize", "x,,,t", "z"), x: [1, 1, 4, 4],
            ["t": .whole(1, 1, -1, 4)]),
        node(
            "from nothing", .refused(""), ONNXNode("Resize", "x,,,t", "z"), x: [1, 1, 0, 4], ["t": .whole(1, 1, 4, 4)]),
        node(
            "factors of three for four axes", .refused(""), ONNXNode("Resize", "x,,s", "z"), x: [1, 1, 4, 4],
            ["s": .floats([3], 1)]),
        node(
            "a mode that does not exist", .refused(""), ONNXNode("Resize", "x,,s", "z", ["mode": .string("evil")]),
            x: [1, 1, 4, 4], ["s": .floats([4], 1)]),
        node("K that differs", .refused(""), ONNXNode("MatMul", "x,w", "z"), ["w": .zeroFloats([5, 3])]),
        node("no axes", .refused(""), ONNXNode("MatMul", "x,w", "z"), ["w": .zeroFloats([])]),
        node(
            "batches that do not meet", .refused(""), ONNXNode("MatMul", "x,w", "z"), x: [3, 2, 4],
            ["w": .zeroFloats([2, 4, 3])]),
        node("K of nothing", .runs, ONNXNode("MatMul", "x,w", "z"), x: [2, 0], ["w": .zeroFloats([0, 3])]),
        node("three axes", .refused(""), ONNXNode("Gemm", "x,w", "z"), ["w": .zeroFloats([1, 4, 3])]),
        node(
            "a bias that does not fit", .refused(""), ONNXNode("Gemm", "x,w,b", "z"),
            ["w": .zeroFloats([4, 3]), "b": .zeroFloats([7])]),
        node(
            "statistics of another length", .refused(""), ONNXNode("BatchNormalization", "x,v,v,v,v", "z"),
            x: [1, 2, 3, 3], ["v": .zeroFloats([3])]),
        node(
            "four inputs", .refused(""), ONNXNode("BatchNormalization", "x,v,v,v", "z"), x: [1, 2, 3, 3],
            ["v": .zeroFloats([2])]),
        node(
            "0 groups", .refused(""), ONNXNode("GroupNormalization", "x,v,v", "z", ["num_groups": .int(0)]),
            version: 21, x: [1, 2, 3, 3], ["v": .zeroFloats([2])]),
        node("a size of 0", .refused(""), ONNXNode("LRN", "x", "z", ["size": .int(0)]), x: [1, 2, 3, 3]),
        node("a size of 2^40", .runs, ONNXNode("LRN", "x", "z", ["size": .int(1 << 40 | 1)]), x: [1, 2, 3, 3]),
        node(
            "a hidden size of 0", .refused(""), ONNXNode("LSTM", "x,w,w", ",z", ["hidden_size": .int(0)]),
            x: [2, 1, 3], ["w": .zeroFloats([1, 0, 3])]),
        node(
            "a hidden size of 2^61", .refused(""), ONNXNode("LSTM", "x,w,w", ",z", ["hidden_size": .int(1 << 61)]),
            x: [2, 1, 3], ["w": .zeroFloats([1, 4, 3])]),
        node(
            "lengths beyond the sequence", .refused(""), ONNXNode("LSTM", "x,w,r,,l", ",z", ["hidden_size": .int(1)]),
            x: [2, 1, 3], ["w": .zeroFloats([1, 4, 3]), "r": .zeroFloats([1, 4, 1]), "l": .int32s([1], 9)]),
        node(
            "negative lengths", .refused(""), ONNXNode("LSTM", "x,w,r,,l", ",z", ["hidden_size": .int(1)]),
            x: [2, 1, 3], ["w": .zeroFloats([1, 4, 3]), "r": .zeroFloats([1, 4, 1]), "l": .int32s([1], -9)]),
        node("an equation of nothing", .refused(""), ONNXNode("Einsum", "x", "z", ["equation": .string("")])),
        node("an equation of other axes", .refused(""), ONNXNode("Einsum", "x", "z", ["equation": .string("ijk->i")])),
        node(
            "an equation that is none", .refused(""), ONNXNode("Einsum", "x,x", "z", ["equation": .string("->->,,..")])),
        node("a scale of 0", .runs, ONNXNode("QuantizeLinear", "x,s", "z"), ["s": .floats([], 0)]),
        node("a scale that is no number", .runs, ONNXNode("QuantizeLinear", "x,s", "z"), ["s": .floats([], .nan)]),
        node(
            "scales that do not fit", .refused(""), ONNXNode("QuantizeLinear", "x,s", "z", ["axis": .int(1)]),
            ["s": .floats([3], 1)]),
        node(
            "a grid of three", .refused(""), ONNXNode("GridSample", "x,g", "z"), x: [1, 1, 4, 4],
            ["g": .zeroFloats([1, 2, 2, 3])]),
        node(
            "a grid of no numbers", .runs, ONNXNode("GridSample", "x,g", "z"), x: [1, 1, 4, 4],
            ["g": .floats([1, 2, 2, 2], .nan)]),
        node(
            "a grid beyond everything", .runs, ONNXNode("GridSample", "x,g", "z"), x: [1, 1, 4, 4],
            ["g": .floats([1, 2, 2, 2], 1e30)]),
        node(
            "an image that is not there", .refused(""), ONNXNode("RoiAlign", "x,r,i", "z"), x: [1, 1, 4, 4],
            ["r": .floats([1, 4], 0), "i": .whole(7)]),
        node(
            "2^40 samples", .refused(""), ONNXNode("RoiAlign", "x,r,i", "z", ["sampling_ratio": .int(1 << 40)]),
            x: [1, 1, 4, 4], ["r": .floats([1, 4], 1), "i": .whole(0)]),
        node(
            "an output of 2^40", .refused(""), ONNXNode("RoiAlign", "x,r,i", "z", ["output_height": .int(1 << 40)]),
            x: [1, 1, 4, 4], ["r": .floats([1, 4], 1), "i": .whole(0)]),
        node(
            "boxes that are no numbers", .runs, ONNXNode("RoiAlign", "x,r,i", "z"), x: [1, 1, 4, 4],
            ["r": .floats([1, 4], .nan), "i": .whole(0)]),
        node(
            "boxes of three numbers", .refused(""), ONNXNode("NonMaxSuppression", "b,s", "z"),
            ["b": .zeroFloats([1, 2, 3]), "s": .zeroFloats([1, 1, 2])]),
        node(
            "-1 boxes", .runs, ONNXNode("NonMaxSuppression", "b,s,n", "z"),
            ["b": .zeroFloats([1, 2, 4]), "s": .zeroFloats([1, 1, 2]), "n": .whole(-1)]),
    ]
}

extension Tensor {
    /// One index again and again.
    static func indices(_ shape: [Int], _ value: Int) -> Tensor {
        guard let tensor = try? Tensor(repeating: Int64(value), shape: shape) else {
            preconditionFailure("a test's tensor must be small")
        }
        return tensor
    }

    /// One short index again and again.
    static func int32s(_ shape: [Int], _ value: Int32) -> Tensor {
        guard let tensor = try? Tensor(repeating: value, shape: shape) else {
            preconditionFailure("a test's tensor must be small")
        }
        return tensor
    }

    /// One number without a sign.
    static func unsigned(_ value: UInt64) -> Tensor {
        guard let tensor = try? Tensor([value]) else { preconditionFailure("a test's tensor must be small") }
        return tensor
    }
}
