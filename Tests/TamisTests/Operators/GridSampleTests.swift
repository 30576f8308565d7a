import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("GridSample")
struct GridSampleTests {
    static let samples: [GridSample] = [GridSample.Mode.nearest, .linear, .cubic].flatMap { mode in
        [GridSample.Padding.zeros, .border, .reflection].flatMap { padding in
            [false, true].map { GridSample(mode, padding: padding, alignsCorners: $0) }
        }
    }

    @Test("images, lines and volumes", arguments: KernelLevel.available, samples)
    func oracle(level: KernelLevel, sample: GridSample) throws {
        for (index, shape) in [[2, 5, 4, 3], [1, 6, 2], [2, 3, 4, 2, 5], [1, 1, 1, 1], [1, 13, 11, 37]].enumerated() {
            var generator = Philox(seed: UInt64(index), name: "grid")
            let x = DoubleTensor.integers(shape, in: -9...9, using: &generator)
            let axes = shape.count - 2
            let places = [shape[0]] + (0..<axes).map { _ in Int.random(in: 1...9, using: &generator) } + [axes]
            // Far outside too. No place is half way between two pixels, where a rounding decides.
            let grid = DoubleTensor.uniform(places, in: -2.7...2.7, using: &generator)
            let expected = Oracle.gridSample(x, grid, sample)
            for elementType in [ElementType.float32, .float64] {
                let mode = RunMode(level: level, elementType: elementType, threads: 2)
                let y = try run(sample, [x, grid], mode: mode)
                let bound = elementType == .float32 ? 3e-4 : 1e-11
                #expect(try firstExcess(y, expected, absolute: bound, relative: 0) == nil, "\(sample), \(shape)")
            }
        }
    }

    @Test("the identity gives the image, also of integers", arguments: [ElementType.float32, .uint8, .int64, .bool])
    func identity(elementType: ElementType) throws {
        let bits: [UInt8] = (0..<24).map { UInt8($0 % 2) }
        let x: Tensor =
            elementType == .bool
            ? try Tensor(bits.map { $0 == 1 }, shape: [1, 4, 6, 1])
            : try DoubleTensor(bits.map(Double.init), shape: [1, 4, 6, 1]).numbers(elementType)
        let theta = try Tensor([1, 0, 0, 0, 1, 0] as [Float], shape: [1, 2, 3])
        let size = try Tensor([1, 1, 4, 6] as [Int64])
        let grid = try run(AffineGrid(), [theta, size], weights: [1])[0]
        let y = try run(GridSample(.nearest), [x, grid])[0]
        #expect(differingBits(x, y) == 0)
    }

    @Test("places that are no numbers or far away", arguments: samples)
    func wild(sample: GridSample) throws {
        let x = try randomTensor([1, 3, 3, 1])
        let numbers: [Float] = [.nan, 0, .infinity, 0, -.infinity, 0, 1e30, -1e30, .greatestFiniteMagnitude, .nan]
        let y = try run(sample, [x, Tensor(numbers, shape: [1, 1, 5, 2])])[0].scalars(as: Float.self)
        #expect(y.allSatisfy { $0.isFinite })
        if sample.padding == .zeros { #expect(y == [0, 0, 0, 0, 0]) }
    }

    @Test("shapes that do not fit are refused")
    func refusals() throws {
        func refuses(_ x: [Dimension], _ grid: [Dimension], _ elementType: ElementType = .float32) {
            let graph = GraphBuilder()
            let (x, grid) = (graph.input("x", .tensor(elementType, x)), graph.input("g", .tensor(.float32, grid)))
            #expect(throws: ShapeError.self) { _ = try graph.call(GridSample(), x, grid) }
        }
        refuses([1, 4, 4, 2], [1, 3, 3, 3])
        refuses([1, 4, 4, 2], [2, 3, 3, 2])
        refuses([1, 4, 4, 2], [1, 3, 2])
        refuses([1, 0, 4, 2], [1, 3, 3, 2])
        refuses([1, 4, 4, 2], [1, 3, 3, 2], .int32)
    }
}

@Suite("AffineGrid")
struct AffineGridTests {
    @Test("maps the middles of pixels", arguments: [false, true], [ElementType.float32, .float64])
    func oracle(alignsCorners: Bool, elementType: ElementType) throws {
        for extents in [[3, 5], [1, 4], [2, 3, 4]] {
            var generator = Philox(seed: 1, name: "theta")
            let axes = extents.count
            let theta = DoubleTensor.uniform([2, axes, axes + 1], using: &generator)
            func coordinate(_ place: Int, _ extent: Int) -> Double {
                if alignsCorners { return extent == 1 ? -1 : -1 + 2 * Double(place) / Double(extent - 1) }
                return -1 + (2 * Double(place) + 1) / Double(extent)
            }
            var expected = DoubleTensor(zeros: [2] + extents + [axes])
            for place in DoubleTensor.indices(of: expected.shape) {
                let point = (0..<axes).reversed().map { coordinate(place[$0 + 1], extents[$0]) } + [1]
                expected[place] = point.indices.reduce(0) { $0 + theta[[place[0], place[axes + 1], $1]] * point[$1] }
            }
            let size = try Tensor(([2, 7] + extents).map(Int64.init))
            let grid = try run(
                AffineGrid(alignsCorners: alignsCorners), [theta.tensor(elementType), size], weights: [1],
                mode: RunMode(elementType: elementType, threads: 2))[0]
            let bound = elementType == .float32 ? 1e-6 : 1e-14
            #expect(try firstExcess(grid, expected, absolute: bound, relative: 0) == nil)
        }
    }

    @Test(
        "sizes that do not fit are refused", arguments: [[2, 1, 4, 4], [1, 1, 4], [1, 1, 2, 3, 4], [1, 1, -4, 4]])
    func refusals(size: [Int64]) throws {
        let theta = try randomTensor([1, 2, 3])
        #expect(throws: (any Error).self) { try run(AffineGrid(), [theta, Tensor(size)], weights: [1]) }
    }
}
