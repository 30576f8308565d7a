import Tamis
import Testing

/// A message of messages, to nest.
private struct Nest: ProtobufMessage {
    static let messageName = "Nest"
    var inner: [Nest] = []
    var text: [String] = []

    init(depth: Int) {
        inner = depth > 1 ? [Nest(depth: depth - 1)] : []
    }

    init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: inner.append(try field.message())
            case 2: text.append(try field.string())
            default: break
            }
        }
    }

    func encode(to writer: inout ProtobufWriter) {
        writer.messages(1, inner)
        writer.strings(2, text)
    }

    var depth: Int { 1 + (inner.first?.depth ?? 0) }
}

struct ProtobufTests {
    private func reader(_ hexadecimal: String, limits: Limits = Limits()) throws -> ProtobufReader {
        ProtobufReader(ByteCursor(try FileBytes(bytes(hexadecimal))), message: "M", limits: limits)
    }

    @Test(arguments: [
        (Int.max, "08ffffffffffffffff7f"), (Int.min, "0880808080808080808001"), (-1, "08ffffffffffffffffff01"),
        (0, "0800"), (300, "08ac02"),
    ])
    func integers(value: Int, hexadecimal: String) throws {
        var writer = ProtobufWriter()
        writer.integer(1, value)
        #expect(writer.bytes == bytes(hexadecimal))
        var reader = try reader(hexadecimal)
        #expect(try reader.next()?.integer() == value)
        #expect(try reader.next() == nil)
    }

    @Test func floatsAndStrings() throws {
        var writer = ProtobufWriter()
        writer.float(2, 1.5)
        writer.string(16, "é")
        #expect(writer.bytes == bytes("150000c03f 820102c3a9"))
        var reader = try reader("150000c03f 820102c3a9")
        #expect(try reader.next()?.float() == 1.5)
        #expect(try reader.next()?.string() == "é")
    }

    @Test(arguments: ["0a03018602", "0801088602", "0a0101 088602", "0a0101 0a028602"])
    func repeatedScalarsArePackedOrNot(hexadecimal: String) throws {
        var reader = try reader(hexadecimal)
        var list: [Int] = []
        while let field = try reader.next() { try field.append(to: &list) }
        #expect(list == [1, 262])
    }

    @Test(arguments: ["0a080000803f00000040", "0d0000803f 0d00000040", "0a040000803f 0d00000040"])
    func repeatedFloatsArePackedOrNot(hexadecimal: String) throws {
        var reader = try reader(hexadecimal)
        var list: [Float] = []
        while let field = try reader.next() { try field.append(to: &list) }
        #expect(list == [1, 2])
    }

    @Test(arguments: [
        "0b0c",  // a group
        "0c",  // the end of a group
        "0e", "0f",  // wire types 6 and 7
        "0000",  // field 0
        "808080801000",  // field 2^29
        "ffffffffffffffffffff01",  // a key of more than 64 bits
    ])
    func refusesKeys(hexadecimal: String) throws {
        var reader = try reader(hexadecimal)
        let error = importError { _ = try reader.next() }
        guard case .malformed = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test(arguments: ["0a02ff", "0affffffffffffffffff01", "0affffffff0f", "0d000000", "0900", "08", "0880", "80", "0a"])
    func refusesLengthsBeyondTheEnd(hexadecimal: String) throws {
        var reader = try reader(hexadecimal)
        let error = importError { _ = try reader.next() }
        guard case .truncated = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test func refusesOtherWireTypes() throws {
        for hexadecimal in ["0801", "0d00000000", "090000000000000000"] {
            #expect(throws: ImportError.self) {
                var r = try reader(hexadecimal); _ = try r.next()?.string()
            }
        }
        for hexadecimal in ["0a00", "0d00000000", "090000000000000000"] {
            #expect(throws: ImportError.self) {
                var r = try reader(hexadecimal); _ = try r.next()?.integer()
            }
        }
        for hexadecimal in ["0a03000000", "0801", "090000000000000000"] {
            var list: [Float] = []
            #expect(throws: ImportError.self) {
                var r = try reader(hexadecimal); try r.next()?.append(to: &list)
            }
        }
    }

    @Test(arguments: [1, 2, 100])
    func nestsToTheLimit(depth: Int) throws {
        var limits = Limits()
        limits.depth = depth
        let allowed = try FileBytes(Nest(depth: depth).encoded())
        #expect(try Nest(allowed, limits: limits).depth == depth)
        let deeper = try FileBytes(Nest(depth: depth + 1).encoded())
        #expect(throws: ImportError.limit("the depth of messages within messages", limit: depth, received: depth + 1)) {
            try Nest(deeper, limits: limits)
        }
    }

    @Test func countsMessagesAndStrings() throws {
        var limits = Limits()
        limits.nodes = 1
        let texts = try FileBytes(Array(repeating: [0x12, 0], count: 32).flatMap { $0 })
        #expect(try Nest(texts, limits: limits).text.count == 32)
        #expect(throws: ImportError.limit("the messages and strings of a file", limit: 32, received: 33)) {
            try Nest(FileBytes(Array(repeating: [0x0a, 0], count: 33).flatMap { $0 }), limits: limits)
        }
    }

    @Test func longMessagesHaveLongLengths() throws {
        var outer = Nest(depth: 3)
        outer.inner[0].text = [String(repeating: "x", count: 300), "y"]
        let again = try Nest(FileBytes(outer.encoded()))
        #expect(again.inner[0].text == outer.inner[0].text)
        #expect(again.depth == 3)
    }
}
