import Glibc

extension Double {
    /// The natural logarithm.
    static func log(_ x: Double) -> Double { Glibc.log(x) }
    /// The cosine of an angle in radians.
    static func cos(_ x: Double) -> Double { Glibc.cos(x) }
}
