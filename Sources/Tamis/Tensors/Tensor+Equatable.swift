import Glibc

extension Tensor: Equatable {
    /// Whether two tensors have the same type, shape and bits; so NaN equals itself and 0 differs from −0.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        guard left.elementType == right.elementType, left.shape == right.shape else { return false }
        if left.elementType == .string { return (try? left.strings()) == (try? right.strings()) }
        return memcmp(left.storage.base, right.storage.base, left.byteCount) == 0
    }
}
