import Tamis
import TamisTestSupport
import Testing

@Suite("Col2Im")
struct Col2ImTests {
    struct Case {
        var geometry: Geometry
        var operation: Col2Im
        var channels: Int

        init(_ index: Int) {
            var generator = Philox(seed: UInt64(index), name: "col2im")
            geometry = Geometry.random(for: .convolution, largest: 6, using: &generator)
            if case .same = geometry.padding { geometry.padding = .valid }
            if case .sameLower = geometry.padding { geometry.padding = .valid }
            var pads: ([Int], [Int])?
            if case .explicit(let before, let after) = geometry.padding { pads = (before, after) }
            operation = Col2Im(
                stride: geometry.stride, dilation: geometry.dilation, before: pads?.0, after: pads?.1)
            channels = Int.random(in: 1...3, using: &generator)
        }

        var isPossible: Bool { geometry.output.allSatisfy { $0 > 0 } }
        var shape: [Int] { [2, channels * geometry.taps, geometry.output.reduce(1, *)] }
        func extents() throws -> [Tensor] {
            [try Tensor(geometry.input.map(Int64.init)), try Tensor(geometry.kernel.map(Int64.init))]
        }
    }

    @Test("adds what overlaps", arguments: 0..<60)
    func oracle(index: Int) throws {
        let test = Case(index)
        guard test.isPossible else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.integers(test.shape, in: 0...9, using: &generator)
        for elementType in [ElementType.float32, .float64, .int32, .uint8] {
            let y = try run(
                test.operation, [x.numbers(elementType)] + test.extents(), weights: [1, 2], mode: RunMode(threads: 2))[
                    0]
            #expect(try y.doubles() == Oracle.col2im(x, test.geometry).values, "\(test.geometry), \(elementType)")
            #expect(y.shape.dimensions == [2, test.channels] + test.geometry.input)
        }
    }

    @Test("gradients", arguments: 100..<112)
    func gradients(index: Int) throws {
        let test = Case(index)
        guard test.isPossible else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(test.shape, using: &generator)
        let check = try GradientCheck([.init("x", x)], seed: UInt64(index)) { graph, symbols in
            [try graph.append(test.operation, [symbols["x"]] + test.extents().map { graph.constant($0) })[0]]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("extents that do not fit are refused")
    func refusals() throws {
        func refuses(_ operation: Col2Im = Col2Im(), image: [Int64], block: [Int64], shape: [Int] = [1, 4, 4]) throws {
            #expect(throws: (any Error).self) {
                try run(operation, [randomTensor(shape), Tensor(image), Tensor(block)], weights: [1, 2])
            }
        }
        try refuses(image: [3, 3], block: [2, 2], shape: [1, 4, 5])
        try refuses(image: [3, 3], block: [2, 2], shape: [1, 5, 4])
        try refuses(image: [3, 3], block: [2])
        try refuses(image: [3, 3], block: [2, 0])
        try refuses(image: [-3, 3], block: [2, 2])
        try refuses(image: [1 << 40, 3], block: [2, 2])
        try refuses(image: [], block: [])
        try refuses(Col2Im(stride: [1]), image: [3, 3], block: [2, 2])
        try refuses(Col2Im(stride: [0, 1]), image: [3, 3], block: [2, 2])
        try refuses(Col2Im(before: [-1, 0], after: [0, 0]), image: [3, 3], block: [2, 2])
    }
}
