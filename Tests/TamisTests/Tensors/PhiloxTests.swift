import Tamis
import Testing

@Suite("Philox")
struct PhiloxTests {
    /// The known answers of Random123 for philox4x32-10.
    @Test(
        "known answers",
        arguments: [
            ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            (
                [.max, .max, .max, .max], [.max, .max], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
            ),
        ] as [([UInt32], [UInt32], [UInt32])])
    func knownAnswers(counter: [UInt32], key: [UInt32], words: [UInt32]) {
        let block = Philox.block((counter[0], counter[1], counter[2], counter[3]), key: (key[0], key[1]))
        #expect([block.0, block.1, block.2, block.3] == words)
    }

    @Test("words come block by block, and 64 bits are two words")
    func words() {
        var generator = Philox(seed: 0)
        #expect((0..<4).map { _ in generator.nextWord() } == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        let next = Philox.block((1, 0, 0, 0), key: (0, 0))
        #expect(generator.next() == UInt64(next.0) << 32 | UInt64(next.1))
    }

    @Test("seeds, streams and names give different numbers, and the same give the same")
    func streams() {
        func first(_ generator: Philox) -> [UInt64] {
            var generator = generator
            return (0..<8).map { _ in generator.next() }
        }
        let generators = [
            Philox(seed: 0), Philox(seed: 1), Philox(seed: 1 << 32), Philox(seed: 0, stream: 1),
            Philox(seed: 0, stream: 1 << 32),
            Philox(seed: 0, name: "a"), Philox(seed: 0, name: "b"), Philox(seed: 1, name: "a"),
        ]
        #expect(Set(generators.map(first)).count == generators.count)
        #expect(first(Philox(seed: 7, name: "kernel")) == first(Philox(seed: 7, name: "kernel")))
    }

    @Test("uniform and normal numbers have their mean and variance")
    func moments() {
        var generator = Philox(seed: 3)
        let count = 200_000
        let uniform = (0..<count).map { _ in generator.nextUniform() }
        let normal = (0..<count).map { _ in generator.nextNormal() }
        func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
            let mean = values.reduce(0, +) / Double(values.count)
            return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
        }
        #expect(uniform.allSatisfy { (0..<1).contains($0) })
        #expect(abs(moments(uniform).mean - 0.5) < 0.004 && abs(moments(uniform).variance - 1 / 12) < 0.001)
        #expect(abs(moments(normal).mean) < 0.012 && abs(moments(normal).variance - 1) < 0.02)
        #expect(normal.allSatisfy { $0.isFinite })
    }

    @Test("a shuffle keeps each number once", arguments: [0, 1, 2, 10, 1000])
    func shuffle(count: Int) {
        var generator = Philox(seed: 5)
        let order = generator.shuffled(count)
        #expect(order.sorted() == Array(0..<count))
        #expect(count < 10 || order != Array(0..<count))
    }

    @Test("a shuffle puts every number at every place about as often")
    func fairness() {
        var generator = Philox(seed: 6)
        var counts = [[Int]](repeating: [0, 0, 0, 0], count: 4)
        for _ in 0..<8000 {
            for (place, number) in generator.shuffled(4).enumerated() { counts[place][number] += 1 }
        }
        #expect(counts.joined().allSatisfy { abs($0 - 2000) < 200 })
    }
}
