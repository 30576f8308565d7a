import Glibc

extension Double {
    /// The exponential function.
    static func exp(_ x: Double) -> Double { Glibc.exp(x) }
    /// The natural logarithm.
    static func log(_ x: Double) -> Double { Glibc.log(x) }
    /// The cosine of an angle in radians.
    static func cos(_ x: Double) -> Double { Glibc.cos(x) }
}
