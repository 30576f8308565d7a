import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// A normalisation and what it works on.
struct NormalizeCase: CustomTestStringConvertible {
    var form: Normalize.Form
    var shape: [Int]
    var scale: [Int]
    var bias: [Int]?
    /// Added to all elements: a mean far from 0.
    var offset = 0.0

    static let all: [NormalizeCase] = [
        NormalizeCase(form: .layer(axis: -1), shape: [3, 7], scale: [7], bias: [7]),
        NormalizeCase(form: .layer(axis: -1), shape: [2, 3, 33], scale: [33], bias: nil),
        NormalizeCase(form: .layer(axis: 1), shape: [2, 3, 4, 5], scale: [3, 4, 5], bias: [5]),
        NormalizeCase(form: .layer(axis: -2), shape: [2, 3, 4, 5], scale: [4, 1], bias: [1, 5]),
        NormalizeCase(form: .layer(axis: 0), shape: [5, 4], scale: [5, 4], bias: []),
        NormalizeCase(form: .layer(axis: -1), shape: [9, 1], scale: [1], bias: [1]),
        NormalizeCase(form: .layer(axis: -1), shape: [0, 6], scale: [6], bias: [6]),
        NormalizeCase(form: .layer(axis: -1), shape: [40, 300], scale: [300], bias: [300], offset: 100),
        NormalizeCase(form: .rootMeanSquare(axis: -1), shape: [4, 19], scale: [19], bias: nil),
        NormalizeCase(form: .rootMeanSquare(axis: 1), shape: [2, 3, 4], scale: [1, 4], bias: nil),
        NormalizeCase(form: .instance, shape: [2, 5, 4, 3], scale: [3], bias: [3]),
        NormalizeCase(form: .instance, shape: [3, 6, 17], scale: [17], bias: [17], offset: 100),
        NormalizeCase(form: .instance, shape: [1, 3, 2, 2, 1], scale: [1], bias: [1]),
        NormalizeCase(form: .instance, shape: [2, 150, 160, 3], scale: [3], bias: [3]),
        NormalizeCase(form: .group(2), shape: [2, 4, 3, 6], scale: [6], bias: [6]),
        NormalizeCase(form: .group(1), shape: [3, 7, 5], scale: [5], bias: [5]),
        NormalizeCase(form: .group(4), shape: [2, 9, 40], scale: [40], bias: [40], offset: -30),
        NormalizeCase(form: .group(3), shape: [0, 2, 6], scale: [6], bias: [6]),
        NormalizeCase(form: .group(3), shape: [4, 6], scale: [6], bias: [6]),
    ]

    static let small = all.filter { !$0.shape.contains(0) && $0.shape.reduce(1, *) < 1000 }

    func tensors(seed: UInt64) -> (x: DoubleTensor, scale: DoubleTensor, bias: DoubleTensor?) {
        var generator = Philox(seed: seed, name: "values")
        let x = Oracle.map(.uniform(shape, in: -2...2, using: &generator)) { Double(Float($0 + offset)) }
        let scale = DoubleTensor.uniform(scale, in: 0.5...1.5, using: &generator)
        return (x, scale, bias.map { .uniform($0, using: &generator) })
    }

    var operation: Normalize { Normalize(form, epsilon: 1e-3) }
    var testDescription: String { "\(form), \(shape), scale \(scale), bias \(bias.map { "\($0)" } ?? "none")" }
}

@Suite("Normalize")
struct NormalizeTests {
    @Test("values and statistics", arguments: KernelLevel.available, NormalizeCase.all)
    func values(level: KernelLevel, test: NormalizeCase) throws {
        let (x, scale, bias) = test.tensors(seed: 1)
        let expected = Oracle.normalize(test.operation, x, scale: scale, bias: bias)
        for mode in RunMode.all(at: level) {
            let given = try [x, scale, bias].compactMap { try $0?.tensor(mode.elementType) }
            let results = try run(test.operation, given, weights: [1, 2], mode: mode)
            let unit = mode.elementType == .float64 ? 0x1p-48 : 0x1p-20
            // A mean far from 0 is rounded as far.
            let absolute = unit * (1 + abs(test.offset) / 4)
            #expect(try firstExcess(results[0], expected.y, absolute: absolute, relative: unit) == nil, "\(mode)")
            for (result, wanted) in [(results[1], expected.means), (results[2], expected.inverses)] {
                let reference = DoubleTensor(wanted, shape: result.shape.dimensions)
                #expect(try firstExcess(result, reference, absolute: unit, relative: unit) == nil, "\(mode)")
            }
        }
    }

    @Test("gradients", arguments: NormalizeCase.small)
    func gradients(test: NormalizeCase) throws {
        let (x, scale, bias) = test.tensors(seed: 2)
        var inputs = [GradientCheck.Input("x", x), GradientCheck.Input("scale", scale)]
        if let bias { inputs.append(GradientCheck.Input("bias", bias)) }
        let check = try GradientCheck(inputs, seed: 1) { graph, symbols in
            let operands = [symbols["x"], symbols["scale"]] + (bias == nil ? [] : [symbols["bias"]])
            return [try graph.append(test.operation, operands)[0]]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }

    @Test("an image has the same bits in every batch", arguments: NormalizeCase.all)
    func sameBits(test: NormalizeCase) throws {
        guard test.shape[0] > 1, test.form != .layer(axis: 0) else { return }
        let (x, scale, bias) = test.tensors(seed: 3)
        let tensors = try [x, scale, bias].compactMap { try $0?.tensor() }
        let together = try run(test.operation, tensors)[0]
        for image in 0..<test.shape[0] {
            let alone = try run(
                test.operation, [tensors[0].slice(image..<image + 1)] + tensors.dropFirst(), mode: RunMode(threads: 2))
            #expect(try differingBits(together.slice(image..<image + 1), alone[0]) == 0, "\(test.testDescription)")
        }
    }

    @Test(
        "axes in another order",
        arguments: [
            (
                NormalizeCase(form: .layer(axis: 1), shape: [2, 3, 4, 5], scale: [3, 4, 5], bias: [3, 1, 5]),
                [0, 2, 3, 1]
            ),
            (NormalizeCase(form: .layer(axis: 2), shape: [2, 3, 4, 5], scale: [5], bias: [5]), [1, 0, 2, 3]),
            (NormalizeCase(form: .rootMeanSquare(axis: -2), shape: [2, 3, 4], scale: [3, 4], bias: nil), [0, 2, 1]),
        ])
    func permuted(test: NormalizeCase, order: [Int]) throws {
        let (x, scale, bias) = test.tensors(seed: 4)
        let tensors = try [x, scale, bias].compactMap { try $0?.tensor() }
        #expect(try permutedDifference(test.operation, tensors, by: Permutation(order), tolerance: 1e-5) == nil)
    }

    @Test("an order that parts the axes, or that a stretched scale cannot take, is left alone")
    func notPermuted() throws {
        let operands = Operands(
            [[2, 3, 4], [4]].map { Operand(type: .tensor(.float32, $0)) }, operatorName: "")
        let operation = Normalize(.rootMeanSquare(axis: 1))
        #expect(operation.permuted(by: try Permutation([1, 0, 2]), inputs: operands) == nil)
        #expect(operation.permuted(by: try Permutation([0, 2, 1]), inputs: operands) == nil)
        #expect(Normalize(.instance).permuted(by: try Permutation([0, 2, 1]), inputs: operands) == nil)
    }

    @Test("groups, axes and parameters that do not fit are refused")
    func errors() throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 3, 6])
        let (six, three) = (try Tensor(repeating: Float(1), shape: [6]), try Tensor(repeating: Float(1), shape: [3]))
        for groups in [0, -1, 4, 7, Int.min] {
            #expect(throws: ShapeError.self) { try run(Normalize(.group(groups)), [x, six, six]) }
        }
        for axis in [3, -4, Int.max] {
            #expect(throws: ShapeError.self) { try run(Normalize(.layer(axis: axis)), [x, six]) }
        }
        for operation in [Normalize(.instance), Normalize(.group(2)), Normalize(.layer(axis: -1))] {
            #expect(throws: ShapeError.self) { try run(operation, [x, three, six]) }
            #expect(throws: ShapeError.self) { try run(operation, [x, six, three]) }
        }
        let one = try Tensor(repeating: Float(1), shape: [1])
        #expect(throws: ShapeError.self) { try run(Normalize(.instance), [x, one, one]) }
        #expect(throws: ShapeError.self) { try run(Normalize(.rootMeanSquare(axis: -1)), [x, six, six]) }
    }

    @Test("files are read back as they were", arguments: [18, 21, 23, 28])
    func files(opset: Int) throws {
        let graph = GraphBuilder()
        let image = graph.input("image", .tensor(.float32, [2, 4, 5, 6]))
        let parameter = { (name: String, seed: UInt64) in
            graph.parameter(name, try randomTensor([6], seed: seed))
        }
        var operations = [Normalize(.layer(axis: -1), epsilon: 1e-3), Normalize(.instance, epsilon: 1e-4)]
        operations.append(Normalize(.group(opset < 21 ? 6 : 3)))
        for (index, operation) in operations.enumerated() {
            let y = try graph.append(operation, [image, parameter("scale\(index)", 1), parameter("bias\(index)", 2)])[0]
            graph.output(y, name: "y\(index)")
        }
        if opset >= 23 {
            let y = try graph.append(Normalize(.rootMeanSquare(axis: 3)), [image, parameter("scale", 3)])[0]
            graph.output(y, name: "root")
        }
        graph.output(try graph.call(LocalResponseNormalize(size: 3, alpha: 0.2), image), name: "local")
        let model = graph.model
        let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
        let inputs = ["image": try randomTensor([2, 4, 5, 6])]
        let expected = try Session(Plan(model, inputs: [:]), threads: 1).run(inputs)
        let results = try Session(Plan(again, inputs: [:]), threads: 1).run(inputs)
        #expect(expected.count == graph.graph.outputs.count && results == expected)
    }

    @Test("mean-variance normalisation over any axes")
    func meanVariance() throws {
        let x = try randomTensor([3, 2, 4, 5])
        for (axes, normal) in [(nil, [1]), ([1, 2], [0, 3]), ([0, 1, 2, 3], [])] as [([Int]?, [Int])] {
            let node = ONNXNode("MeanVarianceNormalization", "x", "z", axes.map { ["axes": .ints($0)] } ?? [:])
            let file = onnxFile([node], inputs: ["x": x.shape.dimensions.map { .fixed($0) }])
            let z = try DoubleTensor(run(Model(onnxBytes: file.encoded()), ["x": x]))
            let slices = Oracle.slices(z, axes: (0..<4).filter { !normal.contains($0) })
            for slice in slices {
                #expect(abs(slice.reduce(0, +)) < 1e-4)
                #expect(abs(slice.reduce(0) { $0 + $1 * $1 } / Double(slice.count) - 1) < 1e-4)
            }
        }
    }

    @Test("batch normalisation in training is written from version 14 on")
    func batchTraining() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 4, 5, 3]))
        let parameters = try (0..<4).map { graph.parameter("p\($0)", try randomTensor([3], seed: UInt64($0))) }
        let outputs = try graph.append(BatchNormalizeTraining(epsilon: 1e-3, momentum: 0.8), [x] + parameters)
        for index in 0..<3 { graph.output(outputs[index], name: "y\(index)") }
        let model = graph.model
        #expect(throws: ExportError.self) { try model.onnxBytes(opset: 13) }
        let again = try Model(onnxBytes: model.onnxBytes(opset: 14))
        let inputs = ["x": try randomTensor([2, 4, 5, 3])]
        let expected = try Session(Plan(model, inputs: [:]), threads: 1).run(inputs)
        #expect(try expected.count == 3 && Session(Plan(again, inputs: [:]), threads: 1).run(inputs) == expected)
    }

    @Test("a scale for each group, as version 18 has it, stands for its channels")
    func scaleOfGroups() throws {
        let file = onnxFile(
            [ONNXNode("GroupNormalization", "x,s,b", "z", ["num_groups": .int(2)])], version: 18,
            inputs: ["x": [.fixed(2), .fixed(6), .fixed(5)]],
            initializers: ["s": try Tensor([Float(2), 3]), "b": try Tensor([Float(-1), 1])])
        let x = try randomTensor([2, 6, 5])
        let z = try run(Model(onnxBytes: file.encoded()), ["x": x])
        let last = try x.permuted(by: Permutation([0, 2, 1]))
        let scale = try Tensor([Float(2), 2, 2, 3, 3, 3])
        let bias = try Tensor([Float(-1), -1, -1, 1, 1, 1])
        let expected = try run(Normalize(.group(2)), [last, scale, bias])[0].permuted(by: Permutation([0, 2, 1]))
        #expect(z == expected)
    }
}

@Suite("LocalResponseNormalize")
struct LocalResponseNormalizeTests {
    static let shapes = [[2, 3, 17], [1, 5], [3, 2, 2, 1], [0, 4], [40, 12, 96]]
    static let operations = [
        LocalResponseNormalize(size: 5, alpha: 0.5), LocalResponseNormalize(size: 1, alpha: 1, beta: 0.5, bias: 2),
        LocalResponseNormalize(size: 4, alpha: 0.3, beta: 1.2), LocalResponseNormalize(size: 300, alpha: 3),
    ]

    @Test("values", arguments: KernelLevel.available, shapes)
    func values(level: KernelLevel, shape: [Int]) throws {
        var generator = Philox(seed: 1, name: "values")
        let x = DoubleTensor.uniform(shape, in: -3...3, using: &generator)
        for operation in Self.operations {
            let expected = Oracle.localResponse(x, operation)
            for elementType in [ElementType.float32, .float64] {
                let y = try run(operation, [x], mode: RunMode(level: level, elementType: elementType, threads: 2))
                let relative = elementType == .float32 ? 0x1p-20 : 0x1p-48
                #expect(try firstExcess(y, expected, absolute: 0, relative: relative) == nil, "\(operation)")
            }
        }
    }

    @Test("gradients", arguments: shapes.prefix(3), operations)
    func gradients(shape: [Int], operation: LocalResponseNormalize) throws {
        var generator = Philox(seed: 1, name: "values")
        let x = GradientCheck.Input("x", .uniform(shape, in: -2...2, using: &generator))
        let check = try GradientCheck([x], seed: 1) { graph, symbols in [try graph.call(operation, symbols["x"])] }
        #expect(try check.mismatches() == [])
    }

    @Test("a size of no channels is refused", arguments: [0, -1, Int.min])
    func errors(size: Int) throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 3])
        #expect(throws: ShapeError.self) { try run(LocalResponseNormalize(size: size), [x]) }
    }
}
