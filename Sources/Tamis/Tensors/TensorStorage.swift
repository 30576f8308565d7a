import Glibc

/// Memory that tensors share: owned, 64-byte aligned, or a view of memory that another object keeps alive.
///
/// Swift's own allocation traps where the system refuses; this one throws. Bytes are written only while one tensor holds
/// the storage (`Tensor` checks before it writes), which is what makes sharing it between tasks safe.
package final class TensorStorage: @unchecked Sendable {
    package let base: UnsafeMutableRawPointer
    package let byteCount: Int
    private let owner: AnyObject?

    nonisolated(unsafe) private static let nothing = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

    /// Memory of `byteCount` bytes, not initialised.
    package init(byteCount: Int) throws(ShapeError) {
        var pointer: UnsafeMutableRawPointer?
        guard byteCount >= 0, posix_memalign(&pointer, 64, max(byteCount, 64)) == 0, let pointer else {
            throw .outOfMemory(bytes: byteCount)
        }
        self.base = pointer
        self.byteCount = byteCount
        self.owner = nil
    }

    /// A read-only view of `bytes`, which live as long as `owner` does.
    package init(viewing bytes: UnsafeRawBufferPointer, of owner: AnyObject) {
        // Nobody reads through the pointer of an empty view, but it must be one.
        self.base = bytes.baseAddress.map(UnsafeMutableRawPointer.init(mutating:)) ?? Self.nothing
        self.byteCount = bytes.count
        self.owner = owner
    }

    /// Whether the memory is a view, never to be written.
    package var isView: Bool { owner != nil }

    deinit {
        if owner == nil { free(base) }
    }
}
