import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Conv's algorithms")
struct ConvAlgorithmTests {
    /// A 3 × 3 convolution of stride 1 with anything else random.
    private func example(_ index: Int) -> ConvolutionCase {
        var generator = Philox(seed: UInt64(index), name: "winograd")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let padding = (0..<4).map { _ in number(0...2) }
        let geometry = Geometry(
            input: [
                number(max(1, 3 - padding[0] - padding[2])...15), number(max(1, 3 - padding[1] - padding[3])...15),
            ],
            kernel: [3, 3], padding: .explicit(before: [padding[0], padding[1]], after: [padding[2], padding[3]]))
        let activations: [Activation] = [.linear, .relu, .silu, .leakyRelu(0.125)]
        return ConvolutionCase(
            geometry, images: number(1...3), channels: number(1...40), filters: number(1...40),
            hasBias: number(0...3) > 0, activation: activations[number(0...3)])
    }

    private struct Operands {
        var x: DoubleTensor
        var w: DoubleTensor
        var bias: DoubleTensor?
        var residual: DoubleTensor?
        /// The result in Double, and the sum of the absolute values of its products.
        var y: DoubleTensor
        var magnitude: DoubleTensor

        init(_ test: ConvolutionCase, seed: Int, hasResidual: Bool) {
            var generator = Philox(seed: UInt64(seed), name: "values")
            x = DoubleTensor.uniform(test.xShape, using: &generator)
            w = DoubleTensor.uniform(test.wShape, using: &generator)
            bias = test.hasBias ? DoubleTensor.uniform([test.filters], using: &generator) : nil
            y = Oracle.convolution(x, w, bias: bias, test.geometry, groups: 1)
            magnitude = Oracle.convolution(
                Oracle.map(x, abs), Oracle.map(w, abs), bias: bias.map { Oracle.map($0, abs) }, test.geometry, groups: 1
            )
            if hasResidual {
                let added = DoubleTensor.uniform(y.shape, using: &generator)
                for index in y.values.indices { y.values[index] += added.values[index] }
                residual = added
            }
            y = Oracle.map(y) { Oracle.activate(test.activation, $0) }
        }

        var all: [DoubleTensor?] { [x, w, bias, residual] }
    }

    /// The error is that of a matrix product, but with the largest of all outputs' magnitudes: pixels of one tile share it.
    private func check(_ test: ConvolutionCase, seed: Int, mode: RunMode) throws {
        let operands = Operands(test, seed: seed, hasResidual: seed % 3 == 0)
        let y = try run(test.operation(), operands.all, weights: [1, 2], mode: mode)
        let largest = (operands.magnitude.values.max() ?? 0) + 1
        let unit = mode.elementType == .float64 ? 0x1p-52 : 0x1p-24
        // The activations of these tests make at most 1.1 of a difference of 1.
        let bound = 4.4 * Double(test.depth + 2).squareRoot() * unit * largest
        #expect(
            try firstExcess(y, operands.y, bounds: operands.y.values.map { _ in bound }) == nil, "\(test), \(mode)")
    }

    @Test("Winograd's agree with the definition", arguments: KernelLevel.available, 0..<150)
    func winograd(level: KernelLevel, index: Int) throws {
        for elementType in [ElementType.float32, .float64] {
            for algorithm in [ConvolutionAlgorithm.winograd2, .winograd4] {
                let mode = RunMode(
                    level: level, elementType: elementType, threads: 1 + index % 2, convolution: algorithm)
                try check(example(index), seed: index, mode: mode)
            }
        }
    }

    @Test("the implicit product has the bits of im2col's", arguments: KernelLevel.available, 0..<200)
    func implicit(level: KernelLevel, index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "implicit")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let rank = number(1...2)
        let kernel = (0..<rank).map { _ in number(1...5) }
        var dilation = (0..<rank).map { _ in number(1...2) }
        if kernel[rank - 1] > 1 { dilation[rank - 1] = 1 }
        let geometry = Geometry(
            input: (0..<rank).map { number((kernel[$0] - 1) * dilation[$0] + 1...40) }, kernel: kernel,
            stride: (0..<rank).map { _ in number(1...3) }, dilation: dilation,
            padding: .explicit(
                before: (0..<rank).map { _ in number(0...3) }, after: (0..<rank).map { _ in number(0...3) }))
        let activations: [Activation] = [.linear, .relu, .silu]
        let test = ConvolutionCase(
            geometry, images: number(1...3), channels: number(1...20), filters: number(1...70),
            hasBias: number(0...1) > 0,
            activation: activations[number(0...2)])
        let operands = Operands(test, seed: index, hasResidual: index % 3 == 0)
        for elementType in [ElementType.float32, .float64] {
            let results = try [ConvolutionAlgorithm.implicit, .panels].map { algorithm in
                let mode = RunMode(
                    level: level, elementType: elementType, threads: 1 + index % 2, convolution: algorithm)
                return try run(test.operation(), operands.all, weights: [1, 2], mode: mode)
            }
            #expect(results[0] == results[1], "\(test)")
        }
    }

    /// A layer whose work is in independent blocks.
    private let large = ConvolutionCase(
        Geometry(input: [66, 67], kernel: [3, 3], padding: .same), images: 2, channels: 40, filters: 36,
        activation: .relu)

    @Test("Winograd's in blocks", arguments: KernelLevel.available, [ConvolutionAlgorithm.winograd2, .winograd4])
    func blocks(level: KernelLevel, algorithm: ConvolutionAlgorithm) throws {
        let shape = try large.operation().window.convolution(
            x: Shape(large.xShape), w: Shape(large.wShape), groups: 1)
        let kernels = level.kernels(for: .float)
        #expect(
            WinogradConvolution(shape, algorithm: algorithm, kernels: kernels, activation: .identity).isInBlocks)
        for threads in 1...2 {
            try check(large, seed: threads, mode: RunMode(level: level, threads: threads, convolution: algorithm))
        }
    }

    @Test("an image's bits do not depend on batch and threads", arguments: ConvolutionAlgorithm.allCases)
    func bits(algorithm: ConvolutionAlgorithm) throws {
        for size in [7, 30, 52] {
            var test = ConvolutionCase(
                Geometry(input: [size, size], kernel: [3, 3], padding: .same), images: 5, channels: 24, filters: 24,
                groups: algorithm == .depthwise ? 24 : 1, activation: .relu)
            var generator = Philox(seed: 1, name: "values")
            let w = try DoubleTensor.uniform(test.wShape, using: &generator).tensor()
            let values = DoubleTensor.uniform(test.xShape, using: &generator).values.map { Float($0) }
            let x = try Tensor(values, shape: test.xShape)
            let mode = RunMode(threads: 2, convolution: algorithm)
            let together = try run(test.operation(), [x, w], weights: [1], mode: mode)[0].scalars(as: Float.self)
            test.images = 1
            let (length, results) = (values.count / 5, together.count / 5)
            for image in 0..<5 {
                let one = try Tensor(Array(values[image * length..<(image + 1) * length]), shape: test.xShape)
                let mode = RunMode(convolution: algorithm)
                let alone = try run(test.operation(), [one, w], weights: [1], mode: mode)[0].scalars(as: Float.self)
                let isSame = zip(alone, together[image * results..<(image + 1) * results]).allSatisfy {
                    $0.bitPattern == $1.bitPattern
                }
                #expect(isSame && alone.count == results, "\(size) pixels, image \(image)")
            }
        }
    }

    @Test("what the plan says it chose")
    func names() throws {
        func algorithm(_ input: [Int], _ filters: Int, _ change: (inout PlanOptions) -> Void = { _ in }) throws
            -> String?
        {
            let graph = GraphBuilder()
            let x = graph.input("x", .tensor(.float32, try Shape(input)))
            let w = graph.constant(try randomTensor([3, 3, input[3], filters]))
            let window = try WindowGeometry(kernel: [3, 3], padding: .same)
            graph.output(try graph.call(Conv(window: window), x, w), name: "y")
            var options = PlanOptions()
            change(&options)
            return try Plan(graph.model, inputs: [:], options: options).lines.last?.algorithm
        }
        #expect(try algorithm([1, 56, 56, 64], 64) == "Winograd F(4×4), packed panels")
        #expect(try algorithm([8, 56, 56, 64], 64) == "Winograd F(4×4), packed panels")
        #expect(try algorithm([1, 7, 7, 128], 128) == "Winograd F(2×2), packed panels")
        #expect(try algorithm([1, 56, 56, 3], 64) == "implicit, packed panels")
        #expect(try algorithm([1, 14, 14, 512], 512) { $0.precision = .strict } == "im2col, packed panels")
        #expect(try algorithm([1, 56, 56, 64], 64) { $0.precision = .strict } == "implicit, packed panels")
        #expect(try algorithm([1, 56, 56, 64], 64) { $0.convolution = .blas } == "im2col, OpenBLAS")
        #expect(try algorithm([1, 56, 56, 64], 64) { $0.convolution = .depthwise } == "Winograd F(4×4), packed panels")
    }
}
