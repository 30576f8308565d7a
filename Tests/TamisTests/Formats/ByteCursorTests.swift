import Tamis
import Testing

struct ByteCursorTests {
    @Test func readsIntegersOfBothOrders() throws {
        var cursor = ByteCursor(try FileBytes(bytes("01 0203 0203 04050607 ff")))
        #expect(try cursor.integer(UInt8.self, of: "a") == 1)
        #expect(try cursor.integer(UInt16.self, of: "b") == 0x0302)
        #expect(try cursor.integer(UInt16.self, bigEndian: true, of: "c") == 0x0203)
        #expect(try cursor.integer(Int32.self, bigEndian: true, of: "d") == 0x0405_0607)
        #expect(cursor.first == 0xff)
        #expect(try cursor.integer(Int8.self, of: "e") == -1)
        #expect(cursor.isEmpty && cursor.first == nil && cursor.offset == 10)
    }

    @Test(arguments: [
        ("00", 0), ("7f", 127), ("8001", 128), ("ffffffffffffffffff01", UInt64.max), ("80808080808080808001", 1 << 63),
        ("8000", 0),
    ])
    func readsVarints(hexadecimal: String, value: UInt64) throws {
        var cursor = ByteCursor(try FileBytes(bytes(hexadecimal)))
        #expect(try cursor.varint(of: "v") == value)
        #expect(cursor.isEmpty)
    }

    @Test(arguments: ["ffffffffffffffffff02", "ffffffffffffffffffff01", "80808080808080808080808000"])
    func refusesLongVarints(hexadecimal: String) throws {
        var cursor = ByteCursor(try FileBytes(bytes(hexadecimal)))
        let error = #expect(throws: ImportError.self) { try cursor.varint(of: "v") }
        guard case .malformed(_, _, 0) = error else { throw ImportError.unsupported("\(error as Any)", place: "test") }
    }

    @Test func saysWhatIsCutOff() throws {
        var cursor = ByteCursor(try FileBytes([1, 2, 3]))
        _ = try cursor.slice(1, of: "a")
        let error = ImportError.truncated("b", offset: 1, needed: 4, available: 2)
        #expect(throws: error) { try cursor.integer(UInt32.self, of: "b") }
        #expect(throws: ImportError.truncated("c", offset: 1, needed: .max, available: 2)) {
            try cursor.slice(.max, of: "c")
        }
        #expect(throws: ImportError.self) { try cursor.slice(-1, of: "c") }
        #expect("\(error)" == "offset 1: b needs 4 bytes; 2 are left")
        #expect(cursor.count == 2)
    }

    @Test func slicesEndOnTheirOwn() throws {
        var cursor = ByteCursor(try FileBytes(Array("tamis".utf8)))
        var front = try cursor.slice(2, of: "front")
        #expect(try front.string(of: "front") == "ta")
        _ = try front.slice(2, of: "front")
        #expect(throws: ImportError.self) { try front.integer(UInt8.self, of: "more") }
        #expect(try cursor.string(of: "back") == "mis")
        #expect(cursor.offset == 2)
    }

    @Test(arguments: ["ff", "c0af", "eda080", "e282"])
    func refusesWhatIsNotUTF8(hexadecimal: String) throws {
        let cursor = ByteCursor(try FileBytes(bytes(hexadecimal)))
        #expect(throws: ImportError.self) { try cursor.string(of: "text") }
    }

    @Test func tensorsViewTheFileOrCopy() throws {
        let file = try FileBytes([0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f, 9])
        var cursor = ByteCursor(file)
        let shape = try Shape([1])
        let aligned = try Tensor(.float32, shape: shape, contents: cursor.slice(4, of: "a"), place: "a")
        let whole = try Tensor(.uint8, shape: Shape([5]), contents: cursor, place: "b")
        _ = try cursor.slice(1, of: "one")
        let crooked = try Tensor(.uint16, shape: shape, contents: cursor.slice(2, of: "c"), place: "c")
        #expect(aligned.storage.isView && whole.storage.isView && !crooked.storage.isView)
        #expect(try aligned.scalars() == [Float(1)])
        #expect(try crooked.scalars() == [UInt16(0x8000)])
    }

    @Test func viewsAreCopiedBeforeTheyAreWritten() throws {
        let file = try FileBytes([1, 2, 3])
        var tensor = try Tensor(.uint8, shape: Shape([3]), contents: ByteCursor(file), place: "t")
        try tensor.withUnsafeMutableBytes { $0[0] = 9 }
        #expect(try tensor.scalars() == [UInt8(9), 2, 3])
        #expect(ByteCursor(file).first == 1)
    }

    @Test func clearsTheBitsAfterTheLastElement() throws {
        let file = try FileBytes([0x21, 0xf3])
        let tensor = try Tensor(.int4, shape: Shape([3]), contents: ByteCursor(file), place: "t")
        #expect(tensor.withUnsafeBytes { Array($0) } == [0x21, 0x03])
    }
}
