extension Tensor {
    /// Reads a numpy array file (`.npy`, versions 1 to 3, any byte order, C or Fortran order). Throws `ImportError` if
    /// the file cannot be read, breaks the format, exceeds the limits or holds a type tensors have not.
    public init(npy path: String, limits: Limits = Limits()) throws(ImportError) {
        let file = try FileBytes(path: path, limits: limits)
        do { try self.init(npy: file, limits: limits) } catch { throw .inFile(path, error) }
    }

    /// Reads the bytes of a numpy array file. Throws as reading the file does.
    public init(npyBytes: [UInt8], limits: Limits = Limits()) throws(ImportError) {
        try self.init(npy: FileBytes(npyBytes), limits: limits)
    }

    /// Reads a numpy array file that is in memory.
    package init(npy file: FileBytes, limits: Limits) throws(ImportError) {
        var cursor = ByteCursor(file)
        let header = try NPYHeader(from: &cursor, limits: limits)
        // The elements of an array in Fortran order are those of the array with its axes reversed, in C order.
        let dimensions = header.isFortranOrder ? header.dimensions.reversed() : header.dimensions
        let shape = try limits.shape(dimensions, of: header.elementType, place: "the array")
        let tensor = try Tensor(
            header.elementType, shape: shape, contents: cursor, isBigEndian: header.isBigEndian, place: "the array")
        self = try ImportError.at("the array") { () throws(ShapeError) in
            guard header.isFortranOrder else { return tensor }
            return try tensor.permuted(by: Permutation(Array((0..<shape.rank).reversed())))
        }
    }

    /// Writes a numpy array file of version 1 in C order. Throws `ExportError` if the file cannot be written or numpy
    /// has no such type.
    public func writeNPY(to path: String) throws(ExportError) {
        try AtomicFile.write(npyBytes(), to: path)
    }

    /// The bytes of a numpy array file. Throws `ExportError.unsupported` if numpy has no such type.
    public func npyBytes() throws(ExportError) -> [UInt8] {
        guard var bytes = NPYHeader(elementType: elementType, dimensions: shape.dimensions).bytes else {
            throw .unsupported("a tensor of \(elementType) and \(shape.rank) axes", place: ".npy")
        }
        withUnsafeBytes { bytes.append(contentsOf: $0) }
        return bytes
    }
}
