import Tamis

extension HostileFile {
    /// Files whose tensors lie about themselves.
    static let tensors: [HostileFile] = shapes + storage + elementTypes + elements

    private static let storage: [HostileFile] = [
        .bytes("fewer raw bytes than the shape says", .refused("takes 8 bytes")) {
            modelBytes(tensor: field(1, 2) + field(2, 1) + field(9, [0, 0, 0, 0]))
        },
        .bytes("more raw bytes than the shape says", .refused("takes 4 bytes")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0, 0, 0, 0, 0, 0, 0]))
        },
        .bytes("half an element", .refused("takes 4 bytes")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0]))
        },
        .bytes("a scalar of two elements", .refused("takes 4 bytes")) {
            modelBytes(tensor: field(2, 1) + field(9, [0, 0, 0, 0, 0, 0, 0, 0]))
        },
        .bytes("fewer floats than the shape says", .refused("takes 3 scalars")) {
            modelBytes(tensor: field(1, 3) + field(2, 1) + field(4, Array(repeating: 0, count: 8)))
        },
        .bytes("4 GB out of nothing", .refused("")) { modelBytes(tensor: field(1, 1 << 30) + field(2, 1)) },
        .bytes("1 GB out of nothing", .refused("takes 268435456 scalars")) {
            modelBytes(tensor: field(1, 1 << 28) + field(2, 1))
        },
        .bytes("a million strings out of nothing", .refused("takes 1000000 scalars")) {
            modelBytes(tensor: field(1, 1_000_000) + field(2, 8))
        },
        .bytes("whole numbers for floats", .refused("must stand in float_data")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(5, [1]))
        },
        .bytes("strings for floats", .refused("must stand in float_data")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(6, "one"))
        },
        .bytes("raw bytes for strings", .refused("")) {
            modelBytes(tensor: field(1, 1) + field(2, 8) + field(9, "text"))
        },
        .bytes("floats beside raw bytes", .refused("one field")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(4, [0, 0, 0, 0]) + field(9, [0, 0, 0, 0]))
        },
        .bytes("raw bytes beside floats", .refused("one field")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0, 0, 0]) + field(4, [0, 0, 0, 0]))
        },
        .bytes("raw bytes twice", .refused("one field")) {
            modelBytes(tensor: field(1, 2) + field(2, 1) + field(9, [0, 0, 0, 0]) + field(9, [0, 0, 0, 0]))
        },
        .bytes("raw bytes beside external data", .refused("either in the file or in another")) {
            let entry = field(13, field(1, "location") + field(2, "w.bin"))
            return modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0, 0, 0]) + entry + field(14, 1))
        },
        .bytes("external data that is not said to be", .refused("either in the file or in another")) {
            let entry = field(13, field(1, "location") + field(2, "w.bin"))
            return modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0, 0, 0]) + entry)
        },
        .bytes("a location of 7", .refused("")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0, 0, 0]) + field(14, 7))
        },
        .bytes("a part of a tensor", .refused("segments")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(3, field(1, 0)))
        },
        .bytes("a name twice", .runs) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(9, [0, 0, 0, 0]) + field(8, "v"))
        },
    ]

    private static let elementTypes: [HostileFile] =
        types([0, -1, 29, 99, .max, .min], .refused("data_type must be")) + types([27, 28], .refused("6-bit floats"))
        + types(Array(17...26), .runs)

    /// Tensors of one byte, of these element types by number.
    private static func types(_ numbers: [Int], _ end: End) -> [HostileFile] {
        numbers.map { number in
            HostileFile.bytes("element type \(number)", end) {
                modelBytes(tensor: field(1, 1) + field(2, number) + field(9, [0]))
            }
        }
    }

    private static let elements: [HostileFile] = [
        .bytes("int4 of too few bytes", .refused("takes 2 bytes")) {
            modelBytes(tensor: field(1, 3) + field(2, 22) + field(9, [0]))
        },
        .bytes("int2 of too many bytes", .refused("takes 1 bytes")) {
            modelBytes(tensor: field(1, 4) + field(2, 26) + field(9, [0, 0]))
        },
        .bytes("a bool of 2", .refused("0 or 1")) { modelBytes(tensor: field(1, 1) + field(2, 9) + field(9, [2])) },
        .bytes("a bool of 2 among numbers", .refused("must fit bool")) {
            modelBytes(tensor: field(1, 1) + field(2, 9) + field(5, [2]))
        },
        .bytes("an int8 of 300", .refused("must fit int8")) {
            modelBytes(tensor: field(1, 1) + field(2, 3) + field(5, varint(300)))
        },
        .bytes("a uint32 of 2^32", .refused("must fit uint32")) {
            modelBytes(tensor: field(1, 1) + field(2, 12) + field(11, varint(1 << 32)))
        },
        .nodes(
            "weights that are no numbers", .runs, [ONNXNode("MatMul", "x,w", "z")],
            [
                "w": .floats([4, 3], .nan)
            ]),
        .nodes("infinite weights", .runs, [ONNXNode("MatMul", "x,w", "z")], ["w": .floats([4, 3], .infinity)]),
        .nodes("complex numbers", .refused(""), [ONNXNode("Relu", "x", "z")], of: .complex64),
        .nodes("strings as weights", .refused(""), [ONNXNode("MatMul", "x,x", "z")], of: .string),
        .nodes("int4 into Relu", .refused(""), [ONNXNode("Relu", "x", "z")], of: .int4),
        .nodes("float8 into Add", .refused(""), [ONNXNode("Add", "x,x", "z")], of: .float8e4m3fn),
        .nodes("uint2 into Transpose", .refused(""), [ONNXNode("Transpose", "x", "z")], of: .uint2),
        .bytes("a million initializers", .runs, isLarge: true) {
            let tensors = (0..<1_000_000).map { number in
                field(5, field(2, 1) + field(9, [0, 0, 0, 0]) + field(8, "w\(number)"))
            }
            return modelBytes(graph: reluGraph(and: Array(tensors.joined())))
        },
    ]

    private static let shapes: [HostileFile] =
        announced.map { name, dimensions in
            HostileFile.bytes("a shape of \(name)", .refused("")) {
                let numbers = dimensions.flatMap { varint(UInt64(bitPattern: Int64($0))) }
                return modelBytes(tensor: field(1, numbers) + field(2, 1) + field(9, [0, 0, 0, 0]))
            }
        } + inputs

    private static let announced: [(String, [Int])] = [
        ("2^32 times 2^32", [1 << 32, 1 << 32]), ("2^62 times 2", [1 << 62, 2]), ("2^63 - 1", [.max]),
        ("2^48 times 2", [1 << 48, 2]), ("a product that wraps to 4", [4_194_305, 4_194_305, 211_106_198_978_564]),
        ("no elements of 2^49", [0, 1 << 49]), ("-1", [-1]), ("-2^63", [.min]), ("-1 times -4", [-1, -4]),
        ("33 axes", Array(repeating: 1, count: 33)), ("100,000 axes", Array(repeating: 1, count: 100_000)),
    ]

    private static let inputs: [HostileFile] = [
        .bytes("no elements of 2^40", .runs) {
            modelBytes(tensor: field(1, varint(0) + varint(1 << 40)) + field(2, 1) + field(9, []))
        },
        .bytes("an input of 2^49", .refused("2^48")) { input([1 << 49]) },
        .bytes("an input of -2", .refused("0 or more")) { input([-2]) },
        .bytes("an input of 33 axes", .refused("rank")) { input(Array(repeating: 1, count: 33)) },
        .bytes("an input of 2^47 times 2^47", .refused("")) { input([1 << 47, 1 << 47]) },
    ]

    /// A file whose x has this shape.
    private static func input(_ dimensions: [Int]) -> [UInt8] {
        let shape = dimensions.flatMap { field(1, field(1, $0)) }
        let node = field(1, "x") + field(2, "z") + field(4, "Relu")
        return modelBytes(
            graph: field(1, node) + field(11, field(1, "x") + field(2, field(1, field(1, 1) + field(2, shape))))
                + field(12, field(1, "z")))
    }
}
