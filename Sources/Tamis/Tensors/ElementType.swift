/// The type of a tensor's elements: every type an ONNX tensor can have.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
    case float32, float64, float16, bfloat16
    case int8, int16, int32, int64, uint8, uint16, uint32, uint64
    case bool, string, complex64, complex128
    case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0
    case int4, uint4, float4e2m1, int2, uint2

    /// The bits one element takes; 0 for strings, whose size varies.
    public var bitWidth: Int {
        switch self {
        case .complex128: 128
        case .float64, .int64, .uint64, .complex64: 64
        case .float32, .int32, .uint32: 32
        case .float16, .bfloat16, .int16, .uint16: 16
        case .int8, .uint8, .bool, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
        case .int4, .uint4, .float4e2m1: 4
        case .int2, .uint2: 2
        case .string: 0
        }
    }

    /// The bytes `count` elements take, elements below a byte packed as ONNX packs them (the first in the low bits), or
    /// nil where the number overflows.
    public func byteCount(of count: Int) -> Int? {
        let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
        return overflow || bits > Int.max - 7 ? nil : (bits + 7) / 8
    }

    /// Whether the float kernels compute with it: `float32` and `float64`.
    public var isComputable: Bool { self == .float32 || self == .float64 }
}
