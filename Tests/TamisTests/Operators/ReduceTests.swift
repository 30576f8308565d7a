import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// A tensor's shape and the axes to reduce.
struct ReduceCase: CustomTestStringConvertible {
    var shape: [Int]
    var axes: [Int]
    var keepsDimensions = true

    static func random(_ index: Int, largest: Int = 5) -> ReduceCase {
        var generator = Philox(seed: UInt64(index), name: "reduce")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let shape = (0..<number(0...5)).map { _ in number(0...39) == 0 ? 0 : number(1...largest) }
        let axes = shape.indices.filter { _ in number(0...1) == 0 }.map { number(0...1) == 0 ? $0 : $0 - shape.count }
        return ReduceCase(shape: shape, axes: axes.shuffled(using: &generator), keepsDimensions: index % 2 == 0)
    }

    /// Several tiles, chunks of rows, wide rows, rounds over parted axes.
    static let large: [ReduceCase] = [
        ReduceCase(shape: [2, 130, 180, 3], axes: [1, 2]), ReduceCase(shape: [7, 49, 96], axes: [1]),
        ReduceCase(shape: [3000, 17], axes: [-1], keepsDimensions: false), ReduceCase(shape: [70_000], axes: [0]),
        ReduceCase(shape: [3, 9000], axes: [0]), ReduceCase(shape: [3, 20, 7, 80], axes: [1, 3]),
        ReduceCase(shape: [2, 3, 2, 3, 2, 3], axes: [0, 2, 4]),
        ReduceCase(shape: [3, 2, 3, 2, 3, 2], axes: [1, 3, 5]),
        ReduceCase(shape: [20, 1, 1000], axes: [0, 1]), ReduceCase(shape: [1, 6, 1], axes: [0, 2]),
    ]

    /// The axes as the reference wants them: none means all.
    var reduced: [Int] { axes.isEmpty ? Array(shape.indices) : axes }
    var count: Int { reduced.reduce(1) { $0 * shape[$1 < 0 ? $1 + shape.count : $1] } }
    var testDescription: String { "\(shape), axes \(axes)\(keepsDimensions ? "" : ", dropped")" }
}

@Suite("Reduce")
struct ReduceTests {
    static let exact: [Reduce.Function] = [.sum, .largest, .smallest, .product, .l1, .sumOfSquares]

    func check(_ test: ReduceCase, seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let integers = DoubleTensor.integers(test.shape, using: &generator)
        let signs = DoubleTensor.integers(test.shape, in: 0...1, using: &generator)
        let floats = DoubleTensor.uniform(test.shape, in: 0.5...2, using: &generator)
        let choices = [integers, Oracle.map(signs) { 2 * $0 - 1 }, floats]
        let slices = choices.map { Oracle.slices($0, axes: test.reduced) }
        let shape = Oracle.reducedShape(test.shape, axes: test.reduced, keepsDimensions: test.keepsDimensions)
        for function in Reduce.Function.allCases {
            let choice = function == .product ? 1 : Self.exact.contains(function) ? 0 : 2
            let x = choices[choice]
            let expected = DoubleTensor(slices[choice].map { Oracle.reduce(function, $0) }, shape: shape)
            let operation = Reduce(function, axes: test.axes, keepsDimensions: test.keepsDimensions)
            for mode in RunMode.all(at: level) where mode.weights == .input {
                let y = try run(operation, [x], mode: mode)
                if Self.exact.contains(function) {
                    #expect(try firstDifference(y, expected) == nil, "\(function), \(test.testDescription), \(mode)")
                } else {
                    let unit = mode.elementType == .float64 ? 0x1p-53 : 0x1p-24
                    // The reference adds one by one, which costs it accuracy.
                    let relative = (64 + Double(test.count) / 100) * unit
                    let difference = try firstExcess(y, expected, absolute: 16 * unit, relative: relative)
                    #expect(difference == nil, "\(function), \(test.testDescription), \(mode)")
                }
            }
        }
    }

    @Test("values", arguments: KernelLevel.available, 0..<60)
    func values(level: KernelLevel, index: Int) throws { try check(.random(index), seed: index, level: level) }

    @Test("several tiles", arguments: KernelLevel.available, ReduceCase.large)
    func large(level: KernelLevel, test: ReduceCase) throws { try check(test, seed: 1, level: level) }

    @Test("the mean of integers is exact where it is whole", arguments: KernelLevel.available)
    func wholeMeans(level: KernelLevel) throws {
        let x = DoubleTensor((0..<3 * 49 * 5).map { Double($0 % 49 * 2) }, shape: [3, 49, 5])
        let y = try run(Reduce(.mean, axes: [1]), [x], mode: RunMode(level: level))
        #expect(try firstDifference(y, Oracle.reduce(.mean, x, axes: [1])) == nil)
    }

    @Test(
        "integers of all types",
        arguments: [ElementType.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64])
    func integers(elementType: ElementType) throws {
        for index in 0..<20 {
            let test = ReduceCase.random(index, largest: 4)
            var generator = Philox(seed: UInt64(index), name: "values")
            let isSigned = elementType.rawValue.hasPrefix("i")
            let x = DoubleTensor.integers(test.shape, in: isSigned ? -1...1 : 0...1, using: &generator)
            for function in Reduce.Function.allCases where function != .logSum && function != .logSumExponentials {
                if function == .mean && test.count == 0 { continue }
                let tensor = try integerTensor(x.values, x.shape, elementType)
                let operation = Reduce(function, axes: test.axes, keepsDimensions: test.keepsDimensions)
                let y = try run(operation, [tensor])[0]
                var expected = Oracle.reduce(function, x, axes: test.reduced, keepsDimensions: test.keepsDimensions)
                expected = Oracle.map(expected) { $0.rounded(.towardZero) }
                if test.count == 0, function == .largest || function == .smallest { continue }
                #expect(y.elementType == elementType && y.shape.dimensions == expected.shape)
                #expect(try y.doubles() == expected.values, "\(function), \(test.testDescription)")
            }
        }
    }

    @Test("integers wrap, and a mean of none is an error")
    func wrapping() throws {
        let x = try Tensor([Int8(100), 100, -128], shape: [3])
        #expect(try run(Reduce(.sum), [x])[0].scalars(as: Int8.self) == [72])
        #expect(try run(Reduce(.product), [x])[0].scalars(as: Int8.self) == [0])
        #expect(
            try run(Reduce(.l1, axes: [0], keepsDimensions: false), [x.slice(2..<3)])[0].scalars(as: Int8.self) == [
                -128
            ])
        #expect(throws: ExecutionError.self) { try run(Reduce(.mean), [Tensor(zeros: .int32, shape: [0])]) }
    }

    @Test("the largest of booleans is or, the smallest and")
    func booleans() throws {
        let x = try Tensor([true, true, true, false, false, false], shape: [3, 2])
        #expect(try run(Reduce(.largest, axes: [1]), [x])[0].scalars(as: Bool.self) == [true, true, false])
        #expect(try run(Reduce(.smallest, axes: [1]), [x])[0].scalars(as: Bool.self) == [true, false, false])
        let none = try Tensor(zeros: .bool, shape: [2, 0])
        #expect(try run(Reduce(.largest, axes: [1]), [none])[0].scalars(as: Bool.self) == [false, false])
        #expect(try run(Reduce(.smallest, axes: [1]), [none])[0].scalars(as: Bool.self) == [true, true])
    }

    @Test("that of no elements", arguments: KernelLevel.available)
    func empty(level: KernelLevel) throws {
        for function in Reduce.Function.allCases {
            let y = try run(Reduce(function, axes: [1]), [DoubleTensor(zeros: [2, 0, 3])], mode: RunMode(level: level))
            let wanted = Oracle.reduce(function, [])
            #expect(
                try firstDifference(y, DoubleTensor([Double](repeating: wanted, count: 6), shape: [2, 1, 3])) == nil)
        }
        for (type, lowest, highest) in [(ElementType.int8, -128.0, 127.0), (.uint16, 0, 65535)] {
            let x = try Tensor(zeros: type, shape: [0])
            #expect(try run(Reduce(.largest), [x])[0].doubles() == [lowest])
            #expect(try run(Reduce(.smallest), [x])[0].doubles() == [highest])
        }
    }

    @Test("no axes mean none where they may", arguments: Reduce.Function.allCases)
    func noAxes(function: Reduce.Function) throws {
        let x = DoubleTensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let y = try run(Reduce(function, allowsNoAxes: true), [x], mode: RunMode())
        let expected = DoubleTensor(x.values.map { Oracle.reduce(function, [$0]) }, shape: x.shape)
        #expect(try firstExcess(y, expected, absolute: 0, relative: 1e-6) == nil)
    }

    @Test("axes may come as an input")
    func axesAsInput() throws {
        let x = try Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
        let axes = try Tensor([Int64(-1), 0])
        let operation = Reduce(.sum, keepsDimensions: false)
        let y = try run(operation, [x, axes], weights: [1])[0]
        #expect(try y == run(Reduce(.sum, axes: [0, 2], keepsDimensions: false), [x])[0])
        // Before the values are there, the rank is.
        let open = Operands(
            [Operand(type: .tensor(.float32, x.shape)), Operand(type: .tensor(.int64, [2]))], operatorName: "")
        #expect(try operation.outputTypes(for: open) == [.tensor(.float32, [.unknown])])
        #expect(try Reduce(.sum).outputTypes(for: open) == [.tensor(.float32, [.unknown, .unknown, .unknown])])
    }

    @Test("NaN and infinities", arguments: KernelLevel.available)
    func notANumber(level: KernelLevel) throws {
        for count in [3, 5, 40, 300] {
            for place in [0, count / 2, count - 1] {
                for columns in [1, 2, 19] {
                    var x = DoubleTensor(zeros: [count, columns])
                    x.values[place * columns] = .nan
                    for function in Reduce.Function.allCases {
                        let y = try run(Reduce(function, axes: [0]), [x], mode: RunMode(level: level)).doubles()
                        #expect(
                            y[0].isNaN && !y.dropFirst().contains(where: \.isNaN), "\(function), \(count), \(place)")
                    }
                }
            }
        }
        let x = DoubleTensor([1000, 1000, -.infinity, -.infinity, .infinity, 0], shape: [3, 2])
        let y = try run(Reduce(.logSumExponentials, axes: [1]), [x], mode: RunMode(level: level)).doubles()
        #expect(abs(y[0] - 1000.6931) < 1e-3 && y[1] == -.infinity && y[2] == .infinity)
    }

    @Test("axes in another order", arguments: Reduce.Function.allCases, 0..<12)
    func permuted(function: Reduce.Function, index: Int) throws {
        let test = ReduceCase.random(index)
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = try DoubleTensor.uniform(test.shape, in: 0.5...2, using: &generator).tensor()
        let order = try Permutation(generator.shuffled(test.shape.count))
        for allowsNoAxes in [false, true] {
            let operation = Reduce(
                function, axes: test.axes, keepsDimensions: test.keepsDimensions, allowsNoAxes: allowsNoAxes)
            #expect(
                try permutedDifference(operation, [x], by: order, tolerance: 1e-5) == nil,
                "\(test.testDescription) by \(order.order)")
        }
    }

    @Test(
        "an image has the same bits in every batch", arguments: [[0, 24_000, 3], [0, 1800, 40], [0, 9, 7]], [1, 2])
    func sameBits(shape: [Int], axis: Int) throws {
        let images = try (0..<3).map { try randomTensor([1] + shape.dropFirst(), seed: UInt64($0)) }
        let batch = try Tensor(images.flatMap { try $0.scalars(as: Float.self) }, shape: [3] + shape.dropFirst())
        for function in Reduce.Function.allCases {
            let together = try run(Reduce(function, axes: [axis]), [batch])[0]
            for (index, image) in images.enumerated() {
                let alone = try run(Reduce(function, axes: [axis]), [image], mode: RunMode(threads: 2))[0]
                #expect(try differingBits(together.slice(index..<index + 1), alone) == 0, "\(function), \(shape)")
            }
        }
    }

    @Test("gradients", arguments: Reduce.Function.allCases, 0..<12)
    func gradients(function: Reduce.Function, index: Int) throws {
        let test = ReduceCase.random(index, largest: 4)
        guard !test.shape.contains(0) else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let isKinked = function == .largest || function == .smallest || function == .l1
        let x =
            isKinked
            ? DoubleTensor.distinct(test.shape, using: &generator)
            : .uniform(test.shape, in: 0.5...1.5, using: &generator)
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: UInt64(index)) { graph, symbols in
            [
                try graph.call(
                    Reduce(function, axes: test.axes, keepsDimensions: test.keepsDimensions), symbols["x"])
            ]
        }
        #expect(try check.mismatches() == [], "\(test.testDescription)")
    }

    @Test("the gradient of a product with zeros, and of equal elements")
    func edges() throws {
        let x = DoubleTensor([2, 0, 3, 0, 0, 5, 2, 2, 1], shape: [3, 3])
        func gradient(_ function: Reduce.Function) throws -> [Double] {
            let reduction = Reduce(function, axes: [1])
            let y = Oracle.reduce(function, x, axes: [1])
            return try run(
                ReduceGradient(reduction), [x, y, DoubleTensor([1, 1, 1], shape: [3, 1])], mode: RunMode()
            )
            .doubles()
        }
        #expect(try gradient(.product) == [0, 6, 0, 0, 0, 0, 2, 2, 4])
        #expect(try gradient(.largest) == [0, 0, 1, 0, 0, 1, 1, 0, 0])
        #expect(try gradient(.smallest) == [0, 1, 0, 1, 0, 0, 0, 0, 1])
    }

    @Test("axes that the tensor has not, axes twice, and types that do not reduce are refused")
    func errors() throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 3])
        for axes in [[2], [-3], [0, -2], [1, 1], [Int.max], [Int.min]] {
            #expect(throws: ShapeError.self) { try run(Reduce(.sum, axes: axes), [x]) }
        }
        #expect(throws: ShapeError.self) { try run(Reduce(.logSum), [Tensor([Int32(1)])]) }
        #expect(throws: ShapeError.self) { try run(Reduce(.sum), [Tensor([true])]) }
        #expect(throws: ShapeError.self) { try run(Reduce(.sum), [x, Tensor([Int32(1)])]) }
    }

    @Test("files hold the axes as an attribute or as an input", arguments: Reduce.Function.allCases, [13, 17, 18, 28])
    func files(function: Reduce.Function, opset: Int) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 3, 4]))
        for (index, axes) in [[], [1], [-1, 0]].enumerated() {
            let operation = Reduce(function, axes: axes, keepsDimensions: index > 0)
            graph.output(try graph.call(operation, x), name: "y\(index)")
        }
        let model = graph.model
        let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
        let inputs = ["x": try randomTensor([2, 3, 4])]
        let expected = try Session(Plan(model, inputs: [:]), threads: 1).run(inputs)
        let results = try Session(Plan(again, inputs: [:]), threads: 1).run(inputs)
        #expect(expected.count == 3 && results == expected)
    }
}
