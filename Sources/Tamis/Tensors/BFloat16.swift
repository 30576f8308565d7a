/// The upper half of a `Float`: 8 bits of exponent, 7 of fraction.
public struct BFloat16: Sendable, BitwiseCopyable, Hashable {
    /// The bits, as they stand in memory.
    public let bitPattern: UInt16

    /// A value of these bits.
    public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// The nearest value, ties to even; a NaN stays one.
    public init(_ value: Float) {
        let bits = value.bitPattern
        bitPattern =
            value.isNaN ? UInt16(bits >> 16) | 0x40 : UInt16((bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }

    /// The same value with more bits.
    public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}

extension BFloat16: TensorScalar { public static var elementType: ElementType { .bfloat16 } }
