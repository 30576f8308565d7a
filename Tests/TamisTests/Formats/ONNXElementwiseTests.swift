import Tamis
import TamisTestSupport
import Testing

@Suite("ONNX's element-wise operators")
struct ONNXElementwiseTests {
    private let image: [String: [ONNXDimension]] = ["x": [.fixed(2), .fixed(3), .fixed(4), .fixed(5)]]

    private func model(_ file: ONNXModel) throws -> Model { try Model(onnxBytes: file.encoded()) }

    private func x(_ shape: [Int] = [2, 3, 4, 5]) throws -> DoubleTensor { try DoubleTensor(randomTensor(shape)) }

    @Test("a Clip of known bounds is an activation, and is written as a Clip", arguments: [6, 11, 13])
    func clip(version: Int) throws {
        let attributes: [String: ONNXAttribute.Value] = version < 11 ? ["min": .float(-0.25), "max": .float(0.5)] : [:]
        let file = onnxFile(
            [ONNXNode("Clip", version < 11 ? "x" : "x,low,high", "z", attributes)], version: version, inputs: image,
            initializers: version < 11
                ? [:] : ["low": try Tensor(scalar: Float(-0.25)), "high": try Tensor(scalar: Float(0.5))])
        let model = try model(file)
        #expect(model.graph.nodes.map { ($0.operation as? Activate)?.activation } == [.clip(-0.25, 0.5)])
        let y = try run(model, ["x": x().tensor()])
        #expect(try firstDifference(y, Oracle.map(x()) { min(max($0, -0.25), 0.5) }) == nil)
        let written = try model.onnx()
        #expect(written.graph.nodes.map(\.operatorName) == ["Clip"] && written.graph.nodes[0].inputs.count == 3)
        #expect(try run(Model(onnxBytes: model.onnxBytes()), ["x": x().tensor()]) == y)
    }

    @Test("a Clip of one bound, or of bounds that come at run time")
    func openClip() throws {
        let initializers = ["high": try Tensor(scalar: Float(0.5))]
        let half = try model(onnxFile([ONNXNode("Clip", "x,,high", "z")], inputs: image, initializers: initializers))
        #expect(half.graph.nodes.map { ($0.operation as? Activate)?.activation } == [.clip(-.infinity, 0.5)])
        #expect(try half.onnx().graph.nodes[0].inputs.map(\.isEmpty) == [false, true, false])
        let open = try model(
            onnxFile([ONNXNode("Clip", "x,low", "z")], inputs: image.merging(["low": []]) { first, _ in first }))
        #expect(open.graph.nodes.map { $0.operation is Clip } == [true])
        let y = try run(open, ["x": x().tensor(), "low": Tensor(scalar: Float(0.1))])
        #expect(try firstDifference(y, Oracle.map(x()) { max($0, Double(Float(0.1))) }) == nil)
    }

    @Test(
        "before version 7 the second operand stretched from an axis on",
        arguments: ["Add", "Sub", "Mul", "Div", "Pow"],
        [([3, 4], 1), ([3], 1), ([2], 0), ([4, 5], -1), ([5], 3), ([1], 2)])
    func oldBroadcasting(name: String, operand: ([Int], Int)) throws {
        let b = Oracle.map(try x(operand.0)) { abs($0) + 1 }
        var attributes: [String: ONNXAttribute.Value] = ["broadcast": .int(1)]
        if operand.1 >= 0 { attributes["axis"] = .int(operand.1) }
        let file = onnxFile(
            [ONNXNode(name, "x,b", "z", attributes)], version: 6, inputs: image, initializers: ["b": try b.tensor()])
        let a = Oracle.map(try x()) { abs($0) + 1 }
        let trailing = operand.1 < 0 ? 0 : 4 - operand.1 - operand.0.count
        let wide = DoubleTensor(b.values, shape: operand.0 + [Int](repeating: 1, count: trailing))
        let function = try #require(Arithmetic.Function(rawValue: name))
        let expected = Oracle.binary(try DoubleTensor(a.tensor()), try DoubleTensor(wide.tensor())) {
            Oracle.arithmetic(function)($0, $1)
        }
        #expect(try firstExcess(run(model(file), ["x": a.tensor()]), expected, absolute: 0, relative: 2e-7) == nil)
    }

    @Test("before version 7 slopes stood for channels", arguments: [6, 7])
    func slopes(version: Int) throws {
        let slope = try DoubleTensor([0.5, -0.25, 2], shape: version < 7 ? [3] : [3, 1, 1]).tensor()
        let file = onnxFile(
            [ONNXNode("PRelu", "x,s", "z")], version: version, inputs: image, initializers: ["s": slope])
        let model = try model(file)
        let expected = Oracle.binary(try x(), DoubleTensor([0.5, -0.25, 2], shape: [3, 1, 1])) { $0 < 0 ? $0 * $1 : $0 }
        #expect(try firstDifference(run(model, ["x": x().tensor()]), expected) == nil)
        let isTrained = model.graph.parameters.contains { model.graph.values[$0].name == "s" }
        #expect(isTrained)
    }

    @Test("Relu of integers")
    func integerRelu() throws {
        var file = onnxFile([ONNXNode("Relu", "x", "z")], inputs: ["x": [.fixed(3)]])
        file.graph.inputs[0].type = .tensor(.int8, [.fixed(3)])
        #expect(try run(model(file), ["x": Tensor([Int8(-128), 0, 5])]).scalars(as: Int8.self) == [0, 0, 5])
    }

    @Test("powers of other types")
    func powers() throws {
        let inputs: [String: Tensor] = ["i": try Tensor([Int64(2)]), "f": try Tensor([Float(0.5)])]
        let square = try model(onnxFile([ONNXNode("Pow", "x,i", "z")], inputs: image, initializers: inputs))
        let plan = try Plan(square, inputs: [:])
        #expect(plan.lines.map(\.algorithm) == ["element-wise, power 2.0"])
        #expect(
            try firstDifference(run(square, ["x": x().tensor()]), Oracle.map(x()) { Double(Float($0 * $0)) }) == nil)
        let root = try model(onnxFile([ONNXNode("Pow", "i,f", "z")], inputs: image, initializers: inputs))
        #expect(try run(root, ["x": x().tensor()]).scalars(as: Int64.self) == [1])
    }

    @Test("a Dropout that drops nothing has a mask of ones", arguments: [7, 10, 12, 13])
    func dropout(version: Int) throws {
        let file = onnxFile(
            [ONNXNode("Dropout", "x", "y,z", version < 12 ? ["ratio": .float(0.3)] : [:])], version: version,
            inputs: image)
        let mask = try run(model(file), ["x": x().tensor()])
        #expect(try mask.elementType == (version < 10 ? .float32 : .bool) && mask.doubles().allSatisfy { $0 == 1 })
        let training = onnxFile(
            [ONNXNode("Dropout", "x,r,t", "z")], inputs: image,
            initializers: ["r": try Tensor(scalar: Float(0.3)), "t": try Tensor(scalar: true)])
        #expect(throws: ImportError.self) { try model(training) }
    }

    @Test("operators of many operands", arguments: [1, 2, 4])
    func variadic(count: Int) throws {
        let constants = try (1..<4).map { try DoubleTensor(randomTensor([3, 1, 5], seed: UInt64($0 + 7))) }
        let names = ["x", "a", "b", "c"].prefix(count).joined(separator: ",")
        let initializers = try Dictionary(
            uniqueKeysWithValues: zip(["a", "b", "c"], constants.map { try $0.tensor() }))
        let functions: [(String, @Sendable (Double, Double) -> Double)] = [
            ("Max", { max($0, $1) }), ("Min", { min($0, $1) }), ("Sum", { Double(Float($0 + $1)) }),
            ("Mean", { Double(Float($0 + $1)) }),
        ]
        for (name, function) in functions {
            var expected = constants.prefix(count - 1).reduce(try x()) { Oracle.binary($0, $1, function) }
            if name == "Mean" { expected = Oracle.map(expected) { $0 / Double(count) } }
            let file = onnxFile([ONNXNode(name, names, "z")], inputs: image, initializers: initializers)
            #expect(try firstDifference(run(model(file), ["x": x().tensor()]), expected) == nil, "\(name)")
        }
    }

    @Test(
        "each activation is written with what a version has, and read again", arguments: Activation.samples,
        [13, 17, 28])
    func activations(activation: Activation, opset: Int) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", 7]))
        let w = graph.parameter("w", try randomTensor([7, 9]))
        graph.output(try graph.call(Activate(activation), graph.call(Gemm(), x, w)), name: "y")
        // Fused or not, the file has a node of its own for it.
        for model in [graph.model, try graph.model.optimized()] {
            let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
            let inputs = ["x": try randomTensor([50, 7], seed: 3)]
            let (y, expected) = (try run(again, inputs), try run(model, inputs))
            #expect(try firstExcess(y, DoubleTensor(expected), absolute: 3e-7, relative: 1e-6) == nil)
        }
        let names = try graph.model.onnx(opset: opset).graph.nodes.map(\.operatorName)
        let since: [Activation.Function: Int] = [.gelu: 20, .geluTanh: 20, .mish: 18, .silu: 24, .hardSilu: 14]
        #expect((names == ["Gemm", activation.onnxName]) == (since[activation.function] ?? 13 <= opset))
    }

    @Test("functions, relations and casts are written and read again", arguments: [18, 28])
    func roundTrip(opset: Int) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [6]))
        let i = graph.input("i", .tensor(.int32, [6]))
        let holds = try graph.call(Comparison(.less), x, graph.scalar(0.2, .float32))
        var results = [holds, try graph.call(Where(), holds, x, graph.scalar(2, .float32))]
        for function in Unary.Function.allCases {
            let operand = function == .not ? holds : function == .bitwiseNot ? i : x
            results.append(try graph.call(Unary(function), operand))
        }
        for function in Comparison.Function.allCases {
            results.append(try graph.call(Comparison(function), x, results[1]))
        }
        for function in Arithmetic.Function.allCases {
            let isModulo = function == .modulo && opset < 28
            results.append(try graph.call(Arithmetic(function), isModulo ? i : x, isModulo ? i : results[1]))
        }
        for function in Bitwise.Function.allCases {
            results.append(
                try graph.call(Bitwise(function), function.isLogical ? holds : i, function.isLogical ? holds : i))
        }
        for cast in [Cast(.float16), Cast(.int8), Cast(.bool), Cast(.bfloat16)] {
            results.append(try graph.call(cast, x))
        }
        if opset >= 24 {
            results.append(try graph.call(Cast(.float8e8m0, rounding: .down), x))
            results.append(try graph.call(Cast(.float8e5m2, saturates: false), x))
        }
        for (index, result) in results.enumerated() { graph.output(result, name: "y\(index)") }
        let inputs = [
            "x": try Tensor([Float(-0.7), 0.1, 0.25, 0.8, -1, 0.99]), "i": try Tensor([Int32(1), 2, 3, 5, 7, 9]),
        ]
        let again = try Model(onnxBytes: graph.model.onnxBytes(opset: opset))
        let expected = try Session(Plan(graph.model, inputs: [:]), threads: 1).run(inputs)
        let found = try Session(Plan(again, inputs: [:]), threads: 1).run(inputs)
        for (name, tensor) in expected { #expect(differingBits(try #require(found[name]), tensor) == 0, "\(name)") }
        #expect(throws: ExportError.self) {
            let cast = GraphBuilder()
            let x = cast.input("x", .tensor(.float32, [6]))
            cast.output(try cast.call(Cast(.float8e5m2, saturates: false), x), name: "y")
            _ = try cast.model.onnx(opset: 17)
        }
    }

    @Test("what files may not say")
    func errors() throws {
        func error(_ node: ONNXNode, version: Int = 17) -> String {
            do {
                _ = try model(onnxFile([node], version: version, inputs: image))
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            error(ONNXNode("Cast", "x", "z", ["to": .int(99)])).contains("must be the number of a type; received 99"))
        #expect(error(ONNXNode("Cast", "x", "z", ["to": .int(8)])).contains("numbers or booleans; received string"))
        #expect(error(ONNXNode("Gelu", "x", "z", ["approximate": .string("x")]), version: 20).contains("none or tanh"))
        #expect(error(ONNXNode("BitShift", "x,x", "z")).contains("LEFT or RIGHT"))
        #expect(error(ONNXNode("Celu", "x", "z", ["alpha": .float(0)])).contains("must be above 0"))
        #expect(
            error(ONNXNode("Add", "x,x", "z", ["broadcast": .int(1), "axis": .int(1)]), version: 6)
                .contains("from the axis 1 on"))
        #expect(error(ONNXNode("And", "x,x", "z")).contains("must be booleans"))
    }
}
