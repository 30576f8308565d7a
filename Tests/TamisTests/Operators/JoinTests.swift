import Tamis
import TamisTestSupport
import Testing

@Suite("Concat, Split, Expand and Tile")
struct JoinTests {
    @Test("joins along any axis and takes apart again", arguments: 0..<60)
    func joins(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "join")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        var shape = anyShape(1...4, 1...5, using: &generator)
        let axis = number(0...shape.count - 1)
        let lengths = (0..<number(1...5)).map { _ in number(index % 4 == 0 ? 0...6 : 1...6) }
        let parts = lengths.map { length in
            shape[axis] = length
            return DoubleTensor.integers(shape, in: -90...90, using: &generator)
        }
        let whole = Oracle.concatenation(parts, axis: axis)
        let given = index % 2 == 0 ? axis : axis - shape.count
        let order = generator.shuffled(shape.count)

        let concat = MovingCheck(Concat(axis: given), parts, expected: [whole])
        #expect(try concat.mismatches() == [])
        #expect(try concat.permutedMismatch(order) == nil)
        if index < 20 { #expect(try concat.gradientMismatches(seed: UInt64(index)) == []) }

        let split = MovingCheck(Split(axis: given, parts: .lengths(lengths)), [whole], expected: parts)
        #expect(try split.mismatches() == [])
        #expect(try split.permutedMismatch(order) == nil)
        if index < 20 { #expect(try split.gradientMismatches(seed: UInt64(index)) == []) }
        let open = MovingCheck(
            Split(axis: given, parts: .input(lengths.count)), [whole], numbers: [try integers(lengths)], expected: parts
        )
        #expect(try open.mismatches() == [])
    }

    @Test("several tiles", arguments: [0, 1, 2])
    func largeJoins(axis: Int) throws {
        var generator = Philox(seed: 1)
        let parts = [2, 70, 1].map { length in
            var shape = [30, 40, 50]
            shape[axis] = length
            return DoubleTensor.integers(shape, in: -90...90, using: &generator)
        }
        let whole = Oracle.concatenation(parts, axis: axis)
        #expect(try MovingCheck(Concat(axis: axis), parts, expected: [whole]).mismatches() == [])
        let split = MovingCheck(Split(axis: axis, parts: .lengths([2, 70, 1])), [whole], expected: parts)
        #expect(try split.mismatches() == [])
    }

    @Test(
        "equal parts, the last ones shorter",
        arguments: [(6, 3, [2, 2, 2]), (7, 4, [2, 2, 2, 1]), (5, 4, [2, 2, 1, 0]), (0, 2, [0, 0]), (3, 1, [3])])
    func equalParts(extent: Int, count: Int, expected: [Int]) throws {
        let x = try Tensor((0..<extent).map { Int32($0) })
        let y = try run(Split(parts: .equal(count)), [x])
        #expect(y.map(\.shape.dimensions) == expected.map { [$0] })
        #expect(try y.flatMap { try $0.doubles() } == x.doubles())
    }

    @Test("the gradient of a Split of which not all parts are read")
    func partlyRead() throws {
        var generator = Philox(seed: 1)
        let x = GradientCheck.Input("x", .uniform([2, 5], using: &generator))
        let check = try GradientCheck([x], seed: 1) { graph, symbols in
            [try graph.append(Split(axis: 1, parts: .lengths([1, 3, 1])), [symbols["x"]])[1]]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("what is known of the type of a Concat")
    func concatTypes() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", 5]))
        let y = graph.input("y", .tensor(.float32, [.unknown, "w"]))
        let z = graph.input("z", .tensor(.float32, nil))
        #expect(try graph.call(Concat(axis: 1), x, y).dimensions == ["n", .unknown])
        #expect(try graph.call(Concat(axis: 0), x, y, z).dimensions == [.unknown, 5])
        #expect(try graph.call(Concat(axis: 1), z, z).dimensions == nil)
        #expect(try graph.call(Concat(axis: 1), x, x).dimensions == ["n", 10])
    }

    @Test("what cannot be joined or taken apart")
    func misfits() throws {
        let (x, y) = (try Tensor(zeros: .float32, shape: [2, 3]), try Tensor(zeros: .float32, shape: [2, 4]))
        let other = try Tensor(zeros: .float64, shape: [2, 3])
        for (axis, inputs) in [(0, [x, y]), (2, [x, x]), (-3, [x, x]), (0, [x, other]), (0, [])] {
            #expect(throws: ShapeError.self) { try run(Concat(axis: axis), inputs) }
        }
        for parts in [Split.Parts.equal(0), .equal(-1), .lengths([2, 2]), .lengths([4, -1]), .lengths([.max, .max])] {
            #expect(throws: ShapeError.self) { try run(Split(axis: 1, parts: parts), [x]) }
        }
        #expect(throws: ShapeError.self) { try run(Split(axis: 2, parts: .equal(1)), [x]) }
        #expect(throws: PlanError.self) {
            try run(Concat(axis: 0), [Tensor(zeros: .int4, shape: [1]), Tensor(zeros: .int4, shape: [1])])
        }
    }

    // MARK: Expand and Tile

    @Test("stretches as numpy does", arguments: 0..<40)
    func expands(index: Int) throws {
        let test = BroadcastCase.random(index + 30)
        var generator = Philox(seed: UInt64(index), name: "expand")
        let x = DoubleTensor.integers(test.a, in: -90...90, using: &generator)
        let shape = zip(
            [Int](repeating: 1, count: max(test.a.count, test.b.count) - test.a.count) + test.a,
            [Int](repeating: 1, count: max(test.a.count, test.b.count) - test.b.count) + test.b
        ).map { $0 == 1 ? $1 : $0 }
        let expected = Oracle.tensor(shape) { place in
            x[zip(place.suffix(test.a.count), test.a).map { $1 == 1 ? 0 : $0 }]
        }
        let check = MovingCheck(Expand(shape: test.b), [x], expected: [expected])
        #expect(try check.mismatches() == [])
        #expect(try check.permutedMismatch(generator.shuffled(test.a.count)) == nil)
        if index < 20 { #expect(try check.gradientMismatches(seed: UInt64(index)) == []) }
        let open = MovingCheck(Expand(), [x], numbers: [try integers(test.b)], expected: [expected])
        #expect(try open.mismatches() == [])
    }

    @Test("repeats along each axis", arguments: 0..<40)
    func tiles(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "tile")
        let shape = anyShape(0...4, index % 5 == 0 ? 0...4 : 1...4, using: &generator)
        let repeats = shape.map { _ in Int.random(in: index % 7 == 0 ? 0...3 : 1...3, using: &generator) }
        let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
        let expected = Oracle.tensor(zip(shape, repeats).map(*)) { x[zip($0, shape).map { $0 % $1 }] }
        let check = MovingCheck(Tile(repeats: repeats), [x], expected: [expected])
        #expect(try check.mismatches() == [])
        #expect(try check.permutedMismatch(generator.shuffled(shape.count)) == nil)
        if index < 20 { #expect(try check.gradientMismatches(seed: UInt64(index)) == []) }
        let open = MovingCheck(Tile(), [x], numbers: [try integers(repeats)], expected: [expected])
        #expect(try open.mismatches() == [])
    }

    @Test("several tiles of a copy")
    func largeCopies() throws {
        var generator = Philox(seed: 1)
        let x = DoubleTensor.integers([1, 300, 1, 70], in: -90...90, using: &generator)
        let expanded = Oracle.tensor([2, 300, 5, 70]) { x[[0, $0[1], 0, $0[3]]] }
        #expect(try MovingCheck(Expand(shape: [2, 1, 5, 1]), [x], expected: [expanded]).mismatches() == [])
        let tiled = Oracle.tensor([1, 900, 2, 140]) { x[[0, $0[1] % 300, 0, $0[3] % 70]] }
        #expect(try MovingCheck(Tile(repeats: [1, 3, 2, 2]), [x], expected: [tiled]).mismatches() == [])
    }

    @Test("what cannot be stretched or repeated")
    func copyErrors() throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3])
        for shape in [[2], [3, 3], [-1, 3], [.max, 1, 1], [1 << 40, 2, 3]] {
            #expect(throws: (any Error).self) { try run(Expand(shape: shape), [x]) }
        }
        for repeats in [[1], [1, -1], [.max, .max], [1 << 40, 1 << 40]] {
            #expect(throws: (any Error).self) { try run(Tile(repeats: repeats), [x]) }
        }
    }
}
