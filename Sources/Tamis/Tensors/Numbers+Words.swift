extension Double {
    /// The number with so many decimals.
    package func fixed(_ decimals: Int) -> String {
        guard isFinite, abs(self) < 1e12, (0...6).contains(decimals) else { return "\(self)" }
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((abs(self) * Double(scale)).rounded())
        if decimals == 0 { return self < 0 && scaled > 0 ? "-\(scaled)" : "\(scaled)" }
        let fraction = String(scaled % scale)
        let padding = String(repeating: "0", count: decimals - fraction.count)
        let sign = self < 0 && scaled > 0 ? "-" : ""
        return "\(sign)\(scaled / scale).\(padding)\(fraction)"
    }

    /// The number with two digits of its greatest power of ten, such as 3.2e-07.
    package var scientific: String {
        guard isFinite, self != 0 else { return self == 0 ? "0" : "\(self)" }
        var (mantissa, exponent) = (abs(self), 0)
        while mantissa >= 9.95 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 0.995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        let digits = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
        return "\(self < 0 ? "-" : "")\(mantissa.fixed(1))e\(exponent < 0 ? "-" : "+")\(digits)"
    }

    /// So many float operations, in the unit that suits.
    package var operations: String {
        var count = self
        for unit in ["FLOP", "kFLOP", "MFLOP", "GFLOP"] {
            if count < 1000 { return "\(count.fixed(unit == "FLOP" || count >= 100 ? 0 : 1)) \(unit)" }
            count /= 1000
        }
        return "\(count.fixed(1)) TFLOP"
    }
}

extension Int {
    /// So many bytes, in the unit that suits.
    package var bytes: String {
        var size = Double(self)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if size < 1024 { return unit == "B" ? "\(self) B" : "\(size.fixed(1)) \(unit)" }
            size /= 1024
        }
        return "\(size.fixed(1)) TiB"
    }

    /// The number with a comma between thousands.
    package var grouped: String {
        var digits = ""
        for (index, digit) in String(self).reversed().enumerated() {
            if index > 0, index % 3 == 0, digit != "-" { digits.append(",") }
            digits.append(digit)
        }
        return String(digits.reversed())
    }
}
