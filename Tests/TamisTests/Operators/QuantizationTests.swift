import Tamis
import TamisTestSupport
import Testing

/// A tensor, and how scales go with it.
struct QuantizationCase: CustomTestStringConvertible {
    var shape: [Int]
    var scales: [Int]
    var axis = 1
    var block = 0

    static let all = [
        QuantizationCase(shape: [3, 5], scales: []), QuantizationCase(shape: [7], scales: [1]),
        QuantizationCase(shape: [], scales: []), QuantizationCase(shape: [2, 3, 4], scales: [3]),
        QuantizationCase(shape: [2, 3, 4], scales: [4], axis: -1),
        QuantizationCase(shape: [2, 3, 4], scales: [2], axis: 0),
        QuantizationCase(shape: [2, 7, 3], scales: [2, 3, 3], axis: 1, block: 3),
        QuantizationCase(shape: [4, 6], scales: [4, 3], axis: -1, block: 2),
        QuantizationCase(shape: [1, 4], scales: [1, 1], axis: 1, block: 4),
        QuantizationCase(shape: [0, 3], scales: [3]),
        QuantizationCase(shape: [40, 1000], scales: [1000]), QuantizationCase(shape: [30_000], scales: []),
    ]

    /// The scale of the element at a place.
    func scale(_ scales: DoubleTensor, at place: [Int]) -> Double {
        if self.scales.isEmpty || self.scales == [1] { return scales.values[0] }
        let axis = axis < 0 ? axis + shape.count : axis
        guard block > 0 else { return scales.values[place[axis]] }
        var position = place
        position[axis] /= block
        return scales[position]
    }

    var testDescription: String { "\(shape), scales \(scales), axis \(axis), block \(block)" }
}

@Suite("QuantizeLinear, DequantizeLinear")
struct QuantizeLinearTests {
    static let types: [(type: ElementType, range: ClosedRange<Double>)] = [
        (.uint8, 0...255), (.int8, -128...127), (.uint16, 0...65535), (.int16, -32768...32767),
    ]

    @Test("to integers and back, with and without zero points", arguments: QuantizationCase.all, types.indices)
    func integers(test: QuantizationCase, index: Int) throws {
        let (type, range) = Self.types[index]
        var generator = Philox(seed: UInt64(index), name: "values")
        // Scales that are powers of two: quotients are exact, halves are true halves.
        let scales = Oracle.map(.integers(test.scales, in: -3...0, using: &generator)) {
            Double(sign: .plus, exponent: Int($0), significand: 1)
        }
        let zeros = DoubleTensor.integers(test.scales, in: range.lowerBound < 0 ? -9...9 : 0...99, using: &generator)
        let wide = range.upperBound > 1000 ? 40_000 : 200
        var x = Oracle.map(.integers(test.shape, in: -wide...wide, using: &generator)) { $0 / 16 }
        if x.values.count > 4 { (x.values[0], x.values[1], x.values[2]) = (.infinity, -.infinity, 1e30) }
        let operation = QuantizeLinear(type, axis: test.axis, block: test.block)
        let back = DequantizeLinear(axis: test.axis, block: test.block)
        for hasZero in [true, false] {
            let places = DoubleTensor.indices(of: test.shape)
            let codes = zip(places, x.values).map { place, value in
                let zero = hasZero ? test.scale(zeros, at: place) : 0
                let code = (value / test.scale(scales, at: place)).rounded(.toNearestOrEven) + zero
                return min(max(code, range.lowerBound), range.upperBound)
            }
            let zero = hasZero ? try integerTensor(zeros.values, zeros.shape, type) : nil
            let y = try run(operation, [x.tensor(), scales.tensor(), zero], mode: RunMode(threads: 2))[0]
            #expect(try y.elementType == type && y.shape.dimensions == test.shape && y.doubles() == codes)
            let numbers = zip(places, codes).map { place, code in
                (code - (hasZero ? test.scale(zeros, at: place) : 0)) * test.scale(scales, at: place)
            }
            let z = try run(back, [y, scales.tensor(), zero], mode: RunMode(threads: 2))[0]
            #expect(try firstDifference(z, DoubleTensor(numbers, shape: test.shape)) == nil)
        }
    }

    @Test("of whole numbers, and of what is no number")
    func wholeNumbers() throws {
        let x = try Tensor([Int32(5), -7, 1000, .min])
        let scale = try Tensor(scalar: Float(2))
        #expect(try run(QuantizeLinear(.int8), [x, scale])[0].scalars(as: Int8.self) == [2, -4, 127, -128])
        let none = try Tensor([Float.nan, 1])
        #expect(try run(QuantizeLinear(), [none, scale])[0].scalars(as: UInt8.self) == [0, 0])
        let wide = try run(DequantizeLinear(), [Tensor([Int32(7), -9]), Tensor(scalar: Float(0.5))])[0]
        #expect(try wide.doubles() == [3.5, -4.5])
    }

    @Test(
        "to types of less than a byte and back",
        arguments: [
            (ElementType.int4, [-8.0, -3, 0, 4, 7]), (.uint4, [0, 0, 0, 4, 15]), (.int2, [-2, -2, 0, 1, 1]),
            (.uint2, [0, 0, 0, 3, 3]), (.float8e4m3fn, [-20, -3, 0, 4, 20]), (.float8e5m2, [-20, -3, 0, 4, 20]),
            (.float4e2m1, [-6, -3, 0, 4, 6]),
        ])
    func small(type: ElementType, expected: [Double]) throws {
        let x = try Tensor([Float(-10), -1.5, 0, 2, 10])
        let scale = try Tensor(scalar: Float(0.5))
        let y = try run(QuantizeLinear(type), [x, scale])[0]
        #expect(y.elementType == type)
        let z = try run(DequantizeLinear(), [y, scale])[0]
        #expect(try z.doubles() == expected.map { $0 / 2 })
    }

    @Test("halves", arguments: [ElementType.float16, .bfloat16])
    func halves(type: ElementType) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [4]))
        let scale = try graph.call(Cast(type), graph.constant(Tensor(scalar: Float(0.25))))
        let y = try graph.call(QuantizeLinear(.int8), graph.call(Cast(type), x), scale)
        let z = try graph.call(DequantizeLinear(), y, scale)
        #expect(y.type.elementType == .int8 && z.type.elementType == type)
        graph.output(try graph.call(Cast(.float32), z), name: "z")
        let values = try Tensor([Float(1.5), -0.25, 100, 0])
        let result = try Session(Plan(graph.model, inputs: [:]), threads: 1).run(["x": values])
        #expect(try result["z"]?.doubles() == [1.5, -0.25, 31.75, 0])
    }

    @Test("axes in another order", arguments: QuantizationCase.all)
    func permuted(test: QuantizationCase) throws {
        var generator = Philox(seed: 1, name: "values")
        let x = try DoubleTensor.uniform(test.shape, in: -9...9, using: &generator).tensor()
        let scales = try DoubleTensor.uniform(test.scales, in: 0.1...1, using: &generator).tensor()
        let order = try Permutation(generator.shuffled(test.shape.count))
        let quantize = QuantizeLinear(.int8, axis: test.axis, block: test.block)
        #expect(try permutedDifference(quantize, [x, scales], by: order) == nil)
        let y = try run(quantize, [x, scales])[0]
        let zeros = try Tensor(zeros: .int8, shape: test.scales)
        let back = DequantizeLinear(axis: test.axis, block: test.block)
        #expect(try permutedDifference(back, [y, scales, zeros], by: order) == nil)
    }

    @Test("scales that do not fit are refused")
    func errors() throws {
        let x = try Tensor(repeating: Float(1), shape: [2, 6])
        func refuses(_ shape: [Int], axis: Int = 1, block: Int = 0) throws {
            let scale = try Tensor(repeating: Float(1), shape: shape)
            #expect(throws: ShapeError.self) { try run(QuantizeLinear(axis: axis, block: block), [x, scale]) }
            let y = try Tensor(zeros: .int8, shape: [2, 6])
            #expect(throws: ShapeError.self) { try run(DequantizeLinear(axis: axis, block: block), [y, scale]) }
        }
        try refuses([5])
        try refuses([6], axis: 0)
        try refuses([6], axis: 2)
        try refuses([6], axis: Int.min)
        try refuses([2, 6])
        try refuses([2, 3], block: 3)
        try refuses([6], block: -1)
        try refuses([2, 2], axis: 1, block: Int.max)
        let scale = try Tensor(scalar: Float(1))
        #expect(throws: ShapeError.self) { try run(QuantizeLinear(.int32), [x, scale]) }
        #expect(throws: ShapeError.self) { try run(QuantizeLinear(), [x, Tensor(scalar: 1.0)]) }
        #expect(throws: ShapeError.self) { try run(DequantizeLinear(), [x, scale]) }
    }

    @Test("in a range of its own")
    func dynamic() throws {
        for values in [[Float(-1), 0, 3, 2.5], [1, 2, 4], [-3, -1], [0, 0], [5]] {
            let x = try Tensor(values, shape: [values.count, 1])
            let results = try run(DynamicQuantizeLinear(), [x], mode: RunMode(threads: 2))
            let (high, low) = (max(0, values.max() ?? 0), min(0, values.min() ?? 0))
            let scale = high == low ? 1 / 255 : (high - low) / 255
            let zero = (-low / scale).rounded(.toNearestOrEven)
            #expect(try results[1].scalars(as: Float.self) == [scale])
            #expect(try results[2].scalars(as: UInt8.self) == [UInt8(zero)])
            let codes = values.map { UInt8(min(max(($0 / scale).rounded(.toNearestOrEven) + zero, 0), 255)) }
            #expect(try results[0].scalars(as: UInt8.self) == codes)
        }
        let x = try randomTensor([3, 4, 5])
        #expect(try permutedDifference(DynamicQuantizeLinear(), [x], by: Permutation([2, 0, 1])) == nil)
    }
}

/// Bytes of either type, as numbers.
private func randomBytes(
    _ shape: [Int], _ type: ElementType, using generator: inout Philox
) throws -> (DoubleTensor, Tensor) {
    let values = DoubleTensor.integers(shape, in: type == .int8 ? -128...127 : 0...255, using: &generator)
    return (values, try integerTensor(values.values, shape, type))
}

/// The numbers less a zero point at each of their places.
private func less(_ x: DoubleTensor, _ zeros: DoubleTensor?) -> DoubleTensor {
    guard let zeros else { return x }
    return Oracle.binary(x, zeros) { $0 - $1 }
}

@Suite("QuantizedMatMul")
struct QuantizedMatMulTests {
    struct Case {
        var a: [Int]
        var b: [Int]
        /// Shapes of what goes with the rows of a and the columns of b.
        var rows: [Int]
        var columns: [Int]
    }

    static let cases = [
        Case(a: [3, 4], b: [4, 5], rows: [], columns: []), Case(a: [3, 4], b: [4, 5], rows: [3], columns: [5]),
        Case(a: [2, 3, 4], b: [4, 5], rows: [2, 3, 1], columns: [1, 5]),
        Case(a: [2, 1, 3, 7], b: [3, 7, 2], rows: [1], columns: [3, 1, 2]),
        Case(a: [4], b: [4, 2], rows: [], columns: [2]),
        Case(a: [3, 4], b: [4], rows: [3], columns: [1]), Case(a: [3, 0], b: [0, 2], rows: [], columns: []),
        Case(a: [70, 65], b: [65, 80], rows: [70], columns: [80]),
    ]

    @Test("sums of whole numbers", arguments: cases.indices, 0..<4)
    func sums(index: Int, types: Int) throws {
        let test = Self.cases[index]
        let (typeA, typeB) = (types % 2 == 0 ? ElementType.int8 : .uint8, types < 2 ? ElementType.int8 : .uint8)
        var generator = Philox(seed: UInt64(index), name: "values")
        let (a, tensorA) = try randomBytes(test.a, typeA, using: &generator)
        let (b, tensorB) = try randomBytes(test.b, typeB, using: &generator)
        let (zeroA, tensorZeroA) = try randomBytes(test.rows, typeA, using: &generator)
        let (zeroB, tensorZeroB) = try randomBytes(test.columns, typeB, using: &generator)
        // A zero point of rows stands beside the last axis.
        let rows = DoubleTensor(
            zeroA.values, shape: test.rows.count == 1 && test.a.count > 1 ? test.rows + [1] : test.rows)
        let expected = Oracle.matMul(less(a, rows), less(b, zeroB))
        let inputs = [tensorA, tensorB, tensorZeroA, tensorZeroB]
        let y = try run(QuantizedMatMul.integer, inputs, mode: RunMode(threads: 2))[0]
        #expect(y.elementType == .int32 && y.shape.dimensions == expected.shape)
        #expect(try y.doubles() == expected.values)
        let plain = try run(QuantizedMatMul.integer, [tensorA, tensorB])[0]
        #expect(try plain.doubles() == Oracle.matMul(a, b).values)

        // Scales that are powers of two, so that halves are true halves.
        let scaleA = Oracle.map(.integers(test.rows, in: -2...0, using: &generator)) {
            Double(sign: .plus, exponent: Int($0), significand: 1)
        }
        let scaleB = Oracle.map(.integers(test.columns, in: -6...0, using: &generator)) {
            Double(sign: .plus, exponent: Int($0), significand: 1)
        }
        let scaleRows = DoubleTensor(scaleA.values, shape: rows.shape)
        let scaled = Oracle.matMul(
            Oracle.binary(less(a, rows), scaleRows) { $0 * $1 }, Oracle.binary(less(b, zeroB), scaleB) { $0 * $1 })
        let (yScale, yZero) = (8.0, 3.0)
        let (low, high) = typeA == .int8 ? (-128.0, 127.0) : (0, 255)
        let codes = scaled.values.map { min(max(($0 / yScale).rounded(.toNearestOrEven) + yZero, low), high) }
        let z = try run(
            QuantizedMatMul.linear,
            [
                tensorA, scaleA.tensor(), tensorZeroA, tensorB, scaleB.tensor(), tensorZeroB,
                Tensor(scalar: Float(yScale)), integerTensor([yZero], [], typeA),
            ], mode: RunMode(threads: 2))[0]
        #expect(try z.elementType == typeA && z.doubles() == codes)
    }

    @Test("what does not fit is refused")
    func errors() throws {
        let a = try Tensor(zeros: .int8, shape: [3, 4])
        let b = try Tensor(zeros: .uint8, shape: [4, 5])
        let zeros = { (type: ElementType, shape: [Int]) in try Tensor(zeros: type, shape: shape) }
        #expect(throws: ShapeError.self) { try run(QuantizedMatMul.integer, [a, zeros(.int8, [5, 4])]) }
        #expect(throws: ShapeError.self) { try run(QuantizedMatMul.integer, [a, b, zeros(.uint8, [])]) }
        #expect(throws: ShapeError.self) { try run(QuantizedMatMul.integer, [a, b, zeros(.int8, [4])]) }
        #expect(throws: ShapeError.self) {
            try run(QuantizedMatMul.integer, [a, b, zeros(.int8, []), zeros(.uint8, [4])])
        }
        #expect(throws: ShapeError.self) { try run(QuantizedMatMul.integer, [zeros(.int16, [3, 4]), b]) }
    }
}

@Suite("QuantizedConv")
struct QuantizedConvTests {
    @Test("sums of whole numbers over random windows", arguments: 0..<60)
    func sums(index: Int) throws {
        var test = ConvolutionCase.random(index, largest: 7)
        test.hasBias = index % 3 == 0
        var generator = Philox(seed: UInt64(index), name: "values")
        let (typeX, typeW) = (index % 2 == 0 ? ElementType.uint8 : .int8, index % 4 < 2 ? ElementType.int8 : .uint8)
        let (x, tensorX) = try randomBytes(test.xShape, typeX, using: &generator)
        let (w, tensorW) = try randomBytes(test.wShape, typeW, using: &generator)
        let isPerFilter = index % 5 < 3
        let (zeroX, tensorZeroX) = try randomBytes([], typeX, using: &generator)
        let (zeroW, tensorZeroW) = try randomBytes(isPerFilter ? [test.filters] : [], typeW, using: &generator)
        let bias = test.hasBias ? DoubleTensor.integers([test.filters], in: -999...999, using: &generator) : nil
        let (wholeX, wholeW) = (less(x, zeroX), less(w, zeroW))
        let window = try test.geometry.window()
        let expected = Oracle.convolution(wholeX, wholeW, bias: nil, test.geometry, groups: test.groups)
        let y = try run(
            QuantizedConv.integer(window: window, groups: test.groups), [tensorX, tensorW, tensorZeroX, tensorZeroW],
            mode: RunMode(threads: 2))[0]
        #expect(y.elementType == .int32 && y.shape.dimensions == expected.shape)
        #expect(try y.doubles() == expected.values, "\(test)")

        let xScale = 0.5
        let wScale = Oracle.map(.integers(zeroW.shape, in: -9...(-6), using: &generator)) {
            Double(sign: .plus, exponent: Int($0), significand: 1)
        }
        let (yScale, yZero) = (2.0, 5.0)
        let biased = Oracle.convolution(wholeX, wholeW, bias: bias, test.geometry, groups: test.groups)
        let (low, high) = typeX == .int8 ? (-128.0, 127.0) : (0, 255)
        let codes = biased.values.enumerated().map { index, sum in
            let scale = wScale.values[isPerFilter ? index % test.filters : 0]
            return min(max((sum * xScale * scale / yScale).rounded(.toNearestOrEven) + yZero, low), high)
        }
        let inputs: [Tensor?] = [
            tensorX, try Tensor(scalar: Float(xScale)), tensorZeroX, tensorW, try wScale.tensor(), tensorZeroW,
            try Tensor(scalar: Float(yScale)), try integerTensor([yZero], [], typeX),
        ]
        let biases = try bias.map { [try integerTensor($0.values, $0.shape, .int32)] } ?? []
        let z = try run(
            QuantizedConv.linear(window: window, groups: test.groups), inputs + biases, mode: RunMode(threads: 2))[0]
        #expect(try z.elementType == typeX && z.doubles() == codes, "\(test)")
    }

    @Test("what does not fit is refused")
    func errors() throws {
        let window = try WindowGeometry(kernel: [3])
        let x = try Tensor(zeros: .uint8, shape: [1, 9, 2])
        let w = try Tensor(zeros: .int8, shape: [3, 2, 4])
        let conv = QuantizedConv.integer(window: window)
        #expect(throws: ShapeError.self) { try run(conv, [x, Tensor(zeros: .int8, shape: [3, 3, 4])]) }
        #expect(throws: ShapeError.self) { try run(conv, [x, w, Tensor(zeros: .uint8, shape: [2])]) }
        #expect(throws: ShapeError.self) { try run(conv, [x, w, nil, Tensor(zeros: .int8, shape: [3])]) }
        #expect(throws: ShapeError.self) { try run(conv, [x, w, nil, Tensor(zeros: .uint8, shape: [])]) }
        #expect(throws: ShapeError.self) {
            try run(QuantizedConv.integer(window: window, groups: 3), [x, w])
        }
    }
}

@Suite("Files of quantised operators")
struct QuantizationFileTests {
    @Test("are read back as they were", arguments: [13, 21])
    func files(opset: Int) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 5, 4, 3]))
        let scale = graph.constant(try Tensor([Float(0.01), 0.02, 0.03]))
        let zero = graph.constant(try Tensor([Int8(1), 2, 3]))
        let single = graph.constant(try Tensor(scalar: Float(0.01)))
        let point = graph.constant(try Tensor(scalar: UInt8(128)))
        let codes = try graph.call(QuantizeLinear(axis: 3), x, scale, zero)
        graph.output(try graph.call(DequantizeLinear(axis: 3), codes, scale, zero), name: "back")
        let bytes = try graph.append(DynamicQuantizeLinear(), [x])
        for (index, output) in bytes.enumerated() { graph.output(output, name: "dynamic\(index)") }
        let image = try graph.call(QuantizeLinear(), x, single, point)
        let w = graph.constant(try Tensor((0..<36).map { Int8($0 - 18) }, shape: [3, 2, 3, 2]))
        let filterZero = graph.constant(try Tensor([Int8(1), -1]))
        let window = try WindowGeometry(kernel: [3, 2])
        graph.output(
            try graph.call(QuantizedConv.integer(window: window), image, w, point, filterZero), name: "sums")
        let filterScale = graph.constant(try Tensor([Float(0.1), 0.2]))
        let bias = graph.constant(try Tensor([Int32(10), -10]))
        graph.output(
            try graph.append(
                QuantizedConv.linear(window: window),
                [
                    image, single, point, w, filterScale, filterZero,
                    filterScale.graph.constant(Tensor(scalar: Float(0.3))), point, bias,
                ])[0],
            name: "conv")
        let matrix = graph.constant(try Tensor((0..<12).map { UInt8($0) }, shape: [3, 4]))
        graph.output(try graph.call(QuantizedMatMul.integer, image, matrix, point), name: "product")
        graph.output(
            try graph.append(
                QuantizedMatMul.linear, [image, single, point, matrix, single, point, single, point])[0], name: "matmul"
        )
        if opset >= 21 {
            let blocks = graph.constant(try Tensor(repeating: Float(0.02), shape: [2, 5, 4, 2]))
            let four = try graph.call(QuantizeLinear(.int4, axis: 3, block: 2), x, blocks)
            graph.output(try graph.call(DequantizeLinear(axis: 3, block: 2), four, blocks), name: "four")
        }
        let model = graph.model
        let again = try Model(onnxBytes: model.onnxBytes(opset: opset))
        let inputs = ["x": try randomTensor([2, 5, 4, 3])]
        let expected = try Session(Plan(model, inputs: [:]), threads: 1).run(inputs)
        let results = try Session(Plan(again, inputs: [:]), threads: 1).run(inputs)
        #expect(expected.count == model.outputs.count && results == expected)
    }
}
