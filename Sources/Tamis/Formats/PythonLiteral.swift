/// Reads the few Python literals that a `.npy` header is made of; spaces may stand between any two parts.
struct PythonLiteral {
    private var cursor: ByteCursor

    init(_ cursor: ByteCursor) {
        self.cursor = cursor
    }

    /// Where the next byte stands in the file.
    var offset: Int { cursor.offset }

    /// The next byte that is no space, left unread.
    var next: UInt8? {
        mutating get {
            while let byte = cursor.first, byte == 0x20 || byte == 0x0a || byte == 0x09 || byte == 0x0d { advance() }
            return cursor.first
        }
    }

    /// Reads the sign if it comes next.
    mutating func skip(_ sign: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: sign) else { return false }
        advance()
        return true
    }

    /// Reads the sign, which must come next.
    mutating func expect(_ sign: Unicode.Scalar) throws(ImportError) {
        guard skip(sign) else { throw malformed("\"\(sign)\" must come here") }
    }

    /// Nothing but spaces may be left.
    mutating func expectEnd() throws(ImportError) {
        guard next == nil else { throw malformed("the header must end with its dictionary") }
    }

    /// A string in quotes of either kind, without escapes.
    mutating func string() throws(ImportError) -> String {
        guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw malformed("a string must come here")
        }
        advance()
        var bytes: [UInt8] = []
        while let byte = cursor.first, byte != quote {
            guard (0x20..<0x7f).contains(byte), byte != UInt8(ascii: "\\") else {
                throw malformed("a string must be printable ASCII without escapes")
            }
            bytes.append(byte)
            advance()
        }
        guard cursor.first == quote else { throw malformed("a string must end with its quote") }
        advance()
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `True` or `False`.
    mutating func bool() throws(ImportError) -> Bool {
        let value = next == UInt8(ascii: "T")
        for byte in (value ? "True" : "False").utf8 {
            guard cursor.first == byte else { throw malformed("True or False must come here") }
            advance()
        }
        return value
    }

    /// A tuple of integers of 0 or more.
    mutating func integers(limit: Int) throws(ImportError) -> [Int] {
        var integers: [Int] = []
        var comma = true
        try expect("(")
        while !skip(")") {
            guard comma else { throw malformed("a comma must stand between integers") }
            guard integers.count < limit else {
                throw .limit("the rank of an array", limit: limit, received: integers.count + 1)
            }
            integers.append(try integer())
            comma = skip(",")
        }
        // In Python, (3) is no tuple.
        guard comma || integers.count > 1 else { throw malformed("a tuple of one must have a comma") }
        return integers
    }

    private mutating func integer() throws(ImportError) -> Int {
        guard let first = next, (0x30...0x39).contains(first) else { throw malformed("an integer must come here") }
        var value = 0
        while let byte = cursor.first, (0x30...0x39).contains(byte) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { throw malformed("an integer must have 63 bits") }
            value = sum
            advance()
        }
        return value
    }

    private mutating func advance() {
        _ = try? cursor.slice(1, of: "the header")
    }

    private func malformed(_ rule: String) -> ImportError {
        let received = cursor.first.map { "byte \($0)" } ?? "the header's end"
        return .malformed(rule: rule, received: received, offset: cursor.offset)
    }
}
