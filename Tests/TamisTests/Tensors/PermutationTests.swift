import Tamis
import Testing

@Suite("Permutation")
struct PermutationTests {
    @Test(
        "an order that leaves out or repeats an axis is an error",
        arguments: [[0, 0], [1], [0, 2], [-1, 0], [0, 1, 3], [.max]])
    func misfits(order: [Int]) {
        let error = #expect(throws: ShapeError.self) { try Permutation(order) }
        #expect(error?.description.contains("received \(order)") == true)
    }

    @Test("the inverse undoes, and orders compose", arguments: 0..<40)
    func laws(index: Int) throws {
        var generator = Philox(seed: UInt64(index))
        let rank = index % 6
        let (a, b) = (try Permutation(generator.shuffled(rank)), try Permutation(generator.shuffled(rank)))
        let axes = (0..<rank).map { "axis\($0)" }
        #expect(a.inverse.apply(to: a.apply(to: axes)) == axes)
        #expect(b.after(a).apply(to: axes) == b.apply(to: a.apply(to: axes)))
        #expect(a.after(a.inverse).isIdentity && a.inverse.after(a).isIdentity)
        #expect(a.isIdentity == (a.order == Array(0..<rank)))
    }

    @Test("channel-last and channel-first")
    func channels() {
        #expect(Permutation.channelLast(rank: 4).order == [0, 2, 3, 1])
        #expect(Permutation.channelFirst(rank: 4).order == [0, 3, 1, 2])
        #expect(Permutation.channelFirst(rank: 5).after(.channelLast(rank: 5)).isIdentity)
        #expect((0...2).allSatisfy { Permutation.channelLast(rank: $0).isIdentity })
        #expect(Permutation.channelLast(rank: 4).apply(to: ["n", "c", "h", "w"]) == ["n", "h", "w", "c"])
    }
}
