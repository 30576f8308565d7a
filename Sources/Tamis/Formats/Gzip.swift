import CZlib

/// Unpacks gzip files through zlib, never to more bytes than allowed.
package enum Gzip {
    /// Whether a file starts as gzip files do.
    package static func isCompressed(_ file: FileBytes) -> Bool {
        file.withUnsafeBytes { $0.starts(with: [0x1f, 0x8b]) }
    }

    /// The bytes of all members of a gzip file, one after another.
    package static func unpack(_ file: FileBytes, limits: Limits) throws(ImportError) -> FileBytes {
        try file.withUnsafeBytes { (packed: UnsafeRawBufferPointer) throws(ImportError) in
            try unpack(packed, limit: max(limits.unpackedBytes, 0))
        }
    }

    private static func unpack(_ packed: UnsafeRawBufferPointer, limit: Int) throws(ImportError) -> FileBytes {
        var stream = z_stream()
        // 15 bits of window, and 16 for the gzip header; zlib checks length and checksum of each member.
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .shape(.outOfMemory(bytes: 1 << 15), place: "gzip")
        }
        defer { inflateEnd(&stream) }

        // One byte more than allowed shows that there is more.
        let most = limit < Int.max ? limit + 1 : limit
        var output = try memory(min(most, max(1 << 16, packed.count)))
        var consumed = 0, produced = 0
        while true {
            if produced == output.byteCount {
                guard produced < most else {
                    throw .limit("the bytes that a file unpacks to", limit: limit, received: produced)
                }
                let larger = try memory(produced > most / 2 ? most : produced * 2)
                larger.base.copyMemory(from: output.base, byteCount: produced)
                output = larger
            }
            // zlib counts in 32 bits.
            let input = min(packed.count - consumed, 1 << 30), room = min(output.byteCount - produced, 1 << 30)
            stream.next_in = packed.baseAddress.map {
                UnsafeMutablePointer(mutating: ($0 + consumed).assumingMemoryBound(to: UInt8.self))
            }
            stream.avail_in = UInt32(input)
            stream.next_out = (output.base + produced).assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(room)
            let status = inflate(&stream, Z_NO_FLUSH)
            consumed += input - Int(stream.avail_in)
            produced += room - Int(stream.avail_out)

            switch status {
            case Z_STREAM_END:
                if consumed == packed.count {
                    guard produced <= limit else {
                        throw .limit("the bytes that a file unpacks to", limit: limit, received: produced)
                    }
                    return FileBytes(output, count: produced)
                }
                // Another member must follow, which inflate finds out.
                inflateReset(&stream)
            case Z_OK where consumed < packed.count || stream.avail_out == 0:
                continue
            case Z_OK, Z_BUF_ERROR:
                throw .truncated("the gzip stream", offset: consumed, needed: 1, available: 0)
            case Z_MEM_ERROR:
                throw .shape(.outOfMemory(bytes: 1 << 15), place: "gzip")
            default:
                throw .malformed(
                    rule: "a gzip file must hold sound members and nothing after",
                    received: stream.msg.map { String(cString: $0) } ?? "status \(status)", offset: consumed)
            }
        }
    }

    private static func memory(_ bytes: Int) throws(ImportError) -> TensorStorage {
        try ImportError.at("gzip") { () throws(ShapeError) in try TensorStorage(byteCount: bytes) }
    }
}
