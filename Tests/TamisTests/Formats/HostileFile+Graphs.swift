import Tamis

extension HostileFile {
    /// Files whose graphs, names, versions, functions or graphs within do not hold together.
    static let graphs: [HostileFile] = names + versions + bodies + functions

    private static let relu = [ONNXNode("Relu", "x", "z")]

    private static let names: [HostileFile] = [
        .nodes("a node that reads itself", .refused("without a cycle"), [ONNXNode("Relu", "z", "z")]),
        .nodes(
            "two nodes in a circle", .refused("without a cycle"),
            [ONNXNode("Add", "x,b", "a"), ONNXNode("Relu", "a", "b"), ONNXNode("Relu", "b", "z")]),
        .nodes(
            "nodes out of order", .refused("must come after"), [ONNXNode("Relu", "a", "z"), ONNXNode("Relu", "x", "a")]),
        .nodes(
            "two outputs of one name", .refused("a second time"),
            [ONNXNode("Relu", "x", "z"), ONNXNode("Tanh", "x", "z")]
        ),
        .nodes(
            "one node, two outputs of one name", .refused("a second time"),
            [ONNXNode("Split", "x", "z,z", ["axis": .int(1)])]),
        .nodes("an output of an input's name", .refused("a second time"), [ONNXNode("Relu", "x", "x")]),
        .nodes(
            "an output of an initializer's name", .refused("a second time"), [ONNXNode("Relu", "x", "w")],
            [
                "w": .zeroFloats([1])
            ]),
        .nodes("two inputs of one name", .refused("a second time"), relu) { $0.graph.inputs += $0.graph.inputs },
        .nodes("two results of one name", .refused("a second time"), relu) { $0.graph.outputs += $0.graph.outputs },
        .nodes("two initializers of one name", .refused("a second time"), relu, ["w": .zeroFloats([1])]) {
            $0.graph.initializers += $0.graph.initializers
        },
        .nodes("an initializer without a name", .refused("must have a name"), relu, ["": .zeroFloats([1])]),
        .nodes("an input without a name", .refused(""), relu) { $0.graph.inputs.append(ONNXValueInfo("", type: nil)) },
        .nodes("an input without a type", .refused("no known type"), relu) { $0.graph.inputs[0].type = nil },
        .nodes("an input of maps", .refused("no known type"), relu) {
            $0.graph.inputs[0].type = .map(key: .int64, value: .tensor(.float32, nil))
        },
        .nodes("an initializer that is not there", .refused("must be an input"), [ONNXNode("MatMul", "x,w", "z")]),
        .nodes("a result that is not there", .refused("\"y\""), relu) { $0.graph.outputs[0].name = "y" },
        .nodes("a result without a name", .refused(""), relu) { $0.graph.outputs[0].name = "" },
        .nodes("no results", .refused("must have an output"), relu) { $0.graph.outputs = [] },
        .nodes("no nodes", .refused("\"z\""), []),
        .nodes("a node without outputs", .runs, [ONNXNode("Relu", "x", ""), ONNXNode("Relu", "x", "z")]),
        .nodes("a node whose output has no name", .runs, [ONNXNode("Relu", "x", ""), ONNXNode("Relu", "x", "z")]) {
            $0.graph.nodes[0].outputs = [""]
        },
        .nodes("nodes of one name", .runs, [ONNXNode("Relu", "x", "a"), ONNXNode("Relu", "a", "z")]),
        .nodes(
            "names of nodes that are those of values", .runs,
            [ONNXNode("Relu", "x", "a"), ONNXNode("Tanh", "a", "b"), ONNXNode("Add", "b,w", "z")],
            ["w": .zeroFloats([4])]
        ) {
            for (index, name) in ["w", "x", "a"].enumerated() { $0.graph.nodes[index].name = name }
        },
        .nodes("a name of a million letters", .runs, relu) {
            $0.graph.nodes[0].name = String(repeating: "n", count: 1_000_000)
        },
        .nodes("a thousand results that are one", .runs, relu) { model in
            model.graph.nodes += (0..<1000).map { ONNXNode("Identity", "z", "z\($0)") }
            model.graph.outputs += (0..<1000).map { ONNXValueInfo("z\($0)", type: nil) }
        },
        .bytes("a million nodes in a row", .runs, isLarge: true) {
            var nodes: [UInt8] = []
            for index in 0..<1_000_000 {
                nodes += field(
                    1,
                    field(1, index == 0 ? "x" : "v\(index)") + field(2, index == 999_999 ? "z" : "v\(index + 1)")
                        + field(4, index % 2 == 0 ? "Neg" : "Relu"))
            }
            let type = field(1, field(1, 1) + field(2, field(1, field(1, 2))))
            return modelBytes(graph: nodes + field(11, field(1, "x") + field(2, type)) + field(12, field(1, "z")))
        },
        .bytes("a million and one nodes", .refused("nodes of a graph"), isLarge: true) {
            modelBytes(graph: Array(repeatElement(field(1, field(4, "Relu")), count: 1_000_001).joined()))
        },
    ]

    private static let versions: [HostileFile] =
        [0, -1, 5, 29, 1 << 60, .min].map { (version: Int) in
            HostileFile.nodes(
                "version \(version) of the operator set", .refused("version \(version) of ONNX's"), relu,
                version: version)
        } + otherVersions

    private static let otherVersions: [HostileFile] = [
        .nodes("no operator set", .refused("must say its version"), relu) { $0.operatorSets = [] },
        .nodes("two versions of an operator set", .refused("one version"), relu) {
            $0.operatorSets.append(ONNXOperatorSet(version: 13))
        },
        .nodes("an operator set by both its names", .refused("one version"), relu) {
            $0.operatorSets.append(ONNXOperatorSet(domain: "ai.onnx", version: 17))
        },
        .nodes("an operator set that nobody uses", .runs, relu) {
            $0.operatorSets.append(ONNXOperatorSet(domain: "com.example", version: 1))
        },
        .nodes("an operator of a domain that is not there", .refused("of \"com.example\""), relu) {
            $0.graph.nodes[0].domain = "com.example"
        },
        .nodes("an operator that does not exist", .refused("Evil of ONNX"), [ONNXNode("Evil", "x", "z")]),
        .nodes("an operator without a name", .refused("of ONNX"), [ONNXNode("", "x", "z")]),
        .nodes("an operator of a function that is not there", .refused("Relu"), relu) {
            $0.graph.nodes[0].overload = "second"
        },
        .nodes("format 0", .runs, relu) { $0.formatVersion = 0 },
        .nodes("format 2^60", .runs, relu) { $0.formatVersion = 1 << 60 },
        .nodes("format -1", .runs, relu) { $0.formatVersion = -1 },
    ]

    // MARK: Graphs within

    /// A graph of nodes with inputs and outputs.
    static func graph(_ nodes: [ONNXNode], inputs: [(String, ElementType)] = [], outputs: [String]) -> ONNXGraph {
        var graph = ONNXGraph()
        graph.nodes = nodes
        graph.inputs = inputs.map { ONNXValueInfo($0.0, type: .tensor($0.1, nil)) }
        graph.outputs = outputs.map { ONNXValueInfo($0, type: nil) }
        return graph
    }

    /// A condition of true, and an If whose branches are these.
    static func branches(_ first: ONNXGraph, _ second: ONNXGraph? = nil) -> [ONNXNode] {
        [
            ONNXNode("Constant", "", "yes", ["value": .tensor(.yes)]),
            ONNXNode("If", "yes", "z", ["then_branch": .graph(first), "else_branch": .graph(second ?? first)]),
        ]
    }

    /// A Loop over x whose body is `nodes`: from i, go and a to on and b.
    static func loop(
        _ nodes: [ONNXNode], count: String = "count", condition: String = "", outputs: [String] = ["on", "b"],
        results: String = "z"
    ) -> ONNXNode {
        let body = graph(nodes, inputs: [("i", .int64), ("go", .bool), ("a", .float32)], outputs: outputs)
        return ONNXNode("Loop", "\(count),\(condition),x", results, ["body": .graph(body)])
    }

    static let goOn = ONNXNode("Identity", "go", "on")

    private static let ten: [String: Tensor] = ["count": .whole(10)]

    private static let bodies: [HostileFile] = [
        .nodes(
            "a branch that gives a name of the graph around another meaning", .runs,
            [ONNXNode("Relu", "x", "a")] + branches(graph([ONNXNode("Tanh", "x", "a")], outputs: ["a"]))),
        .nodes(
            "a branch that gives a name another meaning after reading it", .refused("a second time"),
            [ONNXNode("Relu", "x", "a")]
                + branches(graph([ONNXNode("Tanh", "a", "b"), ONNXNode("Tanh", "b", "a")], outputs: ["a"]))),
        .nodes(
            "a branch that reads what comes later", .refused(""),
            branches(graph([ONNXNode("Relu", "later", "a")], outputs: ["a"])) + [ONNXNode("Relu", "x", "later")]),
        .nodes(
            "a branch that reads its own result", .refused(""),
            branches(graph([ONNXNode("Relu", "z", "a")], outputs: ["a"]))),
        .nodes(
            "a branch in a circle", .refused("cycle"), branches(graph([ONNXNode("Relu", "a", "a")], outputs: ["a"]))),
        .nodes("a branch without outputs", .refused("must have an output"), branches(graph([], outputs: []))),
        .nodes("a branch whose output is not there", .refused("\"q\""), branches(graph([], outputs: ["q"]))),
        .nodes("a branch that only gives x", .runs, branches(graph([], outputs: ["x"]))),
        .nodes(
            "a branch with inputs", .refused(""),
            branches(graph([ONNXNode("Relu", "k", "a")], inputs: [("k", .float32)], outputs: ["a"]))),
        .nodes(
            "branches of one output and of two", .refused("the same number"),
            branches(graph([], outputs: ["x"]), graph([], outputs: ["x", "x"]))),
        .nodes(
            "branches of two types", .refused("one type"),
            branches(graph([], outputs: ["x"]), graph([], outputs: ["yes"]))),
        .nodes(
            "an If on a float", .refused("one bool"),
            [
                ONNXNode(
                    "If", "x", "z",
                    [
                        "then_branch": .graph(graph([], outputs: ["x"])),
                        "else_branch": .graph(graph([], outputs: ["x"])),
                    ])
            ]),
        .nodes(
            "an If with one branch", .refused("else_branch"),
            [ONNXNode("If", "x", "z", ["then_branch": .graph(graph([], outputs: ["x"]))])]),
        .nodes(
            "an If whose branch is a text", .refused("a graph"),
            [ONNXNode("If", "x", "z", ["then_branch": .string("x"), "else_branch": .string("x")])]),
        .nodes(
            "an If of more outputs than its branches", .refused("2 outputs"),
            {
                var nodes = branches(graph([], outputs: ["x"]))
                nodes[1].outputs = ["z", "more"]
                return nodes
            }()),
        .nodes(
            "a graph where none belongs", .refused("graphs within it"),
            [ONNXNode("Relu", "x", "z", ["body": .graph(graph([], outputs: ["x"]))])]),
        .nodes("Ifs in Ifs, 31 deep", .runs, nestedBranches(31)),
        .nodes("Ifs in Ifs, 33 deep", .refused(""), nestedBranches(33)),
        .nodes("Loops in Loops, 30 deep, of one run each", .runs, [nestedLoops(30)], ["count": .whole(1)]),
        .nodes(
            "Loops in Loops, 12 deep, of ten runs each", .refused("at most 1000 times"), [nestedLoops(12)], ten),
        .nodes(
            "a Loop whose body takes nothing", .refused("must take 3 inputs"),
            [
                ONNXNode("Loop", "count,,x", "z", ["body": .graph(graph([], outputs: ["x"]))])
            ], ten),
        .nodes("a Loop whose body gives too little", .refused("give"), [loop([goOn], outputs: ["on"])], ten),
        .nodes("a Loop whose condition is a float", .refused("one bool"), [loop([goOn], outputs: ["a", "a"])], ten),
        .nodes(
            "a Loop whose first condition is a float", .refused("one bool"),
            [loop([goOn], condition: "x", outputs: ["on", "a"])], ten),
        .nodes(
            "a Loop of a float's number of runs", .refused("int64"), [loop([goOn], outputs: ["on", "a"])],
            ["count": .floats([1], 10)]),
        .nodes(
            "a Loop of no number of runs", .refused("int64"), [loop([goOn], outputs: ["on", "a"])],
            ["count": .numbers([])]),
        .nodes("a Loop of -1 runs", .runs, [loop([goOn], outputs: ["on", "a"])], ["count": .whole(-1)]),
        .nodes(
            "a Loop whose value turns from floats to whole numbers", .refused("one type"),
            [
                loop([goOn, ONNXNode("Cast", "a", "b", ["to": .int(7)])])
            ], ten),
        .nodes(
            "a Loop whose scan output changes its shape", .refused("one shape"),
            [
                loop(
                    [goOn, ONNXNode("Concat", "a,a", "b", ["axis": .int(0)])], outputs: ["on", "b", "b"], results: "y,z"
                )
            ], ten),
        .nodes("a Scan of 0 inputs", .refused("num_scan_inputs"), scan(0)),
        .nodes("a Scan of 99 inputs", .refused("num_scan_inputs"), scan(99)),
        .nodes("a Scan along axis 9", .refused(""), scan(1, ["scan_input_axes": .ints([9])])),
        .nodes("a Scan along two axes", .refused(""), scan(1, ["scan_input_axes": .ints([0, 1])])),
        .nodes("a Scan whose output stands at axis 9", .refused(""), scan(1, ["scan_output_axes": .ints([9])])),
    ]

    private static func scan(_ count: Int, _ attributes: [String: ONNXAttribute.Value] = [:]) -> [ONNXNode] {
        let body = graph([ONNXNode("Relu", "a", "b")], inputs: [("a", .float32)], outputs: ["b"])
        return [
            ONNXNode(
                "Scan", "x", "z",
                attributes.merging(["body": .graph(body), "num_scan_inputs": .int(count)]) { first, _ in first })
        ]
    }

    private static func nestedBranches(_ depth: Int) -> [ONNXNode] {
        var inner = graph([ONNXNode("Relu", "x", "a")], outputs: ["a"])
        for _ in 1..<depth {
            inner = graph(
                [
                    ONNXNode(
                        "If", "yes", "a",
                        ["then_branch": .graph(inner), "else_branch": .graph(graph([], outputs: ["x"]))])
                ],
                outputs: ["a"])
        }
        return branches(inner)
    }

    private static func nestedLoops(_ depth: Int) -> ONNXNode {
        var inner = [goOn, ONNXNode("Relu", "a", "b")]
        for _ in 1..<depth {
            let body = graph(inner, inputs: [("i", .int64), ("go", .bool), ("a", .float32)], outputs: ["on", "b"])
            inner = [goOn, ONNXNode("Loop", "count,,a", "b", ["body": .graph(body)])]
        }
        return loop(inner)
    }

    // MARK: Functions

    /// Functions of the file, each of one input a and one output b, and a node that calls the first.
    private static func calling(
        _ name: String, _ end: End, _ functions: [[ONNXNode]], node: ONNXNode = ONNXNode("F0", "x", "z"),
        change: @escaping @Sendable (inout ONNXModel) -> Void = { _ in }
    ) -> HostileFile {
        .nodes(name, end, [node]) { model in
            model.graph.nodes[0].domain = "own"
            model.operatorSets.append(ONNXOperatorSet(domain: "own", version: 1))
            for (index, nodes) in functions.enumerated() {
                var function = ONNXFunction()
                function.name = "F\(index)"
                function.domain = "own"
                (function.inputs, function.outputs) = (["a"], ["b"])
                function.operatorSets = model.operatorSets
                function.nodes = nodes.map { node in
                    var node = node
                    if node.operatorName.hasPrefix("F"), node.operatorName.count < 4 { node.domain = "own" }
                    return node
                }
                model.functions.append(function)
            }
            change(&model)
        }
    }

    /// A function that calls another again and again.
    private static func calls(of name: String, _ count: Int) -> [ONNXNode] {
        (0..<count).map { ONNXNode(name, $0 == 0 ? "a" : "v\($0)", $0 == count - 1 ? "b" : "v\($0 + 1)") }
    }

    private static let body = [ONNXNode("Relu", "a", "b")]

    private static let functions: [HostileFile] = [
        calling("a function", .runs, [body]),
        calling("a function that calls itself", .refused("functions within functions"), [calls(of: "F0", 1)]),
        calling("a function that calls itself twice", .refused("functions within functions"), [calls(of: "F0", 2)]),
        calling(
            "functions that call each other", .refused("functions within functions"),
            [calls(of: "F1", 1), calls(of: "F0", 1)]),
        calling(
            "a function that calls itself in a branch", .refused(""),
            [branches(graph([ONNXNode("F0", "a", "c")], outputs: ["c"])) + [ONNXNode("Relu", "z", "b")]]),
        calling(
            "functions in functions, 30 deep", .runs, (0..<30).map { $0 == 29 ? body : calls(of: "F\($0 + 1)", 1) }),
        calling(
            "functions in functions, 33 deep", .refused("functions within functions"),
            (0..<33).map { $0 == 32 ? body : calls(of: "F\($0 + 1)", 1) }),
        calling(
            "ten functions that call the next ten times: ten thousand million nodes", .refused("the nodes of a model"),
            (0..<10).map { $0 == 9 ? body : calls(of: "F\($0 + 1)", 10) }),
        calling(
            "thirty functions that call the next twice", .refused("the nodes of a model"),
            (0..<30).map { $0 == 29 ? body : calls(of: "F\($0 + 1)", 2) }),
        calling("a function of too many inputs", .refused("takes 1 inputs"), [body], node: ONNXNode("F0", "x,x", "z")),
        calling(
            "a function of too many outputs", .refused("gives 1 outputs"), [body], node: ONNXNode("F0", "x", "z,y")),
        calling("a function of no input", .refused(""), [body], node: ONNXNode("F0", "", "z")),
        calling("a function without nodes", .refused("\"b\""), [[]]),
        calling("a function that reads the graph's x", .refused("\"x\""), [[ONNXNode("Relu", "x", "b")]]),
        calling("a function of an unknown operator", .refused("Evil"), [[ONNXNode("Evil", "a", "b")]]),
        calling("two functions of one name", .refused("a second time"), [body]) { $0.functions += $0.functions },
        calling("a function whose operator set is another's", .refused("version 5"), [body]) {
            $0.functions[0].operatorSets = [ONNXOperatorSet(version: 5)]
        },
        calling(
            "a function whose attribute is not given", .runs,
            [
                [
                    ONNXNode("Flatten", "a", "b", ["axis": .reference("axis", .int)])
                ]
            ]),
        .nodes(
            "a reference to an attribute outside a function", .refused(""),
            [
                ONNXNode("Flatten", "x", "z", ["axis": .reference("axis", .int)])
            ]),
    ]
}

extension ONNXTensor {
    /// One true.
    static var yes: ONNXTensor {
        guard let tensor = try? Tensor(scalar: true) else { preconditionFailure("a bool is small") }
        return ONNXTensor(tensor)
    }
}
