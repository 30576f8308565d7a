import Tamis
import TamisTestSupport
import Testing

@Suite("Slice, Pad and CenterCropPad")
struct SliceTests {
    @Test("slices as numpy does", arguments: 0..<150)
    func slices(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "slice")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let shape = anyShape(1...4, index % 5 == 0 ? 0...6 : 1...6, using: &generator)
        let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
        var positions: [[Int?]] = shape.map { Array(0..<$0) }
        var ranges: [Slice.Range] = []
        for axis in generator.shuffled(shape.count).prefix(number(0...shape.count)) {
            func bound() -> Int {
                number(0...5) == 0 ? [.min, .max, .min + 1, 100, -100][number(0...4)] : number(-8...8)
            }
            let step = [1, 1, 2, 3, -1, -2, 100, -100, .max, .min][number(0...9)]
            let range = Slice.Range(
                axis: index % 2 == 0 ? axis : axis - shape.count, start: bound(), end: bound(), step: step)
            ranges.append(range)
            // To the oracle, which counts, what is far is all the same at a thousand.
            func near(_ number: Int) -> Int { max(-1000, min(number, 1000)) }
            positions[axis] = Oracle.positions(
                shape[axis], start: near(range.start), end: near(range.end), step: near(step))
        }
        let expected = Oracle.selection(x, positions)
        let check = MovingCheck(Slice(ranges), [x], expected: [expected])
        #expect(try check.mismatches() == [])
        #expect(try check.permutedMismatch(generator.shuffled(shape.count)) == nil)
        if index < 40 { #expect(try check.gradientMismatches(seed: UInt64(index)) == []) }
        let lists = [ranges.map(\.start), ranges.map(\.end), ranges.map(\.axis), ranges.map(\.step)]
        let open = MovingCheck(Slice(), [x], numbers: try lists.map(integers), expected: [expected])
        #expect(try open.mismatches() == [])
    }

    @Test("several tiles", arguments: [0, 1, 2])
    func largeSlices(axis: Int) throws {
        var generator = Philox(seed: 1)
        let x = DoubleTensor.integers([41, 30, 50], in: -90...90, using: &generator)
        var positions: [[Int?]] = x.shape.map { Array(0..<$0) }
        positions[axis] = Array(stride(from: 1, to: x.shape[axis] - 1, by: 2))
        let range = Slice.Range(axis: axis, start: 1, end: -1, step: 2)
        let check = MovingCheck(Slice([range]), [x], expected: [Oracle.selection(x, positions)])
        #expect(try check.mismatches() == [])
        #expect(try check.gradientMismatches(seed: 1) == [])
    }

    @Test("what is known of the extents of a slice")
    func sliceTypes() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["n", 5, "w"]))
        func dimensions(_ ranges: Slice.Range...) throws -> [Dimension]? { try graph.call(Slice(ranges), x).dimensions }
        #expect(try dimensions(.init(axis: 1, start: 1, end: .max)) == ["n", 4, "w"])
        #expect(try dimensions(.init(axis: 0, start: 1, end: .max)) == [.unknown, 5, "w"])
        #expect(try dimensions(.init(axis: -1, start: 0, end: .max)) == ["n", 5, "w"])
        let open = graph.input("starts", .tensor(.int64, [1]))
        #expect(try graph.call(Slice(), x, open, open).dimensions == [.unknown, 5, "w"])
        let axes = graph.constant(try integers([1]))
        #expect(try graph.call(Slice(), x, open, open, axes).dimensions == ["n", .unknown, "w"])
    }

    @Test(
        "slices that break a rule",
        arguments: [[(2, 0, 1, 1)], [(-3, 0, 1, 1)], [(0, 0, 1, 0)], [(0, 0, 1, 1), (-2, 0, 1, 1)]])
    func sliceErrors(ranges: [(Int, Int, Int, Int)]) throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3])
        let ranges = ranges.map { Slice.Range(axis: $0.0, start: $0.1, end: $0.2, step: $0.3) }
        #expect(throws: ShapeError.self) { try run(Slice(ranges), [x]) }
    }

    @Test("the inputs of a slice must be as many")
    func sliceInputErrors() throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3])
        let (one, two) = (try integers([1]), try integers([1, 1]))
        #expect(throws: ShapeError.self) { try run(Slice(), [x, one, two], weights: [1, 2]) }
        #expect(throws: ShapeError.self) { try run(Slice(), [x, one, one, two], weights: [1, 2, 3]) }
        #expect(throws: ShapeError.self) { try run(Slice(), [x, Tensor([Float(1)]), one], weights: [1, 2]) }
        #expect(throws: PlanError.self) { try run(Slice(), [x, one, one]) }
    }

    // MARK: Pad

    @Test("pads as numpy does", arguments: Pad.Mode.allCases, 0..<60)
    func pads(mode: Pad.Mode, index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "pad")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let shape = anyShape(1...4, mode == .constant && index % 5 == 0 ? 0...4 : 1...4, using: &generator)
        let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
        var positions: [[Int?]] = shape.map { Array(0..<$0) }
        var amounts: [Pad.Amount] = []
        for axis in generator.shuffled(shape.count).prefix(number(0...min(3, shape.count))) {
            let spare = max(0, shape[axis] - 1)
            // Now and then less than there is, and now and then far around.
            let before = number(-(index % 3 == 0 ? spare : 0)...(index % 7 == 0 ? 9 : 2))
            let after = number(-(index % 4 == 0 ? max(0, spare + min(0, before)) : 0)...3)
            amounts.append(.init(axis: index % 2 == 0 ? axis : axis - shape.count, before: before, after: after))
            positions[axis] = Oracle.padded(shape[axis], before: before, after: after, mode)
        }
        let constant = index % 2 == 0 && mode == .constant ? DoubleTensor([7], shape: index % 4 == 0 ? [] : [1]) : nil
        let expected = Oracle.selection(x, positions, constant: constant == nil ? 0 : 7)
        let inputs = constant.map { [x, nil, $0] } ?? [x]
        let check = MovingCheck(Pad(mode, amounts), inputs, expected: [expected])
        #expect(try check.mismatches() == [], "\(shape), \(amounts)")
        #expect(try check.permutedMismatch(generator.shuffled(shape.count)) == nil)
        if index < 20 { #expect(try check.gradientMismatches(seed: UInt64(index)) == [], "\(shape), \(amounts)") }
        let pads = try integers(amounts.map(\.before) + amounts.map(\.after))
        let axes = try integers(amounts.map(\.axis))
        let y = try run(
            Pad(mode), [x.tensor(), pads, constant.map { try $0.tensor() }, axes], weights: [1, 3])[0]
        #expect(try firstDifference(y, expected) == nil)
    }

    @Test(
        "pads that break a rule",
        arguments: [
            (Pad.Mode.constant, 0, -3, 0), (.constant, 2, 1, 1), (.constant, 0, .max, .max), (.constant, 0, .min, .min),
            (.edge, 0, -2, 1), (.reflect, 0, 1, -2), (.wrap, 1, 1 << 40, 0), (.constant, 0, 1 << 47, 1 << 47),
        ])
    func padErrors(mode: Pad.Mode, axis: Int, before: Int, after: Int) throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3])
        let amount = Pad.Amount(axis: axis, before: before, after: after)
        #expect(throws: (any Error).self) { try run(Pad(mode, [amount]), [x]) }
    }

    @Test("the inputs of a pad must fit")
    func padInputErrors() throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3])
        let pads = try integers([1, 1, 1])
        #expect(throws: ShapeError.self) { try run(Pad(), [x, pads], weights: [1]) }
        let four = try integers([1, 1, 1, 1])
        #expect(throws: ShapeError.self) { try run(Pad(), [x, four, Tensor(scalar: 1.0)], weights: [1]) }
        #expect(throws: ShapeError.self) { try run(Pad(), [x, four, Tensor([Float(1), 2])], weights: [1]) }
    }

    // MARK: CenterCropPad

    @Test("crops and pads around the middle", arguments: 0..<30)
    func centers(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "center")
        let shape = anyShape(using: &generator)
        let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
        let axes = Array(generator.shuffled(shape.count).prefix(index % 3 == 0 ? shape.count : shape.count / 2))
        let extents = axes.map { _ in Int.random(in: 0...9, using: &generator) }
        var positions: [[Int?]] = shape.map { Array(0..<$0) }
        for (axis, wanted) in zip(axes, extents) {
            let extent = shape[axis]
            if wanted > extent {
                let before = (wanted - extent) / 2
                positions[axis] = (0..<wanted).map { $0 < before || $0 >= before + extent ? nil : $0 - before }
            } else {
                positions[axis] = (0..<wanted).map { $0 + (extent - wanted) / 2 }
            }
        }
        let expected = Oracle.selection(x, positions)
        let check = MovingCheck(CenterCropPad(axes: axes, extents: extents), [x], expected: [expected])
        #expect(try check.mismatches() == [])
        #expect(try check.permutedMismatch(generator.shuffled(shape.count)) == nil)
        if index < 10 { #expect(try check.gradientMismatches(seed: UInt64(index)) == []) }
        let open = MovingCheck(CenterCropPad(axes: axes), [x], numbers: [try integers(extents)], expected: [expected])
        #expect(try open.mismatches() == [])
    }

    @Test("a shape that does not fit the axes is an error")
    func centerErrors() throws {
        let x = try Tensor(zeros: .float32, shape: [2, 3])
        for extents in [[1], [1, 2, 3], [-1, 2], [.max, 1]] {
            #expect(throws: ShapeError.self) { try run(CenterCropPad(extents: extents), [x]) }
        }
        #expect(throws: ShapeError.self) { try run(CenterCropPad(axes: [0, -2], extents: [1, 1]), [x]) }
    }
}
