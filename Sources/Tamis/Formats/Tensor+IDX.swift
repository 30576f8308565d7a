extension Tensor {
    /// Reads a file of the MNIST data sets' format (idx), as it is or compressed by gzip. Throws `ImportError` if the
    /// file cannot be read, breaks the format or exceeds the limits.
    public init(idx path: String, limits: Limits = Limits()) throws(ImportError) {
        let file = try FileBytes(path: path, limits: limits)
        do { try self.init(idx: file, limits: limits) } catch { throw .inFile(path, error) }
    }

    /// Reads the bytes of an idx file. Throws as reading the file does.
    public init(idxBytes: [UInt8], limits: Limits = Limits()) throws(ImportError) {
        try self.init(idx: FileBytes(idxBytes), limits: limits)
    }

    private init(idx file: FileBytes, limits: Limits) throws(ImportError) {
        var cursor = ByteCursor(Gzip.isCompressed(file) ? try Gzip.unpack(file, limits: limits) : file)
        let magic = try cursor.integer(UInt32.self, bigEndian: true, of: "the mark of an idx file")
        let types: [UInt32: ElementType] = [
            0x08: .uint8, 0x09: .int8, 0x0b: .int16, 0x0c: .int32, 0x0d: .float32, 0x0e: .float64,
        ]
        guard magic >> 16 == 0, let elementType = types[magic >> 8] else {
            throw .malformed(
                rule: "an idx file must start with two zeros and a type of 08, 09 or 0b to 0e",
                received: String(magic, radix: 16), offset: 0)
        }
        let rank = Int(magic & 0xff)
        guard rank <= limits.rank else { throw .limit("the rank of an array", limit: limits.rank, received: rank) }
        var dimensions: [Int] = []
        for _ in 0..<rank {
            dimensions.append(Int(try cursor.integer(UInt32.self, bigEndian: true, of: "a dimension")))
        }
        let shape = try limits.shape(dimensions, of: elementType, place: "the array")
        try self.init(elementType, shape: shape, contents: cursor, isBigEndian: true, place: "the array")
    }
}
