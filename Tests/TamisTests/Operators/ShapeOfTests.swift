import Tamis
import TamisTestSupport
import Testing

@Suite("Shape, Size, Squeeze, Unsqueeze, ConstantOfShape and Range")
struct ShapeOperatorTests {
    @Test(
        "parts of a shape",
        arguments: [
            (0, nil, [2, 3, 4]), (1, nil, [3, 4]), (-1, nil, [4]), (0, -1, [2, 3]), (1, 2, [3]), (2, 1, []),
            (-10, 10, [2, 3, 4]), (.min + 10, .max, [2, 3, 4]), (5, nil, []),
        ] as [(Int, Int?, [Int64])])
    func shapes(start: Int, end: Int?, expected: [Int64]) throws {
        let x = try Tensor(zeros: .int4, shape: [2, 3, 4])
        #expect(try run(ShapeOf(start: start, end: end), [x])[0].scalars(as: Int64.self) == expected)
        #expect(try run(SizeOf(), [x])[0].scalars(as: Int64.self) == [24])
    }

    @Test("a Reshape to a computed shape")
    func computed() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", 3, "w"]))
        let shape = try graph.call(ShapeOf(), x)
        let first = try graph.call(Gather(), shape, graph.constant(try Tensor(scalar: Int64(0))))
        let one = try graph.call(Unsqueeze(axes: [0]), first)
        let rest = graph.constant(try integers([-1]))
        let y = try graph.call(Reshape(), x, graph.call(Concat(axis: 0), one, rest))
        #expect(y.dimensions == [.unknown, .unknown])
        graph.output(y, name: "y")
        let plan = try Plan(graph.model, inputs: ["x": Shape([2, 3, 5])])
        #expect(plan.outputs[0].shape.dimensions == [2, 15])
        #expect(plan.lines.count == 1, "what follows from shapes is done when the plan is made")
    }

    @Test("axes of one element go and come", arguments: 0..<60)
    func squeezes(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "squeeze")
        let rank = Int.random(in: 1...5, using: &generator)
        let axes = Array(generator.shuffled(rank).prefix(Int.random(in: 1...rank, using: &generator)))
        let full = (0..<rank).map {
            axes.contains($0) ? 1 : [0, 2, 3, 4][Int.random(in: index % 5 == 0 ? 0...3 : 1...3, using: &generator)]
        }
        let short = (0..<rank).filter { !axes.contains($0) }.map { full[$0] }
        let x = DoubleTensor.integers(full, in: -90...90, using: &generator)
        let y = DoubleTensor(x.values, shape: short)
        let given = axes.map { index % 2 == 0 ? $0 : $0 - rank }

        let order = generator.shuffled(rank)
        for operation in [Squeeze(axes: given)] + (full.contains(0) ? [] : [Squeeze()]) {
            let check = MovingCheck(operation, [x], expected: [y])
            #expect(try check.mismatches() == [])
            #expect(try check.permutedMismatch(order) == nil)
            if index < 10 { #expect(try check.gradientMismatches(seed: 1) == []) }
        }
        let open = MovingCheck(Squeeze(), [x], numbers: [try integers(given)], expected: [y])
        #expect(try open.mismatches() == [])

        let back = MovingCheck(Unsqueeze(axes: given), [y], expected: [x])
        #expect(try back.mismatches() == [])
        #expect(try back.permutedMismatch(generator.shuffled(short.count)) == nil)
        if index < 10 { #expect(try back.gradientMismatches(seed: 1) == []) }
        let openBack = MovingCheck(Unsqueeze(), [y], numbers: [try integers(given)], expected: [x])
        #expect(try openBack.mismatches() == [])
    }

    @Test(
        "axes that are not there, are there twice or have more elements",
        arguments: [[0], [3], [-4], [1, -2], [1, 1]])
    func axisErrors(axes: [Int]) throws {
        let x = try Tensor(zeros: .float32, shape: [2, 1, 1])
        #expect(throws: ShapeError.self) { try run(Squeeze(axes: axes), [x]) }
        let places = axes == [0] ? [4] : axes == [3] ? [-5] : axes == [-4] ? [.min] : axes == [1, -2] ? [1, -4] : axes
        #expect(throws: ShapeError.self) { try run(Unsqueeze(axes: places), [x]) }
    }

    @Test("a Reshape of images of another order of axes")
    func permutedReshapes() throws {
        var generator = Philox(seed: 1)
        let order = [0, 3, 1, 2]
        let cases: [([Int], [Int])] = [
            ([2, 6, 4, 5], [2, 3, 2, 4, 5]), ([2, 6, 4, 5], [0, 2, 3, 4, -1]), ([2, 6, 4, 5], [2, 6, 20]),
            ([2, 6, 1, 1], [2, 6]), ([1, 6, 4, 5], [1, 6, 1, 4, 5]), ([1, 6, 4, 5], [6, 4, 5]),
            ([2, 6, 4, 6], [2, 6, 2, 2, 3, 2]), ([1, 6, 1, 5], [1, 2, 3, 5, 1]), ([2, 6, 4, 5], [2, 24, 5]),
            ([2, 6, 4, 5], [2, 120]), ([2, 6, 4, 5], [12, 20]),
        ]
        for (shape, target) in cases {
            let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
            var wanted = target
            for axis in wanted.indices where wanted[axis] == 0 { wanted[axis] = shape[axis] }
            if let open = wanted.firstIndex(of: -1) {
                wanted[open] = 1
                wanted[open] = shape.reduce(1, *) / wanted.reduce(1, *)
            }
            let check = MovingCheck(Reshape(to: target), [x], expected: [DoubleTensor(x.values, shape: wanted)])
            #expect(try check.mismatches() == [])
            #expect(try check.permutedMismatch(order) == nil, "\(shape) to \(target)")
        }
        let open = Operands([Operand(type: .tensor(.float32, ["n", 6, "h", 5]))], operatorName: "Reshape")
        #expect(Reshape(to: [0, 6, -1]).permuted(by: try Permutation(order), inputs: open) == nil)
    }

    @Test("a shuffle of channels moves no transpose of the images")
    func shuffle() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", 4, 5, 6]))
        let first = try graph.call(Transpose(.channelFirst(rank: 4)), x)
        let groups = try graph.call(Reshape(to: [-1, 2, 3, 4, 5]), first)
        let swapped = try graph.call(Transpose(Permutation([0, 2, 1, 3, 4])), groups)
        let joined = try graph.call(Reshape(to: [-1, 6, 4, 5]), swapped)
        graph.output(try graph.call(Transpose(.channelLast(rank: 4)), joined), name: "y")
        let moved = try CancelTransposes()(graph.model)
        #expect(moved.count("Transpose") == 1)
        var generator = Philox(seed: 1)
        let inputs = ["x": try DoubleTensor.integers([2, 4, 5, 6], using: &generator).tensor()]
        #expect(try differingBits(run(moved, inputs), run(graph.model, inputs, optimizes: false)) == 0)
    }

    @Test("constants of any type and shape")
    func constants() throws {
        for value in [
            try Tensor([Int64(7)]), try Tensor([Float(2.5)]), try Tensor([true]), try Tensor([UInt16(9)], shape: []),
        ] {
            for shape in [[], [3], [2, 0, 4], [50, 700]] {
                let y = try run(ConstantOfShape(value: value), [integers(shape)], weights: [0])[0]
                #expect(y.shape.dimensions == shape && y.elementType == value.elementType)
                #expect(try y.doubles() == Array(repeating: value.doubles()[0], count: shape.reduce(1, *)))
            }
        }
        for shape in [[-1], [.max, .max], [1 << 47, 4]] {
            #expect(throws: ShapeError.self) {
                try run(ConstantOfShape(value: Tensor(scalar: 1.0)), [integers(shape)], weights: [0])
            }
        }
        #expect(throws: ShapeError.self) { try ConstantOfShape(value: integers([1, 2])) }
    }

    static func range<Scalar: TensorScalar>(_ start: Scalar, _ limit: Scalar, _ delta: Scalar) throws -> Tensor {
        try run(NumberRange(), [start, limit, delta].map { try Tensor(scalar: $0) }, weights: [0, 1, 2])[0]
    }

    @Test("ranges of all types")
    func ranges() throws {
        #expect(try Self.range(Int32(10), 4, -2).scalars(as: Int32.self) == [10, 8, 6])
        #expect(try Self.range(Int8(-100), 100, 50).scalars(as: Int8.self) == [-100, -50, 0, 50])
        #expect(try Self.range(UInt8(200), 255, 30).scalars(as: UInt8.self) == [200, 230])
        #expect(try Self.range(Int64.max - 5, .max, 3).scalars(as: Int64.self) == [.max - 5, .max - 2])
        #expect(try Self.range(Int64.min, .max, .max).scalars(as: Int64.self) == [.min, -1, .max - 1])
        #expect(try Self.range(UInt64.max - 1, .max, 1).scalars(as: UInt64.self) == [.max - 1])
        #expect(try Self.range(Float(1), 5, 2).scalars(as: Float.self) == [1, 3])
        #expect(try Self.range(Float16(0), 1, 0.25).scalars(as: Float16.self) == [0, 0.25, 0.5, 0.75])
        #expect(
            try Self.range(BFloat16(Float(1)), BFloat16(Float(3)), BFloat16(Float(1))).scalars(as: BFloat16.self).map(
                \.float) == [1, 2])
        #expect(try Self.range(1.0, 0.0, 0.5).scalars(as: Double.self) == [])
        #expect(try Self.range(1.0, 2.1, 0.5).scalars(as: Double.self) == [1, 1.5, 2])
        #expect(throws: ShapeError.self) { try Self.range(1, 2, 0 as Int64) }
        #expect(throws: ShapeError.self) { try Self.range(1.0, 2, 0) }
        #expect(throws: ShapeError.self) { try Self.range(0.0, .infinity, 1) }
        #expect(throws: ShapeError.self) { try Self.range(0.0, .nan, 1) }
        #expect(throws: ShapeError.self) { try Self.range(Int64.min, .max, 1) }
        #expect(throws: ShapeError.self) { try Self.range(true, true, true) }
    }
}
