import Glibc
import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Unary")
struct UnaryTests {
    /// The functions of floats that give floats, and where their arguments may lie.
    static let functions: [(Unary.Function, ClosedRange<Double>, @Sendable (Double) -> Double)] = [
        (.absolute, -5...5, { abs($0) }), (.negate, -5...5, { -$0 }),
        (.sign, -5...5, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }), (.floor, -5...5, { floor($0) }),
        (.ceiling, -5...5, { ceil($0) }), (.round, -5...5, { rint($0) }), (.squareRoot, 0.01...9, { sqrt($0) }),
        (.reciprocal, 0.1...5, { 1 / $0 }), (.exponential, -20...20, { exp($0) }), (.logarithm, 0.01...50, { log($0) }),
        (.errorFunction, -4...4, { erf($0) }), (.sine, -9...9, { sin($0) }), (.cosine, -9...9, { cos($0) }),
        (.tangent, -1.4...1.4, { tan($0) }), (.arcSine, -0.95...0.95, { asin($0) }),
        (.arcCosine, -0.95...0.95, { acos($0) }), (.arcTangent, -9...9, { atan($0) }),
        (.hyperbolicSine, -5...5, { sinh($0) }), (.hyperbolicCosine, -5...5, { cosh($0) }),
        (.areaSine, -9...9, { asinh($0) }), (.areaCosine, 1.1...9, { acosh($0) }),
        (.areaTangent, -0.95...0.95, { atanh($0) }),
    ]

    @Test("within a few units of the last place", arguments: KernelLevel.available, functions.indices)
    func values(level: KernelLevel, index: Int) throws {
        let (function, range, reference) = Self.functions[index]
        var generator = Philox(seed: UInt64(index))
        var x = DoubleTensor.uniform([1003], in: range, using: &generator)
        // Halves, which go to the even neighbour.
        if range.lowerBound == -5 { x.values += [-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 3] }
        x.shape = [x.values.count]
        let expected = Oracle.map(x, reference)
        for elementType in [ElementType.float32, .float64] {
            let y = try run(Unary(function), [x], mode: RunMode(level: level, elementType: elementType))
            let unit = elementType == .float64 ? 0x1p-52 : 0x1p-23
            #expect(try firstExcess(y, expected, absolute: 0, relative: 4 * unit) == nil, "\(function), \(elementType)")
        }
    }

    @Test("beyond the range", arguments: KernelLevel.available)
    func edges(level: KernelLevel) throws {
        func value(_ function: Unary.Function, _ x: Double, _ elementType: ElementType) throws -> Double {
            let mode = RunMode(level: level, elementType: elementType)
            return try #require(try run(Unary(function), [DoubleTensor([x], shape: [])], mode: mode).doubles().first)
        }
        for type in [ElementType.float32, .float64] {
            #expect(try value(.logarithm, 0, type) == -.infinity && value(.logarithm, -1, type).isNaN)
            #expect(try value(.exponential, -.infinity, type) == 0 && value(.exponential, 1e4, type) == .infinity)
            #expect(try value(.errorFunction, .infinity, type) == 1 && value(.errorFunction, -30, type) == -1)
            #expect(try value(.squareRoot, -1, type).isNaN && value(.reciprocal, 0, type) == .infinity)
            #expect(try value(.round, 1e30, type).rounded() == value(.absolute, 1e30, type))
            for (function, _, _) in Self.functions { #expect(try value(function, .nan, type).isNaN, "\(function)") }
        }
    }

    @Test("gradients", arguments: functions.indices, [[1], [3, 11]])
    func gradients(index: Int, shape: [Int]) throws {
        let (function, range, _) = Self.functions[index]
        if [.sign, .floor, .ceiling, .round].contains(function) { return }
        var generator = Philox(seed: UInt64(index))
        let x = DoubleTensor.uniform(shape, in: function == .exponential ? -2...2 : range, using: &generator)
        let check = try GradientCheck([GradientCheck.Input("x", x)], seed: 5) { graph, symbols in
            [try graph.call(Unary(function), symbols["x"])]
        }
        #expect(try check.mismatches() == [], "\(function)")
    }

    @Test("integers and booleans")
    func integers() throws {
        func results<Scalar: TensorScalar & Equatable>(_ function: Unary.Function, _ x: [Scalar]) throws -> [Scalar] {
            try run(Unary(function), [Tensor(x)])[0].scalars(as: Scalar.self)
        }
        #expect(try results(.absolute, [Int8(-128), -3, 4]) == [-128, 3, 4])
        #expect(try results(.absolute, [UInt64.max, 0]) == [UInt64.max, 0])
        #expect(try results(.negate, [Int32.min, 7]) == [Int32.min, -7])
        #expect(try results(.sign, [Int16(-5), 0, 9]) == [-1, 0, 1])
        #expect(try results(.sign, [UInt8(200), 0]) == [1, 0])
        #expect(try results(.not, [true, false]) == [false, true])
        #expect(try results(.bitwiseNot, [UInt64.max, 0, 5]) == [0, UInt64.max, ~5])
        #expect(try results(.bitwiseNot, [Int8(-1), 4]) == [0, -5])
        #expect(throws: ShapeError.self) { try run(Unary(.sine), [Tensor([Int32(1)])]) }
        #expect(throws: ShapeError.self) { try run(Unary(.not), [Tensor([UInt8(1)])]) }
        #expect(throws: ShapeError.self) { try run(Unary(.bitwiseNot), [Tensor([Float(1)])]) }
    }

    @Test("what is no number, or infinite", arguments: [ElementType.float16, .bfloat16, .float32, .float64])
    func questions(elementType: ElementType) throws {
        let x = try DoubleTensor([1, .nan, .infinity, -.infinity, -0.0], shape: [5]).tensor(elementType)
        func answer(_ function: Unary.Function) throws -> [Bool] {
            try run(Unary(function), [x])[0].scalars(as: Bool.self)
        }
        #expect(try answer(.isNaN) == [false, true, false, false, false])
        #expect(try answer(.isInfinite) == [false, false, true, true, false])
        #expect(try answer(.isPositiveInfinity) == [false, false, true, false, false])
        #expect(try answer(.isNegativeInfinity) == [false, false, false, true, false])
    }
}
