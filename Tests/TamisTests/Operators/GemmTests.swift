import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// A product of two matrices, either of them stored transposed.
struct GemmCase: CustomTestStringConvertible {
    var (m, n, k) = (1, 1, 1)
    var transposeX = false
    var transposeW = false
    var hasBias = true
    var activation = Activation.linear

    static func random(_ index: Int, largest: Int = 40) -> GemmCase {
        var generator = Philox(seed: UInt64(index), name: "gemm")
        func extent() -> Int {
            Int.random(in: 0...29, using: &generator) == 0 ? 0 : Int.random(in: 1...largest, using: &generator)
        }
        return GemmCase(
            m: extent(), n: extent(), k: extent(), transposeX: index % 2 == 1, transposeW: index / 2 % 2 == 1,
            hasBias: Bool.random(using: &generator), activation: Bool.random(using: &generator) ? .relu : .linear)
    }

    static let large: [GemmCase] = [
        GemmCase(m: 1, n: 1000, k: 300), GemmCase(m: 5, n: 530, k: 1200, transposeW: true),
        GemmCase(m: 300, n: 130, k: 70, transposeX: true), GemmCase(m: 700, n: 90, k: 64, activation: .relu),
        GemmCase(m: 47, n: 700, k: 40),
        GemmCase(m: 48, n: 49, k: 513, transposeX: true, transposeW: true, hasBias: false),
        GemmCase(m: 1100, n: 3, k: 2),
    ]

    /// Weights so large that they are multiplied where they lie: all numbers of rows that a tile can have, and more.
    static let inPlace: [GemmCase] =
        (1...9).map { GemmCase(m: $0, n: 401, k: 661, transposeW: true) } + [
            GemmCase(m: 130, n: 333, k: 800, transposeW: true, hasBias: false, activation: .relu)
        ]

    var xShape: [Int] { transposeX ? [k, m] : [m, k] }
    var wShape: [Int] { transposeW ? [n, k] : [k, n] }
    var operation: Gemm { Gemm(transposeX: transposeX, transposeW: transposeW, activation: activation) }

    var testDescription: String {
        "\(m) × \(n) × \(k)\(transposeX ? ", xᵀ" : "")\(transposeW ? ", wᵀ" : "")\(hasBias ? ", bias" : ""), "
            + activation.name
    }
}

@Suite("Gemm")
struct GemmTests {
    func check(_ test: GemmCase, seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.integers(test.xShape, using: &generator)
        let w = DoubleTensor.integers(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.integers([test.n], using: &generator) : nil
        let linear = Oracle.gemm(x, w, bias: bias, transposeX: test.transposeX, transposeW: test.transposeW)
        let expected = Oracle.map(linear) { Oracle.activate(test.activation, $0) }
        for mode in RunMode.all(at: level) {
            let y = try run(test.operation, [x, w, bias], weights: [1, 2], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(test.testDescription), \(mode)")
        }
    }

    @Test("whole numbers", arguments: KernelLevel.available, 0..<300)
    func wholeNumbers(level: KernelLevel, index: Int) throws { try check(.random(index), seed: index, level: level) }

    @Test("whole numbers, weights in place", arguments: KernelLevel.available, GemmCase.inPlace)
    func inPlace(level: KernelLevel, test: GemmCase) throws { try check(test, seed: 4, level: level) }

    @Test("weights in place at any address, in any batch", arguments: KernelLevel.available)
    func anyAddress(level: KernelLevel) throws {
        let (n, k) = (531, 517)
        var generator = Philox(seed: 5, name: "values")
        let x = try DoubleTensor.uniform([7, k], using: &generator).tensor()
        let w = try DoubleTensor.uniform([n, k], using: &generator).tensor()
        var options = PlanOptions()
        options.level = level
        // A longer name before the weights in the file moves them, through all alignments.
        for padding in 1...8 {
            let graph = GraphBuilder()
            let input = graph.input("x", .tensor(.float32, ["N", .fixed(k)]))
            let weights = graph.parameter(String(repeating: "w", count: padding), w)
            graph.output(try graph.call(Gemm(transposeW: true), input, weights), name: "y")
            let moved = try Model(onnxBytes: graph.model.onnxBytes())
            var rows: [Float] = []
            for row in 0..<7 {
                let one = try Tensor(Array(x.scalars(as: Float.self)[row * k..<(row + 1) * k]), shape: [1, k])
                let plan = try Plan(moved, inputs: ["x": one.shape], options: options)
                #expect(plan.lines.last?.algorithm == "weights in place")
                rows += try #require(Session(plan, threads: 1).run(["x": one])["y"]).scalars(as: Float.self)
            }
            let plan = try Plan(moved, inputs: ["x": x.shape], options: options)
            let together = try #require(Session(plan, threads: 2).run(["x": x])["y"]).scalars(as: Float.self)
            #expect(zip(rows, together).allSatisfy { $0.bitPattern == $1.bitPattern } && rows.count == together.count)
        }
    }

    @Test("whole numbers, several tiles", arguments: KernelLevel.available, GemmCase.large)
    func severalTiles(level: KernelLevel, test: GemmCase) throws { try check(test, seed: 1, level: level) }

    @Test("any numbers, within the bound of strict precision", arguments: KernelLevel.available, 0..<60)
    func anyNumbers(level: KernelLevel, index: Int) throws {
        var test = index < GemmCase.large.count ? GemmCase.large[index] : GemmCase.random(index + 1000)
        test.activation = .linear
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(test.xShape, using: &generator)
        let w = DoubleTensor.uniform(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.uniform([test.n], using: &generator) : nil
        let expected = Oracle.gemm(x, w, bias: bias, transposeX: test.transposeX, transposeW: test.transposeW)
        let magnitude = Oracle.gemm(
            Oracle.map(x, abs), Oracle.map(w, abs), bias: bias.map { Oracle.map($0, abs) }, transposeX: test.transposeX,
            transposeW: test.transposeW)
        for mode in RunMode.all(at: level) {
            let y = try run(test.operation, [x, w, bias], weights: [1, 2], mode: mode)
            let bounds = productBounds(magnitude, depth: test.k + 1, mode.elementType)
            #expect(
                try firstExcess(y, expected, bounds: bounds.map { 2 * $0 }) == nil, "\(test.testDescription), \(mode)")
        }
    }

    @Test("integers", arguments: [ElementType.int32, .int64, .uint32, .uint64], 0..<12)
    func integers(elementType: ElementType, index: Int) throws {
        let test = GemmCase.random(index)
        var generator = Philox(seed: UInt64(index), name: "values")
        let range = elementType == .int32 || elementType == .int64 ? -9...9 : 0...9
        let x = DoubleTensor.integers(test.xShape, in: range, using: &generator)
        let w = DoubleTensor.integers(test.wShape, in: range, using: &generator)
        let bias = test.hasBias ? DoubleTensor.integers([test.n], in: range, using: &generator) : nil
        let linear = Oracle.gemm(x, w, bias: bias, transposeX: test.transposeX, transposeW: test.transposeW)
        let expected = Oracle.map(linear) { Oracle.activate(test.activation, $0) }
        let tensors = try [x, w, bias].map { try $0.map { try integerTensor($0.values, $0.shape, elementType) } }
        let y = try run(test.operation, tensors, mode: RunMode(threads: 2))[0]
        #expect(try y.elementType == elementType && y.doubles() == expected.values, "\(test.testDescription)")
    }

    @Test("integers wrap")
    func wrapping() throws {
        let x = try Tensor([Int32.max, 2], shape: [1, 2])
        let w = try Tensor([Int32(2), .max], shape: [2, 1])
        #expect(try run(Gemm(), [x, w])[0].scalars(as: Int32.self) == [-4])
    }

    @Test("gradients", arguments: 0..<40)
    func gradients(index: Int) throws {
        var test = GemmCase.random(index, largest: 9)
        (test.m, test.n, test.k) = (max(1, test.m), max(1, test.n), max(1, test.k))
        test.activation = [.linear, .sigmoid, .tanh, .gelu, .silu, .softplus][index % 6]
        var generator = Philox(seed: UInt64(index), name: "values")
        var inputs = [
            GradientCheck.Input("x", .uniform(test.xShape, using: &generator)),
            GradientCheck.Input("w", .uniform(test.wShape, using: &generator)),
        ]
        if test.hasBias { inputs.append(GradientCheck.Input("bias", .uniform([test.n], using: &generator))) }
        let check = try GradientCheck(inputs, seed: UInt64(index)) { graph, symbols in
            [try graph.call(test.operation, symbols["x"], symbols["w"], symbols["bias"])]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }
}
