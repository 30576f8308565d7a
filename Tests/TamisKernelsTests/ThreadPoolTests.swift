import CTamisKernels
import TamisKernels
import Testing

/// What the tiles of a region write: each its own place.
private struct Tiles {
    var runs: UnsafeMutablePointer<Int32>
    /// 0, or the tiles that each tile runs as a region of its own.
    var nested = 0
    /// Turns of an empty loop in each tile.
    var work = 0
    /// For each worker, how often it came.
    var visits: UnsafeMutablePointer<Int32>

    /// Takes a little time.
    @inline(never)
    func spin(_ turn: Int) { for _ in 0..<40 { tamis_pause() } }
}

@Suite("ThreadPool")
struct ThreadPoolTests {
    /// How often each of the tiles of a region ran; nested tiles one after the other.
    static func runs(tiles: Int, threads: Int, nested: Int = 0) -> [Int32] {
        region(tiles: tiles, threads: threads, nested: nested).runs
    }

    /// The same, and how many threads took part.
    static func region(
        tiles: Int, threads: Int, nested: Int = 0, work: Int = 0
    ) -> (runs: [Int32], participants: Int) {
        var runs = [Int32](repeating: 0, count: max(1, tiles * max(1, nested)))
        var workers = [Int32](repeating: 0, count: ThreadPool.maximumThreads)
        runs.withUnsafeMutableBufferPointer { runs in
            workers.withUnsafeMutableBufferPointer { workers in
                guard let base = runs.baseAddress, let visits = workers.baseAddress else { return }
                let context = Tiles(runs: base, nested: nested, work: work, visits: visits)
                withUnsafePointer(to: context) { context in
                    ThreadPool.shared.run(tiles: tiles, threads: threads, context: context) {
                        context, worker, lower, upper in
                        let tiles = context.assumingMemoryBound(to: Tiles.self).pointee
                        tiles.visits[worker] += 1
                        for tile in lower..<upper {
                            for turn in 0..<tiles.work { tiles.spin(turn) }
                            guard tiles.nested > 0 else {
                                tiles.runs[tile] += 1
                                continue
                            }
                            // A tile that runs a region of its own finds the pool busy and runs it itself.
                            var inner = Tiles(runs: tiles.runs + tile * tiles.nested, visits: tiles.visits)
                            withUnsafeMutablePointer(to: &inner) { inner in
                                ThreadPool.shared.run(tiles: tiles.nested, threads: 4, context: inner) {
                                    context, _, lower, upper in
                                    let tiles = context.assumingMemoryBound(to: Tiles.self).pointee
                                    for tile in lower..<upper { tiles.runs[tile] += 1 }
                                }
                            }
                        }
                    }
                }
            }
        }
        // No more participants than asked for.
        let most = min(max(1, threads), ThreadPool.maximumThreads)
        guard workers.dropFirst(most).allSatisfy({ $0 == 0 }) else { return ([-1], 0) }
        return (Array(runs.prefix(tiles * max(1, nested))), workers.count { $0 > 0 })
    }

    @Test(
        "every tile runs once", arguments: [0, 1, 2, 3, 7, 8, 63, 64, 65, 1000, 100_003], [1, 2, 3, 4, 16, 64, 1000])
    func once(tiles: Int, threads: Int) {
        for _ in 0..<(tiles > 1000 ? 2 : 20) {
            #expect(Self.runs(tiles: tiles, threads: threads).allSatisfy { $0 == 1 })
        }
    }

    @Test("workers take part, and never take the same tile")
    func contention() {
        var most = 0
        // Many threads for few processors: small shares, taken in quick succession.
        for _ in 0..<200 {
            let (runs, participants) = Self.region(tiles: 2000, threads: 16, work: 2)
            #expect(runs.allSatisfy { $0 == 1 })
            most = max(most, participants)
        }
        #expect(most > 1 || Processor.availableCount == 1)
    }

    @Test("a tile may run a region of its own", arguments: [2, 5, 40], [2, 3, 8])
    func nested(tiles: Int, threads: Int) {
        for _ in 0..<20 {
            #expect(Self.runs(tiles: tiles, threads: threads, nested: 9).allSatisfy { $0 == 1 })
        }
    }

    @Test("many callers at once", arguments: [2, 4])
    func callers(threads: Int) async {
        let isRight = await withTaskGroup(of: Bool.self) { group in
            for caller in 0..<16 {
                group.addTask {
                    (0..<200).allSatisfy { round in
                        let count = 1 + (caller * 31 + round * 7) % 97
                        return Self.runs(tiles: count, threads: threads).allSatisfy { $0 == 1 }
                    }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(isRight)
    }

    @Test("regions far apart wake sleeping workers")
    func sleep() async throws {
        for _ in 0..<10 {
            try await Task.sleep(for: .milliseconds(3))
            #expect(Self.runs(tiles: 500, threads: 3).allSatisfy { $0 == 1 })
        }
    }
}
