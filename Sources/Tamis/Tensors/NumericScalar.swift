/// A scalar that operators compute with whatever its type: the integers and floats. Integer arithmetic wraps, and nothing
/// here traps.
package protocol NumericScalar: TensorScalar, Comparable {
    /// a + b
    static func sum(_ a: Self, _ b: Self) -> Self
    /// a − b
    static func difference(_ a: Self, _ b: Self) -> Self
    /// a · b
    static func product(_ a: Self, _ b: Self) -> Self
    /// a / b; integers round towards zero, and give 0 for a division by 0, which operators must refuse before.
    static func quotient(_ a: Self, _ b: Self) -> Self
    /// a less the whole multiples of b towards 0, which has the sign of a; integers give 0 for a b of 0.
    static func remainder(_ a: Self, _ b: Self) -> Self
    /// The value below or equal to all others: −∞ of floats.
    static var lowest: Self { get }
    /// The value above or equal to all others: ∞ of floats.
    static var highest: Self { get }
    /// Whether the type is an integer's.
    static var isInteger: Bool { get }
    /// The nearest value; integers drop the fraction and stay within their range, 0 for NaN.
    init(nearest value: Double)
    /// The low bits of an integer, or the nearest float.
    init(wrapping value: Int64)
    /// The value as the widest float, rounded beyond 2⁵³.
    var double: Double { get }
    /// The value as an integer; floats drop the fraction and stay within range, 0 for NaN.
    var int64: Int64 { get }
    /// Whether it is no number.
    var isNotANumber: Bool { get }
}

extension NumericScalar where Self: FixedWidthInteger {
    package static func sum(_ a: Self, _ b: Self) -> Self { a &+ b }
    package static func difference(_ a: Self, _ b: Self) -> Self { a &- b }
    package static func product(_ a: Self, _ b: Self) -> Self { a &* b }
    package static func quotient(_ a: Self, _ b: Self) -> Self {
        b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
    }
    package static func remainder(_ a: Self, _ b: Self) -> Self {
        b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue
    }
    package static var lowest: Self { min }
    package static var highest: Self { max }
    package static var isInteger: Bool { true }
    package init(nearest value: Double) {
        guard !value.isNaN else {
            self = 0
            return
        }
        self = Self(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
    }
    package init(wrapping value: Int64) { self = Self(truncatingIfNeeded: value) }
    package var double: Double { Double(self) }
    package var int64: Int64 { Int64(truncatingIfNeeded: self) }
    package var isNotANumber: Bool { false }
}

extension NumericScalar where Self: BinaryFloatingPoint {
    package static func sum(_ a: Self, _ b: Self) -> Self { a + b }
    package static func difference(_ a: Self, _ b: Self) -> Self { a - b }
    package static func product(_ a: Self, _ b: Self) -> Self { a * b }
    package static func quotient(_ a: Self, _ b: Self) -> Self { a / b }
    package static func remainder(_ a: Self, _ b: Self) -> Self { a.truncatingRemainder(dividingBy: b) }
    package static var lowest: Self { -.infinity }
    package static var highest: Self { .infinity }
    package static var isInteger: Bool { false }
    package init(nearest value: Double) { self = Self(value) }
    package init(wrapping value: Int64) { self = Self(value) }
    package var double: Double { Double(self) }
    package var int64: Int64 { Int64(nearest: Double(self)) }
    package var isNotANumber: Bool { isNaN }
}

extension Float: NumericScalar {}
extension Double: NumericScalar {}
extension Float16: NumericScalar {}
extension Int8: NumericScalar {}
extension Int16: NumericScalar {}
extension Int32: NumericScalar {}
extension Int64: NumericScalar {}
extension UInt8: NumericScalar {}
extension UInt16: NumericScalar {}
extension UInt32: NumericScalar {}
extension UInt64: NumericScalar {}

/// Work that is written once for all numeric scalars, and compiled for each.
package protocol NumericVisitor {
    associatedtype Result
    /// The work for one type.
    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Result
}

extension ElementType {
    /// Whether operators can compute with it: the integers from 8 bits and the floats from 16, but for bfloat16, which is
    /// widened before.
    package var isNumeric: Bool {
        switch self {
        case .float32, .float64, .float16, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
        default: false
        }
    }

    /// Whether it is one of the integers from 8 bits.
    package var isInteger: Bool { isNumeric && !isFloat }

    /// Whether it is a float that operators compute with, be it widened: float16, bfloat16, float32, float64.
    package var isFloat: Bool { isComputable || isHalf }

    /// Whether it is a float of 16 bits, which `widensHalves` is about.
    package var isHalf: Bool { self == .float16 || self == .bfloat16 }

    /// Does a visitor's work for this type; nil where the type is not numeric.
    @inline(__always)
    package func visit<Visitor: NumericVisitor>(_ visitor: Visitor) -> Visitor.Result? {
        switch self {
        case .float32: visitor.visit(Float.self)
        case .float64: visitor.visit(Double.self)
        case .float16: visitor.visit(Float16.self)
        case .int8: visitor.visit(Int8.self)
        case .int16: visitor.visit(Int16.self)
        case .int32: visitor.visit(Int32.self)
        case .int64: visitor.visit(Int64.self)
        case .uint8: visitor.visit(UInt8.self)
        case .uint16: visitor.visit(UInt16.self)
        case .uint32: visitor.visit(UInt32.self)
        case .uint64: visitor.visit(UInt64.self)
        default: nil
        }
    }
}
