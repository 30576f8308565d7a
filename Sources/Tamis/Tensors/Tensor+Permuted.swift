import CTamisKernels

extension Tensor {
    /// The elements with their axes in another order, copied when they are first read.
    public func permuted(by order: Permutation) throws(ShapeError) -> Tensor {
        guard order.rank == shape.rank, elementType.bitWidth >= 8 else {
            throw .mismatch(
                rule: "a permutation must have the tensor's axes, and its elements whole bytes",
                received: "\(order.order) for \(elementType) \(shape)")
        }
        if order.isIdentity { return self }
        let target = shape.permuted(by: order)
        let (strides, source, size) = (order.apply(to: shape.strides), storage, elementType.bitWidth / 8)
        if target.elementCount == 0 { return try Tensor(uninitialized: elementType, shape: target) }
        return try Tensor(deferred: elementType, shape: target) { (base) throws(ShapeError) in
            try source.withTemporaryUnaligned {
                tamis_strided_copy(target.rank, target.dimensions, strides, size, $0, base)
            }
        }
    }
}
