/// The header of a `.npy` file: a Python dictionary of three entries, which says how the elements after it lie.
struct NPYHeader: Equatable {
    var elementType: ElementType
    var isBigEndian = false
    var isFortranOrder = false
    var dimensions: [Int]

    /// The types by what numpy calls them, after the sign of the byte order.
    static let types: [String: ElementType] = [
        "f2": .float16, "f4": .float32, "f8": .float64, "b1": .bool, "c8": .complex64, "c16": .complex128,
        "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
        "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
    ]
}

// MARK: Reading

extension NPYHeader {
    /// Reads the front of a file up to its elements.
    init(from file: inout ByteCursor, limits: Limits) throws(ImportError) {
        let start = file.offset
        let magic = try file.slice(6, of: "the mark of a .npy file")
        guard magic.withUnsafeBytes({ $0.elementsEqual([0x93] + Array("NUMPY".utf8)) }) else {
            throw .malformed(rule: "a .npy file must start with 93 \"NUMPY\"", received: "other bytes", offset: start)
        }
        let major = try file.integer(UInt8.self, of: "the version")
        let minor = try file.integer(UInt8.self, of: "the version")
        guard (1...3).contains(major), minor == 0 else {
            throw .unsupported("version \(major).\(minor) of .npy files", place: "offset 6")
        }
        let length =
            major == 1
            ? Int(try file.integer(UInt16.self, of: "the header's length"))
            : Int(try file.integer(UInt32.self, of: "the header's length"))
        // The same limit as numpy's.
        guard length <= 10_000 else { throw .limit("the header of a .npy file", limit: 10_000, received: length) }
        var text = PythonLiteral(try file.slice(length, of: "the header"))

        var type: (ElementType, isBigEndian: Bool)?
        var order: Bool?
        var shape: [Int]?
        try text.expect("{")
        while !text.skip("}") {
            let offset = text.offset
            let key = try text.string()
            try text.expect(":")
            switch key {
            case "descr" where type == nil: type = try Self.type(&text)
            case "fortran_order" where order == nil: order = try text.bool()
            case "shape" where shape == nil: shape = try text.integers(limit: limits.rank)
            default:
                throw .malformed(
                    rule: "the header has the entries descr, fortran_order and shape, once each",
                    received: "\"\(key)\"", offset: offset)
            }
            if !text.skip(",") {
                try text.expect("}")
                break
            }
        }
        try text.expectEnd()
        guard let type, let order, let shape else {
            throw .malformed(
                rule: "the header has the entries descr, fortran_order and shape", received: "fewer", offset: start)
        }
        self.init(elementType: type.0, isBigEndian: type.isBigEndian, isFortranOrder: order, dimensions: shape)
    }

    private static func type(_ text: inout PythonLiteral) throws(ImportError) -> (ElementType, isBigEndian: Bool) {
        let place = "offset \(text.offset)"
        guard text.next == UInt8(ascii: "'") || text.next == UInt8(ascii: "\"") else {
            throw .unsupported("arrays of records", place: place)
        }
        let name = try text.string()
        let order = name.utf8.first
        guard let type = types[String(name.dropFirst())],
            order == UInt8(ascii: "<") || order == UInt8(ascii: ">") || order == UInt8(ascii: "|") && type.bitWidth == 8
        else {
            throw .unsupported("numpy's type \"\(name)\"", place: place)
        }
        return (type, order == UInt8(ascii: ">"))
    }
}

// MARK: Writing

extension NPYHeader {
    /// The front of a file up to its elements, byte for byte as numpy writes it; nil for types numpy has not.
    var bytes: [UInt8]? {
        // numpy's arrays have 64 axes at most; so version 1 always has room.
        guard let name = Self.types.first(where: { $0.value == elementType })?.key, dimensions.count <= 64 else {
            return nil
        }
        let order = elementType.bitWidth == 8 ? "|" : isBigEndian ? ">" : "<"
        let shape = dimensions.map { "\($0)" }.joined(separator: ", ") + (dimensions.count == 1 ? "," : "")
        var text = "{'descr': '\(order)\(name)', 'fortran_order': \(isFortranOrder ? "True" : "False"), "
        text += "'shape': (\(shape)), }"
        // Room for the axis that grows when a file is appended to, then up to a multiple of 64.
        if let first = isFortranOrder ? dimensions.last : dimensions.first {
            text += String(repeating: " ", count: 21 - "\(first)".utf8.count)
        }
        text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
        let length = UInt16(truncatingIfNeeded: text.utf8.count)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(text.utf8)
    }
}
