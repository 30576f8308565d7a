/// A format of floats of eight bits or fewer: the number a code stands for, and the code of a number.
package struct SmallFloat: Sendable {
    /// How numbers between two powers of two are rounded to the one or the other (of formats without fractions).
    package enum Rounding: String, Hashable, Sendable { case up, down, nearest }

    /// The sign bit, 0 of a format without signs.
    private let sign: UInt8
    private let fractionBits: Int
    private let bias: Int
    /// The code of the largest number.
    private let largest: UInt8
    /// The code of infinity, where there is one.
    private let infinity: UInt8?
    /// The code of what is no number.
    private let notANumber: UInt8
    /// Whether the code of −0 stands for what is no number instead.
    private let isUnsignedZero: Bool

    private init(
        sign: UInt8 = 0x80, fractionBits: Int, bias: Int, largest: UInt8, infinity: UInt8? = nil, notANumber: UInt8,
        isUnsignedZero: Bool = false
    ) {
        self.sign = sign
        self.fractionBits = fractionBits
        self.bias = bias
        self.largest = largest
        self.infinity = infinity
        self.notANumber = notANumber
        self.isUnsignedZero = isUnsignedZero
    }

    /// The format of an element type; nil for other types.
    package init?(_ elementType: ElementType) {
        switch elementType {
        case .float8e4m3fn: self.init(fractionBits: 3, bias: 7, largest: 0x7e, notANumber: 0x7f)
        case .float8e4m3fnuz:
            self.init(fractionBits: 3, bias: 8, largest: 0x7f, notANumber: 0x80, isUnsignedZero: true)
        case .float8e5m2: self.init(fractionBits: 2, bias: 15, largest: 0x7b, infinity: 0x7c, notANumber: 0x7f)
        case .float8e5m2fnuz:
            self.init(fractionBits: 2, bias: 16, largest: 0x7f, notANumber: 0x80, isUnsignedZero: true)
        // It has none that is no number; such a one becomes −0.
        case .float4e2m1: self.init(sign: 0x8, fractionBits: 1, bias: 1, largest: 0x7, notANumber: 0x8)
        case .float8e8m0: self.init(sign: 0, fractionBits: 0, bias: 127, largest: 0xfe, notANumber: 0xff)
        default: return nil
        }
    }

    /// The number that a code stands for.
    package func number(_ code: UInt8) -> Float {
        if isUnsignedZero, code == notANumber { return .nan }
        let magnitude = code & (sign &- 1)
        guard magnitude <= largest else {
            return magnitude != infinity ? .nan : code & sign == 0 ? .infinity : -.infinity
        }
        let (exponent, fraction) = (Int(magnitude >> fractionBits), Int(magnitude & (1 << fractionBits - 1)))
        let hasLeadingOne = sign == 0 || exponent > 0
        let significand = Double(fraction) / Double(1 << fractionBits) + (hasLeadingOne ? 1 : 0)
        let value = significand * .power(of: (hasLeadingOne ? exponent : 1) - bias)
        return Float(code & sign == 0 ? value : -value)
    }

    /// The code of the nearest number, halves to the even neighbour. What is too large becomes the largest number if it
    /// `saturates`, else infinity or no number.
    package func code(_ value: Float, saturates: Bool, rounding: Rounding = .up) -> UInt8 {
        if sign == 0 { return power(value, saturates: saturates, rounding: rounding) }
        let signBit = value.sign == .minus ? sign : 0
        if value.isNaN { return notANumber | signBit }
        // Four bits have no code for either.
        let beyond = (saturates || sign == 0x8 ? largest : infinity ?? notANumber) | signBit
        if value.isInfinite { return beyond }
        if value == 0 { return isUnsignedZero ? 0 : signBit }
        let magnitude = abs(Double(value))
        // The distance between neighbours: that of the smallest normal numbers below those.
        let step = Double.power(of: max(Int(magnitude.exponent), 1 - bias) - fractionBits)
        let rounded = (magnitude / step).rounded(.toNearestOrEven) * step
        if rounded > Double(number(largest)) { return beyond }
        let smallest = Double.power(of: 1 - bias)
        if rounded < smallest {
            let code = UInt8(rounded / (smallest * .power(of: -fractionBits)))
            return code == 0 && isUnsignedZero ? 0 : code | signBit
        }
        let fraction = (rounded.significand - 1) * Double(1 << fractionBits)
        return UInt8(Int(rounded.exponent) + bias) << fractionBits | UInt8(fraction) | signBit
    }

    /// The code of a power of two: the exponent of a float.
    private func power(_ value: Float, saturates: Bool, rounding: Rounding) -> UInt8 {
        if value.isNaN { return notANumber }
        if value.isInfinite { return saturates ? largest : notANumber }
        if value < 0x1p-127 { return saturates ? 0 : notANumber }
        // Below the normal numbers there is one power more, whose leading digit stands in the fraction.
        let exponent = Int(value.bitPattern >> 23 & 0xff)
        let fraction = (exponent == 0 ? value.bitPattern << 1 : value.bitPattern) & 0x7f_ffff
        let goesUp: Bool
        switch rounding {
        case .up: goesUp = fraction > 0
        case .down: goesUp = false
        case .nearest: goesUp = fraction >= 0x40_0000
        }
        let code = exponent + (goesUp ? 1 : 0)
        return code <= Int(largest) ? UInt8(code) : saturates ? largest : notANumber
    }
}

extension Double {
    fileprivate static func power(of exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}
