import Tamis
import TamisTestSupport
import Testing

@Suite("Gather and scatter by elements and parts")
struct ScatterTests {
    @Test("elements", arguments: 0..<60)
    func elements(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "elements")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let shape = anyShape(1...4, 1...5, using: &generator)
        let axis = number(0...shape.count - 1)
        let x = DoubleTensor.integers(shape, in: -4...4, using: &generator)
        let places = shape.indices.map { $0 == axis ? number(index % 8 == 0 ? 0...7 : 1...7) : number(1...shape[$0]) }
        let count = places.reduce(1, *)
        let indices = (0..<count).map { _ in number(-shape[axis]...shape[axis] - 1) }
        let given = index % 2 == 0 ? axis : axis - shape.count
        let numbers =
            index % 3 == 0
            ? try Tensor(indices.map { Int32($0) }, shape: places)
            : try Tensor(indices.map { Int64($0) }, shape: places)
        let named = Oracle.elementPlaces(indices, shape: places, axis: axis, extent: shape[axis])
        let order = generator.shuffled(shape.count)

        let gathered = DoubleTensor(named.map { x[$0] }, shape: places)
        let gather = MovingCheck(GatherElements(axis: given), [x], numbers: [numbers], expected: [gathered])
        #expect(try gather.mismatches() == [])
        #expect(try gather.permutedMismatch(order) == nil)
        if index < 20 { #expect(try gather.gradientMismatches(seed: UInt64(index)) == []) }

        let updates = DoubleTensor.integers(places, in: -2...2, using: &generator)
        for reduction in ScatterReduction.allCases {
            let expected = Oracle.scatter(x, named, updates.values, reduction)
            let operation = ScatterElements(axis: given, reduction: reduction)
            let inputs = [try x.tensor(), numbers, try updates.tensor()]
            #expect(try firstDifference(run(operation, inputs)[0], expected) == nil, "\(reduction)")
            #expect(try permutedDifference(operation, inputs, by: Permutation(order)) == nil)
            for elementType in [ElementType.int64, .uint8, .float16] {
                let positive = expected.values.map {
                    elementType == .uint8 ? Double(UInt8(truncatingIfNeeded: Int($0))) : $0
                }
                guard elementType != .uint8 || reduction == .none || reduction == .add || reduction == .mul else {
                    continue
                }
                let typed = try [inputs[0], numbers, inputs[2]].enumerated().map {
                    $0.offset == 1 ? $0.element : try cast($0.element, elementType)
                }
                #expect(try run(operation, typed)[0].doubles() == positive, "\(reduction) of \(elementType)")
            }
        }
        if index < 20 {
            try checkScatterGradient(x, numbers, updates, named, seed: index) {
                ScatterElements(axis: given, reduction: $0)
            }
        }
    }

    /// The tensor in another type, whole numbers wrapping.
    private func cast(_ tensor: Tensor, _ elementType: ElementType) throws -> Tensor {
        let values = try tensor.doubles()
        switch elementType {
        case .int64: return try Tensor(values.map { Int64($0) }, shape: tensor.shape.dimensions)
        case .uint8:
            return try Tensor(values.map { UInt8(truncatingIfNeeded: Int($0)) }, shape: tensor.shape.dimensions)
        default: return try Tensor(values.map { Float16($0) }, shape: tensor.shape.dimensions)
        }
    }

    /// The gradients of a scatter that adds, and of one that writes where no place is written twice.
    private func checkScatterGradient(
        _ x: DoubleTensor, _ indices: Tensor, _ updates: DoubleTensor, _ places: [[Int]], seed: Int,
        _ operation: (ScatterReduction) -> any Operator
    ) throws {
        guard !updates.values.isEmpty else { return }
        for reduction in Set(places).count == places.count ? [ScatterReduction.add, .none] : [.add] {
            let inputs = [GradientCheck.Input("x", x), GradientCheck.Input("updates", updates)]
            let check = try GradientCheck(inputs, seed: UInt64(seed)) { graph, symbols in
                let y = try graph.call(operation(reduction), symbols["x"], graph.constant(indices), symbols["updates"])
                return [try graph.call(Arithmetic(.multiply), y, y)]
            }
            #expect(try check.mismatches() == [], "\(reduction)")
        }
    }

    @Test("parts", arguments: 0..<60)
    func parts(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "parts")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let shape = anyShape(1...4, 1...4, using: &generator)
        let batches = number(0...shape.count - 1)
        let depth = number(1...shape.count - batches)
        let places = Array(shape[..<batches]) + anyShape(0...2, index % 8 == 0 ? 0...3 : 1...3, using: &generator)
        let count = places.reduce(1, *)
        let indices = (0..<count * depth).map { number(-shape[batches + $0 % depth]...shape[batches + $0 % depth] - 1) }
        let numbers = try Tensor(indices.map { Int64($0) }, shape: places + [depth])
        let x = DoubleTensor.integers(shape, in: -4...4, using: &generator)
        let named = Oracle.partPlaces(indices, shape: places + [depth], batches: batches, of: shape)
        let rest = Array(shape[(batches + depth)...])
        let gathered = DoubleTensor(
            named.flatMap { place in DoubleTensor.indices(of: rest).map { x[place + $0] } }, shape: places + rest)
        let gather = MovingCheck(
            GatherND(batchDimensions: batches), [x], numbers: [numbers], expected: [gathered])
        #expect(try gather.mismatches() == [])
        if index < 20 { #expect(try gather.gradientMismatches(seed: UInt64(index)) == []) }

        let updates = DoubleTensor.integers(places + rest, in: -2...2, using: &generator)
        for reduction in ScatterReduction.allCases {
            let expected = Oracle.scatter(x, named, updates.values, reduction)
            let operation = ScatterND(reduction: reduction, batchDimensions: batches)
            let y = try run(operation, [x.tensor(), numbers, updates.tensor()])[0]
            #expect(try firstDifference(y, expected) == nil, "\(reduction)")
        }
        if index < 20 {
            try checkScatterGradient(x, numbers, updates, named, seed: index) {
                ScatterND(reduction: $0, batchDimensions: batches)
            }
        }
    }

    @Test("NaN is the largest and the smallest")
    func notANumber() throws {
        let (x, indices) = (try Tensor([Float(1), .nan]), try integers([0, 1]))
        let updates = try Tensor([Float.nan, 1])
        for reduction in [ScatterReduction.max, .min] {
            let y = try run(ScatterElements(reduction: reduction), [x, indices, updates])[0]
            #expect(try y.doubles().allSatisfy(\.isNaN))
        }
    }

    @Test("an index outside is an error, and nothing is read or written there", arguments: [3, -4, .max, .min])
    func outside(position: Int) throws {
        let x = try Tensor(zeros: .float32, shape: [3, 2])
        let indices = try Tensor([Int64(0), Int64(position)], shape: [2, 1])
        let update = try Tensor(zeros: .float32, shape: [2, 1])
        func isOutside(_ operation: any Operator, _ inputs: [Tensor]) -> Bool {
            do { _ = try run(operation, inputs) } catch ExecutionError.data(_, _, .indexOutOfRange(1, position, 3)) {
                return true
            } catch {}
            return false
        }
        #expect(isOutside(GatherElements(), [x, indices]))
        #expect(isOutside(ScatterElements(), [x, indices, update]))
        #expect(isOutside(ScatterElements(reduction: .add), [x, indices, update]))
        #expect(isOutside(GatherND(), [x, indices]))
        #expect(try isOutside(ScatterND(), [x, indices, Tensor(zeros: .float32, shape: [2, 2])]))
    }

    @Test("shapes that do not fit are errors")
    func misfits() throws {
        let x = try Tensor(zeros: .float32, shape: [3, 2])
        func zeros(_ shape: [Int], _ elementType: ElementType = .int64) throws -> Tensor {
            try Tensor(zeros: elementType, shape: shape)
        }
        for indices in [try zeros([3]), try zeros([3, 3]), try zeros([3, 2], .float32)] {
            #expect(throws: ShapeError.self) { try run(GatherElements(), [x, indices]) }
            #expect(throws: ShapeError.self) { try run(ScatterElements(), [x, indices, x]) }
        }
        #expect(throws: ShapeError.self) { try run(GatherElements(axis: 2), [x, zeros([3, 2])]) }
        #expect(throws: ShapeError.self) { try run(ScatterElements(), [x, zeros([3, 2]), zeros([3, 1], .float32)]) }
        for (indices, batches) in [
            ([3], 0), ([0], 0), ([2, 3], 0), ([3, 2, 1], 2), ([2, 1], 1), ([3, 1], -1), ([3, 1], .max),
        ] {
            #expect(throws: ShapeError.self) { try run(GatherND(batchDimensions: batches), [x, zeros(indices)]) }
        }
        #expect(throws: ShapeError.self) { try run(ScatterND(), [x, zeros([2, 1]), zeros([2, 3], .float32)]) }
        let graph = GraphBuilder()
        let parameter = graph.parameter("x", x)
        let y = try graph.call(ScatterElements(reduction: .max), parameter, graph.constant(zeros([3, 2])), parameter)
        #expect(throws: TrainingError.self) { try differentiate(y, with: [parameter.id], in: graph) }
    }
}
