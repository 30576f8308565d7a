import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Im2colConvolution")
struct Im2colConvolutionTests {
    @Test("over panels, any cut of the tiles gives the same bits", arguments: KernelLevel.available, 0..<60)
    func cuts(level: KernelLevel, index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "cuts")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        // Pointwise or not, small maps with many filters and large ones with few.
        let kernel = index % 3 == 0 ? 3 : 1
        let size = index % 2 == 0 ? number(3...9) : number(20...40)
        let test = ConvolutionCase(
            Geometry(input: [size, size + 1], kernel: [kernel, kernel], padding: .same), images: number(1...3),
            channels: number(30...90), filters: index % 2 == 0 ? number(100...400) : number(1...60))
        let shape = try test.operation().window.convolution(x: Shape(test.xShape), w: Shape(test.wShape), groups: 1)
        let kernels = level.kernels(for: .float)
        let convolution = Im2colConvolution(
            shape, kernels: kernels, product: .panels, activation: .identity, mayJoinImages: true)
        func values(_ shape: [Int]) -> [Float] {
            DoubleTensor.uniform(shape, using: &generator).values.map { Float($0) }
        }
        let (x, w, bias) = (values(test.xShape), values(test.wShape), values([test.filters]))
        var panels = [Float](repeating: 0, count: kernels.panelScalars(k: shape.depth, n: shape.filters))
        kernels.pack_panels(shape.depth, shape.filters, w, shape.filters, false, &panels)

        func result(_ ranges: [Range<Int>]) -> [Float] {
            var y = [Float](repeating: .nan, count: shape.images * shape.outputPixels * shape.filters)
            let scratch = UnsafeMutableRawPointer.allocate(byteCount: convolution.scratchBytes + 64, alignment: 64)
            defer { scratch.deallocate() }
            for range in ranges {
                convolution.run(range, x: x, weights: panels, bias: bias, residual: nil, y: &y, scratch: scratch)
            }
            return y
        }
        let whole = result([0..<convolution.tiles])
        #expect(!whole.contains { !$0.isFinite })
        #expect(whole == result((0..<convolution.tiles).reversed().map { $0..<$0 + 1 }), "\(test)")
        let cut = number(0...convolution.tiles)
        #expect(whole == result([cut..<convolution.tiles, 0..<cut]), "\(test)")
    }

    @Test("a small map with many filters is work for several threads")
    func smallMap() throws {
        let test = ConvolutionCase(Geometry(input: [7, 7], kernel: [1, 1]), images: 1, channels: 320, filters: 1280)
        let shape = try test.operation().window.convolution(x: Shape(test.xShape), w: Shape(test.wShape), groups: 1)
        let convolution = Im2colConvolution(
            shape, kernels: KernelLevel.best.kernels(for: .float), product: .panels, activation: .identity,
            mayJoinImages: true)
        #expect(convolution.tiles >= 16)
    }
}
