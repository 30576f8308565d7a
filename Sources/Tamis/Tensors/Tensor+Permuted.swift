import CTamisKernels

extension Tensor {
    /// The elements with their axes in another order, copied.
    public func permuted(by order: Permutation) throws(ShapeError) -> Tensor {
        guard order.rank == shape.rank, elementType.bitWidth >= 8 else {
            throw .mismatch(
                rule: "a permutation must have the tensor's axes, and its elements whole bytes",
                received: "\(order.order) for \(elementType) \(shape)")
        }
        if order.isIdentity { return self }
        let result = try Tensor(uninitialized: elementType, shape: shape.permuted(by: order))
        if shape.elementCount == 0 { return result }
        let strides = order.apply(to: shape.strides)
        tamis_strided_copy(
            shape.rank, result.shape.dimensions, strides, elementType.bitWidth / 8, storage.base, result.storage.base)
        return result
    }
}
