import Tamis
import TamisTestSupport
import Testing

/// A tensor's shape and one of its axes.
struct AxisCase: CustomTestStringConvertible {
    var shape: [Int]
    var axis: Int

    static let all = [
        AxisCase(shape: [1], axis: 0), AxisCase(shape: [7], axis: -1), AxisCase(shape: [3, 5], axis: 0),
        AxisCase(shape: [3, 5], axis: 1), AxisCase(shape: [2, 6, 3], axis: -2), AxisCase(shape: [2, 2, 2, 9], axis: 3),
        AxisCase(shape: [0, 4], axis: 1), AxisCase(shape: [40, 1200], axis: 1), AxisCase(shape: [30, 600], axis: 0),
    ]

    /// The axis counted from the front.
    var place: Int { axis < 0 ? axis + shape.count : axis }
    var testDescription: String { "\(shape), axis \(axis)" }

    /// A tensor whose slices along the axis are what `body` makes of those of x; they may have another length.
    func mapSlices(_ x: DoubleTensor, _ body: ([Double]) -> [Double]) -> DoubleTensor {
        var others = shape
        others[place] = 1
        let results = zip(DoubleTensor.indices(of: others), Oracle.slices(x, axes: [axis]).map(body))
        let length = results.first { _ in true }?.1.count ?? body([Double](repeating: 0, count: shape[place])).count
        var target = shape
        target[place] = length
        var y = DoubleTensor(zeros: target)
        for (start, result) in results {
            for (index, value) in result.enumerated() {
                var position = start
                position[place] = index
                y[position] = value
            }
        }
        return y
    }
}

/// The types that elements are compared in.
private let comparedTypes: [ElementType] = [
    .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
]

private func tensor(_ values: DoubleTensor, _ elementType: ElementType) throws -> Tensor {
    elementType == .float32 || elementType == .float64
        ? try values.tensor(elementType) : try integerTensor(values.values, values.shape, elementType)
}

@Suite("ArgReduce, Hardmax")
struct ArgReduceTests {
    static func position(_ slice: [Double], _ function: ArgReduce.Function, takesLast: Bool) -> Int {
        let best = function == .largest ? slice.max() : slice.min()
        let places = slice.indices.filter { slice[$0] == best }
        return (takesLast ? places.last : places.first) ?? 0
    }

    @Test("positions in all types", arguments: AxisCase.all, ArgReduce.Function.allCases)
    func positions(test: AxisCase, function: ArgReduce.Function) throws {
        var generator = Philox(seed: 1, name: "values")
        let x = DoubleTensor.integers(test.shape, in: 0...5, using: &generator)
        for elementType in comparedTypes {
            for takesLast in [false, true] {
                let expected = test.mapSlices(x) { [Double(Self.position($0, function, takesLast: takesLast))] }
                let y = try run(
                    ArgReduce(function, axis: test.axis, takesLast: takesLast), [tensor(x, elementType)],
                    mode: RunMode(threads: 2))[0]
                #expect(y.elementType == .int64 && y.shape.dimensions == expected.shape)
                #expect(try y.doubles() == expected.values, "\(elementType), last \(takesLast)")
                let dropped = try run(
                    ArgReduce(function, axis: test.axis, keepsDimensions: false, takesLast: takesLast),
                    [tensor(x, elementType)])[0]
                var shape = test.shape
                shape.remove(at: test.place)
                #expect(try dropped.shape.dimensions == shape && dropped.doubles() == expected.values)
            }
        }
    }

    @Test("a NaN is the largest and the smallest", arguments: ArgReduce.Function.allCases)
    func notANumber(function: ArgReduce.Function) throws {
        let x = try Tensor([Float(1), .nan, -5, .nan, 9])
        #expect(try run(ArgReduce(function), [x])[0].scalars(as: Int64.self) == [1])
        #expect(try run(ArgReduce(function, takesLast: true), [x])[0].scalars(as: Int64.self) == [3])
    }

    @Test("hardmax", arguments: AxisCase.all)
    func hardmax(test: AxisCase) throws {
        var generator = Philox(seed: 1, name: "values")
        let x = DoubleTensor.integers(test.shape, in: 0...5, using: &generator)
        let expected = test.mapSlices(x) { slice in
            slice.indices.map { $0 == Self.position(slice, .largest, takesLast: false) ? 1 : 0 }
        }
        for elementType in [ElementType.float32, .float64] {
            let y = try run(Hardmax(axis: test.axis), [x], mode: RunMode(elementType: elementType))
            #expect(try firstDifference(y, expected) == nil)
        }
    }

    @Test("axes in another order", arguments: AxisCase.all)
    func permuted(test: AxisCase) throws {
        var generator = Philox(seed: 3, name: "values")
        let x = try DoubleTensor.distinct(test.shape, using: &generator).tensor()
        let order = try Permutation(generator.shuffled(test.shape.count))
        for function in ArgReduce.Function.allCases {
            for keepsDimensions in [false, true] {
                let operation = ArgReduce(function, axis: test.axis, keepsDimensions: keepsDimensions)
                #expect(try permutedDifference(operation, [x], by: order, tolerance: 1e-5) == nil)
            }
        }
        #expect(try permutedDifference(Hardmax(axis: test.axis), [x], by: order, tolerance: 1e-5) == nil)
        #expect(try permutedDifference(Softmax(axis: test.axis), [x], by: order, tolerance: 1e-5) == nil)
        #expect(try permutedDifference(TopK(1, axis: test.axis), [x], by: order, tolerance: 1e-5) == nil)
        #expect(try permutedDifference(LpNormalize(axis: test.axis), [x], by: order, tolerance: 1e-5) == nil)
        let sum = Cumulate(.sum, axis: test.axis, isExclusive: true, isReversed: true)
        #expect(try permutedDifference(sum, [x], by: order, tolerance: 1e-5) == nil)
    }

    @Test("axes that are not there, of no elements, and types without an order are refused")
    func errors() throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 0])
        for axis in [1, 2, -3, Int.min] {
            #expect(throws: ShapeError.self) { try run(ArgReduce(.largest, axis: axis), [x]) }
        }
        #expect(throws: ShapeError.self) { try run(ArgReduce(.largest), [Tensor([true])]) }
        #expect(throws: ShapeError.self) { try run(Hardmax(axis: 5), [x]) }
        #expect(throws: ShapeError.self) { try run(Hardmax(), [Tensor([Int32(1)])]) }
    }
}

@Suite("TopK")
struct TopKTests {
    @Test("the k best in all types, ties by position", arguments: AxisCase.all, [false, true])
    func values(test: AxisCase, takesLargest: Bool) throws {
        var generator = Philox(seed: 2, name: "values")
        let x = DoubleTensor.integers(test.shape, in: 0...9, using: &generator)
        let count = test.shape[test.place]
        for k in Set([0, 1, min(3, count), count / 2, count]) {
            func best(_ slice: [Double]) -> [Int] {
                Array(
                    slice.indices.sorted { left, right in
                        slice[left] == slice[right] ? left < right : (slice[left] > slice[right]) == takesLargest
                    }.prefix(k))
            }
            let values = test.mapSlices(x) { slice in best(slice).map { slice[$0] } }
            let positions = test.mapSlices(x) { best($0).map { Double($0) } }
            for elementType in count > 100 ? [.float32, .int64] : comparedTypes {
                let given = try tensor(x, elementType)
                let results = try run(
                    TopK(k, axis: test.axis, takesLargest: takesLargest), [given], mode: RunMode(threads: 2))
                #expect(results[0].elementType == elementType && results[0].shape.dimensions == values.shape)
                #expect(try results[0].doubles() == values.values, "\(elementType), k \(k)")
                #expect(try results[1].scalars(as: Int64.self).map { Double($0) } == positions.values)
                let asInput = TopK(axis: test.axis, takesLargest: takesLargest)
                #expect(try run(asInput, [given, Tensor([Int64(k)])], weights: [1]) == results)
            }
        }
    }

    @Test("NaN is larger than all numbers")
    func notANumber() throws {
        let x = try Tensor([Float(1), .nan, .infinity, .nan, -2])
        #expect(try run(TopK(4), [x])[1].scalars(as: Int64.self) == [1, 3, 2, 0])
        #expect(try run(TopK(4, takesLargest: false), [x])[1].scalars(as: Int64.self) == [4, 0, 2, 1])
    }

    @Test("gradients", arguments: AxisCase.all, [false, true])
    func gradients(test: AxisCase, takesLargest: Bool) throws {
        guard !test.shape.contains(0), test.shape.reduce(1, *) < 1000 else { return }
        var generator = Philox(seed: 1, name: "values")
        let x = GradientCheck.Input("x", .distinct(test.shape, using: &generator))
        let k = (test.shape[test.place] + 1) / 2
        let check = try GradientCheck([x], seed: 1) { graph, symbols in
            [try graph.append(TopK(k, axis: test.axis, takesLargest: takesLargest), [symbols["x"]])[0]]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("a k that no axis has is refused", arguments: [-1, 6, Int.max, Int.min])
    func errors(k: Int) throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 5])
        #expect(throws: ShapeError.self) { try run(TopK(k), [x]) }
        #expect(throws: PlanError.self) {
            try run(TopK(), [x, Tensor([Int64(k)])], weights: [1], mode: RunMode(weights: .parameter))
        }
    }
}

@Suite("Cumulate")
struct CumulateTests {
    static func cumulate(_ slice: [Double], _ operation: Cumulate) -> [Double] {
        let order = operation.isReversed ? slice.indices.reversed() : Array(slice.indices)
        var (result, total) = (slice, operation.function == .sum ? 0.0 : 1.0)
        for place in order {
            let next = operation.function == .sum ? total + slice[place] : total * slice[place]
            result[place] = operation.isExclusive ? total : next
            total = next
        }
        return result
    }

    static let forms = [(false, false), (true, false), (false, true), (true, true)]

    @Test("values in all types", arguments: AxisCase.all, Cumulate.Function.allCases)
    func values(test: AxisCase, function: Cumulate.Function) throws {
        var generator = Philox(seed: 2, name: "values")
        let count = test.shape[test.place]
        let range = count > 20 ? 0...1 : function == .sum ? 0...3 : 1...2
        let x = DoubleTensor.integers(test.shape, in: range, using: &generator)
        for (isExclusive, isReversed) in Self.forms {
            let operation = Cumulate(function, axis: test.axis, isExclusive: isExclusive, isReversed: isReversed)
            let expected = test.mapSlices(x) { Self.cumulate($0, operation) }
            for elementType in comparedTypes where expected.values.allSatisfy({ $0 < 128 }) || elementType == .float32 {
                let y = try run(operation, [tensor(x, elementType)], mode: RunMode(threads: 2))[0]
                #expect(try y.elementType == elementType && y.doubles() == expected.values, "\(elementType)")
            }
            let named = Cumulate(function, isExclusive: isExclusive, isReversed: isReversed)
            let axis = try Tensor(scalar: Int32(test.axis))
            #expect(try run(named, [x.tensor(), axis], weights: [1])[0].doubles() == expected.values)
        }
    }

    @Test("gradients", arguments: [AxisCase(shape: [5], axis: 0), AxisCase(shape: [3, 4, 2], axis: -2)], 0..<4)
    func gradients(test: AxisCase, form: Int) throws {
        var generator = Philox(seed: 1, name: "values")
        var values = DoubleTensor.uniform(test.shape, in: 0.5...2, using: &generator)
        values.values[2] = 0
        let x = GradientCheck.Input("x", values)
        for function in Cumulate.Function.allCases {
            let operation = Cumulate(
                function, axis: test.axis, isExclusive: Self.forms[form].0, isReversed: Self.forms[form].1)
            let check = try GradientCheck([x], seed: 1) { graph, symbols in [try graph.call(operation, symbols["x"])] }
            #expect(try check.mismatches() == [], "\(function)")
        }
    }

    @Test("an axis that is not there is refused", arguments: [2, -3, Int.max, Int.min])
    func errors(axis: Int) throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 5])
        #expect(throws: ShapeError.self) { try run(Cumulate(.sum, axis: axis), [x]) }
        #expect(throws: ShapeError.self) { try run(Cumulate(.sum), [x, Tensor([Int64(0), 1])], weights: [1]) }
        #expect(throws: ShapeError.self) { try run(Cumulate(.sum), [x, Tensor(scalar: Float(0))], weights: [1]) }
    }
}

@Suite("LpNormalize")
struct LpNormalizeTests {
    static func normalize(_ slice: [Double], _ norm: LpNormalize.Norm) -> [Double] {
        let length = Oracle.reduce(norm == .l1 ? .l1 : .l2, slice)
        return slice.map { length == 0 ? 0 : $0 / length }
    }

    @Test("values", arguments: AxisCase.all, LpNormalize.Norm.allCases)
    func values(test: AxisCase, norm: LpNormalize.Norm) throws {
        var generator = Philox(seed: 2, name: "values")
        var x = DoubleTensor.uniform(test.shape, using: &generator)
        if test.place == test.shape.count - 1 {
            for index in 0..<min(x.values.count, test.shape[test.place]) { x.values[index] = 0 }
        }
        let expected = test.mapSlices(x) { Self.normalize($0, norm) }
        for elementType in [ElementType.float32, .float64] {
            let y = try run(
                LpNormalize(norm, axis: test.axis), [x], mode: RunMode(elementType: elementType, threads: 2))
            #expect(
                try firstExcess(y, expected, absolute: 0, relative: elementType == .float32 ? 0x1p-23 : 0x1p-48) == nil)
        }
    }

    @Test("gradients", arguments: AxisCase.all, LpNormalize.Norm.allCases)
    func gradients(test: AxisCase, norm: LpNormalize.Norm) throws {
        guard !test.shape.contains(0), test.shape.reduce(1, *) < 1000, test.shape != [1] || norm == .l2 else { return }
        var generator = Philox(seed: 1, name: "values")
        let x = GradientCheck.Input("x", .distinct(test.shape, gap: 0.1, using: &generator))
        let check = try GradientCheck([x], seed: 1) { graph, symbols in
            [try graph.call(LpNormalize(norm, axis: test.axis), symbols["x"])]
        }
        #expect(try check.mismatches() == [])
    }
}

@Suite("Files of operators along an axis")
struct AxisFileTests {
    @Test("are read back as they were", arguments: [13, 28])
    func files(opset: Int) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 3, 4]))
        var operations: [any Operator] = [
            ArgReduce(.largest, axis: 1), ArgReduce(.smallest, axis: -1, keepsDimensions: false, takesLast: true),
            Hardmax(axis: 1), Cumulate(.sum, axis: 2, isExclusive: true), Cumulate(.sum, axis: -2, isReversed: true),
            LpNormalize(.l1, axis: 1), LpNormalize(.l2), TopK(2), TopK(1, axis: 0, takesLargest: false),
        ]
        if opset >= 26 { operations.append(Cumulate(.product, axis: 1)) }
        for (index, operation) in operations.enumerated() {
            graph.output(try graph.append(operation, [x])[0], name: "y\(index)")
        }
        let model = graph.model
        let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
        let inputs = ["x": try randomTensor([2, 3, 4])]
        let expected = try Session(Plan(model, inputs: [:]), threads: 1).run(inputs)
        #expect(
            try expected.count == operations.count
                && Session(Plan(again, inputs: [:]), threads: 1).run(inputs) == expected)
    }

    @Test("of old versions")
    func old() throws {
        let nodes = [
            ONNXNode("TopK", "x", "v,i", ["k": .int(2)]), ONNXNode("Hardmax", "x", "h"),
            ONNXNode("ReduceMax", "x", "m", ["axes": .ints([-1]), "keepdims": .int(0)]),
        ]
        func result(_ name: String) throws -> Tensor {
            let model = try Model(
                onnxBytes: onnxFile(nodes, version: 9, inputs: ["x": [.fixed(2), .fixed(2), .fixed(2)]], output: name)
                    .encoded())
            return try run(model, ["x": Tensor([Float(1), 5, 3, 4, 8, 6, 7, 9], shape: [2, 2, 2])])
        }
        #expect(try result("v").doubles() == [5, 1, 4, 3, 8, 6, 9, 7])
        #expect(try result("i").scalars(as: Int64.self) == [1, 0, 1, 0, 0, 1, 1, 0])
        #expect(try result("h").doubles() == [0, 1, 0, 0, 0, 0, 0, 1])
        #expect(try result("m").doubles() == [5, 4, 8, 9])
    }
}
