import Tamis
import Testing

struct TensorNPYTests {
    @Test func readsWhatNumpyWrites() throws {
        let quarters: [Float] = [0, 0.25, 0.5, 0.75, 1, 1.25]
        #expect(try Tensor(npyBytes: Golden.npyFloat) == Tensor(quarters, shape: [2, 3]))
        #expect(try Tensor(npyBytes: Golden.npyFortran) == Tensor((0..<24).map(Int16.init), shape: [2, 3, 4]))
        #expect(try Tensor(npyBytes: Golden.npyBigEndian) == Tensor([1.5, -2.25]))
        #expect(try Tensor(npyBytes: Golden.npyScalar) == Tensor(scalar: UInt64(7)))
        #expect(try Tensor(npyBytes: Golden.npyBool) == Tensor([true, false, true]))
        #expect(try Tensor(npyBytes: Golden.npyEmpty) == Tensor([Float16](), shape: [0, 3]))
        let complex = try Tensor(npyBytes: Golden.npyBigEndianFortran)
        #expect(complex.elementType == .complex64 && complex.shape.dimensions == [2, 2])
        #expect(complex.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test(arguments: [Golden.npyFloat, Golden.npyBool, Golden.npyEmpty])
    func writesAsNumpy(golden: [UInt8]) throws {
        #expect(try Tensor(npyBytes: golden).npyBytes() == golden)
    }

    @Test(arguments: ElementType.allCases)
    func roundTrip(elementType: ElementType) throws {
        let tensor = try Tensor(zeros: elementType, shape: [2, 1, 3])
        let missing: Set<ElementType> = [
            .bfloat16, .string, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0,
            .float4e2m1, .int4, .uint4, .int2, .uint2,
        ]
        guard !missing.contains(elementType) else {
            #expect(throws: ExportError.self) { try tensor.npyBytes() }
            return
        }
        #expect(try Tensor(npyBytes: tensor.npyBytes()) == tensor)
        let folder = try TemporaryFolder()
        try tensor.writeNPY(to: "\(folder.path)/t.npy")
        #expect(try Tensor(npy: "\(folder.path)/t.npy") == tensor)
    }

    @Test(arguments: [[], [1], [0], [3, 1, 2], [2, 3, 4, 5], [2, 0, 3]])
    func fortranOrderIsTransposed(dimensions: [Int]) throws {
        let shape = try Shape(dimensions)
        for (name, width) in [("|u1", 1), ("<u2", 2), ("<u4", 4), ("<u8", 8), ("<c16", 16)] {
            // Element number i of the C order lies where numpy's formula for Fortran order puts it.
            var content = [UInt8](repeating: 0, count: shape.elementCount * width)
            for element in 0..<shape.elementCount {
                var rest = element, place = 0
                for axis in dimensions.indices.reversed() {
                    place += rest % dimensions[axis] * dimensions[..<axis].reduce(1, *)
                    rest /= dimensions[axis]
                }
                content[place * width] = UInt8(element)
            }
            let file = header("{'descr': '\(name)', 'fortran_order': True, 'shape': (\(tuple(dimensions)))}") + content
            let tensor = try Tensor(npyBytes: file)
            #expect(tensor.shape == shape)
            let elements = tensor.withUnsafeBytes { bytes in
                stride(from: 0, to: bytes.count, by: width).map { Int(bytes[$0]) }
            }
            #expect(elements == Array(0..<shape.elementCount))
        }
    }

    @Test(arguments: [
        Golden.npyFloat, Golden.npyFortran, Golden.npyBigEndian, Golden.npyBigEndianFortran, Golden.npyScalar,
        Golden.npyBool, Golden.npyEmpty,
    ])
    func survivesDamage(golden: [UInt8]) throws {
        for file in Damaged(golden, flipped: 80) {
            let error = importError { _ = try Tensor(npyBytes: file) }
            #expect(file.count == golden.count || error != nil)
        }
    }

    @Test(arguments: [
        "",
        "{}",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': Falsehood, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [1]}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1.0,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (0,)}",
        "{'descr': '|u4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': 'u1', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|V1', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1, 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|\\x751', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}é",
    ])
    func refuses(text: String) throws {
        #expect(importError { _ = try Tensor(npyBytes: header(text) + [1]) } != nil)
    }

    @Test(arguments: [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
        "{\"shape\":(1,),\"fortran_order\":True,\"descr\":\"<u1\"}",
        " { 'descr' : '>u1' , 'fortran_order' : False , 'shape' : ( 1 , ) , } \n",
        "{'descr': '|u1', 'fortran_order': False, 'shape': ()}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1)}",
    ])
    func accepts(text: String) throws {
        #expect(try Tensor(npyBytes: header(text) + [1]).scalars() == [UInt8(1)])
    }

    @Test func saysWhatItHasNot() throws {
        for golden in [Golden.npyText, Golden.npyRecords, bytes("934e554d5059040000000000")] {
            let error = importError { _ = try Tensor(npyBytes: golden) }
            guard case .unsupported = error else {
                Issue.record("\(error as Any)")
                return
            }
        }
    }

    @Test func keepsToTheLimits() throws {
        var limits = Limits()
        limits.tensorBytes = 23
        #expect(throws: ImportError.limit("the bytes of the array", limit: 23, received: 24)) {
            try Tensor(npyBytes: Golden.npyFloat, limits: limits)
        }
        limits = Limits()
        limits.rank = 1
        #expect(throws: ImportError.limit("the rank of an array", limit: 1, received: 2)) {
            try Tensor(npyBytes: Golden.npyFloat, limits: limits)
        }
        #expect(throws: ImportError.limit("the header of a .npy file", limit: 10_000, received: 0xffff_ffff)) {
            try Tensor(npyBytes: bytes("934e554d50590200ffffffff"))
        }
    }

    private func tuple(_ dimensions: [Int]) -> String {
        dimensions.map { "\($0)," }.joined()
    }

    /// A file of version 2 up to its elements.
    private func header(_ text: String) -> [UInt8] {
        let length = UInt32(text.utf8.count)
        let lengthBytes = (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        return bytes("934e554d50590200") + lengthBytes + Array(text.utf8)
    }
}
