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

@Suite("MaxPool with indices and of integers")
struct MaxPoolIndicesTests {
    static let types: [ElementType] = [.float32, .float64, .int8, .uint8, .int16, .uint16, .int32, .int64]

    @Test("values and places, random geometries", arguments: types, 0..<40)
    func random(elementType: ElementType, index: Int) throws {
        let test = PoolCase.random(index + 2000, largest: 9)
        var generator = Philox(seed: UInt64(index), name: "values")
        // Few values, so that there are ties.
        let x = DoubleTensor.integers(test.xShape, in: 0...9, using: &generator)
        let isColumnMajor = index % 2 == 1
        let pool = MaxPool(window: try test.geometry.window(), indices: isColumnMajor ? .columnMajor : .rowMajor)
        let tensor = try x.numbers(elementType)
        let places = Oracle.maxPoolIndices(x, test.geometry, isColumnMajor: isColumnMajor)
        let plain = try run(MaxPool(window: pool.window), [tensor], mode: RunMode())[0]
        for threads in [1, 2] {
            let outputs = try run(pool, [tensor], mode: RunMode(threads: threads))
            #expect(try outputs[1].doubles() == places.values, "\(test.testDescription)")
            guard places.values.allSatisfy({ $0 >= 0 }) else { continue }
            #expect(try outputs[0].doubles() == Oracle.maxPool(x, test.geometry).values, "\(test.testDescription)")
            #expect(differingBits(outputs[0], plain) == 0)
        }
    }

    @Test("a NaN is the first maximum, and −∞ has a place")
    func notANumber() throws {
        let pool = MaxPool(window: try WindowGeometry(kernel: [3], stride: [3]), indices: .rowMajor)
        let nan = Float.nan
        let x = try Tensor([1, nan, nan, -.infinity, -.infinity, -.infinity] as [Float], shape: [1, 6, 1])
        let outputs = try run(pool, [x])
        #expect(try outputs[0].scalars(as: Float.self).map(\.isNaN) == [true, false])
        #expect(try outputs[1].scalars(as: Int64.self) == [1, 3])
    }

    @Test("booleans are refused")
    func booleans() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.bool, [1, 4, 1]))
        #expect(throws: ShapeError.self) {
            _ = try graph.call(MaxPool(window: WindowGeometry(kernel: [2])), x)
        }
    }
}

@Suite("LpPool")
struct LpPoolTests {
    @Test("sums of magnitudes are exact", arguments: KernelLevel.available, 0..<150)
    func magnitudes(level: KernelLevel, index: Int) throws {
        let test = PoolCase.random(index + 3000)
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.integers(test.xShape, in: -99...99, using: &generator)
        let expected = Oracle.lpPool(x, test.geometry, p: 1)
        for mode in RunMode.all(at: level) where mode.weights != .parameter {
            let y = try run(LpPool(window: test.geometry.window(), p: 1), [x], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(test.testDescription), \(mode)")
        }
    }

    @Test("norms of any power", arguments: KernelLevel.available, [2, 3, 4, 7])
    func powers(level: KernelLevel, p: Int) throws {
        for index in 0..<12 {
            let test = PoolCase.random(index + 3500)
            var generator = Philox(seed: UInt64(index), name: "values")
            let x = DoubleTensor.uniform(test.xShape, using: &generator)
            let expected = Oracle.lpPool(x, test.geometry, p: p)
            for mode in RunMode.all(at: level) where mode.weights == .input {
                let y = try run(LpPool(window: test.geometry.window(), p: p), [x], mode: mode)
                let unit = mode.elementType == .float64 ? 0x1p-52 : 0x1p-23
                let bound = Double(test.geometry.taps + 8 * p) * unit
                #expect(
                    try firstExcess(y, expected, absolute: 1e-30, relative: bound) == nil,
                    "\(test.testDescription), \(mode)")
            }
        }
    }

    @Test("gradients", arguments: [1, 2, 3, 5], 0..<12)
    func gradients(p: Int, index: Int) throws {
        var test = PoolCase.random(index + 7000, largest: 6)
        (test.images, test.channels) = ([1, 3][index % 2], 1 + test.channels % 5)
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.distinct(test.xShape, gap: 0.2, using: &generator)
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: UInt64(index)) { graph, symbols in
            [try graph.call(LpPool(window: test.geometry.window(), p: p), symbols["x"])]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }

    @Test("zeros have the gradient zero")
    func zeros() throws {
        let zeros = DoubleTensor(zeros: [1, 4, 1])
        let (y, dy) = (DoubleTensor(zeros: [1, 2, 1]), DoubleTensor([1, 1], shape: [1, 2, 1]))
        let operation = LpPoolGradient(window: try WindowGeometry(kernel: [2], stride: [2]), p: 2)
        let dx = try run(operation, [zeros, y, dy], mode: RunMode())
        #expect(try firstDifference(dx, zeros) == nil)
    }

    @Test("a power below 1 is refused")
    func power() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [1, 4, 1]))
        #expect(throws: ShapeError.self) { _ = try graph.call(LpPool(window: WindowGeometry(kernel: [2]), p: 0), x) }
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
