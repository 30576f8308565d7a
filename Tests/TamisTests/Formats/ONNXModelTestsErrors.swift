import Tamis
import Testing

struct ONNXModelTestsErrors {
    /// The error that reading a file of nodes ends in.
    private func error(
        _ nodes: [ONNXNode], version: Int = 17, inputs: [String: [ONNXDimension]] = ["x": [.named("n"), .fixed(4)]],
        initializers: [String: Tensor] = [:], _ change: (inout ONNXModel) -> Void = { _ in }
    ) -> String {
        var file = onnxFile(nodes, version: version, inputs: inputs, initializers: initializers)
        change(&file)
        let error = importError {
            _ = try Model(onnxBytes: file.encoded())
        }
        return error.map { "\($0)" } ?? "none"
    }

    private let image: [String: [ONNXDimension]] = ["x": [.fixed(1), .fixed(2), .fixed(5), .fixed(5)]]

    @Test func unknownOperatorsAreNamedAllAtOnce() {
        let text = error([
            ONNXNode("Relu", "x", "a"), ONNXNode("Foo", "a", "b"), ONNXNode("Bar", "b", "c"), ONNXNode("Foo", "c", "z"),
        ]) {
            $0.graph.nodes[2].domain = "com.example"
        }
        #expect(text.contains("Foo of ONNX, version 17 (node \"the Foo\")"))
        #expect(text.contains("Bar of \"com.example\", version unknown"))
        #expect(text.components(of: "Foo of") == 1)
    }

    @Test func versions() {
        #expect(error([ONNXNode("Relu", "x", "z")], version: 5).contains("version 5 of ONNX's operator set"))
        #expect(error([ONNXNode("Relu", "x", "z")], version: 29).contains("version 29"))
        #expect(error([ONNXNode("Relu", "x", "z")], version: 6) == "none")
        #expect(error([ONNXNode("Relu", "x", "z")], version: 28) == "none")
        #expect(error([ONNXNode("Relu", "x", "z")]) { $0.operatorSets = [] }.contains("must say its version"))
        #expect(
            error([ONNXNode("Relu", "x", "z")]) {
                $0.operatorSets.append(ONNXOperatorSet(domain: "ai.onnx", version: 12))
            }
            .contains("one version"))
        #expect(error([ONNXNode("Relu", "x", "z")]) { $0.operatorSets[0].domain = "ai.onnx" } == "none")
    }

    @Test func namesAndOrder() throws {
        let w = try Tensor([Float(1)])
        #expect(error([ONNXNode("Relu", "x", "z"), ONNXNode("Relu", "x", "z")]).contains("\"z\" a second time"))
        #expect(error([ONNXNode("Relu", "x", "x")]).contains("\"x\" a second time"))
        #expect(error([ONNXNode("Relu", "x", "w")], initializers: ["w": w]).contains("\"w\" a second time"))
        #expect(
            error([ONNXNode("Relu", "x", "z")], initializers: ["w": w]) {
                $0.graph.initializers.append($0.graph.initializers[0])
            }
            .contains("\"w\" a second time"))
        #expect(
            error([ONNXNode("Relu", "x", "z")]) { $0.graph.inputs.append($0.graph.inputs[0]) }.contains("second time"))
        #expect(
            error([ONNXNode("Relu", "x", "z")]) { $0.graph.outputs.append($0.graph.outputs[0]) }.contains("second time")
        )
        #expect(error([ONNXNode("Relu", "a", "z"), ONNXNode("Relu", "x", "a")]).contains("without a cycle"))
        #expect(error([ONNXNode("Relu", "z", "z")]).contains("without a cycle"))
        #expect(error([ONNXNode("Relu", "q", "z")]).contains("must be an input, an initializer"))
        #expect(error([ONNXNode("Relu", "x", "a")]).contains("\"z\""))
        #expect(error([ONNXNode("Relu", "x", "z")]) { $0.graph.outputs = [] }.contains("must have an output"))
        #expect(
            error([ONNXNode("Relu", "x", "z")], initializers: ["": w]).contains("an initializer must have a name"))
    }

    @Test func inputsOfNodes() {
        #expect(error([ONNXNode("Add", "x", "z")]).contains("node \"the Add\": Add: input 1 must be given"))
        #expect(error([ONNXNode("Add", "x,", "z")]).contains("input 1 must be given"))
        #expect(error([ONNXNode("Add", ",x", "z")]).contains("input 0 must be given"))
        #expect(error([ONNXNode("Conv", "x,", "z")], inputs: image).contains("input 1 must be given"))
        #expect(
            error([ONNXNode("MaxPool", "x", "z,i,j", ["kernel_shape": .ints([2, 2])])], inputs: image).contains(
                "3 outputs"))
    }

    @Test func attributes() throws {
        #expect(error([ONNXNode("Flatten", "x", "z", ["axis": .float(1)])]).contains("\"axis\" must be a whole number"))
        #expect(error([ONNXNode("Relu", "x", "z", ["alpha": .float(1)])]).contains("the attribute \"alpha\""))
        #expect(
            error([ONNXNode("Relu", "x", "z", ["body": .graph(ONNXGraph())])]).contains("graphs within it"))
        #expect(error([ONNXNode("MaxPool", "x", "z")], inputs: image).contains("\"kernel_shape\""))
        let pool = { (name: String, value: ONNXAttribute.Value) in
            [ONNXNode("MaxPool", "x", "z", ["kernel_shape": .ints([2, 2]), name: value])]
        }
        #expect(error(pool("pads", .ints([1, 1])), inputs: image).contains("\"pads\" must be two numbers"))
        #expect(error(pool("pads", .ints([-1, 0, 0, 0])), inputs: image).contains("padding"))
        #expect(error(pool("pads", .ints([3, 0, 0, 0])), inputs: image).contains("padding must be smaller"))
        #expect(error(pool("auto_pad", .string("ALL")), inputs: image).contains("\"auto_pad\" must be"))
        #expect(error(pool("strides", .ints([0, 1])), inputs: image).contains("stride"))
        #expect(error(pool("strides", .ints([1, 1, 1])), inputs: image).contains("stride"))
        #expect(error(pool("dilations", .ints([.max, 1])), inputs: image).contains("dilation"))
        #expect(error(pool("kernel", .int(1)), inputs: image).contains("the attribute \"kernel\""))
        let twice = error(pool("strides", .ints([1, 1])), inputs: image) {
            $0.graph.nodes[0].attributes.append(ONNXAttribute("strides", .ints([1, 1])))
        }
        #expect(twice.contains("\"strides\" twice"))
        #expect(error([ONNXNode("Transpose", "x", "z", ["perm": .ints([0, 0])])]).contains("permutation"))
        #expect(error([ONNXNode("Transpose", "x", "z", ["perm": .ints([0, .min])])]).contains("permutation"))
        #expect(error([ONNXNode("Softmax", "x", "z", ["axis": .int(.min)])]).contains("axis"))
        #expect(error([ONNXNode("Softmax", "x", "z", ["axis": .int(.min)])], version: 11).contains("axis"))
        #expect(error([ONNXNode("Flatten", "x", "z", ["axis": .int(.min)])]).contains("axis"))
        #expect(error([ONNXNode("Constant", "", "z")]).contains("must have a value"))
        #expect(
            error([ONNXNode("Constant", "", "z", ["sparse_value": .unsupported(.sparseTensor)])]).contains(
                "sparse tensors"))
    }

    @Test func trainingForms() throws {
        let v = try Tensor([Float(1), 1, 1, 1])
        let node = { (outputs: String, attributes: [String: ONNXAttribute.Value]) in
            [ONNXNode("BatchNormalization", "x,v,v,v,v", outputs, attributes)]
        }
        let form = "training form"
        #expect(error(node("z", [:]), initializers: ["v": v]) == "none")
        #expect(error(node("z", ["training_mode": .int(1)]), initializers: ["v": v]) == "none")
        #expect(error(node("z,m,s", [:]), initializers: ["v": v]).contains(form))
        #expect(error(node("z", ["spatial": .int(0)]), version: 7, initializers: ["v": v]).contains("spatial"))
        #expect(error(node("z", [:]), version: 6, initializers: ["v": v]).contains(form))
        #expect(
            error(node("z", ["is_test": .int(1), "spatial": .int(1)]), version: 6, initializers: ["v": v]) == "none")
        let training = try Tensor(scalar: true)
        #expect(error([ONNXNode("Dropout", "x,,t", "z")], initializers: ["t": training]).contains(form))
        #expect(error([ONNXNode("Dropout", "x,,t", "z")], initializers: ["t": try Tensor(scalar: false)]) == "none")
        #expect(error([ONNXNode("Dropout", "x", "z,mask")]) == "none")
        let labels = error(
            [ONNXNode("SoftmaxCrossEntropyLoss", "x,i", "z", ["reduction": .string("max")])],
            initializers: ["i": try Tensor([Int64(1)])])
        #expect(labels.contains("must be none, sum or mean"))
    }

    @Test func oldForms() {
        let add = [ONNXNode("Add", "x,x", "z", ["broadcast": .int(1)])]
        #expect(error(add, version: 6) == "none")
        #expect(error([ONNXNode("Add", "x,x", "z")], version: 6) == "none")
        #expect(error(add, version: 7).contains("the attribute \"broadcast\""))
    }

    @Test func wholeFiles() throws {
        let relu = [ONNXNode("Relu", "x", "z")]
        #expect(
            error([ONNXNode("Mine", "x", "z")]) {
                var function = ONNXFunction()
                function.name = "Mine"
                $0.functions = [function]
            }.contains("Mine takes 0 inputs"))
        #expect(
            error(relu) { $0.graph.inputs[0].type = .sequence(.tensor(.float32, nil)) }.contains("must be a tensor"))
        #expect(error(relu) { $0.graph.inputs[0].type = nil }.contains("an input of no known type"))
        #expect(error(relu, inputs: ["x": [.fixed(.max)]]).contains("\"x\""))
        #expect(
            error(relu, initializers: ["w": try Tensor([Float(1)])]) {
                let entries = [ONNXEntry(key: "location", value: "weights.bin")]
                $0.graph.initializers[0].contents = .external(.float32, .scalar, entries)
            }.contains("weights.bin"))
        var bytes = try onnxFile(relu).encoded()
        // The graph (7), its sparse initializers (15) empty.
        let start = try #require(bytes.firstIndex(of: 0x3a))
        bytes[start + 1] += 2
        bytes.insert(contentsOf: [0x7a, 0], at: start + 2)
        #expect(
            importError { _ = try Model(onnxBytes: bytes) }.map { "\($0)" }?.contains("sparse initializers") == true)
    }

    @Test func shapesNameTheirNode() throws {
        let w = try randomTensor([3, 3, 2, 2])
        let text = error([ONNXNode("Conv", "x,w", "z")], inputs: image, initializers: ["w": w])
        #expect(text.hasPrefix("node \"the Conv\" (Conv): ") && text.contains("channels"))
        #expect(
            error([ONNXNode("Conv", "x,w", "z", ["group": .int(.min)])], inputs: image, initializers: ["w": w])
                .contains("groups"))
        #expect(
            error(
                [ONNXNode("Conv", "x,w", "z", ["kernel_shape": .ints([3, 3])])], inputs: image, initializers: ["w": w]
            )
            .contains("kernel extent"))
        #expect(
            error([ONNXNode("Sigmoid", "x", "z")]) { $0.graph.inputs[0].type = .tensor(.int32, [.fixed(1)]) }
                .contains("must be a float"))
        // Extents that a file claims must not overflow what counts them.
        let shape = try Tensor([Int64(1), 1, .max, 1])
        #expect(
            error(
                [ONNXNode("Reshape", "x,s", "r"), ONNXNode("MaxPool", "r", "z", ["kernel_shape": .ints([1, 1])])],
                inputs: ["x": [.unknown, .unknown]], initializers: ["s": shape]
            ).contains("node \"the Reshape\""))
        var limits = Limits()
        limits.rank = 3
        let file = onnxFile(
            [ONNXNode("Reshape", "x,s", "z")], initializers: ["s": try Tensor([Int64(1), 1, 1, -1])])
        #expect(throws: ImportError.limit("the rank of node \"the Reshape\"", limit: 3, received: 4)) {
            try Model(file, operators: .standard, folder: nil, limits: limits)
        }
    }

    @Test func errorsNameTheFile() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/m.onnx"
        try onnxFile([ONNXNode("Foo", "x", "z")]).write(to: path)
        #expect(importError { _ = try Model(onnx: path) }.map { "\($0)" }?.hasPrefix("\(path): ") == true)
        #expect(throws: ImportError.self) { try Model(onnx: "\(folder.path)/none.onnx") }
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(of text: String) -> Int {
        var (count, rest) = (0, self[...])
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
