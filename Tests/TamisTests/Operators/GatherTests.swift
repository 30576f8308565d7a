import Tamis
import TamisTestSupport
import Testing

@Suite("Gather")
struct GatherTests {
    @Test("takes positions of any axis", arguments: 0..<60)
    func gathers(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "gather")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let shape = anyShape(1...4, 1...6, using: &generator)
        let axis = number(0...shape.count - 1)
        let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
        let places = anyShape(0...2, index % 6 == 0 ? 0...3 : 1...4, using: &generator)
        let indices = (0..<places.reduce(1, *)).map { _ in number(-shape[axis]...shape[axis] - 1) }
        let expected = Oracle.gather(x, indices, shape: places, axis: axis)
        let operation = Gather(axis: index % 2 == 0 ? axis : axis - shape.count)
        let wide = try Tensor(indices.map { Int64($0) }, shape: places)
        let narrow = try Tensor(indices.map { Int32($0) }, shape: places)
        let check = MovingCheck(operation, [x], numbers: [index % 3 == 0 ? narrow : wide], expected: [expected])
        #expect(try check.mismatches() == [])
        #expect(try check.permutedMismatch(generator.shuffled(shape.count)) == nil)
        if index < 30 { #expect(try check.gradientMismatches(seed: UInt64(index)) == []) }
        #expect(try firstDifference(run(operation, [x.tensor(), wide])[0], expected) == nil)
    }

    @Test("several tiles", arguments: [0, 1, 2])
    func large(axis: Int) throws {
        var generator = Philox(seed: 1)
        let x = DoubleTensor.integers([30, 40, 50], in: -90...90, using: &generator)
        let indices = (0..<100).map { _ in Int.random(in: -30...29, using: &generator) }
        let check = MovingCheck(
            Gather(axis: axis), [x], numbers: [try integers(indices)],
            expected: [Oracle.gather(x, indices, shape: [100], axis: axis)])
        #expect(try check.mismatches() == [])
        #expect(try check.gradientMismatches(seed: 1) == [])
    }

    @Test("a position outside the axis is an error", arguments: [3, -4, .max, .min])
    func outside(position: Int) throws {
        let x = try Tensor(zeros: .float32, shape: [3, 2])
        let error = #expect(throws: ExecutionError.self) { try run(Gather(), [x, integers([0, position])]) }
        guard case .data(_, _, .indexOutOfRange(1, position, 3)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("indices and axes that do not fit are errors")
    func misfits() throws {
        let x = try Tensor(zeros: .float32, shape: [3, 2])
        #expect(throws: ShapeError.self) { try run(Gather(), [x, x]) }
        for axis in [2, -3, .max, .min] {
            #expect(throws: ShapeError.self) { try run(Gather(axis: axis), [x, integers([0])]) }
        }
    }
}
