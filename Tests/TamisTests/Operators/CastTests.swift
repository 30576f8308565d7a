import Tamis
import TamisTestSupport
import Testing

@Suite("Cast")
struct CastTests {
    static let types: [ElementType] =
        ArithmeticTests.integerTypes + [.float16, .bfloat16, .float32, .float64, .bool]

    @Test("between all types of whole bytes", arguments: types, types)
    func pairs(from: ElementType, to: ElementType) throws {
        // Small numbers, which every type has; more than a run of them.
        let x = DoubleTensor((0..<2503).map { from == .bool ? Double($0 % 2) : Double($0 % 100) }, shape: [2503])
        let source =
            from == .bool ? try Tensor(x.values.map { $0 != 0 }) : try x.tensor(from)
        let y = try run(Cast(to), [source])[0]
        #expect(try y.elementType == to && y.doubles() == x.values.map { to == .bool ? min($0, 1) : $0 })
        let none = try run(Cast(to), [Tensor(zeros: from, shape: [0, 3])])[0]
        #expect(none.elementType == to && none.shape.dimensions == [0, 3])
    }

    private func cast<From: TensorScalar, To: TensorScalar>(_ x: [From], to: To.Type) throws -> [To] {
        try run(Cast(To.elementType), [Tensor(x)])[0].scalars(as: To.self)
    }

    @Test("at the ends of the ranges")
    func ends() throws {
        // Integers lose their high bits.
        #expect(try cast([Int16(200), -129], to: Int8.self) == [-56, 127])
        #expect(try cast([Int64(-1), 1 << 40], to: UInt32.self) == [UInt32.max, 0])
        #expect(try cast([UInt64.max], to: Int64.self) == [-1])
        #expect(try cast([UInt64.max, 1 << 63], to: Float.self) == [0x1p64, 0x1p63])
        #expect(try cast([Int64.max], to: Float.self) == [0x1p63])
        // Rounded once: by way of a double it would go up.
        #expect(try cast([Int64(1) << 62 + 1 << 38 + 1], to: Float.self) == [Float(Int64(1) << 62 + 1 << 38 + 1)])
        // Floats stay within the range and drop the fraction.
        #expect(
            try cast([Float(1e10), -1e10, 2.9, -2.9, .nan, .infinity], to: Int32.self)
                == [Int32.max, Int32.min, 2, -2, 0, Int32.max])
        #expect(try cast([Float(-3), 300], to: UInt8.self) == [0, 255])
        #expect(try cast([Double(1e300), 1e-300, -1e300], to: Float.self) == [.infinity, 0, -.infinity])
        // Everything but 0 is true.
        #expect(try cast([Float(0.5), -0.0, .nan], to: Bool.self) == [true, false, true])
        #expect(try cast([Int64(1) << 32, 0], to: Bool.self) == [true, false])
    }

    @Test("each float16 and bfloat16 is widened exactly")
    func widening() throws {
        let patterns = (UInt16.min...UInt16.max).map { $0 }
        let halves = patterns.map(Float16.init(bitPattern:))
        for (value, half) in zip(try cast(halves, to: Float.self), halves) {
            #expect(value.bitPattern == Float(half).bitPattern || (value.isNaN && half.isNaN))
        }
        let brains = patterns.map(BFloat16.init(bitPattern:))
        #expect(try cast(brains, to: Float.self).map(\.bitPattern) == brains.map(\.float.bitPattern))
        #expect(
            try cast(cast(halves, to: Float.self), to: Float16.self).map(\.bitPattern)
                == halves.map { $0.isNaN ? Float16.nan.bitPattern | $0.bitPattern & 0x8000 : $0.bitPattern })
    }

    @Test("floats are rounded to the nearest half")
    func narrowing() throws {
        var generator = Philox(seed: 7)
        var values = (0..<20_000).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator)) }
        // Between neighbours, at and beside the middle; around the largest and the smallest.
        for pattern in stride(from: UInt16(0), to: 0x7c00, by: 37) {
            let (low, high) = (Float(Float16(bitPattern: pattern)), Float(Float16(bitPattern: pattern + 1)))
            let middle = high.isFinite ? (low + high) / 2 : 65520
            values += [middle, middle.nextUp, middle.nextDown, -middle]
        }
        values += [65504, 65519, 65520, 1e9, 0x1p-24, 0x1p-25, 0x1.8p-25, -0x1p-26, 0, -0.0, .infinity, -.infinity]
        for (half, value) in zip(try cast(values, to: Float16.self), values) {
            #expect(half.bitPattern == Float16(value).bitPattern || (half.isNaN && value.isNaN), "\(value)")
        }
        for (brain, value) in zip(try cast(values, to: BFloat16.self), values) {
            #expect(brain == BFloat16(value) || (brain.float.isNaN && value.isNaN), "\(value)")
        }
    }

    static let formats: [(ElementType, largest: Float)] = [
        (.float8e4m3fn, 448), (.float8e4m3fnuz, 240), (.float8e5m2, 57344), (.float8e5m2fnuz, 57344),
        (.float4e2m1, 6), (.float8e8m0, 0x1p127),
    ]

    /// The bytes of a tensor.
    private func bytes(_ tensor: Tensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }

    private func tensor(_ elementType: ElementType, _ bytes: [UInt8], count: Int) throws -> Tensor {
        var tensor = try Tensor(zeros: elementType, shape: [count])
        try tensor.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
        return tensor
    }

    @Test("small floats: each code is the nearest to its number, and halves go to the even one", arguments: formats)
    func smallFloats(elementType: ElementType, largest: Float) throws {
        let isPacked = elementType.bitWidth == 4
        let count = isPacked ? 16 : 256
        let codes: [UInt8] = isPacked ? (0..<8).map { UInt8(2 * $0 | (2 * $0 + 1) << 4) } : (0..<256).map { UInt8($0) }
        let all = try tensor(elementType, codes, count: count)
        let numbers = try run(Cast(.float32), [all])[0].scalars(as: Float.self)
        #expect(numbers.filter(\.isFinite).max() == largest)
        let again = try run(Cast(elementType, saturates: false), [Tensor(numbers)])[0]
        let numbersAgain = try run(Cast(.float32), [again])[0].scalars(as: Float.self)
        for (value, original) in zip(numbersAgain, numbers) {
            #expect(value.bitPattern == original.bitPattern || (value.isNaN && original.isNaN))
        }
        // What is too large saturates, or does not.
        let large = try Tensor([Float.greatestFiniteMagnitude, .infinity])
        let saturated = try run(Cast(.float32), [run(Cast(elementType), [large])[0]])[0].scalars(as: Float.self)
        #expect(saturated == [largest, largest])
        if !isPacked {
            let beyond = try run(Cast(elementType, saturates: false), [large])[0]
            #expect(try run(Cast(.float32), [beyond])[0].scalars(as: Float.self).allSatisfy { !$0.isFinite })
        }
        if elementType == .float8e8m0 { return }
        // Neighbours of even and odd codes, and what lies between them.
        let sorted = numbers.enumerated().filter { $1.isFinite && $1 >= 0 && $1.sign == .plus }.sorted { $0.1 < $1.1 }
        for (low, high) in zip(sorted, sorted.dropFirst()) {
            let middle = (low.element + high.element) / 2
            let even = low.offset % 2 == 0 ? low.element : high.element
            let rounded = try run(Cast(elementType), [Tensor([middle, middle.nextDown, middle.nextUp, -middle])])[0]
            let found = try run(Cast(.float32), [rounded])[0].scalars(as: Float.self)
            #expect(found == [even, low.element, high.element, -even])
        }
    }

    @Test("powers of two are rounded as asked")
    func powers() throws {
        let x = try Tensor([Float(1.1), 1.5, 1.6, 2, 0.75])
        func rounded(_ rounding: Cast.Rounding) throws -> [Float] {
            let y = try run(Cast(.float8e8m0, rounding: rounding), [x])[0]
            return try run(Cast(.float32), [y])[0].scalars(as: Float.self)
        }
        #expect(try rounded(.up) == [2, 2, 2, 2, 1])
        #expect(try rounded(.down) == [1, 1, 1, 2, 0.5])
        #expect(try rounded(.nearest) == [1, 2, 2, 2, 1])
    }

    @Test("integers of 2 and 4 bits are packed low bits first", arguments: [1, 5, 8, 4099, 40_001])
    func packed(count: Int) throws {
        let values = (0..<count).map { Int32($0 % 37 - 18) }
        for (elementType, bits, isSigned) in [
            (ElementType.int4, 4, true), (.uint4, 4, false), (.int2, 2, true), (.uint2, 2, false),
        ] {
            let small = try run(Cast(elementType), [Tensor(values)])[0]
            let mask = Int32(1 << bits - 1)
            let expected = values.map { value -> Int32 in
                let code = value & mask
                return isSigned && code >> Int32(bits - 1) != 0 ? code - mask - 1 : code
            }
            #expect(try run(Cast(.int32), [small])[0].scalars(as: Int32.self) == expected)
            #expect(try run(Cast(.float64), [small])[0].doubles() == expected.map(Double.init))
            let floats = try Tensor(values.map(Float.init))
            #expect(bytes(try run(Cast(elementType), [floats])[0]) == bytes(small))
            if count == 5, bits == 4 { #expect(bytes(small) == [0xfe, 0x10, 0x02]) }
        }
    }

    @Test("gradients, and what is refused")
    func gradients() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [3]))
        let y = try graph.call(Cast(.float64), x)
        let gradient = try #require(try differentiate(y, with: [x.id], in: graph)[0])
        #expect(gradient.type.elementType == .float32)
        let whole = try graph.call(Cast(.float64), graph.call(Cast(.int32), x))
        #expect(try differentiate(whole, with: [x.id], in: graph)[0] == nil)
        #expect(throws: ShapeError.self) { try graph.call(Cast(.string), x) }
        #expect(throws: ShapeError.self) { try graph.call(Cast(.complex64), x) }
    }
}
