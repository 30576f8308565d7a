import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// Two shapes that broadcast.
struct BroadcastCase: CustomTestStringConvertible {
    var a: [Int]
    var b: [Int]

    static func random(_ index: Int, largest: Int = 5) -> BroadcastCase {
        var generator = Philox(seed: UInt64(index), name: "broadcast")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let full = (0..<number(0...4)).map { _ in number(0...39) == 0 ? 0 : number(1...largest) }
        func side() -> [Int] { full.suffix(number(0...full.count)).map { number(0...2) == 0 ? 1 : $0 } }
        return BroadcastCase(a: index % 3 == 0 ? full : side(), b: index % 3 == 1 ? full : side())
    }

    static let large = [
        BroadcastCase(a: [40_000], b: [40_000]), BroadcastCase(a: [300, 200], b: [200]),
        BroadcastCase(a: [200, 1], b: [1, 300]),
        BroadcastCase(a: [3, 1, 70, 64], b: [3, 9, 1, 1]), BroadcastCase(a: [], b: [50_000]),
    ]

    /// Whether a function takes operands of these shapes.
    func admits(_ function: Arithmetic.Function) -> Bool { function != .prelu || Oracle.broadcast(a, b) == a }

    var testDescription: String { "\(a) and \(b)" }
}

@Suite("Arithmetic")
struct ArithmeticTests {
    func check(_ test: BroadcastCase, seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let a = DoubleTensor.integers(test.a, in: -50...50, using: &generator)
        // No zero, and never −0 from it.
        let b = DoubleTensor.integers(test.b, in: 1...9, using: &generator)
        for function in Arithmetic.Function.allCases where test.admits(function) {
            let expected = Oracle.binary(a, b, Oracle.arithmetic(function))
            for mode in RunMode.all(at: level) where mode.weights != .parameter {
                let y = try run(Arithmetic(function), [a, b], weights: [1], mode: mode)
                #expect(try firstDifference(y, expected) == nil, "\(function), \(test.testDescription), \(mode)")
            }
        }
    }

    @Test("broadcasts as numpy does", arguments: KernelLevel.available, 0..<120)
    func broadcast(level: KernelLevel, index: Int) throws { try check(.random(index), seed: index, level: level) }

    @Test("several tiles", arguments: KernelLevel.available, BroadcastCase.large)
    func large(level: KernelLevel, test: BroadcastCase) throws { try check(test, seed: 1, level: level) }

    @Test("gradients", arguments: Arithmetic.Function.allCases, 0..<20)
    func gradients(function: Arithmetic.Function, index: Int) throws {
        let test = BroadcastCase.random(index + 200, largest: 4)
        guard !test.a.contains(0), !test.b.contains(0), test.admits(function) else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs = [
            GradientCheck.Input("a", .uniform(test.a, in: function == .power ? 0.1...3 : -1...1, using: &generator)),
            GradientCheck.Input("b", .uniform(test.b, in: 0.5...2, using: &generator)),
        ]
        let check = try GradientCheck(inputs, seed: UInt64(index)) { graph, symbols in
            [try graph.call(Arithmetic(function), symbols["a"], symbols["b"])]
        }
        #expect(try check.mismatches() == [], "\(function), \(test.testDescription)")
    }

    @Test("gradient of an operand used twice", arguments: Arithmetic.Function.allCases)
    func usedTwice(function: Arithmetic.Function) throws {
        var generator = Philox(seed: 1)
        let x = GradientCheck.Input("x", .uniform([3, 4], in: 0.5...2, using: &generator))
        let check = try GradientCheck([x], seed: 1) { graph, symbols in
            let inner = try graph.call(Arithmetic(.multiply), symbols["x"], symbols["x"])
            return [try graph.call(Arithmetic(function), inner, symbols["x"])]
        }
        #expect(try check.mismatches() == [])
    }

    static let integerTypes: [ElementType] = [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]

    @Test("all numeric types", arguments: integerTypes + [.float16, .bfloat16], 0..<6)
    func types(elementType: ElementType, index: Int) throws {
        let test = BroadcastCase.random(index + 300)
        var generator = Philox(seed: UInt64(index), name: "values")
        let isUnsigned = elementType.rawValue.hasPrefix("u")
        let a = DoubleTensor.integers(test.a, in: isUnsigned ? 5...9 : -9...9, using: &generator)
        let b = DoubleTensor.integers(test.b, in: 1...5, using: &generator)
        for function in Arithmetic.Function.allCases where test.admits(function) {
            if function == .power { continue }
            let isQuotient = function == .divide && !elementType.isFloat
            let expected = Oracle.binary(a, b) {
                let value = Oracle.arithmetic(function)($0, $1)
                return isQuotient ? value.rounded(.towardZero) : value
            }
            let y = try #require(
                try run(Arithmetic(function), [a.tensor(elementType), b.tensor(elementType)], mode: RunMode()).first)
            #expect(y.elementType == elementType)
            #expect(try y.doubles() == expected.tensor(.float64).converted(to: elementType).doubles(), "\(function)")
        }
    }

    @Test("integers wrap, and those of the least number too")
    func wrapping() throws {
        func result(_ function: Arithmetic.Function, _ a: Int8, _ b: Int8) throws -> Int8? {
            try run(Arithmetic(function), [Tensor(scalar: a), Tensor(scalar: b)]).first?.scalars(as: Int8.self).first
        }
        #expect(try result(.add, 127, 1) == -128)
        #expect(try result(.multiply, 64, 4) == 0)
        #expect(try result(.subtract, -128, 1) == 127)
        #expect(try result(.divide, -128, -1) == -128)
        #expect(try result(.remainder, -128, -1) == 0)
        #expect(try result(.modulo, -128, -1) == 0)
        #expect(try result(.modulo, -7, 3) == 2 && result(.remainder, -7, 3) == -1 && result(.modulo, 7, -3) == -2)
        #expect(throws: ShapeError.self) { try result(.power, 2, 2) }
    }

    @Test("dividing integers by 0 is an error", arguments: [Arithmetic.Function.divide, .modulo, .remainder])
    func divisionByZero(function: Arithmetic.Function) throws {
        let (a, b) = (try Tensor([Int32](repeating: 1, count: 20_000)), try Tensor([Int32](repeating: 0, count: 1)))
        let error = #expect(throws: ExecutionError.self) { try run(Arithmetic(function), [a, b]) }
        #expect(error.map { "\($0)" }?.contains("must not be divided by 0") == true)
        let floats = try run(Arithmetic(function), [Tensor([Float(1)]), Tensor([Float(0)])])
        #expect(try floats[0].doubles().allSatisfy { !$0.isFinite })
    }

    @Test("modulo of floats at the edges")
    func modulo() throws {
        let infinity = Float.infinity
        let a: [Float] = [0, -0.0, -3, 3, -1, 1, infinity, 1, .nan, 7.5, -7.5]
        let b: [Float] = [-2, 2, infinity, infinity, -infinity, -infinity, 2, 0, 2, 2, 2]
        let expected: [Float] = [-0.0, 0, infinity, 3, -1, -infinity, .nan, .nan, .nan, 1.5, 0.5]
        let y = try run(Arithmetic(.modulo), [Tensor(a), Tensor(b)])[0].scalars(as: Float.self)
        for (value, wanted) in zip(y, expected) {
            #expect(value.bitPattern == wanted.bitPattern || (value.isNaN && wanted.isNaN))
        }
    }

    @Test("the largest and smallest of a NaN is NaN", arguments: KernelLevel.available)
    func notANumber(level: KernelLevel) throws {
        let a = DoubleTensor([.nan, 1, .infinity, 2, .nan], shape: [5])
        let b = DoubleTensor([1, .nan, 2, -.infinity, .nan], shape: [5])
        for elementType in [ElementType.float32, .float64] {
            let mode = RunMode(level: level, elementType: elementType)
            let (largest, smallest) = (
                try run(Arithmetic(.maximum), [a, b], mode: mode), try run(Arithmetic(.minimum), [a, b], mode: mode)
            )
            #expect(try firstDifference(largest, DoubleTensor([.nan, .nan, .infinity, 2, .nan], shape: [5])) == nil)
            #expect(try firstDifference(smallest, DoubleTensor([.nan, .nan, 2, -.infinity, .nan], shape: [5])) == nil)
        }
    }

    @Test("powers of a constant exponent", arguments: KernelLevel.available, [2, 0.5, -1, 3, -0.5, 0])
    func constantPower(level: KernelLevel, exponent: Double) throws {
        var generator = Philox(seed: 4)
        let x = DoubleTensor.uniform([3, 40], in: 0.1...4, using: &generator)
        let expected = Oracle.map(x) { Oracle.arithmetic(.power)($0, exponent) }
        for elementType in [ElementType.float32, .float64] {
            let mode = RunMode(level: level, elementType: elementType)
            let y = try run(Arithmetic(.power), [x, DoubleTensor([exponent], shape: [1])], weights: [1], mode: mode)
            let unit = elementType == .float64 ? 0x1p-52 : 0x1p-23
            #expect(try firstExcess(y, expected, absolute: 0, relative: unit) == nil)
        }
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: 4) { graph, symbols in
            [try graph.call(Arithmetic(.power), symbols["x"], graph.scalar(exponent, .float64))]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("powers of integers")
    func integerPower() throws {
        let a: [Int64] = [2, -2, 3, 0, 1, -1, -1, 2, 0, 10]
        let b: [Int64] = [10, 3, 39, 0, -5, -5, -4, -1, -1, 64]
        let expected: [Int64] = [1024, -8, 4_052_555_153_018_976_267, 1, 1, -1, 1, 0, 0, 0]
        #expect(try run(Arithmetic(.power), [Tensor(a), Tensor(b)])[0].scalars(as: Int64.self) == expected)
    }
}

@Suite("Unbroadcast")
struct UnbroadcastTests {
    @Test("sums along what was stretched", arguments: KernelLevel.available, 0..<60)
    func random(level: KernelLevel, index: Int) throws {
        let test = BroadcastCase.random(index + 400)
        let full = Oracle.broadcast(test.a, test.b)
        try check(full, test.a, seed: index, level: level)
    }

    @Test(
        "several tiles and chunks", arguments: KernelLevel.available,
        [
            ([3000, 70], [70]), ([3000, 70], [3000, 1]), ([90_000], []), ([5, 60, 7, 80], [60, 1, 80]),
            ([40, 50, 60], [1, 50, 1]),
            ([2, 3, 2, 3, 2, 3], [2, 1, 2, 1, 2, 1]), ([3, 2, 3, 2, 3, 2], [1, 2, 1, 2, 1, 2]), ([0, 7], [7]),
            ([4, 0], [4, 1]),
        ])
    func large(level: KernelLevel, shapes: ([Int], [Int])) throws {
        try check(shapes.0, shapes.1, seed: 1, level: level)
    }

    func check(_ full: [Int], _ target: [Int], seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let x = DoubleTensor.integers(full, using: &generator)
        let expected = Oracle.unbroadcast(x, to: target)
        for mode in RunMode.all(at: level) where mode.weights == .input {
            let y = try run(Unbroadcast(), [x, DoubleTensor(zeros: target)], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(full) to \(target), \(mode)")
        }
    }
}
