import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("DeformConv")
struct DeformConvTests {
    /// Offset groups that divide the channels.
    static func offsetGroups(_ test: ConvolutionCase, _ index: Int) -> Int {
        [1, test.groups, test.channels].filter { test.channels % $0 == 0 }[index % 3]
    }

    func check(_ test: ConvolutionCase, index: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(index), name: "values")
        let groups = Self.offsetGroups(test, index)
        let pixels = [test.images] + test.geometry.output
        let x = DoubleTensor.integers(test.xShape, using: &generator)
        let w = DoubleTensor.integers(test.wShape, using: &generator)
        let bias = test.hasBias ? DoubleTensor.integers([test.filters], using: &generator) : nil
        // Quarters: all products and sums are exact.
        let offsets = Oracle.map(
            .integers(pixels + [groups * test.geometry.taps * test.geometry.rank], in: -9...9, using: &generator)
        ) {
            $0 / 4
        }
        let mask =
            index % 2 == 0
            ? Oracle.map(.integers(pixels + [groups * test.geometry.taps], in: 0...2, using: &generator)) { $0 / 2 }
            : nil
        let expected = Oracle.deformConvolution(
            x, w, offsets: offsets, bias: bias, mask: mask, test, offsetGroups: groups)
        let operation = DeformConv(window: try test.geometry.window(), groups: test.groups, offsetGroups: groups)
        for mode in RunMode.all(at: level) {
            let y = try run(operation, [x, w, offsets, bias, mask], weights: [1, 3], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(test), \(groups) offset groups, \(mode)")
        }
    }

    @Test("taps between pixels", arguments: KernelLevel.available, 0..<40)
    func random(level: KernelLevel, index: Int) throws {
        var test = ConvolutionCase.random(index + 70_000, largest: 6, activations: [.linear])
        test.images = 1 + index % 2
        try check(test, index: index, level: level)
    }

    @Test("several tiles", arguments: KernelLevel.available)
    func severalTiles(level: KernelLevel) throws {
        let geometry = Geometry(input: [17, 16], kernel: [3, 3], padding: .explicit(before: [1, 1], after: [1, 1]))
        try check(ConvolutionCase(geometry, images: 2, channels: 12, filters: 10), index: 2, level: level)
    }

    @Test("offsets far away or no numbers read nothing")
    func wild() throws {
        let offsets = try Tensor([.nan, 0, .infinity, 0, -1e30, 0, 1e30, 1e30] as [Float], shape: [1, 2, 2, 2])
        let x = try Tensor(repeating: 5 as Float, shape: [1, 2, 2, 1])
        let w = try Tensor([1] as [Float], shape: [1, 1, 1, 1])
        let y = try run(DeformConv(window: WindowGeometry(kernel: [1, 1])), [x, w, offsets])[0]
        #expect(try y.scalars(as: Float.self) == [0, 0, 0, 0])
    }

    @Test("offsets and masks that do not fit are refused")
    func refusals() throws {
        let window = try WindowGeometry(kernel: [2, 2])
        let (x, w) = (try randomTensor([1, 4, 4, 3]), try randomTensor([2, 2, 3, 5]))
        func refuses(_ operation: DeformConv, _ offsets: [Int], mask: [Int]? = nil) throws {
            #expect(throws: ShapeError.self) {
                try run(operation, [x, w, randomTensor(offsets), nil, mask.map { try randomTensor($0) }])
            }
        }
        try refuses(DeformConv(window: window), [1, 3, 3, 4])
        try refuses(DeformConv(window: window), [1, 4, 4, 8])
        try refuses(DeformConv(window: window), [1, 3, 3, 8], mask: [1, 3, 3, 8])
        try refuses(DeformConv(window: window, offsetGroups: 2), [1, 3, 3, 16])
        try refuses(DeformConv(window: window, offsetGroups: 0), [1, 3, 3, 0])
        try refuses(DeformConv(window: window, offsetGroups: .max), [1, 3, 3, 8])
    }
}
