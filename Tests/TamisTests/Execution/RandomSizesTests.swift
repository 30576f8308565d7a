import Glibc
import Tamis
import TamisTestSupport
import Testing

/// Inputs of one size after the other, without end: what a runner keeps for the sizes it has seen does not grow.
@Suite struct RandomSizesTests {
    /// In a process of its own, where nothing else takes memory.
    @Test func memoryIsFlat() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let count = isThorough ? 10_000 : 600
            var random = Philox(seed: 1)
            var side: Int { Int.random(in: 8...200, using: &random) }
            // The largest comes first: what a larger one than all before needs is no growth. All are there before anything is
            // measured.
            let sizes =
                [[4, 3, 200, 200]]
                + (1..<count).map { _ in
                    [Int.random(in: 1...4, using: &random), 3, side, side]
                }
            #expect(Set(sizes).count > count * 9 / 10)
            let runner = Runner(try RandomSizesTests.model())
            var (first, most) = (0, 0)
            for (index, size) in sizes.enumerated() {
                let y = try runner.run(["x": Tensor(repeating: Float(1), shape: size)])["y"]
                #expect(y?.shape.dimensions == [size[0], 5])
                let resident = try #require(MemoryUse.residentBytes)
                if index == 99 { first = resident }
                if index >= 100 { most = max(most, resident) }
            }
            let report =
                "\(count) sizes; resident: \(first >> 10) KiB after 100, \(most >> 10) KiB at most later\n"
            write(2, report, report.utf8.count)
            #expect(most > 0 && Double(most) <= 1.05 * Double(first))
        }
        print(String(decoding: result?.standardErrorContent ?? [], as: UTF8.self))
    }

    /// Two convolutions of images of any height and width, and what classifies them.
    private static func model() throws -> Model {
        let same = ["pads": ONNXAttribute.Value.ints([1, 1, 1, 1])]
        let file = try onnxFile(
            [
                ONNXNode("Conv", "x,w1", "a", same), ONNXNode("Relu", "a", "b"),
                ONNXNode("MaxPool", "b", "c", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
                ONNXNode("Conv", "c,w2", "d", same), ONNXNode("Relu", "d", "e"),
                ONNXNode("GlobalAveragePool", "e", "f"),
                ONNXNode("Flatten", "f", "g"), ONNXNode("Gemm", "g,w3", "y"),
            ],
            inputs: ["x": [.named("n"), .fixed(3), .named("height"), .named("width")]],
            initializers: [
                "w1": randomTensor([8, 3, 3, 3]), "w2": randomTensor([16, 8, 3, 3]), "w3": randomTensor([16, 5]),
            ], output: "y")
        return try Model(onnxBytes: file.encoded())
    }
}
