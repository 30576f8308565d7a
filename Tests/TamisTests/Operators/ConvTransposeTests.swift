import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("ConvTranspose")
struct ConvTransposeTests {
    /// Shapes that fill several tiles and panels, and the shapes of known networks in small.
    static let large: [TransposedCase] = [
        TransposedCase(input: [24, 25], kernel: [2, 2], stride: [2, 2], images: 2, channels: 32, filters: 24),
        TransposedCase(
            input: [16, 16], kernel: [4, 4], stride: [2, 2], padding: .explicit(before: [1, 1], after: [1, 1]),
            images: 2,
            channels: 24, filters: 33, activation: .relu),
        TransposedCase(input: [1, 1], kernel: [4, 4], images: 30, channels: 40, filters: 16, hasBias: false),
        TransposedCase(
            input: [30, 31], kernel: [3, 3], stride: [2, 2], padding: .explicit(before: [1, 1], after: [1, 1]),
            outputPadding: [1, 1], channels: 16, filters: 3),
        TransposedCase(
            input: [40, 40], kernel: [4, 4], stride: [2, 2], padding: .same, channels: 21, filters: 21, groups: 21),
        TransposedCase(input: [300], kernel: [5], stride: [3], images: 2, channels: 12, filters: 20, groups: 4),
        TransposedCase(input: [5, 6, 7], kernel: [2, 2, 2], stride: [2, 2, 2], channels: 8, filters: 17),
        // Strides beyond the kernel: most pixels meet no tap.
        TransposedCase(
            input: [9, 8], kernel: [1, 2], stride: [7, 5], images: 2, channels: 5, filters: 6, activation: .relu),
    ]

    static func differences(_ test: TransposedCase, seed: Int) throws -> [String] {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.integers(test.xShape, using: &generator)
        let w = DoubleTensor.integers(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.integers([test.filters], using: &generator) : nil
        let expected = Oracle.convolutionTransposed(x, w, bias: bias, test)
        return try KernelLevel.available.flatMap(RunMode.all).compactMap { mode in
            let y = try run(test.operation(), [x, w, bias], weights: [1, 2], mode: mode)
            return try firstDifference(y, expected).map { "\(mode): \($0)" }
        }
    }

    @Test("whole numbers, random geometries", arguments: 0..<250)
    func wholeNumbers(index: Int) throws {
        let test = TransposedCase.random(index)
        try #expect(Self.differences(test, seed: index) == [], "\(test)")
    }

    @Test("whole numbers, several tiles", arguments: large)
    func severalTiles(test: TransposedCase) throws {
        try #expect(Self.differences(test, seed: 1) == [], "\(test)")
    }

    @Test("any numbers, within the bound of strict precision", arguments: 0..<60)
    func anyNumbers(index: Int) throws {
        var test = TransposedCase.random(index + 10_000)
        test.activation = .linear
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(test.xShape, using: &generator)
        let w = DoubleTensor.uniform(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.uniform([test.filters], using: &generator) : nil
        let expected = Oracle.convolutionTransposed(x, w, bias: bias, test)
        let magnitude = Oracle.convolutionTransposed(
            Oracle.map(x, abs), Oracle.map(w, abs), bias: bias.map { Oracle.map($0, abs) }, test)
        for mode in KernelLevel.available.flatMap(RunMode.all) {
            let y = try run(test.operation(), [x, w, bias], weights: [1, 2], mode: mode)
            let bounds = productBounds(magnitude, depth: test.depth + 1, mode.elementType)
            let allowed = mode.elementType == .float64 ? bounds.map { 2 * $0 } : bounds
            #expect(try firstExcess(y, expected, bounds: allowed) == nil, "\(test), \(mode)")
        }
    }

    @Test("an image has the same bits in each batch", arguments: KernelLevel.available, large.prefix(5))
    func sameBits(level: KernelLevel, test: TransposedCase) throws {
        var test = test
        test.images = 5
        var generator = Philox(seed: 5, name: "values")
        let x = try DoubleTensor.uniform(test.xShape, using: &generator).tensor()
        let w = try DoubleTensor.uniform(test.wShape, using: &generator).tensor()
        for weights in [RunMode.Weights.constant, .input] {
            let mode = RunMode(level: level, weights: weights, threads: 2)
            let all = try run(test.operation(), [x, w], weights: [1], mode: mode)[0]
            for image in 0..<5 {
                let one = try run(test.operation(), [x.slice(image..<image + 1), w], weights: [1], mode: mode)[0]
                #expect(differingBits(one, try all.slice(image..<image + 1)) == 0, "\(test), \(weights)")
            }
        }
    }

    @Test("gradients", arguments: 0..<90)
    func gradients(index: Int) throws {
        var test = TransposedCase.random(index + 20_000, largest: 5)
        test.images = [1, 3][index % 2]
        test.activation = [.linear, .tanh][index % 2]
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs =
            [
                GradientCheck.Input("x", .uniform(test.xShape, using: &generator)),
                GradientCheck.Input("w", .uniform(test.wShape, using: &generator)),
            ] + (test.hasBias ? [GradientCheck.Input("bias", .uniform([test.filters], using: &generator))] : [])
        let check = try GradientCheck(inputs, seed: UInt64(index)) { graph, symbols in
            [try graph.call(test.operation(), symbols["x"], symbols["w"], symbols["bias"])]
        }
        #expect(try check.mismatches() == [], "\(test)")
    }

    @Test("shapes that do not fit are refused")
    func refusals() throws {
        let window = try WindowGeometry(kernel: [3, 3], stride: [2, 2])
        let geometry = try TransposedGeometry(window: window)
        func refuses(_ geometry: TransposedGeometry, x: [Dimension], w: [Dimension], groups: Int = 1) {
            let graph = GraphBuilder()
            let (x, w) = (graph.input("x", .tensor(.float32, x)), graph.input("w", .tensor(.float32, w)))
            #expect(throws: ShapeError.self) {
                _ = try graph.call(ConvTranspose(geometry: geometry, groups: groups), x, w)
            }
        }
        refuses(geometry, x: [1, 4, 4, 5], w: [3, 3, 2, 4])
        refuses(geometry, x: [1, 4, 4, 5], w: [3, 2, 2, 5])
        refuses(geometry, x: [1, 4, 4, 5], w: [3, 3, 2, 5], groups: 2)
        refuses(geometry, x: [1, 4, 4, 5], w: [3, 3, 2, 5], groups: 0)
        refuses(geometry, x: [1, 140_737_488_355_328, 4, 5], w: [3, 3, 2, 5])
        let cut = try WindowGeometry(kernel: [3, 3], padding: .explicit(before: [3, 3], after: [3, 3]))
        refuses(try TransposedGeometry(window: cut), x: [1, 4, 4, 5], w: [3, 3, 2, 5])
        #expect(throws: ShapeError.self) { _ = try TransposedGeometry(window: window, outputPadding: [1]) }
        #expect(throws: ShapeError.self) { _ = try TransposedGeometry(window: window, output: [-1, 2]) }
    }

    @Test("an open image has an open output")
    func openShapes() throws {
        let graph = GraphBuilder()
        let geometry = try TransposedGeometry(window: WindowGeometry(kernel: [2, 2], stride: [2, 2]))
        let x = graph.input("x", .tensor(.float32, ["n", .unknown, 3, 4]))
        let w = graph.input("w", .tensor(.float32, [2, 2, 5, 4]))
        let y = try graph.call(ConvTranspose(geometry: geometry), x, w)
        #expect(y.dimensions == ["n", .unknown, 6, 5])
    }
}
