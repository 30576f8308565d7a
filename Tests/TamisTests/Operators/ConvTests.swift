import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Conv")
struct ConvTests {
    /// Shapes that fill several tiles, panels and groups of accumulators, and the shapes of known networks in small.
    static let large: [ConvolutionCase] = [
        ConvolutionCase(Geometry(input: [40, 41], kernel: [3, 3], padding: .same), channels: 3, filters: 8),
        ConvolutionCase(Geometry(input: [29, 31], kernel: [3, 3]), images: 2, channels: 16, filters: 33),
        ConvolutionCase(Geometry(input: [33, 35], kernel: [1, 1]), images: 2, channels: 24, filters: 40),
        ConvolutionCase(
            Geometry(input: [28, 28], kernel: [1, 1], stride: [2, 2]), images: 2, channels: 7, filters: 9),
        ConvolutionCase(
            Geometry(input: [45, 45], kernel: [7, 7], stride: [2, 2], padding: .same), channels: 3, filters: 16),
        ConvolutionCase(
            Geometry(input: [56, 9], kernel: [3, 3], padding: .explicit(before: [1, 1], after: [1, 1])), channels: 32,
            filters: 32, groups: 32, activation: .relu),
        ConvolutionCase(
            Geometry(input: [30, 30], kernel: [5, 5], stride: [2, 2], padding: .same), images: 3, channels: 21,
            filters: 42,
            groups: 21),
        ConvolutionCase(
            Geometry(input: [900], kernel: [3], padding: .same), images: 2, channels: 12, filters: 20, groups: 4),
        ConvolutionCase(Geometry(input: [9, 11, 13], kernel: [3, 3, 3], padding: .same), channels: 4, filters: 17),
        ConvolutionCase(Geometry(input: [3, 3], kernel: [3, 3]), images: 70, channels: 31, filters: 65),
        ConvolutionCase(Geometry(input: [1, 1], kernel: [1, 1]), images: 200, channels: 5, filters: 3),
        ConvolutionCase(
            Geometry(input: [26, 26], kernel: [3, 3]), images: 1, channels: 64, filters: 64, activation: .relu),
    ]

    /// Whole numbers give the reference's result to the bit, whoever multiplies.
    static func differences(_ test: ConvolutionCase, seed: Int, at level: KernelLevel) throws -> [String] {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.integers(test.xShape, using: &generator)
        let w = DoubleTensor.integers(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.integers([test.filters], using: &generator) : nil
        let linear = Oracle.convolution(x, w, bias: bias, test.geometry, groups: test.groups)
        let expected = Oracle.map(linear) { Oracle.activate(test.activation, $0) }
        return try RunMode.all(at: level).compactMap { mode in
            let y = try run(test.operation(), [x, w, bias], weights: [1, 2], mode: mode)
            return try firstDifference(y, expected).map { "\(mode): \($0)" }
        }
    }

    @Test("whole numbers, random geometries", arguments: KernelLevel.available, 0..<1000)
    func wholeNumbers(level: KernelLevel, index: Int) throws {
        let test = ConvolutionCase.random(index)
        let differences = try Self.differences(test, seed: index, at: level)
        #expect(differences.isEmpty, "\(test)")
    }

    @Test("whole numbers, several tiles", arguments: KernelLevel.available, large)
    func severalTiles(level: KernelLevel, test: ConvolutionCase) throws {
        #expect(try Self.differences(test, seed: 1, at: level).isEmpty, "\(test)")
    }

    @Test("any numbers, within the bound of strict precision", arguments: KernelLevel.available, 0..<200)
    func anyNumbers(level: KernelLevel, index: Int) throws {
        var test = ConvolutionCase.random(index + 10_000)
        test.activation = .linear
        try checkBound(test, seed: index, level: level)
    }

    @Test("any numbers, several tiles", arguments: KernelLevel.available, large)
    func anyNumbersInTiles(level: KernelLevel, test: ConvolutionCase) throws {
        var test = test
        test.activation = .linear
        try checkBound(test, seed: 2, level: level)
    }

    private func checkBound(_ test: ConvolutionCase, seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.uniform(test.xShape, using: &generator)
        let w = DoubleTensor.uniform(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.uniform([test.filters], using: &generator) : nil
        let expected = Oracle.convolution(x, w, bias: bias, test.geometry, groups: test.groups)
        let magnitude = Oracle.convolution(
            Oracle.map(x, abs), Oracle.map(w, abs), bias: bias.map { Oracle.map($0, abs) }, test.geometry,
            groups: test.groups)
        for mode in RunMode.all(at: level) {
            let y = try run(test.operation(), [x, w, bias], weights: [1, 2], mode: mode)
            let bounds = productBounds(magnitude, depth: test.depth + 1, mode.elementType)
            // The reference itself is in Double: it is no judge of doubles beyond a few of its own roundings.
            let allowed = mode.elementType == .float64 ? bounds.map { 2 * $0 } : bounds
            #expect(try firstExcess(y, expected, bounds: allowed) == nil, "\(test), \(mode)")
        }
    }

    @Test("gradients", arguments: 0..<170)
    func gradients(index: Int) throws {
        var test = ConvolutionCase.random(index + 20_000, largest: 7, activations: Activation.all)
        test.images = [1, 3][index % 2]
        try #expect(Self.gradientMismatches(test, seed: index) == [], "\(test)")
    }

    @Test(
        "gradients over several chunks of images",
        arguments: [
            ConvolutionCase(
                Geometry(input: [5, 5], kernel: [3, 3], padding: .same), images: 37, channels: 3, filters: 5),
            ConvolutionCase(Geometry(input: [6, 5], kernel: [2, 2]), images: 35, channels: 4, filters: 8, groups: 4),
            ConvolutionCase(
                Geometry(input: [7, 7], kernel: [1, 1]), images: 33, channels: 6, filters: 4, activation: .relu),
            ConvolutionCase(Geometry(input: [20, 20], kernel: [5, 5]), images: 2, channels: 40, filters: 3),
        ])
    func gradientsOverChunks(test: ConvolutionCase) throws {
        try #expect(Self.gradientMismatches(test, seed: 3) == [], "\(test)")
    }

    /// Checks the gradients of x, w and bias, with x drawn again until no output lies near a kink.
    static func gradientMismatches(_ test: ConvolutionCase, seed: Int) throws -> [String] {
        var generator = Philox(seed: UInt64(seed), name: "values")
        while true {
            let x = DoubleTensor.uniform(test.xShape, using: &generator)
            let w = DoubleTensor.uniform(test.wShape, using: &generator)
            let bias = test.hasBias ? DoubleTensor.uniform([test.filters], using: &generator) : nil
            let kinks = test.activation.kinks
            if !kinks.isEmpty {
                let y = Oracle.convolution(x, w, bias: bias, test.geometry, groups: test.groups)
                let isNear = y.values.contains { y in
                    kinks.contains { abs(y - $0) <= 20 * GradientCheck.step } && (y != 0 || bias != nil)
                }
                if isNear { continue }
            }
            let inputs =
                [GradientCheck.Input("x", x), GradientCheck.Input("w", w)]
                + (bias.map { [GradientCheck.Input("bias", $0)] } ?? [])
            let check = try GradientCheck(inputs, seed: UInt64(seed)) { graph, symbols in
                [try graph.call(test.operation(), symbols["x"], symbols["w"], symbols["bias"])]
            }
            return try check.mismatches()
        }
    }
}
