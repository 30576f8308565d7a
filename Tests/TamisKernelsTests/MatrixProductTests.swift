import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("MatrixProduct")
struct MatrixProductTests {
    @Test(
        "over panels, any cut of the tiles gives the same bits", arguments: KernelLevel.available,
        [(1, 700, 900), (47, 300, 200), (48, 90, 400), (500, 70, 130), (3, 5, 7)])
    func cuts(level: KernelLevel, sizes: (m: Int, n: Int, k: Int)) {
        var generator = Philox(seed: 3, name: "cuts")
        let kernels = level.kernels(for: .float)
        let (m, n, k) = sizes
        let product = MatrixProduct(kernels: kernels, form: .panels, m: m, n: n, k: k, activation: .identity)
        func values(_ shape: [Int]) -> [Float] {
            DoubleTensor.uniform(shape, using: &generator).values.map { Float($0) }
        }
        let (x, w) = (values([m, k]), values([k, n]))
        var panels = [Float](repeating: 0, count: kernels.panelScalars(k: k, n: n))
        product.pack(w, into: &panels)

        func result(_ ranges: [Range<Int>]) -> [Float] {
            var y = [Float](repeating: .nan, count: m * n)
            for range in ranges { product.run(range, x: x, w: panels, bias: nil, residual: nil, y: &y) }
            return y
        }
        let whole = result([0..<product.tiles])
        #expect(!whole.contains { !$0.isFinite })
        #expect(whole == result((0..<product.tiles).reversed().map { $0..<$0 + 1 }))
        for cut in 0...product.tiles { #expect(whole == result([cut..<product.tiles, 0..<cut])) }
    }
}
