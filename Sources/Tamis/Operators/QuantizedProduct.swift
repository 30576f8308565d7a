import TamisKernels

/// What products of quantised numbers have in common: where their operands stand, and how sums of whole numbers become
/// results.
enum QuantizedForm: Hashable, Sendable {
    /// Whole numbers in, the sums out as int32: x, w, and the zero points of both, which may be absent.
    case integer
    /// x, its scale and zero point, w, its scale and zero point, the scale and zero point of y, and perhaps a bias.
    case linear

    var w: Int { self == .integer ? 1 : 3 }
    var xZero: Int { 2 }
    var wZero: Int { self == .integer ? 3 : 5 }
    static let (xScale, wScale, yScale, yZero, bias) = (1, 4, 6, 7, 8)

    /// Throws unless x and w are bytes with zero points of their types, and scales are floats; the type of y.
    func checkTypes(_ inputs: Operands) throws(ShapeError) -> ElementType {
        for (index, zero, role) in [(0, xZero, "x"), (w, wZero, "w")] {
            let type = try inputs.tensor(index, role).elementType
            guard type == .int8 || type == .uint8 else {
                throw .elementType(rule: "\(inputs.operatorName)'s \(role) must be int8 or uint8", received: type)
            }
            guard self == .linear || inputs.optional(zero) != nil else { continue }
            let zeroType = try inputs.tensor(zero, "zero point of \(role)").elementType
            guard zeroType == type else {
                throw .elementType(
                    rule: "\(inputs.operatorName)'s zero point of \(role) must be \(type)", received: zeroType)
            }
        }
        guard self == .linear else { return .int32 }
        for (index, role) in [(Self.xScale, "x"), (Self.wScale, "w"), (Self.yScale, "y")] {
            let type = try inputs.tensor(index, "scale of \(role)").elementType
            guard type == .float32 || type.isHalf else {
                throw .elementType(
                    rule: "\(inputs.operatorName)'s scale of \(role) must be float32, float16 or bfloat16",
                    received: type)
            }
        }
        let type = try inputs.tensor(Self.yZero, "zero point of y").elementType
        guard type == .int8 || type == .uint8 else {
            throw .elementType(
                rule: "\(inputs.operatorName)'s zero point of y must be int8 or uint8", received: type)
        }
        return type
    }
}

/// Reads bytes as whole numbers, less a zero point.
struct ByteReader: Sendable {
    private let isSigned: Bool

    init(_ elementType: ElementType) { isSigned = elementType == .int8 }

    @inline(__always)
    func read(_ bytes: UnsafeRawPointer, _ index: Int) -> Int32 {
        isSigned
            ? Int32(bytes.load(fromByteOffset: index, as: Int8.self))
            : Int32(bytes.load(fromByteOffset: index, as: UInt8.self))
    }

    /// Reads `count` bytes from the place `first` on, less zero points that stand `step` apart.
    @inline(__always)
    func read(
        _ bytes: UnsafeRawPointer, _ first: Int, _ count: Int, less zeros: UnsafeRawPointer?, at place: Int, step: Int,
        to target: UnsafeMutablePointer<Int32>
    ) {
        for index in 0..<count {
            let zero = zeros.map { read($0, place + index * step) } ?? 0
            target[index] = read(bytes, first + index) &- zero
        }
    }
}

/// Sums of whole numbers become bytes: round(sum · scale of x · scale of w / scale of y) + zero point of y, within the type's
/// range; halves go to the even neighbour.
struct Requantization: Sendable {
    private let zero: ByteReader
    private let range: ClosedRange<Double>

    init(_ elementType: ElementType) {
        zero = ByteReader(elementType)
        range = elementType.quantizedRange ?? 0...255
    }

    /// Writes the results of one row. Its scales of x and y stand at `row`, those of w are `step` apart from `column` on.
    @inline(__always)
    func write(
        _ sums: UnsafePointer<Int32>, _ count: Int, _ bindings: borrowing Bindings, x: Int, w: Int, step: Int, y: Int,
        to target: UnsafeMutableRawPointer
    ) {
        let xScale = bindings.input(QuantizedForm.xScale).assumingMemoryBound(to: Float.self)[x]
        let wScales = bindings.input(QuantizedForm.wScale).assumingMemoryBound(to: Float.self)
        let yScale = bindings.input(QuantizedForm.yScale).assumingMemoryBound(to: Float.self)[y]
        let point = Double(zero.read(bindings.input(QuantizedForm.yZero), y))
        for index in 0..<count {
            let factor = Double(xScale * wScales[w + index * step] / yScale)
            let code = (Double(sums[index]) * factor).rounded(.toNearestOrEven) + point
            let clamped = code >= range.lowerBound ? min(code, range.upperBound) : range.lowerBound
            target.storeBytes(of: UInt8(truncatingIfNeeded: Int(clamped)), toByteOffset: index, as: UInt8.self)
        }
    }
}
