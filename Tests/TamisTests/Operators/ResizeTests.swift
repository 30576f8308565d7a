import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// A resizing: attributes, a shape, and what scales or sizes say of some axes.
struct ResizeCase: CustomTestStringConvertible, Sendable {
    var resize: Resize
    var shape: [Int]
    var scales: [Float]?
    var sizes: [Int]?
    var region: [Float]?
    var axes: [Int]

    var testDescription: String {
        "\(resize) of \(shape), scales \(scales ?? []), sizes \(sizes ?? []), region \(region ?? [])"
    }

    static func random(_ index: Int, mode: Resize.Mode) -> ResizeCase {
        var generator = Philox(seed: UInt64(index), name: "resize")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let coordinates: [Resize.Coordinates] = [
            .halfPixel, .halfPixelSymmetric, .pytorchHalfPixel, .alignCorners, .asymmetric, .nearestHalfPixel,
            .cropAndResize,
        ]
        let roundings: [Resize.Rounding] = [.preferFloor, .preferCeil, .floor, .ceil]
        var resize = Resize(mode)
        resize.coordinates = coordinates[number(0...coordinates.count - 1)]
        resize.rounding = roundings[number(0...3)]
        if mode != .nearest {
            resize.antialiases = number(0...2) == 0
            resize.excludesOutside = number(0...2) == 0
            resize.cubicCoefficient = number(0...1) == 0 ? -0.5 : -0.75
        }
        let rank = number(1...4)
        let shape = (0..<rank).map { _ in number(1...7) }
        var axes = Array(0..<rank)
        if number(0...1) == 0 {
            axes = Array(generator.shuffled(rank).prefix(number(1...rank)))
            // Negative axes count from the end.
            resize.axes = axes.map { number(0...2) == 0 ? $0 - rank : $0 }
        }
        var test = ResizeCase(resize: resize, shape: shape, axes: axes)
        if number(0...1) == 0 {
            test.scales = axes.map { _ in [0.5, 0.6, 0.7, 1, 1.5, 2, 3][number(0...6)] as Float }
        } else {
            test.sizes = axes.map { _ in number(1...9) }
        }
        if resize.coordinates == .cropAndResize {
            test.resize.extrapolationValue = 17
            test.region =
                axes.map { _ in Float(number(-4...8)) / 16 } + axes.map { _ in Float(number(10...20)) / 16 }
        }
        return test
    }

    /// What the numbers mean for each axis.
    var resized: [ResizedAxis] {
        axes.enumerated().map { position, axis in
            let ends = region.map { (Double($0[position]), Double($0[axes.count + position])) } ?? (0, 1)
            if let scales {
                return ResizedAxis(
                    axis: axis, output: Int(Float(shape[axis]) * scales[position]), scale: Double(scales[position]),
                    isFloat: resize.mode == .nearest, region: ends)
            }
            let size = sizes?[position] ?? shape[axis]
            return ResizedAxis(axis: axis, output: size, scale: Double(size) / Double(shape[axis]), region: ends)
        }
    }

    /// The operator's inputs behind x.
    func numbers() throws -> [Tensor?] {
        [
            try region.map { try Tensor($0) }, try scales.map { try Tensor($0) },
            try sizes.map { try Tensor($0.map(Int64.init)) },
        ]
    }

    func expected(_ x: DoubleTensor) -> DoubleTensor { Oracle.resize(x, resize, resized) }
}

@Suite("Resize")
struct ResizeTests {
    @Test("nearest elements, of any type", arguments: 0..<100)
    func nearest(index: Int) throws {
        let test = ResizeCase.random(index, mode: .nearest)
        // Sources that are computed differently may fall on either side of a tie.
        guard test.sizes == nil || test.resized.allSatisfy({ test.shape[$0.axis] == 1 || $0.output.isMultiple(of: 2) })
        else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.integers(test.shape, in: 0...99, using: &generator)
        for elementType in [ElementType.float32, .float64, .uint8, .int16, .int64] {
            let y = try run(
                test.resize, [x.numbers(elementType)] + test.numbers(), weights: [1, 2, 3], mode: RunMode(threads: 2))
            #expect(try y[0].doubles() == test.expected(x).values, "\(test.testDescription), \(elementType)")
        }
    }

    @Test("weighted sums", arguments: 0..<90)
    func weighted(index: Int) throws {
        let test = ResizeCase.random(index + 1000, mode: index % 2 == 0 ? .linear : .cubic)
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(test.shape, using: &generator)
        let expected = test.expected(x)
        for mode in KernelLevel.available.flatMap({ RunMode.all(at: $0) }) where mode.weights == .constant {
            let elementType = mode.elementType
            let y = try run(test.resize, [x.tensor(elementType)] + test.numbers(), weights: [1, 2, 3], mode: mode)[0]
            let bound = elementType == .float32 ? 1e-5 : 1e-13
            #expect(try firstExcess(y, expected, absolute: bound, relative: 0) == nil, "\(test.testDescription)")
        }
    }

    static let networks: [(Resize.Mode, [Int], [Float])] = [
        (.nearest, [1, 20, 21, 33], [1, 2, 2, 1]), (.linear, [1, 16, 15, 33], [1, 2, 2, 1]),
        (.linear, [2, 5, 20, 21], [1, 1, 2, 2]), (.linear, [1, 64, 64, 3], [1, 0.5, 0.5, 1]),
        (.cubic, [1, 10, 11, 20], [1, 1.5, 3, 1]), (.linear, [1, 5, 6, 7, 12], [1, 2, 2, 2, 1]),
        (.nearest, [1, 5, 6, 7, 12], [1, 2, 2, 2, 1]), (.linear, [20, 500], [1, 3]), (.nearest, [300, 70], [3, 1]),
        (.linear, [10, 20, 30], [2, 1, 2]), (.linear, [4, 3, 5, 2], [2, 2, 2, 2]),
    ]

    @Test("several tiles and passes, channel-last and not", arguments: networks)
    func large(test: (mode: Resize.Mode, shape: [Int], scales: [Float])) throws {
        var resize = Resize(test.mode)
        resize.coordinates = .asymmetric
        resize.rounding = .floor
        let axes = Array(test.shape.indices)
        let test = ResizeCase(resize: resize, shape: test.shape, scales: test.scales, axes: axes)
        var generator = Philox(seed: 1, name: "values")
        // The weights are fractions of few bits: whole numbers give exact results, but for thirds.
        let x = DoubleTensor.integers(test.shape, in: -90...90, using: &generator)
        let expected = test.expected(x)
        for level in KernelLevel.available {
            let y = try run(
                resize, [x.tensor()] + test.numbers(), weights: [1, 2, 3], mode: RunMode(level: level, threads: 2))[0]
            #expect(try firstExcess(y, expected, absolute: 1e-4, relative: 0) == nil, "\(level)")
        }
    }

    @Test("doubling is exact, also of integers", arguments: KernelLevel.available)
    func doubling(level: KernelLevel) throws {
        var generator = Philox(seed: 2, name: "values")
        let resize = Resize(.linear)
        let test = ResizeCase(resize: resize, shape: [2, 5, 6, 3], scales: [1, 2, 2, 1], axes: [0, 1, 2, 3])
        let x = DoubleTensor.integers(test.shape, in: 0...255, using: &generator)
        let expected = test.expected(x)
        for elementType in [ElementType.float32, .float64, .uint8, .int32] {
            let y = try run(
                resize, [x.numbers(elementType)] + test.numbers(), weights: [1, 2, 3], mode: RunMode(level: level))[0]
            let rounded = expected.values.map { elementType.isFloat ? $0 : $0.rounded(.toNearestOrEven) }
            #expect(try y.doubles() == rounded, "\(elementType)")
        }
    }

    @Test("aspect ratios are kept", arguments: [(Resize.AspectRatio.notLarger, [4, 6]), (.notSmaller, [8, 12])])
    func aspectRatio(aspectRatio: Resize.AspectRatio, expected: [Int]) throws {
        var resize = Resize()
        resize.aspectRatio = aspectRatio
        resize.axes = [0, 1]
        let x = try randomTensor([2, 3])
        let y = try run(resize, [x, nil, nil, Tensor([8, 6] as [Int64])], weights: [3])[0]
        #expect(y.shape.dimensions == expected)
    }

    @Test("the weights of an image do not depend on its batch", arguments: KernelLevel.available)
    func sameBits(level: KernelLevel) throws {
        let x = try randomTensor([3, 20, 21, 5])
        let scales = try Tensor([1, 1.5, 2, 1] as [Float])
        let mode = RunMode(level: level, threads: 2)
        let all = try run(Resize(.cubic), [x, nil, scales], weights: [2], mode: mode)[0]
        for image in 0..<3 {
            let one = try run(Resize(.cubic), [x.slice(image..<image + 1), nil, scales], weights: [2], mode: mode)[0]
            #expect(differingBits(one, try all.slice(image..<image + 1)) == 0)
        }
    }

    @Test("an element of weight 0 has no part in a sum")
    func infinity() throws {
        let x = try Tensor([1, .infinity, 3, .nan] as [Float], shape: [4])
        var resize = Resize(.linear)
        resize.coordinates = .asymmetric
        let y = try run(resize, [x, nil, Tensor([2] as [Float])], weights: [2])[0].scalars(as: Float.self)
        #expect(y[0] == 1 && y[2] == .infinity && y[4] == 3 && y[6].isNaN)
    }

    @Test("gradients", arguments: [Resize.Mode.nearest, .linear, .cubic], 0..<30)
    func gradients(mode: Resize.Mode, index: Int) throws {
        let test = ResizeCase.random(index + 3000, mode: mode)
        guard test.resized.allSatisfy({ $0.output > 0 }) else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(test.shape, using: &generator)
        let check = try GradientCheck([.init("x", x)], seed: UInt64(index)) { graph, symbols in
            let numbers = try test.numbers().map { $0.map { graph.constant($0) } }
            return [try graph.append(test.resize, [symbols["x"]] + numbers)[0]]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }

    @Test("axes that come in another order", arguments: 0..<40)
    func permuted(index: Int) throws {
        let test = ResizeCase.random(index + 5000, mode: [.nearest, .linear][index % 2])
        var generator = Philox(seed: UInt64(index), name: "order")
        let order = try Permutation(generator.shuffled(test.shape.count))
        let x = try randomTensor(test.shape)
        let moved = try x.permuted(by: order.inverse)
        let operands = Operands([Operand(type: .tensor(.float32, x.shape))], operatorName: "Resize")
        let permuted = try #require(test.resize.permuted(by: order, inputs: operands))
        let expected = try run(test.resize, [x] + test.numbers(), weights: [1, 2, 3])[0]
        let found = try run(permuted.operation, [moved] + test.numbers(), weights: [1, 2, 3])[0]
        let difference = try firstExcess(
            found.permuted(by: order), DoubleTensor(expected), absolute: 1e-5, relative: 0)
        #expect(difference == nil, "\(test.testDescription), \(order.order)")
    }

    @Test("open shapes stay open, and known axes known")
    func openShapes() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", "h", 8, 3]))
        let scales = graph.constant(try Tensor([1, 2, 2, 1] as [Float]))
        #expect(try graph.call(Resize(), x, nil, scales).dimensions == ["n", .unknown, 16, 3])
        let open = graph.input("scales", .tensor(.float32, [4]))
        #expect(try graph.call(Resize(), x, nil, open).dimensions == [.unknown, .unknown, .unknown, .unknown])
        let any = graph.input("any", .tensor(.float32, nil))
        #expect(try graph.call(Resize(), any, nil, scales).dimensions == nil)
    }

    @Test("numbers that come with a run cut the model")
    func openNumbers() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [1, 2, 2, 1]))
        let sizes = graph.input("sizes", .tensor(.int64, [4]))
        graph.output(try graph.call(Resize(), x, nil, nil, sizes), name: "y")
        let runner = Runner(graph.model)
        for extent in [3, 5] as [Int64] {
            let y = try runner.run(["x": randomTensor([1, 2, 2, 1]), "sizes": Tensor([1, extent, 4, 1])])["y"]
            #expect(y?.shape.dimensions == [1, Int(extent), 4, 1])
        }
    }

    @Test("wrong numbers are refused")
    func refusals() throws {
        func refuses(
            _ resize: Resize = Resize(), scales: [Float]? = nil, sizes: [Int64]? = nil, shape: [Int] = [2, 3]
        ) throws {
            let x = try Tensor(zeros: .float32, shape: shape)
            #expect(throws: (any Error).self) {
                try run(
                    resize, [x, nil, scales.map { try Tensor($0) }, sizes.map { try Tensor($0) }], weights: [2, 3])
            }
        }
        try refuses()
        try refuses(scales: [1, 2], sizes: [1, 2])
        try refuses(scales: [2])
        try refuses(scales: [0, 1])
        try refuses(scales: [-1, 1])
        try refuses(scales: [.nan, 1])
        try refuses(scales: [.infinity, 1])
        try refuses(scales: [1e30, 1])
        try refuses(sizes: [-1, 1])
        try refuses(sizes: [1 << 40, 1])
        try refuses(sizes: [1 << 62, 1])
        try refuses(sizes: [2, 3], shape: [0, 3])
        var resize = Resize()
        resize.axes = [0, -2]
        try refuses(resize, scales: [1, 2])
        resize.axes = [2]
        try refuses(resize, scales: [1])
        resize = Resize()
        resize.antialiases = true
        try refuses(resize, scales: [1, 2])
        #expect(throws: (any Error).self) {
            try run(Resize(.linear), [Tensor(zeros: .bool, shape: [2]), nil, Tensor([2] as [Float])], weights: [2])
        }
    }

    @Test("no elements")
    func empty() throws {
        let y = try run(
            Resize(.linear), [Tensor(zeros: .float32, shape: [2, 0]), nil, Tensor([2, 2] as [Float])], weights: [2])[0]
        #expect(y.shape.dimensions == [4, 0])
        let z = try run(
            Resize(), [Tensor(zeros: .float32, shape: [2, 3]), nil, nil, Tensor([0, 3] as [Int64])], weights: [3])[0]
        #expect(z.shape.dimensions == [0, 3])
    }
}
