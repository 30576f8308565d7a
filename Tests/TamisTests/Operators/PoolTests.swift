import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// A pooling: a geometry, images and channels.
struct PoolCase: CustomTestStringConvertible {
    var geometry: Geometry
    var images: Int
    var channels: Int
    var countsPadding = false

    init(_ geometry: Geometry, images: Int = 2, channels: Int, countsPadding: Bool = false) {
        self.geometry = geometry
        self.images = images
        self.channels = channels
        self.countsPadding = countsPadding
    }

    static func random(_ index: Int, largest: Int = 13) -> PoolCase {
        var generator = Philox(seed: UInt64(index), name: "pooling")
        let geometry = Geometry.random(for: .pooling, largest: largest, using: &generator)
        return PoolCase(
            geometry,
            images: Int.random(in: 0...19, using: &generator) == 0 ? 0 : Int.random(in: 1...3, using: &generator),
            channels: Int.random(in: 1...37, using: &generator), countsPadding: Bool.random(using: &generator))
    }

    static let large: [PoolCase] = [
        PoolCase(Geometry(input: [60, 61], kernel: [2, 2], stride: [2, 2]), channels: 64),
        PoolCase(
            Geometry(input: [56, 56], kernel: [3, 3], stride: [2, 2], padding: .same), channels: 33, countsPadding: true
        ),
        PoolCase(Geometry(input: [7, 7], kernel: [7, 7]), images: 3, channels: 129),
        PoolCase(Geometry(input: [5, 40, 41], kernel: [2, 2, 2], stride: [2, 2, 2]), images: 1, channels: 20),
        PoolCase(Geometry(input: [4000], kernel: [3], stride: [2], roundsUp: true), channels: 17),
        // A stride beyond the window, rounded up: a last window that would start beyond the image does not count.
        PoolCase(Geometry(input: [5, 5], kernel: [1, 1], stride: [3, 3], roundsUp: true), channels: 3),
        PoolCase(Geometry(input: [10], kernel: [2], stride: [4], roundsUp: true), channels: 3),
    ]

    var xShape: [Int] { [images] + geometry.input + [channels] }

    var testDescription: String {
        "\(geometry), \(images) images, \(channels) channels\(countsPadding ? ", counts padding" : "")"
    }
}

@Suite("MaxPool")
struct MaxPoolTests {
    func check(_ test: PoolCase, seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.integers(test.xShape, in: -99...99, using: &generator)
        let expected = Oracle.maxPool(x, test.geometry)
        for mode in RunMode.all(at: level) where mode.weights != .parameter {
            let y = try run(MaxPool(window: test.geometry.window()), [x], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(test.testDescription), \(mode)")
        }
    }

    @Test("random geometries", arguments: KernelLevel.available, 0..<400)
    func random(level: KernelLevel, index: Int) throws {
        try check(.random(index), seed: index, level: level)
    }

    @Test("several tiles and odd strides", arguments: KernelLevel.available, PoolCase.large)
    func large(level: KernelLevel, test: PoolCase) throws { try check(test, seed: 1, level: level) }

    @Test("NaN in a window is its maximum", arguments: KernelLevel.available)
    func notANumber(level: KernelLevel) throws {
        let mode = RunMode(level: level)
        let x = DoubleTensor([1, .nan, 3, 4, -.infinity, 5, 6, 7], shape: [1, 8, 1])
        let window = try WindowGeometry(kernel: [2], stride: [2])
        let y = try run(MaxPool(window: window), [x], mode: mode)
        #expect(try firstDifference(y, DoubleTensor([.nan, 4, 5, 7], shape: [1, 4, 1])) == nil)
    }

    @Test("gradients", arguments: 0..<70)
    func gradients(index: Int) throws {
        var test = PoolCase.random(index + 5000, largest: 7)
        (test.images, test.channels) = ([1, 3][index % 2], 1 + test.channels % 5)
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.distinct(test.xShape, using: &generator)
        let expected = Oracle.maxPool(x, test.geometry)
        // Windows that meet no pixel have no gradient, and −∞ has no central difference.
        guard expected.values.allSatisfy(\.isFinite) else { return }
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: UInt64(index)) { graph, symbols in
            [try graph.call(MaxPool(window: test.geometry.window()), symbols["x"])]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }

    @Test("of equal pixels the first in row-major order takes the gradient", arguments: KernelLevel.available)
    func ties(level: KernelLevel) throws {
        let window = try WindowGeometry(kernel: [2, 2], stride: [1, 1])
        let x = DoubleTensor([1, 1, 1, 1, 1, 1, 0, 1, 1], shape: [1, 3, 3, 1])
        let y = Oracle.maxPool(x, Geometry(input: [3, 3], kernel: [2, 2]))
        let dy = DoubleTensor([1, 2, 4, 8], shape: [1, 2, 2, 1])
        let dx = try run(MaxPoolGradient(window: window), [x, y, dy], mode: RunMode(level: level))
        #expect(try firstDifference(dx, DoubleTensor([1, 2, 0, 4, 8, 0, 0, 0, 0], shape: [1, 3, 3, 1])) == nil)
    }
}

@Suite("AveragePool")
struct AveragePoolTests {
    func check(_ test: PoolCase, seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.integers(test.xShape, in: -99...99, using: &generator)
        let expected = Oracle.averagePool(x, test.geometry, countsPadding: test.countsPadding)
        let operation = AveragePool(window: try test.geometry.window(), countsPadding: test.countsPadding)
        for mode in RunMode.all(at: level) where mode.weights != .parameter {
            let y = try run(operation, [x], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(test.testDescription), \(mode)")
        }
    }

    @Test("random geometries", arguments: KernelLevel.available, 0..<400)
    func random(level: KernelLevel, index: Int) throws {
        try check(.random(index + 1000), seed: index, level: level)
    }

    @Test("several tiles and odd strides", arguments: KernelLevel.available, PoolCase.large)
    func large(level: KernelLevel, test: PoolCase) throws { try check(test, seed: 1, level: level) }

    @Test("gradients", arguments: 0..<70)
    func gradients(index: Int) throws {
        var test = PoolCase.random(index + 6000, largest: 7)
        (test.images, test.channels) = ([1, 3][index % 2], 1 + test.channels % 5)
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(test.xShape, using: &generator)
        let expected = Oracle.averagePool(x, test.geometry, countsPadding: test.countsPadding)
        guard expected.values.allSatisfy(\.isFinite) else { return }
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: UInt64(index)) { graph, symbols in
            [
                try graph.call(
                    AveragePool(window: test.geometry.window(), countsPadding: test.countsPadding), symbols["x"])
            ]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }
}
