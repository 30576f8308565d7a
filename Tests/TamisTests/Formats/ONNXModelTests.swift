import Tamis
import Testing

struct ONNXModelTests {
    @Test func readsAConvolution() throws {
        let model = try ONNXModel(FileBytes(Golden.convolution))
        #expect(model.formatVersion == 8 && model.producerName == "test")
        #expect(model.operatorSets == [ONNXOperatorSet(version: 17)])
        let graph = model.graph
        #expect(graph.name == "g" && graph.documentation == "two nodes" && graph.nodes.count == 2)
        let node = graph.nodes[0]
        #expect(node.operatorName == "Conv" && node.name == "conv")
        #expect(node.inputs == ["x", "w"] && node.outputs == ["y"])
        let attributes = Dictionary(uniqueKeysWithValues: node.attributes.map { ($0.name, $0.value) })
        #expect(attributes == ["pads": .ints([0, 0, 0, 0]), "group": .int(1), "auto_pad": .string("NOTSET")])
        #expect(graph.nodes[1].attributes == [ONNXAttribute("alpha", .float(0.25))])
        #expect(graph.initializers.map(\.name) == ["w"])
        #expect(try graph.initializers[0].tensor() == Tensor([Float(0.5), -1], shape: [2, 1, 1, 1]))
        let batch = ONNXDimension.named("batch")
        #expect(
            graph.inputs == [ONNXValueInfo("x", type: .tensor(.float32, [batch, .fixed(1), .unknown, .fixed(4)]))])
        #expect(
            graph.outputs == [ONNXValueInfo("z", type: .tensor(.float32, [batch, .fixed(2), .unknown, .fixed(4)]))])
    }

    @Test func readsEveryKindOfAttributeAndType() throws {
        let model = try ONNXModel(FileBytes(Golden.everything))
        let node = try #require(model.graph.nodes.first)
        #expect(node.domain == "my.domain" && node.overload == "v2" && node.documentation == "about")
        #expect(node.inputs == ["x", ""])
        let attributes = Dictionary(uniqueKeysWithValues: node.attributes.map { ($0.name, $0.value) })
        let unit = ONNXTensor(try Tensor([Int8(1), -1]), name: "unit")
        var body = ONNXGraph()
        body.name = "body"
        body.nodes = [ONNXNode("Relu", inputs: ["x"], outputs: ["o"])]
        body.outputs = [ONNXValueInfo("o", type: .tensor(.float32, nil))]
        let kind = ONNXType.tensor(.int64, [.fixed(3)])
        #expect(
            attributes == [
                "f": .float(1.5), "i": .int(-7), "s": .string("text"), "t": .tensor(unit), "g": .graph(body),
                "tp": .type(.sequence(kind)), "fs": .floats([1, 2.5]), "ns": .ints([1, -2, 3]),
                "ss": .strings(["a", "b"]), "ts": .tensors([unit, unit]), "gs": .graphs([body]),
                "tps": .types([kind, .optional(kind)]), "none": .ints([]), "sparse": .unsupported(.sparseTensor),
            ])
        #expect(
            model.graph.inputs.map(\.type) == [.sequence(kind), .optional(kind), .map(key: .string, value: kind)])
        #expect(model.graph.values.map(\.type) == [.unsupported("tensors of ONNX's element type 28")])
        let function = try #require(model.functions.first)
        #expect(function.name == "Leak" && function.attributeNames == ["slope"] && function.inputs == ["p"])
        #expect(function.nodes[0].attributes == [ONNXAttribute("alpha", .reference("slope", .float))])
        #expect(model.metadata == [ONNXEntry(key: "author", value: "nobody")])
    }

    @Test(arguments: [Golden.convolution, Golden.everything])
    func roundTrip(golden: [UInt8]) throws {
        var model = try ONNXModel(FileBytes(golden))
        model.graph.values = []
        #expect(try ONNXModel(FileBytes(model.encoded())) == model)
        let folder = try TemporaryFolder()
        try model.write(to: "\(folder.path)/m.onnx")
        #expect(try ONNXModel(path: "\(folder.path)/m.onnx") == model)
    }

    @Test func writesAsTheOfficialLibrary() throws {
        #expect(try ONNXModel(FileBytes(Golden.convolution)).encoded() == Golden.convolution)
    }

    @Test(arguments: [Golden.convolution, Golden.everything])
    func survivesDamage(golden: [UInt8]) throws {
        for file in Damaged(golden, flipped: 60) {
            guard let error = importError({ _ = try ONNXModel(FileBytes(file)) }) else { continue }
            #expect("\(error)" != "")
        }
    }

    @Test func errorsNameTheFile() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/m.onnx"
        try AtomicFile.write(Array(Golden.convolution.prefix(40)), to: path)
        let error = importError { _ = try ONNXModel(path: path) }
        #expect(error.map { "\($0)".hasPrefix("\(path): offset ") } == true)
    }

    @Test(arguments: [
        ("no graph", "0808", "a model must have a graph"),
        ("two graphs", "3a00 3a00", "may stand once"),
        ("a graph that is a number", "3801", "must hold bytes"),
        // A graph (7) of a node (1) of an attribute (5):
        ("an attribute of nothing", "3a04 0a02 2a00", "value of its kind"),
        ("an attribute of two values", "3a0a 0a08 2a06 1801 4200 4001", "one kind of value"),
        ("an attribute of another kind", "3a0c 0a0a 2a08 1501000000 a00102", "value of its kind"),
        ("an attribute of an unknown kind", "3a07 0a05 2a03 a0010f", "value of its kind"),
        ("an attribute without its tensor", "3a07 0a05 2a03 a00104", "value of its kind"),
        ("an attribute whose text is not text", "3a07 0a05 2a03 2201ff", "UTF-8"),
        ("a type twice", "3a08 0a06 2a04 7200 7200", "may stand once"),
        ("a dimension of -2", "3a15 5a13 1211 0a0f 120d 0a0b 08feffffffffffffffff01", "received -2"),
    ])
    func refuses(what: String, hexadecimal: String, message: String) throws {
        let error = importError { _ = try ONNXModel(FileBytes(bytes(hexadecimal))) }
        #expect(error.map { "\($0)".contains(message) } == true, "\(what): \(error as Any)")
    }

    @Test(arguments: [
        ("an empty graph", "3a00"),
        ("an attribute whose 0 was left out", "3a07 0a05 2a03 a00102"),
        ("an attribute that says its kind by its field", "3a06 0a04 2a02 1801"),
        ("a dimension of -1", "3a15 5a13 1211 0a0f 120d 0a0b 08ffffffffffffffffff01"),
        ("a type left open", "3a04 5a02 1200"),
    ])
    func accepts(what: String, hexadecimal: String) throws {
        var model = try ONNXModel(FileBytes(bytes(hexadecimal)))
        #expect(try ONNXModel(FileBytes(model.encoded())) == model, "\(what)")
        model.formatVersion = 9
        #expect(try ONNXModel(FileBytes(model.encoded())).formatVersion == 9)
    }

    @Test func graphsWithinGraphsEndAtTheLimit() throws {
        var graph = ONNXGraph()
        for _ in 0..<40 {
            var outer = ONNXGraph()
            outer.nodes = [ONNXNode("If", inputs: [], outputs: [], attributes: [ONNXAttribute("then", .graph(graph))])]
            graph = outer
        }
        let file = try FileBytes(ONNXModel(graph: graph).encoded())
        #expect(throws: ImportError.limit("the depth of messages within messages", limit: 100, received: 101)) {
            try ONNXModel(file)
        }
        var limits = Limits()
        limits.depth = 122
        #expect(try ONNXModel(file, limits: limits).graph == graph)
    }

    @Test func keepsToTheNumberOfNodes() throws {
        var limits = Limits()
        limits.nodes = 1
        #expect(throws: ImportError.limit("the nodes of a graph", limit: 1, received: 2)) {
            try ONNXModel(FileBytes(Golden.convolution), limits: limits)
        }
    }

    @Test func sequencesAndOptionals() throws {
        let list = try ONNXSequence(FileBytes(Golden.sequence))
        #expect(list.name == "list")
        #expect(list.elements.map(\.tensor) == [try Tensor([Int64(1), 2]), try Tensor([Float(0.5)], shape: [1, 1])])
        let some = try ONNXOptional(FileBytes(Golden.optionalTensor))
        #expect(try some.value?.tensor == Tensor([UInt8(3)]))
        #expect(try ONNXOptional(FileBytes(Golden.optionalNone)).value == nil)

        let nested = ONNXSequence([.optional(nil), .optional(.sequence(list.elements))], name: "n")
        let again = try ONNXSequence(FileBytes(nested.encoded()))
        guard case .optional(nil) = again.elements[0], case .optional(.sequence(let inner)?) = again.elements[1] else {
            Issue.record("\(again)")
            return
        }
        #expect(inner.map(\.tensor) == list.elements.map(\.tensor))
        for file in [Golden.sequence, Golden.optionalTensor].flatMap({ Damaged($0, flipped: 40) }) {
            _ = importError { _ = try ONNXSequence(FileBytes(file)) }
            _ = importError { _ = try ONNXOptional(FileBytes(file)) }
        }
    }
}
