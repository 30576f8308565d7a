import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("MatMul")
struct MatMulTests {
    /// Two shapes that multiply: batches that broadcast, matrices, or single rows and columns.
    static func random(_ index: Int, largest: Int = 12, smallestRank: Int = 1) -> (a: [Int], b: [Int]) {
        var generator = Philox(seed: UInt64(index), name: "matmul")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let (m, n, k) = (number(1...largest), number(1...largest), number(0...24) == 0 ? 0 : number(1...largest))
        let batch = (0..<number(0...3)).map { _ in number(0...24) == 0 ? 0 : number(1...3) }
        func side(_ matrix: [Int], _ vector: [Int]) -> [Int] {
            if smallestRank == 1, number(0...5) == 0 { return vector }
            return batch.suffix(number(0...batch.count)).map { number(0...3) == 0 ? 1 : $0 } + matrix
        }
        return (side([m, k], [k]), side([k, n], [k]))
    }

    static let large: [(a: [Int], b: [Int])] = [
        ([3, 50, 70], [70, 90]), ([4, 65, 33], [4, 33, 66]), ([2, 1, 300], [300, 500]),
    ]

    func check(_ a: [Int], _ b: [Int], seed: Int, level: KernelLevel) throws {
        var generator = Philox(seed: UInt64(seed), name: "values")
        let left = DoubleTensor.integers(a, using: &generator)
        let right = DoubleTensor.integers(b, using: &generator)
        let expected = Oracle.matMul(left, right)
        for mode in RunMode.all(at: level) {
            let y = try run(MatMul(), [left, right], weights: [1], mode: mode)
            #expect(try firstDifference(y, expected) == nil, "\(a) × \(b), \(mode)")
        }
    }

    @Test("whole numbers, broadcast batches", arguments: KernelLevel.available, 0..<300)
    func wholeNumbers(level: KernelLevel, index: Int) throws {
        let (a, b) = Self.random(index)
        try check(a, b, seed: index, level: level)
    }

    @Test("whole numbers, several tiles", arguments: KernelLevel.available, 0..<3)
    func severalTiles(level: KernelLevel, index: Int) throws {
        try check(Self.large[index].a, Self.large[index].b, seed: index, level: level)
    }

    @Test("integers of all types", arguments: [ElementType.int8, .int16, .int32, .int64, .uint32, .uint64])
    func integers(elementType: ElementType) throws {
        for index in 0..<40 {
            let (a, b) = Self.random(index)
            var generator = Philox(seed: UInt64(index), name: "values")
            let isSigned = elementType != .uint32 && elementType != .uint64
            let left = DoubleTensor.integers(a, in: isSigned ? -3...3 : 0...3, using: &generator)
            let right = DoubleTensor.integers(b, in: isSigned ? -3...3 : 0...3, using: &generator)
            let tensors = try [left, right].map { try integerTensor($0.values, $0.shape, elementType) }
            let y = try run(MatMul(), tensors, mode: RunMode(threads: 2))[0]
            let expected = Oracle.matMul(left, right)
            #expect(y.elementType == elementType && y.shape.dimensions == expected.shape)
            #expect(try y.doubles() == expected.values, "\(a) × \(b)")
        }
        let rectified = try run(
            MatMul(activation: .relu), [Tensor([Int32(-1), 1], shape: [2, 1]), Tensor([Int32(5)], shape: [1, 1])])
        #expect(try rectified[0].scalars(as: Int32.self) == [0, 5])
        #expect(throws: PlanError.self) {
            try run(MatMul(activation: .tanh), [Tensor([Int32(1)]), Tensor([Int32(1)])])
        }
    }

    @Test("gradients", arguments: 0..<60)
    func gradients(index: Int) throws {
        let (a, b) = Self.random(index + 500, largest: 5, smallestRank: index < 40 ? 2 : 1)
        guard !a.contains(0), !b.contains(0) else { return }
        var generator = Philox(seed: UInt64(index), name: "values")
        let inputs = [
            GradientCheck.Input("a", .uniform(a, using: &generator)),
            GradientCheck.Input("b", .uniform(b, using: &generator)),
        ]
        let check = try GradientCheck(inputs, seed: UInt64(index)) { graph, symbols in
            [try graph.call(MatMul(), symbols["a"], symbols["b"])]
        }
        #expect(try check.mismatches() == [], "\(a) × \(b)")
    }
}
