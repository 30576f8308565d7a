extension Tensor: CustomStringConvertible {
    /// The type, the shape and the first elements.
    public var description: String {
        let shown = min(8, shape.elementCount)
        func texts<Scalar: TensorScalar>(_ type: Scalar.Type) -> [String] {
            withUnsafeBytes { bytes in
                (0..<shown).map { index in
                    "\(bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Scalar>.stride, as: Scalar.self))"
                }
            }
        }
        let head: [String] =
            switch elementType {
            case .string: ((try? strings()) ?? []).prefix(shown).map { "\"\($0)\"" }
            case .float32: texts(Float.self)
            case .float64: texts(Double.self)
            case .float16: texts(Float16.self)
            case .int8: texts(Int8.self)
            case .int16: texts(Int16.self)
            case .int32: texts(Int32.self)
            case .int64: texts(Int64.self)
            case .uint8: texts(UInt8.self)
            case .uint16: texts(UInt16.self)
            case .uint32: texts(UInt32.self)
            case .uint64: texts(UInt64.self)
            case .bool: texts(Bool.self)
            default: []
            }
        let more = shape.elementCount > head.count ? ", …" : ""
        return "\(elementType) \(shape) [\(head.joined(separator: ", "))\(more)]"
    }
}
