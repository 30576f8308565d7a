import CTamisKernels

extension Tensor {
    /// The elements of a tensor of float16 or bfloat16 in float32, made when they are first read.
    package func widened() throws(ShapeError) -> Tensor {
        guard elementType.isHalf else {
            throw .elementType(rule: "float16 and bfloat16 are widened", received: elementType)
        }
        let (source, count, isBFloat16) = (storage, shape.elementCount, elementType == .bfloat16)
        return try Tensor(deferred: .float32, shape: shape) { (base) throws(ShapeError) in
            try source.withTemporary {
                tamis_widen_halves(
                    count, isBFloat16, $0.assumingMemoryBound(to: UInt16.self),
                    base.assumingMemoryBound(to: Float.self))
            }
        }
    }
}
