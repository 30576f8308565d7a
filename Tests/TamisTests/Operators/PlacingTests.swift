import Tamis
import TamisTestSupport
import Testing

@Suite("OneHot, EyeLike, Trilu, DepthToSpace, SpaceToDepth and ReverseSequence")
struct PlacingTests {
    @Test("one at the place of the index", arguments: 0..<30)
    func oneHot(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "onehot")
        let shape = anyShape(0...3, index % 6 == 0 ? 0...3 : 1...3, using: &generator)
        let depth = Int.random(in: 0...4, using: &generator)
        let axis = Int.random(in: 0...shape.count, using: &generator)
        let indices = DoubleTensor.integers(shape, in: -6...6, using: &generator)
        var full = shape
        full.insert(depth, at: axis)
        let expected = Oracle.tensor(full) { place in
            var place = place
            let position = place.remove(at: axis)
            let index = Int(indices[place])
            return (index < 0 ? index + depth : index) == position ? 7 : -2
        }
        let given = index % 2 == 0 ? axis : axis - full.count
        let values = try Tensor([Int16(-2), 7])
        let typed: [Tensor] = [
            try indices.tensor(), try Tensor(indices.values.map { Int64($0) }, shape: shape),
            try Tensor(indices.values.map { Int8($0) }, shape: shape),
        ]
        for tensor in typed {
            let y = try run(OneHot(axis: given), [tensor, integers([depth]), values], weights: [1])[0]
            #expect(try y.doubles() == expected.values && y.shape.dimensions == full && y.elementType == .int16)
        }
        let floats = try Tensor([Float(-2), 7])
        let y = try run(OneHot(axis: given), [typed[0], Tensor(scalar: Float(depth)), floats], weights: [1])[0]
        #expect(try firstDifference(y, expected) == nil)
    }

    @Test("depths and values that do not fit")
    func oneHotErrors() throws {
        let (indices, values) = (try integers([0]), try Tensor([Float(0), 1]))
        for depth in [try integers([-1]), try integers([1, 2]), try Tensor(scalar: Float.nan), try Tensor([true])] {
            #expect(throws: ShapeError.self) { try run(OneHot(), [indices, depth, values], weights: [1]) }
        }
        #expect(throws: ShapeError.self) { try run(OneHot(axis: 2), [indices, integers([2]), values], weights: [1]) }
        #expect(throws: ShapeError.self) { try run(OneHot(), [indices, integers([2]), indices], weights: [1]) }
    }

    @Test("ones on a diagonal", arguments: [0, 1, -2, 5, .max, .min])
    func eyes(diagonal: Int) throws {
        for shape in [[3, 4], [4, 2], [0, 3], [300, 70]] {
            let expected = Oracle.tensor(shape) {
                $0[1].subtractingReportingOverflow($0[0]).partialValue == diagonal ? 1 : 0
            }
            for elementType in [ElementType.float32, .float64, .int64, .uint8, .bool, .float16] {
                let x = try Tensor(zeros: .int32, shape: shape)
                let y = try run(EyeLike(diagonal: diagonal, elementType: elementType), [x])[0]
                #expect(try y.doubles() == expected.values && y.elementType == elementType)
            }
            #expect(try run(EyeLike(), [Tensor(zeros: .int16, shape: shape)])[0].elementType == .int16)
        }
        let half = try run(EyeLike(elementType: .bfloat16), [Tensor(zeros: .float32, shape: [2, 2])])[0]
        #expect(try half.scalars(as: BFloat16.self).map(\.float) == [1, 0, 0, 1])
        #expect(throws: ShapeError.self) { try run(EyeLike(), [Tensor(zeros: .float32, shape: [2])]) }
        #expect(throws: ShapeError.self) {
            try run(EyeLike(elementType: .string), [Tensor(zeros: .float32, shape: [2, 2])])
        }
    }

    @Test("triangles", arguments: [nil, 0, 1, -1, 3, -9, .max, .min] as [Int?])
    func triangles(diagonal: Int?) throws {
        var generator = Philox(seed: 1)
        for shape in [[3, 4], [2, 4, 3], [1, 1], [2, 0, 3], [3, 100, 200]] {
            let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
            for isUpper in [true, false] {
                let expected = Oracle.tensor(shape) { place in
                    let distance = place[place.count - 1] - place[place.count - 2]
                    return (isUpper ? distance >= diagonal ?? 0 : distance <= diagonal ?? 0) ? x[place] : 0
                }
                let numbers = try diagonal.map { [try Tensor(scalar: Int64($0))] } ?? []
                let check = MovingCheck(Trilu(isUpper: isUpper), [x], numbers: numbers, expected: [expected])
                #expect(try check.mismatches() == [])
                if shape == [2, 4, 3] { #expect(try check.gradientMismatches(seed: 1) == []) }
            }
        }
        #expect(throws: ShapeError.self) { try run(Trilu(), [Tensor(zeros: .float32, shape: [2])]) }
    }

    @Test("squares of pixels to channels and back", arguments: [1, 2, 3], ChannelOrder.allCases)
    func squares(block: Int, order: ChannelOrder) throws {
        var generator = Philox(seed: UInt64(block))
        for (images, height, width, channels) in [(2, 3, 2, 4), (1, 1, 1, 1), (0, 2, 2, 3), (2, 20, 30, 5)] {
            let deep = DoubleTensor.integers(
                [images, height, width, channels * block * block], in: -90...90, using: &generator)
            let wide = Oracle.tensor([images, height * block, width * block, channels]) { place in
                let (row, column, channel) = (place[1] % block, place[2] % block, place[3])
                let depth =
                    order == .depthLast
                    ? (row * block + column) * channels + channel : channel * block * block + row * block + column
                return deep[[place[0], place[1] / block, place[2] / block, depth]]
            }
            let spread = MovingCheck(DepthToSpace(block: block, order: order), [deep], expected: [wide])
            #expect(try spread.mismatches() == [])
            let gathered = MovingCheck(SpaceToDepth(block: block, order: order), [wide], expected: [deep])
            #expect(try gathered.mismatches() == [])
            guard height < 20 else { continue }
            #expect(try spread.gradientMismatches(seed: 1) == [])
            #expect(try gathered.gradientMismatches(seed: 1) == [])
        }
    }

    @Test("extents that are no multiples", arguments: [2, 0, -1, .max])
    func squareErrors(block: Int) throws {
        #expect(throws: ShapeError.self) {
            try run(DepthToSpace(block: block), [Tensor(zeros: .float32, shape: [1, 2, 2, 6])])
        }
        #expect(throws: ShapeError.self) {
            try run(SpaceToDepth(block: block), [Tensor(zeros: .float32, shape: [1, 2, 3, 6])])
        }
        #expect(throws: ShapeError.self) {
            try run(SpaceToDepth(block: block), [Tensor(zeros: .float32, shape: [1, 2, 2])])
        }
    }

    @Test("sequences in reverse", arguments: [false, true])
    func reverses(isBatchFirst: Bool) throws {
        var generator = Philox(seed: 1)
        for rest in [[], [3], [2, 2]] {
            let (times, sequences) = (5, 4)
            let shape = (isBatchFirst ? [sequences, times] : [times, sequences]) + rest
            let lengths = [0, 3, 5, 1]
            let x = DoubleTensor.integers(shape, in: -90...90, using: &generator)
            let expected = Oracle.tensor(shape) { place in
                var place = place
                let (sequence, time) = isBatchFirst ? (place[0], place[1]) : (place[1], place[0])
                if time < lengths[sequence] { place[isBatchFirst ? 1 : 0] = lengths[sequence] - 1 - time }
                return x[place]
            }
            let check = MovingCheck(
                ReverseSequence(isBatchFirst: isBatchFirst), [x], numbers: [try integers(lengths)], expected: [expected]
            )
            #expect(try check.mismatches() == [])
            #expect(try check.gradientMismatches(seed: 1) == [])
        }
        let x = try Tensor(zeros: .float32, shape: [2, 2])
        for lengths in [[3, 0], [-1, 0]] {
            #expect(throws: ExecutionError.self) { try run(ReverseSequence(), [x, integers(lengths)]) }
        }
        #expect(throws: ShapeError.self) { try run(ReverseSequence(), [x, integers([1])]) }
    }
}

@Suite("NonZero, Compress and Unique")
struct FindingTests {
    /// The outputs of one operator run by itself.
    func outputs(_ operation: any Operator, _ inputs: Value...) throws -> [Value] {
        let graph = GraphBuilder()
        var given: [String: Value] = [:]
        let symbols = inputs.enumerated().map { index, value in
            given["input\(index)"] = value
            return graph.input("input\(index)", value.type)
        }
        for (index, output) in try graph.append(operation, symbols).enumerated() {
            graph.output(output, name: "output\(index)")
        }
        let results = try Runner(graph.model, threads: 1).runValues(given)
        return results.keys.sorted().compactMap { results[$0] }
    }

    @Test("places that are not zero")
    func nonZero() throws {
        let x = Value.tensor(try Tensor([Float(0), -0.0, 1, .nan, 0, -3], shape: [2, 3]))
        let y = try #require(try outputs(NonZero(), x)[0].tensor)
        #expect(try y.scalars(as: Int64.self) == [0, 1, 1, 2, 0, 2] && y.shape.dimensions == [2, 3])
        let truth = try #require(try outputs(NonZero(), .tensor(Tensor([true, false, true])))[0].tensor)
        #expect(try truth.scalars(as: Int64.self) == [0, 2])
        let scalar = try #require(try outputs(NonZero(), .tensor(Tensor(scalar: Int64(5))))[0].tensor)
        #expect(scalar.shape.dimensions == [1, 1])
        let nothing = try #require(try outputs(NonZero(), .tensor(Tensor(zeros: .int32, shape: [2, 0, 3])))[0].tensor)
        #expect(nothing.shape.dimensions == [3, 0])
    }

    @Test("positions for which a condition is true")
    func compress() throws {
        let x = Value.tensor(try Tensor((0..<6).map { Int32($0) }, shape: [2, 3]))
        func picked(_ axis: Int?, _ condition: [Bool]) throws -> (values: [Int32], shape: [Int]) {
            let y = try #require(try outputs(Compress(axis: axis), x, .tensor(Tensor(condition)))[0].tensor)
            return (try y.scalars(as: Int32.self), y.shape.dimensions)
        }
        #expect(try picked(1, [true, false, true]) == ([0, 2, 3, 5], [2, 2]))
        #expect(try picked(-2, [false, true]) == ([3, 4, 5], [1, 3]))
        #expect(try picked(0, [true]) == ([0, 1, 2], [1, 3]))
        #expect(try picked(nil, [false, true, true, false, true]) == ([1, 2, 4], [3]))
        #expect(try picked(0, [false, false]) == ([], [0, 3]))
        #expect(throws: ExecutionError.self) { try picked(0, [false, false, true]) }
        #expect(throws: ShapeError.self) { try picked(2, [true]) }
    }

    @Test("different elements, sorted or not")
    func unique() throws {
        let x = Value.tensor(try Tensor([Float(2), .nan, 1, 1, .nan, 3, 2, -1]))
        func lists(_ operation: Unique, _ x: Value) throws -> [[Double]] {
            try outputs(operation, x).compactMap { try $0.tensor?.doubles() }
        }
        let sorted = try lists(Unique(), x)
        #expect(sorted[0].dropLast() == [-1, 1, 2, 3] && sorted[0][4].isNaN)
        #expect(Array(sorted[1...]) == [[7, 2, 0, 5, 1], [2, 4, 1, 1, 4, 3, 2, 0], [1, 2, 2, 1, 2]])
        let first = try lists(Unique(isSorted: false), x)
        #expect(Array(first[1...]) == [[0, 1, 2, 5, 7], [0, 1, 2, 2, 1, 3, 0, 4], [2, 2, 2, 1, 1]])
        let rows = Value.tensor(try Tensor([Int64(1), 0, 0, 1, 0, 0, 2, 3, 4], shape: [3, 3]))
        #expect(try lists(Unique(axis: 0), rows) == [[1, 0, 0, 2, 3, 4], [0, 2], [0, 0, 1], [2, 1]])
        #expect(
            try lists(Unique(axis: -1), rows) == [[0, 0, 1, 0, 0, 1, 3, 4, 2], [1, 2, 0], [2, 0, 1], [1, 1, 1]])
        #expect(try lists(Unique(), .tensor(Tensor([true, false, true]))) == [[0, 1], [1, 0], [1, 0, 1], [1, 2]])
        #expect(try lists(Unique(), .tensor(Tensor([Float]()))) == [[], [], [], []])
        #expect(throws: ShapeError.self) { try lists(Unique(axis: 2), rows) }
    }

    @Test("shapes that follow from values go on")
    func goesOn() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.unknown, 2]))
        let places = try graph.call(NonZero(), x)
        let rows = try graph.call(Squeeze(axes: [0]), graph.call(Slice([.init(axis: 0, start: 0, end: 1)]), places))
        graph.output(try graph.call(Gather(), graph.call(Activate(.relu), x), rows), name: "y")
        let runner = Runner(graph.model, threads: 1)
        let first = try runner.run(["x": Tensor([Float(1), 0, -1, 2], shape: [2, 2])])["y"]
        #expect(try first?.doubles() == [1, 0, 0, 2, 0, 2])
        let second = try runner.run(["x": Tensor([Float(0), 0], shape: [1, 2])])["y"]
        #expect(second?.shape.dimensions == [0, 2])
    }
}

@Suite("Sequences and optional values")
struct SequenceTests {
    func outputs(_ operation: any Operator, _ inputs: Value...) throws -> Value {
        let graph = GraphBuilder()
        var given: [String: Value] = [:]
        let symbols = inputs.enumerated().map { index, value in
            given["input\(index)"] = value
            return graph.input("input\(index)", value.type)
        }
        graph.output(try graph.append(operation, symbols)[0], name: "output")
        return try #require(try Runner(graph.model, threads: 1).runValues(given)["output"])
    }

    func number(_ value: Double) throws -> Value { .tensor(try Tensor([value])) }
    func position(_ value: Int) throws -> Value { .tensor(try Tensor(scalar: Int64(value))) }

    func doubles(_ value: Value) throws -> [[Double]] {
        switch value {
        case .tensor(let tensor): [try tensor.doubles()]
        case .sequence(let values): try values.flatMap(doubles)
        case .optional(let value): try value.map(doubles) ?? []
        }
    }

    @Test("made, read and changed")
    func values() throws {
        let sequence = Value.sequence([try number(1), try number(2), try number(3)])
        #expect(try doubles(outputs(SequenceConstruct(), number(1), number(2))) == [[1], [2]])
        #expect(try doubles(outputs(SequenceConstruct())) == [])
        #expect(try doubles(outputs(SequenceLength(), sequence)) == [[3]])
        for (index, expected) in [(0, 1.0), (2, 3), (-1, 3), (-3, 1)] {
            #expect(try doubles(outputs(SequenceAt(), sequence, position(index))) == [[expected]])
        }
        for (index, expected) in [(0, [9.0, 1, 2, 3]), (3, [1, 2, 3, 9]), (-1, [1, 2, 9, 3]), (-3, [9, 1, 2, 3])] {
            #expect(
                try doubles(outputs(SequenceInsert(), sequence, number(9), position(index))) == expected.map { [$0] })
        }
        #expect(try doubles(outputs(SequenceInsert(), sequence, number(9))) == [[1], [2], [3], [9]])
        #expect(try doubles(outputs(SequenceErase(), sequence)) == [[1], [2]])
        #expect(try doubles(outputs(SequenceErase(), sequence, position(-3))) == [[2], [3]])
        for index in [3, -4, .max, .min] {
            #expect(throws: ExecutionError.self) { try outputs(SequenceAt(), sequence, position(index)) }
            #expect(throws: ExecutionError.self) { try outputs(SequenceErase(), sequence, position(index)) }
        }
        #expect(throws: ExecutionError.self) { try outputs(SequenceInsert(), sequence, number(9), position(4)) }
        #expect(throws: ShapeError.self) { try outputs(SequenceAt(), number(1), position(0)) }
        #expect(throws: ShapeError.self) { try outputs(SequenceInsert(), sequence, position(1)) }
    }

    @Test("taken apart and joined")
    func parts() throws {
        let x = Value.tensor(try Tensor((0..<6).map { Float($0) }, shape: [3, 2]))
        #expect(try doubles(outputs(SplitToSequence(), x)) == [[0, 1], [2, 3], [4, 5]])
        #expect(try doubles(outputs(SplitToSequence(axis: -1), x)) == [[0, 2, 4], [1, 3, 5]])
        #expect(try doubles(outputs(SplitToSequence(), x, position(2))) == [[0, 1, 2, 3], [4, 5]])
        #expect(
            try doubles(outputs(SplitToSequence(), x, .tensor(integers([1, 0, 2])))) == [[0, 1], [], [2, 3, 4, 5]])
        for keepsAxis in [true, false] {
            guard case .sequence(let rows) = try outputs(SplitToSequence(keepsAxis: keepsAxis), x) else { return }
            #expect(rows.first?.tensor?.shape.dimensions == (keepsAxis ? [1, 2] : [2]))
            let joined = try outputs(ConcatFromSequence(axis: 0, isNewAxis: !keepsAxis), .sequence(rows))
            #expect(joined.tensor == x.tensor)
        }
        let columns = try outputs(SplitToSequence(axis: 1, keepsAxis: false), x)
        #expect(try outputs(ConcatFromSequence(axis: -1, isNewAxis: true), columns).tensor == x.tensor)
        #expect(throws: ExecutionError.self) { try outputs(SplitToSequence(), x, position(0)) }
        #expect(throws: ExecutionError.self) { try outputs(SplitToSequence(), x, .tensor(integers([1, 1]))) }
        #expect(throws: ExecutionError.self) { try outputs(ConcatFromSequence(axis: 0), .sequence([])) }
        let mixed = Value.sequence([x, try number(1)])
        #expect(throws: (any Error).self) { try outputs(ConcatFromSequence(axis: 0), mixed) }
    }

    @Test("a model on each value")
    func map() throws {
        let body = GraphBuilder()
        let (a, b) = (body.input("a", .tensor(.float64, [.unknown])), body.input("b", .tensor(.float64, [.unknown])))
        body.output(try body.call(Arithmetic(.add), a, b), name: "sum")
        let operation = SequenceMap(body: body.model, inputCount: 2)
        let sequence = Value.sequence([try number(1), try number(2)])
        #expect(try doubles(outputs(operation, sequence, number(10))) == [[11], [12]])
        #expect(try doubles(outputs(operation, sequence, sequence)) == [[2], [4]])
        #expect(throws: ExecutionError.self) { try outputs(operation, sequence, .sequence([number(1)])) }
    }

    @Test("values that may be missing")
    func optionals() throws {
        let type = ValueType.tensor(.float64, nil)
        #expect(try doubles(outputs(OptionalConstruct(), number(4))) == [[4]])
        #expect(try doubles(outputs(OptionalConstruct(type: type))) == [])
        #expect(throws: ShapeError.self) { try outputs(OptionalConstruct()) }
        #expect(try doubles(outputs(OptionalGetElement(), .optional(number(4)))) == [[4]])
        #expect(try doubles(outputs(OptionalGetElement(), number(4))) == [[4]])
        #expect(throws: ExecutionError.self) { try outputs(OptionalGetElement(), .optional(nil)) }
        for (value, expected) in [
            (Value.optional(try number(4)), true), (.optional(nil), false), (try number(1), true),
        ] {
            #expect(try outputs(OptionalHasElement(), value).tensor?.scalars(as: Bool.self) == [expected])
        }
        #expect(try outputs(OptionalHasElement()).tensor?.scalars(as: Bool.self) == [false])
    }
}

extension Value {
    /// The type of the value, for an input that it is given to.
    fileprivate var type: ValueType {
        switch self {
        case .tensor(let tensor): .tensor(tensor.elementType, Array(repeating: .unknown, count: tensor.shape.rank))
        case .sequence(let values): .sequence(values.first?.type ?? .tensor(.float64, nil))
        case .optional(let value): .optional(value?.type ?? .tensor(.float64, nil))
        }
    }
}
