import Tamis

extension HostileFile {
    /// Files that break the rules of protocol buffers.
    static let protobuf: [HostileFile] = [
        .bytes("an empty file", .refused("an empty file")) { [] },
        .bytes("a byte 0", .refused("a field's number must be")) { [0] },
        .bytes("a text", .refused("")) { Array("name: \"model\"\n".utf8) },
        .bytes("gzip", .refused("")) { [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] },
        .bytes("a zip archive", .refused("")) { Array("PK".utf8) + [3, 4, 20, 0, 0, 0, 8, 0] },
        .bytes("a field number of 0", .refused("a field's number must be")) { [0x02, 0] },
        .bytes("a field number of 2^29", .refused("a field's number must be")) { varint(1 << 32) + [0] },
        .bytes("a field number of 2^61", .refused("a field's number must be")) { varint(.max) + [0] },
        .bytes("a group", .refused("groups")) { [0x3b, 0x3c] },
        .bytes("the end of a group", .refused("groups")) { [0x3c] },
        .bytes("wire type 6", .refused("wire type")) { [0x3e, 1] },
        .bytes("wire type 7", .refused("wire type")) { [0x3f, 1] },
        .bytes("a key that ends", .refused("")) { [0x80] },
        .bytes("a varint of 11 bytes", .refused("variable-length")) {
            [8] + Array(repeating: 0x80, count: 10) + [1]
        },
        .bytes("a varint of 65 bits", .refused("variable-length")) { [8] + Array(repeating: 0xff, count: 9) + [2] },
        .bytes("a varint without end", .refused("variable-length")) { [8] + Array(repeating: 0xff, count: 100_000) },
        .bytes("a length beyond the end", .refused("")) { field(7, length: 1000, [1, 2, 3]) },
        .bytes("a length of 2^31", .refused("")) { field(7, length: 1 << 31, [1, 2, 3]) },
        .bytes("a length of 2^63", .refused("")) { field(7, length: 1 << 63, [1, 2, 3]) },
        .bytes("a length of 2^64 - 1", .refused("")) { field(7, length: .max, [1, 2, 3]) },
        .bytes("a length beyond the message around it", .refused("")) {
            field(1, 8) + field(7, field(1, length: 200, [1])) + Array(repeating: 0, count: 300)
        },
        .bytes("64 bits that end", .refused("")) { [0x39, 1, 2, 3] },
        .bytes("32 bits that end", .refused("")) { [0x3d, 1] },
        .bytes("no graph", .refused("must have a graph")) { field(1, 8) + field(8, field(2, 17)) },
        .bytes("two graphs", .refused("may stand once")) {
            modelBytes(graph: reluGraph()) + field(7, reluGraph())
        },
        .bytes("a graph as a number", .refused("must hold bytes")) { field(1, 8) + field(7, 1) },
        .bytes("a node as 32 bits", .refused("must hold bytes")) { modelBytes(graph: [0x0d, 1, 2, 3, 4]) },
        .bytes("a name as a number", .refused("must hold bytes")) { modelBytes(graph: reluGraph(and: field(2, 7))) },
        .bytes("a version as bytes", .refused("must hold an integer")) {
            field(1, "8") + field(7, reluGraph())
        },
        .bytes("a name that is no UTF-8", .refused("UTF-8")) {
            modelBytes(graph: reluGraph(and: field(2, [0xff, 0xfe])))
        },
        .bytes("a name of overlong UTF-8", .refused("UTF-8")) {
            modelBytes(graph: reluGraph(and: field(2, [0xc0, 0x80])))
        },
        .bytes("a name of half a surrogate pair", .refused("UTF-8")) {
            modelBytes(graph: reluGraph(and: field(2, [0xed, 0xa0, 0x80])))
        },
        .bytes("names with zero bytes", .runs) { modelBytes(graph: reluGraph(node: field(3, [0, 0]))) },
        .bytes("fields that nobody knows", .runs) {
            modelBytes(graph: reluGraph(and: field(999, "future") + varint(1000 << 3) + varint(.max)))
        },
        .bytes("graphs in graphs, 10,000 deep", .refused("depth")) {
            nested(10_000) { field(1, field(5, field(6, $0))) }
        },
        .bytes("types in types, 10,000 deep", .refused("depth")) {
            let type = (0..<10_000).reduce([UInt8]()) { inner, _ in field(4, field(1, inner)) }
            return modelBytes(graph: reluGraph(and: field(13, field(1, "v") + field(2, type))))
        },
        .bytes("a million nodes of nothing", .refused("nodes of a graph"), isLarge: true) {
            modelBytes(graph: Array(repeatElement([0x0a, 0], count: 1_000_001).joined()))
        },
        .bytes("a million names of nothing", .runs, isLarge: true) {
            modelBytes(graph: reluGraph(and: Array(repeatElement([0x12, 0], count: 1_000_000).joined())))
        },
        .bytes("an attribute of two kinds", .refused("one kind of value")) {
            modelBytes(graph: reluGraph(node: field(5, field(1, "a") + field(3, 1) + field(4, "text"))))
        },
        .bytes("an attribute of another kind than it says", .refused("a value of its kind")) {
            modelBytes(graph: reluGraph(node: field(5, field(1, "a") + field(3, 1) + field(20, 1))))
        },
        .bytes("an attribute of kind 99", .refused("a value of its kind")) {
            modelBytes(graph: reluGraph(node: field(5, field(1, "a") + field(20, 99))))
        },
        .bytes("packed floats that end in the middle of one", .refused("whole scalars")) {
            modelBytes(tensor: field(1, 1) + field(2, 1) + field(4, [0, 0, 0]))
        },
        .bytes("packed numbers that end in the middle of one", .refused("")) {
            modelBytes(tensor: field(1, [0x80]) + field(2, 1))
        },
    ]

    /// A file of graphs within graphs.
    private static func nested(_ depth: Int, _ wrap: ([UInt8]) -> [UInt8]) -> [UInt8] {
        modelBytes(graph: (0..<depth).reduce([UInt8]()) { inner, _ in wrap(inner) })
    }
}
