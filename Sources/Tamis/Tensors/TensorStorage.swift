import Glibc
import Synchronization

/// Memory that tensors share: owned, 64-byte aligned; a view of memory that another object keeps alive; or deferred, made
/// when it is first read.
///
/// Swift's own allocation traps where the system refuses; this one throws. Bytes are written only while one tensor holds
/// the storage (`Tensor` checks before it writes), which is what makes sharing it between tasks safe.
package final class TensorStorage: @unchecked Sendable {
    /// Fills memory of the storage's size.
    package typealias Fill = @Sendable (UnsafeMutableRawPointer) throws(ShapeError) -> Void

    package let byteCount: Int
    /// Where the bytes are; nil while they are deferred.
    private let present: UnsafeMutableRawPointer?
    private let owner: AnyObject?
    private let fill: Fill?
    /// What deferred bytes are a copy of, where they are one.
    private let original: UnsafeRawPointer?
    /// The bytes of a deferred storage, once they are made.
    private let made = Mutex<UInt?>(nil)

    nonisolated(unsafe) private static let nothing = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

    /// Memory of `byteCount` bytes, not initialised.
    package init(byteCount: Int) throws(ShapeError) {
        present = try Self.allocate(byteCount)
        self.byteCount = byteCount
        owner = nil
        fill = nil
        original = nil
    }

    /// A read-only view of `bytes`, which live as long as `owner` does.
    package init(viewing bytes: UnsafeRawBufferPointer, of owner: AnyObject) {
        // Nobody reads through the pointer of an empty view, but it must be one.
        present = bytes.baseAddress.map(UnsafeMutableRawPointer.init(mutating:)) ?? Self.nothing
        byteCount = bytes.count
        self.owner = owner
        fill = nil
        original = nil
    }

    /// A copy, made when it is first read, of bytes that stand unaligned and live as long as `owner` does.
    package init(copying bytes: UnsafeRawBufferPointer, of owner: AnyObject) {
        present = nil
        byteCount = bytes.count
        self.owner = owner
        original = bytes.baseAddress
        fill = nil
    }

    /// Read-only memory that `fill` makes when it is first read. Who only wants to read it once, to make another form of
    /// it, uses `withTemporary` and leaves it unmade: weights on their way into a kernel's form stand in memory once.
    package init(byteCount: Int, deferred fill: @escaping Fill) {
        present = nil
        self.byteCount = byteCount
        owner = nil
        original = nil
        self.fill = fill
    }

    /// From how many bytes on memory comes from the system and goes back there.
    ///
    /// malloc begins with the same bound, but raises it. Then it keeps what is given back, and between tensors puts small
    /// things that live longer: with each new size of an image its heap has other holes, and grows.
    private static func isLarge(_ byteCount: Int) -> Bool { byteCount >= 128 << 10 }

    private static func allocate(_ byteCount: Int) throws(ShapeError) -> UnsafeMutableRawPointer {
        guard byteCount >= 0, byteCount <= Int.max - 4096, MemoryUse.take(byteCount) else {
            throw .outOfMemory(bytes: byteCount)
        }
        guard let pointer = isLarge(byteCount) ? pages(byteCount) : block(byteCount) else {
            MemoryUse.give(byteCount)
            throw .outOfMemory(bytes: byteCount)
        }
        return pointer
    }

    private static func block(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        var pointer: UnsafeMutableRawPointer?
        return posix_memalign(&pointer, 64, max(byteCount, 64)) == 0 ? pointer : nil
    }

    /// Not huge pages: a virtual machine's host takes those back that are free, and a process that has just begun waits for
    /// each of them, longer than for all the small ones.
    private static func pages(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard
            let pages = mmap(
                nil, mappedBytes(byteCount), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            pages != MAP_FAILED
        else { return nil }
        return pages
    }

    private static func release(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
        if isLarge(byteCount) { munmap(pointer, mappedBytes(byteCount)) } else { free(pointer) }
        MemoryUse.give(byteCount)
    }

    /// Whole pages.
    private static func mappedBytes(_ byteCount: Int) -> Int { (byteCount + 4095) / 4096 * 4096 }

    /// The bytes. Deferred ones are made now; whoever can throw calls `make` before.
    package var base: UnsafeMutableRawPointer {
        if let present { return present }
        // Here nobody can be told that the system refuses memory, and other bytes would be wrong answers.
        guard let pointer = try? make() else { abort() }
        return pointer
    }

    /// Makes deferred bytes, if they are not there yet.
    @discardableResult
    package func make() throws(ShapeError) -> UnsafeMutableRawPointer {
        if let present { return present }
        let address = try made.withLock { (made: inout UInt?) throws(ShapeError) -> UInt in
            if let made { return made }
            let pointer = try filled()
            made = UInt(bitPattern: pointer)
            return UInt(bitPattern: pointer)
        }
        return UnsafeMutableRawPointer(bitPattern: address) ?? Self.nothing
    }

    /// The bytes for the duration of `body`; deferred ones are not kept.
    package func withTemporary<Result>(
        _ body: (UnsafeRawPointer) -> Result
    ) throws(ShapeError) -> Result {
        if let present { return body(UnsafeRawPointer(present)) }
        if let address = made.withLock({ $0 }), let pointer = UnsafeRawPointer(bitPattern: address) {
            return body(pointer)
        }
        let pointer = try filled()
        defer { Self.release(pointer, byteCount: byteCount) }
        return body(UnsafeRawPointer(pointer))
    }

    /// The bytes, aligned or not, for the duration of `body`; deferred ones are not kept.
    package func withTemporaryUnaligned<Result>(
        _ body: (UnsafeRawPointer) -> Result
    ) throws(ShapeError) -> Result {
        if let original { return body(original) }
        return try withTemporary(body)
    }

    /// The bytes where they lie, aligned or not; nil while they are yet to be made.
    package var bytesInPlace: UnsafeRawBufferPointer? {
        let address =
            present.map(UnsafeRawPointer.init) ?? original ?? made.withLock { $0 }.flatMap(UnsafeRawPointer.init)
        return address.map { UnsafeRawBufferPointer(start: $0, count: byteCount) }
    }

    private func filled() throws(ShapeError) -> UnsafeMutableRawPointer {
        let pointer = try Self.allocate(byteCount)
        if let original { pointer.copyMemory(from: original, byteCount: byteCount) }
        do throws(ShapeError) { try fill?(pointer) } catch {
            Self.release(pointer, byteCount: byteCount)
            throw error
        }
        return pointer
    }

    /// Whether the bytes are made when they are first read, and are not made yet.
    package var isDeferred: Bool { present == nil && made.withLock { $0 == nil } }

    /// Whether the memory is never to be written.
    package var isView: Bool { owner != nil || present == nil }

    deinit {
        if let present, owner == nil { Self.release(present, byteCount: byteCount) }
        if let address = made.withLock({ $0 }), let pointer = UnsafeMutableRawPointer(bitPattern: address) {
            Self.release(pointer, byteCount: byteCount)
        }
    }
}
