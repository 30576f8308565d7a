import Glibc
import Tamis

extension HostileFile {
    /// A file with weights w (float32 [4]) in another one, of which `entries` say where, and what else lies in the folder.
    private static func external(
        _ name: String, _ end: End, _ entries: [(String, String)], shape: [Int] = [4],
        beside: @escaping @Sendable (_ folder: String) throws -> Void = { _ in }
    ) -> HostileFile {
        HostileFile(name: "external data: \(name)", end: end) { folder in
            try beside(folder)
            var graph = ONNXGraph()
            graph.nodes = [ONNXNode("Add", "x,w", "z")]
            graph.inputs = [ONNXValueInfo("x", type: .tensor(.float32, [.fixed(2), .fixed(4)]))]
            graph.outputs = [ONNXValueInfo("z", type: nil)]
            var tensor = ONNXTensor(.zeroFloats([1]), name: "w")
            tensor.contents = .external(
                .float32, try Shape(shape), entries.map { ONNXEntry(key: $0.0, value: $0.1) })
            graph.initializers = [tensor]
            let path = "\(folder)/model.onnx"
            try ONNXModel(graph: graph, operatorSets: [ONNXOperatorSet(version: 17)]).write(to: path)
            return path
        }
    }

    /// The same, with 16 bytes in `w.bin`.
    private static func stored(
        _ name: String, _ end: End, _ entries: [(String, String)], shape: [Int] = [4]
    ) -> HostileFile {
        external(name, end, entries, shape: shape, beside: sixteen)
    }

    private static let sixteen: @Sendable (String) throws -> Void = {
        try AtomicFile.write(Array(repeating: 0, count: 16), to: "\($0)/w.bin")
    }

    private static let location = [("location", "w.bin")]

    /// Names and numbers that lead where they must not.
    static let externalData: [HostileFile] = [
        stored("right", .runs, location),
        stored("right, with offset and length", .runs, location + [("offset", "0"), ("length", "16")]),
        external("absolute", .refused("relative path"), [("location", "/etc/hostname")]),
        external("a device", .refused("relative path"), [("location", "/dev/zero")]),
        external("up", .refused("relative path"), [("location", "../w.bin")], beside: sixteen),
        external("up and down", .refused("relative path"), [("location", "a/../w.bin")], beside: sixteen),
        external("here", .refused("relative path"), [("location", ".")]),
        external("./w.bin", .refused("relative path"), [("location", "./w.bin")], beside: sixteen),
        external("empty parts", .refused("relative path"), [("location", "a//w.bin")]),
        external("a slash", .refused("relative path"), [("location", "/")]),
        external("a folder's slash", .refused("relative path"), [("location", "w.bin/")], beside: sixteen),
        external("a zero byte", .refused("relative path"), [("location", "w.bin\0.txt")], beside: sixteen),
        external("a long name", .refused(""), [("location", String(repeating: "w", count: 5000))]),
        external("a file that is not there", .refused(""), location),
        external("a folder that is not there", .refused(""), [("location", "a/w.bin")]),
        external("empty", .refused("a location"), [("location", "")]),
        external("no location", .refused("a location"), [("offset", "0")]),
        external("nothing", .refused("a location"), []),
        stored("two locations", .refused("once"), location + [("location", "v.bin")]),
        external("a link", .refused("no link"), location) { symlink("/etc/hostname", "\($0)/w.bin") },
        external("a link to a file beside it", .refused("no link"), location) {
            try AtomicFile.write(Array(repeating: 0, count: 16), to: "\($0)/v.bin")
            symlink("v.bin", "\($0)/w.bin")
        },
        external("a link to itself", .refused("no link"), location) { symlink("w.bin", "\($0)/w.bin") },
        external("a linked folder", .refused("no link"), [("location", "a/w.bin")]) {
            try sixteen($0)
            symlink(".", "\($0)/a")
        },
        external("a linked folder in the middle", .refused("no link"), [("location", "a/b/w.bin")]) {
            mkdir("\($0)/a", 0o700)
            symlink("/etc", "\($0)/b")
            rename("\($0)/b", "\($0)/a/b")
            try sixteen($0)
        },
        external("a hard link", .refused("a hard link"), location) {
            try AtomicFile.write(Array(repeating: 0, count: 16), to: "\($0)/v.bin")
            link("\($0)/v.bin", "\($0)/w.bin")
        },
        external("a pipe", .refused("no regular file"), location) { mkfifo("\($0)/w.bin", 0o600) },
        external("a folder", .refused("it is a folder"), location) { mkdir("\($0)/w.bin", 0o700) },
        external("the model itself", .runs, [("location", "model.onnx"), ("length", "16")]),
        stored("an offset beyond the end", .refused(""), location + [("offset", "17")]),
        stored("an offset and a length beyond the end", .refused(""), location + [("offset", "8"), ("length", "16")]),
        stored(
            "an offset and a length that wrap", .refused(""),
            location + [("offset", "18446744073709551608"), ("length", "16")]),
        stored(
            "an offset of 2^63 - 1", .refused(""), location + [("offset", "9223372036854775807"), ("length", "16")]),
        stored("an offset of -8", .refused("a whole number"), location + [("offset", "-8")]),
        stored("an offset of 0x8", .refused("a whole number"), location + [("offset", "0x8")]),
        stored(
            "an offset of many digits", .refused("a whole number"),
            location + [("offset", String(repeating: "9", count: 100_000))]),
        stored("a length of 12", .refused("takes 16 bytes"), location + [("length", "12")]),
        stored("a length of -1", .refused("a whole number"), location + [("length", "-1")]),
        stored("a length of 2^64", .refused("a whole number"), location + [("length", "18446744073709551616")]),
        stored("4 GB of 16 bytes", .refused(""), location, shape: [1 << 28]),
        stored("no elements", .refused(""), location + [("offset", "16")], shape: [0, 4]),
    ]
}
