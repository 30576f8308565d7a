extension ElementType {
    /// The types in the order of the numbers of ONNX's `TensorProto.DataType`, which starts with "undefined".
    private static let onnxTypes: [ElementType?] = [
        nil, .float32, .uint8, .int8, .uint16, .int16, .int32, .int64, .string, .bool, .float16, .float64, .uint32,
        .uint64, .complex64, .complex128, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
        .uint4, .int4, .float4e2m1, .float8e8m0, .uint2, .int2,
    ]

    /// The type of a number of ONNX's `TensorProto.DataType`; nil for "undefined" and for numbers Tamis does not know.
    package init?(onnxNumber: Int) {
        guard Self.onnxTypes.indices.contains(onnxNumber), let type = Self.onnxTypes[onnxNumber] else { return nil }
        self = type
    }

    /// The number of ONNX's `TensorProto.DataType`.
    package var onnxNumber: Int { Self.onnxTypes.firstIndex(of: self) ?? 0 }
}
