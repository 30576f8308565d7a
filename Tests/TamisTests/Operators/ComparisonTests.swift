import Tamis
import TamisTestSupport
import Testing

@Suite("Comparison")
struct ComparisonTests {
    static let relations: [(Comparison.Function, @Sendable (Double, Double) -> Bool)] = [
        (.equal, { $0 == $1 }), (.less, { $0 < $1 }), (.lessOrEqual, { $0 <= $1 }), (.greater, { $0 > $1 }),
        (.greaterOrEqual, { $0 >= $1 }),
    ]

    @Test(
        "broadcasts as numpy does, of all types",
        arguments: ArithmeticTests.integerTypes + [.float16, .bfloat16, .float32, .float64], 0..<12)
    func types(elementType: ElementType, index: Int) throws {
        let test = BroadcastCase.random(index + 500)
        var generator = Philox(seed: UInt64(index), name: "values")
        let (a, b) = (
            DoubleTensor.integers(test.a, in: 0...3, using: &generator),
            DoubleTensor.integers(test.b, in: 0...3, using: &generator)
        )
        for (function, relation) in Self.relations {
            let y = try run(Comparison(function), [a.tensor(elementType), b.tensor(elementType)])[0]
            let expected = Oracle.binary(a, b) { relation($0, $1) ? 1 : 0 }
            #expect(
                try y.elementType == .bool && y.shape.dimensions == expected.shape && y.doubles() == expected.values)
        }
    }

    @Test("NaN is unequal to all, and -0 equal to 0")
    func notANumber() throws {
        let (a, b) = (try Tensor([Float.nan, 1, .nan, -0.0]), try Tensor([Float.nan, .nan, 1, 0]))
        let expected: [Comparison.Function: [Bool]] = [
            .equal: [false, false, false, true], .less: [false, false, false, false],
            .lessOrEqual: [false, false, false, true], .greater: [false, false, false, false],
            .greaterOrEqual: [false, false, false, true],
        ]
        for (function, wanted) in expected {
            #expect(try run(Comparison(function), [a, b])[0].scalars(as: Bool.self) == wanted, "\(function)")
        }
    }

    @Test("the ends of 64 bits, booleans, and what is refused")
    func edges() throws {
        let large = try run(Comparison(.less), [Tensor([UInt64(1) << 63]), Tensor([UInt64.max])])
        #expect(try large[0].scalars(as: Bool.self) == [true])
        let (yes, no) = (try Tensor([true, true, false]), try Tensor([true, false, false]))
        #expect(try run(Comparison(.equal), [yes, no])[0].scalars(as: Bool.self) == [true, false, true])
        #expect(throws: ShapeError.self) { try run(Comparison(.less), [yes, no]) }
        #expect(throws: ShapeError.self) { try run(Comparison(.equal), [yes, Tensor([Float(1)])]) }
        #expect(throws: ShapeError.self) { try run(Comparison(.equal), [yes, Tensor([true, true])]) }
    }
}

@Suite("Bitwise")
struct BitwiseTests {
    @Test("booleans, broadcast")
    func booleans() throws {
        let (a, b) = (try Tensor([true, false], shape: [2, 1]), try Tensor([true, false]))
        func results(_ function: Bitwise.Function) throws -> [Bool] {
            try run(Bitwise(function), [a, b])[0].scalars(as: Bool.self)
        }
        #expect(try results(.and) == [true, false, false, false])
        #expect(try results(.or) == [true, true, true, false])
        #expect(try results(.xor) == [false, true, true, false])
        #expect(throws: ShapeError.self) { try results(.bitwiseAnd) }
        #expect(throws: ShapeError.self) { try run(Bitwise(.and), [Tensor([Int8(1)]), Tensor([Int8(1)])]) }
    }

    private func results<Scalar: TensorScalar>(
        _ function: Bitwise.Function, _ a: [Scalar], _ b: [Scalar]
    ) throws -> [Scalar] {
        try run(Bitwise(function), [Tensor(a), Tensor(b)])[0].scalars(as: Scalar.self)
    }

    private func check<Scalar: TensorScalar & FixedWidthInteger>(_ type: Scalar.Type) throws {
        let (a, b): ([Scalar], [Scalar]) = ([.min, .max, 77, 0, .max], [.max, 1, 21, .max, 0])
        #expect(try results(.bitwiseAnd, a, b) == zip(a, b).map { $0 & $1 })
        #expect(try results(.bitwiseOr, a, b) == zip(a, b).map { $0 | $1 })
        #expect(try results(.bitwiseXor, a, b) == zip(a, b).map { $0 ^ $1 })
        let (values, shifts): ([Scalar], [Scalar]) = ([5, 5, .max, .min, 96], [1, 0, 3, 100, 7])
        #expect(try results(.shiftLeft, values, shifts) == zip(values, shifts).map { $0 << $1 })
        #expect(try results(.shiftRight, values, shifts) == zip(values, shifts).map { $0 >> $1 })
    }

    @Test("integers of all types")
    func integers() throws {
        try check(Int8.self)
        try check(UInt8.self)
        try check(Int16.self)
        try check(UInt16.self)
        try check(Int32.self)
        try check(UInt32.self)
        try check(Int64.self)
        try check(UInt64.self)
        // A negative shift is one beyond all bits.
        #expect(try results(.shiftLeft, [Int8(-1), 3], [-1, -128]) == [0, 0])
        #expect(try results(.shiftRight, [Int8(-1), 3], [-1, -128]) == [-1, 0])
    }
}

@Suite("Where")
struct WhereTests {
    @Test("three operands broadcast", arguments: 0..<40)
    func broadcast(index: Int) throws {
        let (first, second) = (BroadcastCase.random(index + 600), BroadcastCase.random(index + 700))
        // The condition's shape stretches to the result's or is stretched by it.
        let (a, b) = (first.a, first.b)
        let result = Oracle.broadcast(a, b)
        let condition = index % 2 == 0 ? result : Array(result.suffix(second.a.count)).map { $0 > 1 ? 1 : $0 }
        var generator = Philox(seed: UInt64(index), name: "values")
        let c = DoubleTensor.integers(condition, in: 0...1, using: &generator)
        let x = DoubleTensor.integers(a, in: 1...50, using: &generator)
        let y = DoubleTensor.integers(b, in: -50 ... -1, using: &generator)
        let chosen = Oracle.binary(Oracle.binary(c, x) { $0 == 0 ? 0 : $1 }, Oracle.binary(c, y) { $0 == 0 ? $1 : 0 }) {
            $0 + $1
        }
        let holds = try Tensor(c.values.map { $0 != 0 }, shape: condition)
        for elementType in [ElementType.int8, .float16, .bfloat16, .float32, .int64] {
            let found = try run(Where(), [holds, x.tensor(elementType), y.tensor(elementType)])[0]
            #expect(try found.shape.dimensions == chosen.shape && found.doubles() == chosen.values)
        }
    }

    @Test("gradients", arguments: 0..<10)
    func gradients(index: Int) throws {
        let test = BroadcastCase.random(index + 200, largest: 4)
        guard !test.a.contains(0), !test.b.contains(0) else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let shape = Oracle.broadcast(test.a, test.b)
        let c = DoubleTensor.integers(shape, in: 0...1, using: &generator)
        let inputs = [
            GradientCheck.Input("a", .uniform(test.a, using: &generator)),
            GradientCheck.Input("b", .uniform(test.b, using: &generator)),
        ]
        let holds = try Tensor(c.values.map { $0 != 0 }, shape: shape)
        let check = try GradientCheck(inputs, labels: ["c": holds], seed: UInt64(index)) { graph, symbols in
            [try graph.call(Where(), symbols["c"], symbols["a"], symbols["b"])]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("what is refused")
    func refused() throws {
        let (yes, x) = (try Tensor([true]), try Tensor([Float(1)]))
        #expect(throws: ShapeError.self) { try run(Where(), [x, x, x]) }
        #expect(throws: ShapeError.self) { try run(Where(), [yes, x, Tensor([1.0])]) }
    }
}

@Suite("Clip")
struct ClipTests {
    @Test("all numeric types", arguments: ArithmeticTests.integerTypes + [.float16, .bfloat16, .float32, .float64])
    func types(elementType: ElementType) throws {
        let x = DoubleTensor((0..<20_000).map { Double($0 % 23) }, shape: [20_000])
        let (low, high) = (DoubleTensor([3], shape: []), DoubleTensor([17], shape: [1]))
        for (hasLow, hasHigh) in [(true, true), (true, false), (false, true), (false, false)] {
            let expected = x.values.map { min(max($0, hasLow ? 3 : -100), hasHigh ? 17 : 100) }
            let inputs = [
                try x.tensor(elementType), hasLow ? try low.tensor(elementType) : nil,
                hasHigh ? try high.tensor(elementType) : nil,
            ]
            #expect(try run(Clip(), inputs)[0].doubles() == expected)
        }
    }

    @Test("NaN stays; where the bounds cross, high has the say")
    func edges() throws {
        let inputs = [try Tensor([Float.nan, 0, 5]), try Tensor(scalar: Float(2)), try Tensor(scalar: Float(1))]
        let y = try run(Clip(), inputs)[0].scalars(as: Float.self)
        #expect(y[0].isNaN && y[1...] == [1, 1])
        #expect(throws: ShapeError.self) { try run(Clip(), [inputs[0], inputs[0]]) }
    }

    @Test("gradients of the values and of the bounds")
    func gradients() throws {
        var generator = Philox(seed: 2)
        let inputs = [
            GradientCheck.Input("x", .distinct([5, 9], gap: 0.05, using: &generator)),
            GradientCheck.Input("low", DoubleTensor([-0.51], shape: [])),
            GradientCheck.Input("high", DoubleTensor([0.41], shape: [1])),
        ]
        let check = try GradientCheck(inputs, seed: 2) { graph, symbols in
            [try graph.call(Clip(), symbols["x"], symbols["low"], symbols["high"])]
        }
        #expect(try check.mismatches() == [])
    }
}
