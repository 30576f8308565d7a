import Tamis
import TamisTestSupport
import Testing

@Suite("NonMaxSuppression")
struct NonMaxSuppressionTests {
    /// Runs the operator alone; it decides shapes, so a Runner runs it.
    static func select(
        _ operation: NonMaxSuppression = NonMaxSuppression(), boxes: Tensor, scores: Tensor, most: Int64? = nil,
        overlap: Float? = nil, least: Float? = nil
    ) throws -> [[Int]] {
        let graph = GraphBuilder()
        let symbols: [Symbol?] = [
            graph.input("boxes", .tensor(.float32, boxes.shape)),
            graph.input("scores", .tensor(.float32, scores.shape)),
            try most.map { graph.constant(try Tensor(scalar: $0)) },
            try overlap.map { graph.constant(try Tensor([$0])) },
            try least.map { graph.constant(try Tensor(scalar: $0)) },
        ]
        graph.output(try graph.append(operation, symbols)[0], name: "y")
        let y = try #require(try Runner(graph.model).run(["boxes": boxes, "scores": scores])["y"])
        #expect(y.elementType == .int64 && y.shape.rank == 2 && y.shape[1] == 3)
        let numbers = try y.scalars(as: Int64.self).map(Int.init)
        return stride(from: 0, to: numbers.count, by: 3).map { Array(numbers[$0..<$0 + 3]) }
    }

    @Test("the best boxes, in order", arguments: 0..<60)
    func oracle(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "boxes")
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let (images, classes, count) = (number(1...2), number(1...3), number(0...12))
        // Few places and scores, so that there are ties and equal boxes; powers of two, so that quotients are exact.
        let boxes = (0..<images).map { _ in
            (0..<count).map { _ in
                let (top, left) = (Double(number(0...6)), Double(number(0...6)))
                return [top, left, top + Double(number(0...4)), left + Double(number(0...4))]
            }
        }
        let scores = (0..<images).map { _ in
            (0..<classes).map { _ in (0..<count).map { _ in Double(number(0...5)) / 4 } }
        }
        let (most, overlap) = (number(0...6), Double(number(0...4)) / 4)
        let least = number(0...1) == 0 ? nil : 0.25
        let found = try Self.select(
            boxes: DoubleTensor(boxes.flatMap { $0.flatMap { $0 } }, shape: [images, count, 4]).tensor(),
            scores: DoubleTensor(scores.flatMap { $0.flatMap { $0 } }, shape: [images, classes, count]).tensor(),
            most: Int64(most), overlap: Float(overlap), least: least.map { Float($0) })
        #expect(
            found
                == Oracle.nonMaxSuppression(boxes: boxes, scores: scores, most: most, overlap: overlap, least: least))
    }

    @Test("corners in any order, and boxes by their middles")
    func forms() throws {
        let scores = try Tensor([0.5, 0.9] as [Float], shape: [1, 1, 2])
        let flipped = try Tensor([0, 0, 2, 2, 2, 2, 0, 0] as [Float], shape: [1, 2, 4])
        #expect(try Self.select(boxes: flipped, scores: scores, most: 9, overlap: 0.5) == [[0, 0, 1]])
        let centered = try Tensor([1, 1, 2, 2, 3, 1, 2, 2] as [Float], shape: [1, 2, 4])
        let operation = NonMaxSuppression(isCentered: true)
        #expect(try Self.select(operation, boxes: centered, scores: scores, most: 9) == [[0, 0, 1], [0, 0, 0]])
    }

    @Test("no number of boxes is none, a negative one too")
    func none() throws {
        let boxes = try Tensor([0, 0, 1, 1] as [Float], shape: [1, 1, 4])
        let scores = try Tensor([1] as [Float], shape: [1, 1, 1])
        #expect(try Self.select(boxes: boxes, scores: scores) == [])
        #expect(try Self.select(boxes: boxes, scores: scores, most: -3) == [])
        #expect(try Self.select(boxes: boxes, scores: scores, most: .max) == [[0, 0, 0]])
    }

    @Test("numbers that are none do not trap")
    func notNumbers() throws {
        let boxes = try Tensor([Float](repeating: .nan, count: 12), shape: [1, 3, 4])
        let scores = try Tensor([.nan, 1, .infinity] as [Float], shape: [1, 1, 3])
        #expect(try Self.select(boxes: boxes, scores: scores, most: 9).map(\.[2]) == [2, 1, 0])
    }

    @Test("shapes that do not fit are refused")
    func refusals() throws {
        #expect(throws: (any Error).self) {
            try Self.select(boxes: randomTensor([1, 2, 3]), scores: randomTensor([1, 1, 2]))
        }
        #expect(throws: (any Error).self) {
            try Self.select(boxes: randomTensor([1, 2, 4]), scores: randomTensor([1, 1, 3]))
        }
        #expect(throws: (any Error).self) {
            try Self.select(boxes: randomTensor([1, 2, 4]), scores: randomTensor([2, 1, 2]))
        }
    }
}
