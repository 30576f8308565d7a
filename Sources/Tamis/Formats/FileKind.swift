/// What a file is that is no ONNX model, told by its first bytes.
enum FileKind {
    /// Beginnings of files that are sometimes taken for models.
    private static let beginnings: [(bytes: [UInt8], kind: String)] = [
        ([0xff, 0xd8, 0xff], "a JPEG image"),
        ([0x89, 0x50, 0x4e, 0x47], "a PNG image"),
        (Array("GIF8".utf8), "a GIF image"),
        (Array("%PDF".utf8), "a PDF document"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file, as Keras wrote before version 3"),
        ([0x50, 0x4b, 0x03, 0x04], "a zip archive, as PyTorch and Keras write"),
        ([0x1f, 0x8b], "a gzip archive: unpack it first"),
        ([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], "a numpy array"),
        (Array("version https://git-lfs".utf8), "a pointer of git-lfs: fetch the file itself"),
        (Array("<!DOCTYPE".utf8), "a web page"), (Array("<!doctype".utf8), "a web page"),
        (Array("<html".utf8), "a web page"),
    ]

    /// What the bytes are, if they are something known that is no model.
    static func foreign(_ file: FileBytes) -> String? {
        file.withUnsafeBytes { bytes in
            if bytes.isEmpty { return "an empty file" }
            // TensorFlow Lite's mark stands behind its first number.
            if bytes.count > 8, bytes[4..<8].elementsEqual("TFL3".utf8) { return "a TensorFlow Lite model" }
            if let known = beginnings.first(where: { bytes.starts(with: $0.bytes) }) { return known.kind }
            // Numbers of a few bits stand everywhere in a model.
            let isText = bytes.prefix(64).allSatisfy { $0 == 9 || $0 == 10 || $0 == 13 || (32..<127).contains($0) }
            return isText && bytes.count >= 16 ? "a text" : nil
        }
    }
}
