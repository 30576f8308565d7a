/// The one reader of untrusted bytes: a part of a file, read from its front. A part of that is a cursor again, not a
/// copy.
package struct ByteCursor: Sendable {
    /// What holds the bytes.
    package let file: FileBytes
    /// Where the next byte stands, counted from the start of the file.
    package private(set) var offset: Int
    private let end: Int

    /// Reads a file from its start.
    package init(_ file: FileBytes) {
        self.init(file: file, offset: 0, end: file.count)
    }

    private init(file: FileBytes, offset: Int, end: Int) {
        self.file = file
        self.offset = offset
        self.end = end
    }

    /// The number of bytes left.
    package var count: Int { end - offset }

    /// Whether no byte is left.
    package var isEmpty: Bool { offset == end }

    /// The next byte, left unread; nil at the end.
    package var first: UInt8? { isEmpty ? nil : file.withUnsafeBytes { $0[offset] } }

    /// The bytes left; they stay for as long as `file` does.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try file.withUnsafeBytes { (all: UnsafeRawBufferPointer) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: all[offset..<end]))
        }
    }

    /// The next `count` bytes, to be read on their own.
    package mutating func slice(_ count: Int, of what: @autoclosure () -> String) throws(ImportError) -> ByteCursor {
        guard count >= 0, count <= self.count else {
            throw .truncated(what(), offset: offset, needed: count, available: self.count)
        }
        defer { offset += count }
        return ByteCursor(file: file, offset: offset, end: offset + count)
    }

    /// An integer or a float's bits of fixed width.
    package mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type = Integer.self, bigEndian: Bool = false, of what: @autoclosure () -> String
    ) throws(ImportError) -> Integer {
        let bytes = try slice(MemoryLayout<Integer>.size, of: what())
        let bits = bytes.withUnsafeBytes { $0.loadUnaligned(as: Integer.self) }
        return bigEndian ? Integer(bigEndian: bits) : Integer(littleEndian: bits)
    }

    /// A base-128 integer as protocol buffers have it: seven bits a byte, the lowest first, ten bytes at most.
    package mutating func varint(of what: @autoclosure () -> String) throws(ImportError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            let byte = try integer(UInt8.self, of: what())
            // The tenth byte has room for one bit only.
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw .malformed(
            rule: "\(what()) must be a variable-length integer of 64 bits", received: "a longer one", offset: start)
    }

    /// All bytes left as text.
    package func string(of what: @autoclosure () -> String) throws(ImportError) -> String {
        guard let text = withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
            throw .malformed(rule: "\(what()) must be UTF-8", received: "\(count) bytes that are not", offset: offset)
        }
        return text
    }
}
