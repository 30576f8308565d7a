import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Reshape")
struct ReshapeTests {
    /// What the shape rule makes of a type and a wanted shape.
    static func rule(_ dimensions: [Dimension]?, to shape: [Int64], allowsZero: Bool = false) throws -> [Dimension]? {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, dimensions))
        return try graph.call(Reshape(allowsZero: allowsZero), x, graph.constant(Tensor(shape))).dimensions
    }

    @Test(
        "fixed shapes",
        arguments: [
            ([2, 3, 4], [24], [24]), ([2, 3, 4], [-1], [24]), ([2, 3, 4], [4, -1], [4, 6]),
            ([2, 3, 4], [0, -1], [2, 12]),
            ([2, 3, 4], [0, 0, 2, 2], [2, 3, 2, 2]), ([], [1, 1], [1, 1]), ([1], [], []), ([0, 3], [3, 0], nil),
            ([6], [2, 3, -1], [2, 3, 1]),
        ] as [([Int], [Int64], [Int]?)])
    func fixed(dimensions: [Int], shape: [Int64], expected: [Int]?) throws {
        guard let expected else {
            // A 0 stands for x's own extent at its place.
            #expect(throws: ShapeError.self) { try Self.rule(dimensions.map(Dimension.fixed), to: shape) }
            return
        }
        #expect(try Self.rule(dimensions.map(Dimension.fixed), to: shape) == expected.map(Dimension.fixed))
    }

    @Test("free dimensions pass through")
    func free() throws {
        #expect(try Self.rule(["batch", 3, 4], to: [0, -1]) == ["batch", .fixed(12)])
        #expect(try Self.rule(["batch"], to: [-1]) == ["batch"])
        #expect(try Self.rule(nil, to: [2, -1]) == [2, .unknown])
    }

    @Test("allowsZero makes empty axes")
    func zeros() throws {
        #expect(try Self.rule([0, 3], to: [3, 0], allowsZero: true) == [3, 0])
        #expect(throws: ShapeError.self) { try Self.rule([2, 3], to: [3, 0], allowsZero: true) }
    }

    @Test(
        "what does not fit is an error",
        arguments: [
            ([2, 3], [5]), ([2, 3], [-1, -1]), ([2, 3], [-2, 3]), ([2, 3], [4, -1]), ([2, 3], [0, 0, 0]), ([2, 3], []),
            ([1 << 40, 1 << 10, 0], [5]), ([2, 3], [.max, .max]), ([2, 3], [.min]), ([0], [0, -1]),
        ] as [([Int], [Int64])])
    func misfits(dimensions: [Int], shape: [Int64]) {
        #expect(throws: ShapeError.self) { try Self.rule(dimensions.map(Dimension.fixed), to: shape) }
    }

    @Test("moves no element", arguments: [ElementType.float32, .float64, .int64, .uint8, .bool, .int4])
    func anyType(elementType: ElementType) throws {
        let x = try Tensor(zeros: elementType, shape: [2, 6])
        let y = try run(Reshape(), [x, Tensor([Int64(3), -1])], weights: [1])
        #expect(y[0].shape.dimensions == [3, 4] && y[0].elementType == elementType)
        let values = try Tensor((0..<12).map(Float.init), shape: [2, 6])
        #expect(
            try run(Reshape(), [values, Tensor([Int64(3), -1])], weights: [1])[0].doubles() == (0..<12).map(Double.init)
        )
    }

    @Test(
        "gradients of Reshape, Flatten and Transpose",
        arguments: [[6], [2, 3], [1, 4, 5], [2, 3, 4, 5], [3, 1, 2, 1, 2]], 0..<4)
    func gradients(shape: [Int], axis: Int) throws {
        var generator = Philox(seed: UInt64(axis), name: "values")
        let x = DoubleTensor.uniform(shape, using: &generator)
        let order = generator.shuffled(shape.count)
        let operations: [(any Operator, [Int64]?)] = [
            (Reshape(), [-1, Int64(shape[0])]), (Flatten(axis: min(axis, shape.count)), nil),
            (Transpose(try Permutation(order)), nil),
        ]
        for (operation, target) in operations {
            let check = try GradientCheck([GradientCheck.Input("x", x)], seed: 1) { graph, symbols in
                // Something that depends on the order on both sides.
                let inner = try graph.call(Activate(.tanh), symbols["x"])
                let wanted = try target.map { graph.constant(try Tensor($0)) }
                let y = try graph.append(operation, [inner] + (wanted.map { [$0] } ?? []))[0]
                return [try graph.call(Arithmetic(.multiply), y, y)]
            }
            #expect(try check.mismatches() == [], "\(operation.kind)")
        }
    }
}

@Suite("Flatten")
struct FlattenTests {
    @Test(
        "axes before and after",
        arguments: [(0, [1, 24]), (1, [2, 12]), (2, [6, 4]), (3, [24, 1]), (-1, [6, 4]), (-3, [1, 24])])
    func axes(axis: Int, expected: [Int]) throws {
        let x = try Tensor((0..<24).map(Float.init), shape: [2, 3, 4])
        let y = try run(Flatten(axis: axis), [x])[0]
        #expect(y.shape.dimensions == expected)
        #expect(try y.doubles() == (0..<24).map(Double.init))
    }

    @Test("an axis beyond the shape is an error", arguments: [4, -4, .max, .min])
    func misfits(axis: Int) throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3, 4])
        #expect(throws: ShapeError.self) { try run(Flatten(axis: axis), [x]) }
    }
}

@Suite("Transpose")
struct TransposeTests {
    @Test("any order, any type of whole bytes", arguments: 0..<60)
    func random(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "transpose")
        let shape = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
            Int.random(in: index % 9 == 0 ? 0...4 : 1...7, using: &generator)
        }
        let order = generator.shuffled(shape.count)
        let x = DoubleTensor.integers(shape, using: &generator)
        let expected = Oracle.transpose(x, order)
        let operation = Transpose(try Permutation(order))
        for mode in [RunMode(), RunMode(elementType: .float64, threads: 2, optimizes: false)] {
            #expect(try firstDifference(try run(operation, [x], mode: mode), expected) == nil, "\(shape), \(order)")
        }
        let bytes = try Tensor(x.values.map { Int8($0) }, shape: shape)
        #expect(try run(operation, [bytes])[0].doubles() == expected.values)
        #expect(try bytes.permuted(by: Permutation(order)).doubles() == expected.values)
    }

    @Test("elements below a byte are refused")
    func subByte() throws {
        let x = try Tensor(zeros: .int4, shape: [2, 3])
        let error = #expect(throws: PlanError.self) { try run(Transpose(Permutation([1, 0])), [x]) }
        #expect(error?.description.contains("int4") == true)
    }
}
