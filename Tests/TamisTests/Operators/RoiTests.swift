import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("RoiAlign")
struct RoiAlignTests {
    static let aligns: [RoiAlign] = [RoiAlign.Mode.average, .maximum].flatMap { mode in
        [0, 1, 2, 3].flatMap { samples in
            [false, true].map { isAligned in
                var align = RoiAlign(mode, height: 2, width: 3)
                (align.samples, align.isAligned, align.scale) = (samples, isAligned, samples % 2 == 0 ? 1 : 0.5)
                return align
            }
        }
    }

    /// Regions in the image, across its border, outside, upside down.
    static func regions(_ count: Int, using generator: inout Philox) -> DoubleTensor {
        var regions = DoubleTensor.uniform([count, 4], in: -3...12, using: &generator)
        for region in 0..<count where region % 4 != 0 {
            for axis in 0..<2 {
                regions[[region, axis + 2]] = regions[[region, axis]] + abs(regions[[region, axis + 2]])
            }
        }
        return regions
    }

    @Test("samples between pixels", arguments: KernelLevel.available, aligns)
    func oracle(level: KernelLevel, align: RoiAlign) throws {
        var generator = Philox(seed: 1, name: "regions")
        let x = DoubleTensor.integers([3, 9, 7, 21], in: -9...9, using: &generator)
        let regions = Self.regions(13, using: &generator)
        let images = (0..<13).map { $0 % 3 }
        let expected = Oracle.roiAlign(x, regions, images: images, align)
        for elementType in [ElementType.float32, .float64] {
            let mode = RunMode(level: level, elementType: elementType, threads: 2)
            let y = try run(
                align, [x.tensor(elementType), regions.tensor(elementType), Tensor(images.map(Int64.init))], mode: mode)[
                    0]
            let bound = elementType == .float32 ? 2e-4 : 1e-12
            #expect(try firstExcess(y, expected, absolute: bound, relative: 0) == nil, "\(align)")
        }
    }

    @Test("a bin of very many samples", arguments: KernelLevel.available)
    func manySamples(level: KernelLevel) throws {
        let x = DoubleTensor([Double](repeating: 3, count: 90 * 80 * 2), shape: [1, 90, 80, 2])
        let region = DoubleTensor([0.5, 0.5, 79.5, 89.5], shape: [1, 4])
        let y = try run(
            RoiAlign(), [x.tensor(), region.tensor(), Tensor([0] as [Int64])], mode: RunMode(level: level))[0]
        #expect(try y.doubles().allSatisfy { abs($0 - 3) < 1e-4 })
    }

    @Test("regions beyond all images or that are no numbers end, and give zeros")
    func wild() throws {
        let numbers: [Float] = [
            0, 0, 1e9, 1e9, .nan, 0, 1, 1, -.infinity, 0, .infinity, 5, 1e30, 1e30, 1e38, 1e38, -1e12, -1e12, 1e12,
            1e12,
        ]
        let y = try run(
            RoiAlign(),
            [randomTensor([1, 4, 4, 1]), Tensor(numbers, shape: [5, 4]), Tensor([Int64](repeating: 0, count: 5))])
        #expect(try y[0].scalars(as: Float.self).allSatisfy(\.isFinite))
    }

    @Test("an image that is not there is an error", arguments: [-1, 2, Int64.max])
    func missingImage(image: Int64) throws {
        #expect(throws: ExecutionError.self) {
            try run(RoiAlign(), [randomTensor([2, 4, 4, 1]), randomTensor([1, 4]), Tensor([image])])
        }
    }

    @Test("gradients of means", arguments: aligns.filter { $0.mode == .average })
    func gradients(align: RoiAlign) throws {
        var generator = Philox(seed: 2, name: "regions")
        let x = DoubleTensor.uniform([2, 5, 6, 2], using: &generator)
        let regions = GradientCheck.Input("regions", Self.regions(4, using: &generator), isChecked: false)
        let images = try Tensor([0, 1, 1, 0] as [Int64])
        let check = try GradientCheck([.init("x", x), regions], labels: ["images": images], seed: 2) { graph, symbols in
            [try graph.call(align, symbols["x"], symbols["regions"], symbols["images"])]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("too many samples and no bins are refused")
    func refusals() throws {
        var align = RoiAlign()
        align.samples = 2000
        for align in [align, RoiAlign(height: 0), RoiAlign(width: -1)] {
            #expect(throws: ShapeError.self) {
                try run(align, [randomTensor([1, 4, 4, 1]), randomTensor([1, 4]), Tensor([0] as [Int64])])
            }
        }
    }
}

@Suite("MaxRoiPool")
struct MaxRoiPoolTests {
    @Test("maxima of bins", arguments: [1, 0.5], [ElementType.float32, .float64])
    func oracle(scale: Double, elementType: ElementType) throws {
        var generator = Philox(seed: 3, name: "regions")
        let x = DoubleTensor.integers([2, 9, 7, 5], in: -99...99, using: &generator)
        var regions = DoubleTensor(zeros: [11, 5])
        let ends = RoiAlignTests.regions(11, using: &generator)
        for region in 0..<11 {
            regions[[region, 0]] = Double(region % 2)
            for number in 0..<4 { regions[[region, number + 1]] = ends[[region, number]] }
        }
        let pool = MaxRoiPool(height: 3, width: 2, scale: scale)
        let y = try run(pool, [x, regions], mode: RunMode(elementType: elementType, threads: 2))
        #expect(try firstDifference(y, Oracle.maxRoiPool(x, regions, pool)) == nil)
    }

    @Test("numbers beyond all images end", arguments: [Float.nan, .infinity, -1e30, 1e30])
    func wild(number: Float) throws {
        let regions = try Tensor([0, number, -number, number, number] as [Float], shape: [1, 5])
        _ = try run(MaxRoiPool(height: 2, width: 2), [randomTensor([1, 4, 4, 1]), regions])
        #expect(throws: ExecutionError.self) {
            let regions = try Tensor([number, 0, 0, 1, 1] as [Float], shape: [1, 5])
            _ = try run(MaxRoiPool(height: 2, width: 2), [randomTensor([1, 4, 4, 1]), regions])
        }
    }
}
