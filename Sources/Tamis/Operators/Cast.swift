import CTamisKernels
import TamisKernels

/// The same numbers as elements of another type. ONNX's Cast, for all types but strings and complex numbers.
///
/// Floats become integers towards zero, within the type's range (0 for NaN); integers lose their high bits; floats are
/// rounded to the nearest, halves to the even neighbour.
public struct Cast: DifferentiableOperator {
    /// How a number is rounded to a power of two, the only numbers of float8e8m0.
    public enum Rounding: String, Hashable, Sendable { case up, down, nearest }

    /// The type of the results.
    public let elementType: ElementType
    /// Whether what is too large for a float of 8 bits becomes its largest number, not infinity or NaN.
    public let saturates: Bool
    /// How numbers are rounded to float8e8m0.
    public let rounding: Rounding
    /// Whether `WidenHalves` has put it there: the rounding of what goes from one widened operator to the next says nothing.
    let isFromWidening: Bool

    public init(_ elementType: ElementType, saturates: Bool = true, rounding: Rounding = .up) {
        self.init(elementType, saturates: saturates, rounding: rounding, isFromWidening: false)
    }

    init(_ elementType: ElementType, saturates: Bool = true, rounding: Rounding = .up, isFromWidening: Bool) {
        self.elementType = elementType
        self.saturates = saturates
        self.rounding = rounding
        self.isFromWidening = isFromWidening
    }

    public var kind: String { "Cast" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (source, dimensions) = try inputs.tensor(0, "x")
        for type in [source, elementType] where !type.isCastable && source != elementType {
            throw .elementType(rule: "Cast's types must be numbers or booleans", received: type)
        }
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        if x.elementType == elementType { return .view }
        let size = (x.elementType.bitWidth + elementType.bitWidth + 7) / 8
        // A type that nothing is computed with comes from, or goes to, one that is: a run of it at a time.
        let (decoder, encoder) = (Decoder(x.elementType), Encoder(self))
        let (from, to) = (decoder?.type ?? x.elementType, encoder?.type ?? elementType)
        guard let convert = Conversion.between(from, to) else {
            throw .unsupported(
                operator: kind, rule: "it converts numbers", received: "\(x.elementType) to \(elementType)")
        }
        guard decoder != nil || encoder != nil else {
            let (fromSize, toSize) = (from.bitWidth / 8, to.bitWidth / 8)
            return .elementwise(
                "convert", count: x.shape.elementCount, bytesPerElement: size, slowness: 20
            ) { bindings, first, count in
                convert(bindings.input(0) + first * fromSize, bindings.output(0) + first * toSize, count)
            }
        }
        let run = 1 << 10
        var prepared = Prepared.elementwise(
            "convert by \(from) to \(to)", count: x.shape.elementCount, bytesPerElement: size, slowness: 200
        ) { bindings, first, count in
            let (decoded, converted) = (bindings.scratch, bindings.scratch + run * 8)
            for start in stride(from: first, to: first + count, by: run) {
                let count = min(run, first + count - start)
                var source = bindings.input(0) + (decoder == nil ? start * from.bitWidth / 8 : 0)
                if let decoder {
                    decoder.run(source, start, count, decoded)
                    source = UnsafeRawPointer(decoded)
                }
                if let encoder {
                    convert(source, converted, count)
                    encoder.run(converted, bindings.output(0), start, count)
                } else {
                    convert(source, bindings.output(0) + start * to.bitWidth / 8, count)
                }
            }
        }
        prepared.scratchBytes = 2 * run * 8
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        PermutedOperator(operation: self, inputs: [order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let source = node.inputs[0]?.type.elementType, source.isFloat else {
            return [nil]
        }
        return [try graph.call(Cast(source), dy, name: "\(node.name)/gradient")]
    }
}

extension ElementType {
    /// Whether `Cast` knows the type: all but strings and complex numbers.
    fileprivate var isCastable: Bool { self != .string && self != .complex64 && self != .complex128 }

    /// The range of integers of less than a byte.
    var isSmallInteger: Bool { self == .int4 || self == .uint4 || self == .int2 || self == .uint2 }
}

/// Reads runs of a type that nothing is computed with.
struct Decoder: Sendable {
    /// The type of what is read.
    let type: ElementType
    /// Reads `count` elements from the element `first` on.
    let run: @Sendable (_ from: UnsafeRawPointer, _ first: Int, _ count: Int, _ to: UnsafeMutableRawPointer) -> Void

    /// Nil for types that are computed with.
    init?(_ elementType: ElementType) {
        let bits = elementType.bitWidth
        if elementType == .bfloat16 {
            type = .float32
            run = { from, first, count, to in
                tamis_widen_halves(
                    count, true, from.assumingMemoryBound(to: UInt16.self) + first,
                    to.assumingMemoryBound(to: Float.self))
            }
        } else if elementType.isSmallInteger {
            type = .int32
            let isSigned = elementType == .int4 || elementType == .int2
            run = { from, first, count, to in
                let to = to.assumingMemoryBound(to: Int32.self)
                for index in 0..<count {
                    let code = Int32(from.code(first + index, bits: bits))
                    to[index] = isSigned && code >> (bits - 1) != 0 ? code - (1 << bits) : code
                }
            }
        } else if let format = SmallFloat(elementType) {
            type = .float32
            let numbers = (0..<(1 << bits)).map { format.number(UInt8($0)) }
            run = { from, first, count, to in
                let to = to.assumingMemoryBound(to: Float.self)
                for index in 0..<count { to[index] = numbers[Int(from.code(first + index, bits: bits))] }
            }
        } else {
            return nil
        }
    }
}

/// Writes runs of a type that nothing is computed with.
struct Encoder: Sendable {
    /// The type of what is written.
    let type: ElementType
    /// Writes `count` elements from the element `first` of the target on, which begins a byte.
    let run: @Sendable (_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ first: Int, _ count: Int) -> Void

    /// Nil for types that are computed with.
    init?(_ cast: Cast) {
        let (elementType, saturates) = (cast.elementType, cast.saturates)
        let bits = elementType.bitWidth
        if elementType == .bfloat16 {
            type = .float32
            run = { from, to, first, count in
                tamis_narrow_halves(
                    count, true, from.assumingMemoryBound(to: Float.self),
                    to.assumingMemoryBound(to: UInt16.self) + first)
            }
        } else if elementType.isSmallInteger {
            type = .int32
            run = { from, to, first, count in
                let from = from.assumingMemoryBound(to: Int32.self)
                to.write(first, count, bits: bits) { UInt8(truncatingIfNeeded: from[$0]) }
            }
        } else if let format = SmallFloat(elementType) {
            type = .float32
            let rounding = SmallFloat.Rounding(rawValue: cast.rounding.rawValue) ?? .up
            run = { from, to, first, count in
                let from = from.assumingMemoryBound(to: Float.self)
                to.write(first, count, bits: bits) { format.code(from[$0], saturates: saturates, rounding: rounding) }
            }
        } else {
            return nil
        }
    }
}

extension UnsafeRawPointer {
    /// Element `index` of `bits` bits; those of less than a byte are packed low bits first.
    fileprivate func code(_ index: Int, bits: Int) -> UInt8 {
        let place = index * bits
        let byte = load(fromByteOffset: place / 8, as: UInt8.self)
        return byte >> UInt8(place % 8) & UInt8.max >> UInt8(8 - bits)
    }
}

extension UnsafeMutableRawPointer {
    /// Writes `count` elements of `bits` bits from the element `first` on, which begins a byte; bits of the last byte that
    /// no element takes become 0.
    fileprivate func write(_ first: Int, _ count: Int, bits: Int, _ code: (Int) -> UInt8) {
        let (perByte, mask) = (8 / bits, UInt8.max >> UInt8(8 - bits))
        let bytes = assumingMemoryBound(to: UInt8.self) + first / perByte
        for byte in 0..<(count + perByte - 1) / perByte {
            var packed: UInt8 = 0
            for part in 0..<min(perByte, count - byte * perByte) {
                packed |= (code(byte * perByte + part) & mask) << UInt8(part * bits)
            }
            bytes[byte] = packed
        }
    }
}

/// The conversion of runs from one type that is computed with, or booleans, to another.
enum Conversion {
    typealias Run = @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, _ count: Int) -> Void

    static func between(_ from: ElementType, _ to: ElementType) -> Run? {
        switch (from, to) {
        case (.float32, .float16):
            return {
                tamis_narrow_halves(
                    $2, false, $0.assumingMemoryBound(to: Float.self), $1.assumingMemoryBound(to: UInt16.self))
            }
        case (.float16, .float32):
            return {
                tamis_widen_halves(
                    $2, false, $0.assumingMemoryBound(to: UInt16.self), $1.assumingMemoryBound(to: Float.self))
            }
        case (_, _) where from == to:
            let size = from.bitWidth / 8
            return { $1.copyMemory(from: $0, byteCount: $2 * size) }
        default:
            // A boolean is a byte of 0 or 1.
            return (from == .bool ? .uint8 : from).visit(Source(to: to)) ?? nil
        }
    }

    private struct Source: NumericVisitor {
        let to: ElementType

        func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Run? {
            if to == .bool { return { $0.map(Scalar.self, to: $1, $2) { $0 != Scalar(wrapping: 0) } } }
            return to.visit(Target<Scalar>())
        }
    }

    private struct Target<From: NumericScalar>: NumericVisitor {
        func visit<To: NumericScalar>(_ type: To.Type) -> Run {
            if From.isInteger, To.isInteger { return { $0.map(From.self, to: $1, $2) { To(wrapping: $0.int64) } } }
            // Beyond the range of Int64 there is no way to a float but by the widest one.
            if From.isInteger, From.self != UInt64.self {
                return { $0.map(From.self, to: $1, $2) { To(wrapping: $0.int64) } }
            }
            return { $0.map(From.self, to: $1, $2) { To(nearest: $0.double) } }
        }
    }
}

extension UnsafeRawPointer {
    @inline(__always)
    fileprivate func map<From, To>(
        _ type: From.Type, to target: UnsafeMutableRawPointer, _ count: Int, _ function: (From) -> To
    ) {
        let from = assumingMemoryBound(to: From.self)
        let to = target.assumingMemoryBound(to: To.self)
        for index in 0..<count { to[index] = function(from[index]) }
    }
}
