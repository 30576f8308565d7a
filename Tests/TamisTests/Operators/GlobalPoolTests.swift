import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("GlobalPool")
struct GlobalPoolTests {
    static let shapes = [
        [2, 7, 7, 37], [3, 1, 1, 5], [1, 5, 1], [4, 3], [2, 3, 2, 4, 2, 6], [1, 90, 91, 16], [1, 400, 300, 3],
        [5, 4, 4, 64], [0, 3, 3, 2], [1, 3000, 1],
    ]

    @Test("whole numbers", arguments: KernelLevel.available, shapes)
    func wholeNumbers(level: KernelLevel, shape: [Int]) throws {
        var generator = Philox(seed: 1, name: "values")
        let x = DoubleTensor.integers(shape, in: -9...9, using: &generator)
        for function in [GlobalPool.Function.average, .maximum, .norm(p: 1)] {
            let expected = Oracle.globalPool(x, function)
            for mode in RunMode.all(at: level) where mode.weights != .parameter {
                let y = try run(GlobalPool(function), [x], mode: mode)
                #expect(try firstDifference(y, expected) == nil, "\(function), \(mode)")
            }
        }
    }

    @Test("norms", arguments: KernelLevel.available, [2, 3])
    func norms(level: KernelLevel, p: Int) throws {
        var generator = Philox(seed: 2, name: "values")
        let x = DoubleTensor.uniform([2, 9, 8, 21], using: &generator)
        let y = try run(GlobalPool(.norm(p: p)), [x], mode: RunMode(level: level))
        let expected = Oracle.globalPool(x, .norm(p: p))
        #expect(try firstExcess(y, expected, absolute: 0, relative: 80 * 0x1p-23) == nil)
    }

    @Test("an image's mean has the same bits in each batch", arguments: KernelLevel.available)
    func sameBits(level: KernelLevel) throws {
        var generator = Philox(seed: 3, name: "values")
        let x = try DoubleTensor.uniform([3, 70, 60, 33], using: &generator).tensor()
        let all = try run(GlobalPool(.average), [x], mode: RunMode(level: level, threads: 2))[0]
        for image in 0..<3 {
            let one = try run(GlobalPool(.average), [x.slice(image..<image + 1)], mode: RunMode(level: level))[0]
            #expect(differingBits(one, try all.slice(image..<image + 1)) == 0)
        }
    }

    @Test("images of no pixels")
    func noPixels() throws {
        let x = DoubleTensor(zeros: [2, 0, 3, 2])
        let mean = try run(GlobalPool(.average), [x], mode: RunMode())
        #expect(try mean.doubles().allSatisfy(\.isNaN) && mean.shape.dimensions == [2, 1, 1, 2])
        #expect(
            try run(GlobalPool(.maximum), [x], mode: RunMode()).doubles() == [Double](repeating: -.infinity, count: 4))
        #expect(try run(GlobalPool(.norm(p: 2)), [x], mode: RunMode()).doubles() == [0, 0, 0, 0])
    }

    @Test(
        "gradients", arguments: [GlobalPool.Function.average, .maximum, .norm(p: 1), .norm(p: 2), .norm(p: 3)],
        [[2, 3, 4, 5], [1, 7, 3], [3, 2], [2, 2, 2, 3, 4]])
    func gradients(function: GlobalPool.Function, shape: [Int]) throws {
        var generator = Philox(seed: 4, name: "values")
        let x = DoubleTensor.distinct(shape, using: &generator)
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: 4) { graph, symbols in
            [try graph.call(GlobalPool(function), symbols["x"])]
        }
        #expect(try check.mismatches() == [])
    }
}
