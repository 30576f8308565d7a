import Tamis
import Testing

struct ONNXTensorTests {
    private func read(_ bytes: [UInt8], limits: Limits = Limits()) throws -> ONNXTensor {
        try ONNXTensor(FileBytes(bytes), limits: limits)
    }

    @Test(arguments: Golden.elements)
    func readsAndWritesAsTheOfficialLibrary(golden: ElementCase) throws {
        let typed = try read(golden.typed), raw = try read(golden.raw)
        #expect(typed == raw)
        let tensor = try raw.tensor()
        #expect(raw.name == "t" && tensor.elementType == golden.elementType && tensor.shape.dimensions == [3])
        #expect(tensor.withUnsafeBytes { Array($0) } == Array(golden.raw.suffix(tensor.byteCount)))
        #expect(try raw.encoded() == golden.raw)
        #expect(ElementType(onnxNumber: golden.elementType.onnxNumber) == golden.elementType)
    }

    @Test(arguments: Golden.elements)
    func survivesDamage(golden: ElementCase) throws {
        for file in [golden.typed, golden.raw].flatMap({ Damaged($0, flipped: 16) }) {
            #expect(importError { _ = try read(file).tensor() }.map { "\($0)" } != "")
        }
    }

    @Test func strings() throws {
        let tensor = try read(Golden.strings).tensor()
        #expect(try tensor.strings() == ["sieve", "tamis é"])
        #expect(try ONNXTensor(tensor, name: "s").encoded() == Golden.strings)
    }

    @Test func everyTypeHasANumber() {
        #expect(Set(ElementType.allCases.map(\.onnxNumber)) == Set(1...26))
        #expect([0, -1, 27, 28, .max, .min].allSatisfy { ElementType(onnxNumber: $0) == nil })
    }

    @Test func externalDataNeedsAFolder() throws {
        let tensor = try read(Golden.external)
        guard case .external(.float32, let shape, let entries) = tensor.contents else {
            Issue.record("\(tensor)")
            return
        }
        #expect(shape.dimensions == [4] && entries.map(\.value) == ["weights.bin", "16"])
        #expect(try read(tensor.encoded()) == tensor)
        let error = importError { _ = try tensor.tensor() }
        #expect(
            error.map { "\($0)" }
                == "tensor \"big\": Tamis does not read tensors whose elements are in another file")
    }

    // Fields: 1 dims, 2 data_type, 4 floats, 5 int32s, 7 int64s, 9 raw, 11 uint64s, 13 and 14 external.
    @Test(arguments: [
        ("nothing", "", "data_type must be"),
        ("no type", "0801 4a0400000000", "data_type must be"),
        ("an unknown type", "0801 101d 4a0400000000", "received 29"),
        ("6-bit floats", "0801 101b 4a0400000000", "not read 6-bit floats"),
        ("no elements", "0801 1001", "takes 1 scalars"),
        ("too few raw bytes", "0802 1001 4a0400000000", "takes 8 bytes; received 4"),
        ("too many raw bytes", "0801 1001 4a050000000000", "takes 4 bytes; received 5"),
        ("too few typed elements", "0802 1001 220400000000", "takes 2 scalars; received 1"),
        ("too many typed elements", "0801 1001 22080000000000000000", "takes 1 scalars; received 2"),
        ("part of an element", "0801 1001 220300000000", "part of one"),
        ("raw and typed", "0801 1001 4a0400000000 220400000000", "one field"),
        ("typed and raw", "0801 1001 220400000000 4a0400000000", "one field"),
        ("raw twice", "0801 1001 4a0400000000 4a0400000000", "one field"),
        ("two typed fields", "0801 1001 220400000000 2a0100", "one field"),
        ("the wrong typed field", "0801 1001 2a0101", "must stand in float_data"),
        ("raw and external", "0801 1001 4a0400000000 7001", "received both"),
        ("entries but not external", "0801 1001 4a0400000000 6a00", "received both"),
        ("another location", "0801 1001 4a0400000000 7002", "received both"),
        ("raw strings", "0801 1008 4a0400000000", "must stand in string_data"),
        ("too few strings", "0802 1008 3200", "takes 2 scalars"),
        ("strings that are not text", "0801 1008 3201ff", "UTF-8"),
        ("a negative dimension", "08ffffffffffffffffff01 1001", "received [-1]"),
        ("dimensions that overflow", "088080808080808040 088080808080808040 1001 4a00", "at most 2^48 elements"),
        ("a zero beside large dimensions", "0800 0880808080808040 0880808080808040 1001", "at most 2^48 elements"),
        ("a gigantic shape", "0880808080808001 1001 4a0400000000", "see Limits"),
        ("segments", "0801 1001 1a00 4a0400000000", "segments"),
        ("a bool of 2", "0801 1009 4a0102", "0 or 1"),
        ("a typed bool of 2", "0801 1009 2a0102", "must fit bool"),
        ("an int8 of 128", "0801 1003 2a028001", "must fit int8"),
        ("a uint8 of -1", "0801 1002 2a0affffffffffffffffff01", "must fit uint8"),
        ("a float16 of 65536", "0801 100a 2a03808004", "must fit float16"),
        ("a uint32 of 2^32", "0801 100c 5a058080808010", "must fit uint32"),
        ("an int4 byte of 256", "0801 1016 2a028002", "must fit int4"),
        ("a name that is not text", "0801 1001 4a0400000000 4201ff", "UTF-8"),
    ])
    func refuses(what: String, hexadecimal: String, message: String) throws {
        let error = importError { _ = try read(bytes(hexadecimal)) }
        #expect(error.map { "\($0)".contains(message) } == true, "\(what): \(error as Any)")
    }

    @Test(arguments: [
        ("no elements at all", "0800 1001"),
        ("an empty raw field", "0800 0805 1001 4a00"),
        ("an empty typed field", "0800 1001 2200"),
        ("packed dimensions", "0a020101 1001 4a0400000000"),
        ("unpacked elements", "0802 1001 2500000000 2500000000"),
        ("elements in parts", "0802 1001 220400000000 2500000000"),
        ("a scalar", "1001 4a0400000000"),
        ("the last type wins", "1009 1001 4a0400000000"),
        ("fields nobody knows", "1001 4a0400000000 980601 a2060101 c50601000000 c1060000000000000000"),
        ("a zero beside a large dimension", "0800 0880808080808040 1001"),
    ])
    func accepts(what: String, hexadecimal: String) throws {
        let tensor = try read(bytes(hexadecimal))
        #expect(try read(tensor.encoded()) == tensor, "\(what)")
        #expect(try tensor.tensor().elementType == .float32)
    }

    @Test func keepsToTheLimits() throws {
        var limits = Limits()
        limits.tensorBytes = 11
        #expect(throws: ImportError.limit("the bytes of tensor \"t\"", limit: 11, received: 12)) {
            try read(Golden.elements[0].raw, limits: limits)
        }
        limits = Limits()
        limits.rank = 0
        #expect(throws: ImportError.limit("the rank of tensor \"t\"", limit: 0, received: 1)) {
            try read(Golden.elements[0].raw, limits: limits)
        }
        // Five billion strings in three bytes.
        #expect(throws: ImportError.self) { try read(bytes("088080808020 1008 3200")) }
    }

    @Test func weightsStayInTheFile() throws {
        // Two bytes of padding by a name bring the raw bytes to offset 8.
        let tensor = try read(bytes("1001 42024142 4a04 0000803f")).tensor()
        #expect(tensor.storage.isView)
        #expect(try tensor.scalars() == [Float(1)])
    }
}
