import Tamis
import Testing

struct TensorIDXTests {
    @Test func readsBytes() throws {
        let expected = try Tensor([1, 2, 3, 4, 5, 6] as [UInt8], shape: [2, 3])
        #expect(try Tensor(idxBytes: bytes("00000802 00000002 00000003 010203040506")) == expected)
        #expect(try Tensor(idxBytes: Golden.idxGzip) == expected)
    }

    @Test(arguments: [
        ("00000901 00000001 ff", ElementType.int8, -1.0), ("00000b01 00000001 fffe", .int16, -2),
        ("00000c01 00000001 00000102", .int32, 258), ("00000d01 00000001 3fc00000", .float32, 1.5),
        ("00000e01 00000001 c004000000000000", .float64, -2.5), ("00000800 07", .uint8, 7),
    ])
    func readsEveryType(hexadecimal: String, elementType: ElementType, value: Double) throws {
        let tensor = try Tensor(idxBytes: bytes(hexadecimal))
        #expect(tensor.elementType == elementType)
        #expect(try tensor.doubles() == [value])
    }

    @Test(arguments: [
        "", "00", "00000801", "00010801 00000001 01", "01000801 00000001 01", "00000a01 00000001 01",
        "00000801 00000002 01", "00000801 00000001 0101", "00000803 ffffffff ffffffff ffffffff",
        "00000803 ffffffff ffffffff 00000001 01", "000008ff",
    ])
    func refuses(hexadecimal: String) throws {
        #expect(importError { _ = try Tensor(idxBytes: bytes(hexadecimal)) } != nil)
    }

    @Test func survivesDamage() throws {
        for file in Damaged(bytes("00000d02 00000001 00000002 0000803f 0000803f"), flipped: 12) {
            #expect(importError { _ = try Tensor(idxBytes: file) } != nil || file.count == 20)
        }
        for file in Damaged(Golden.idxGzip, flipped: 60) {
            let error = importError { _ = try Tensor(idxBytes: file) }
            #expect(file.count == Golden.idxGzip.count || error != nil)
        }
    }

    @Test func readsFashionMNIST() throws {
        let folder = "/usr/share/datasets/fashion-mnist"
        guard let labels = try? Tensor(idx: "\(folder)/t10k-labels-idx1-ubyte.gz") else { return }
        let images = try Tensor(idx: "\(folder)/t10k-images-idx3-ubyte.gz")
        #expect(images.shape.dimensions == [10_000, 28, 28] && labels.shape.dimensions == [10_000])
        #expect(try labels.scalars(as: UInt8.self).prefix(5) == [9, 2, 1, 1, 6])
        #expect(images.elementType == .uint8)
    }

    @Test func readsFiles() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/file"
        try AtomicFile.write(Golden.idxGzip, to: path)
        #expect(try Tensor(idx: path).shape.dimensions == [2, 3])
        try AtomicFile.write(Array(Golden.idxGzip.dropLast()), to: path)
        let error = importError { _ = try Tensor(idx: path) }
        guard case .inFile(path, .truncated) = error else {
            Issue.record("\(error as Any)")
            return
        }
    }
}
