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
