import TamisKernels
import Testing

/// What the tiles of a region write: each its own place.
private struct Tiles {
    var runs: UnsafeMutablePointer<Int32>
    /// 0, or the tiles that each tile runs as a region of its own.
    var nested = 0
    var highestWorker: UnsafeMutablePointer<Int32>
}

@Suite("ThreadPool")
struct ThreadPoolTests {
    /// How often each of the tiles of a region ran.
    static func runs(tiles: Int, threads: Int, nested: Int = 0) -> [Int32] {
        var runs = [Int32](repeating: 0, count: max(1, tiles * max(1, nested)))
        var workers = [Int32](repeating: 0, count: ThreadPool.maximumThreads)
        runs.withUnsafeMutableBufferPointer { runs in
            workers.withUnsafeMutableBufferPointer { workers in
                guard let base = runs.baseAddress, let highest = workers.baseAddress else { return }
                let context = Tiles(runs: base, nested: nested, highestWorker: highest)
                withUnsafePointer(to: context) { context in
                    ThreadPool.shared.run(tiles: tiles, threads: threads, context: context) { context, worker, lower, upper in
                        let tiles = context.assumingMemoryBound(to: Tiles.self).pointee
                        tiles.highestWorker[worker] += 1
                        for tile in lower..<upper {
                            guard tiles.nested > 0 else {
                                tiles.runs[tile] += 1
                                continue
                            }
                            // A tile that runs a region of its own finds the pool busy and runs it itself.
                            var inner = Tiles(runs: tiles.runs + tile * tiles.nested, highestWorker: tiles.highestWorker)
                            withUnsafeMutablePointer(to: &inner) { inner in
                                ThreadPool.shared.run(tiles: tiles.nested, threads: 4, context: inner) { context, _, lower, upper in
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
        let participants = min(max(1, threads), ThreadPool.maximumThreads)
        return workers.dropFirst(participants).allSatisfy { $0 == 0 } ? Array(runs.prefix(tiles * max(1, nested))) : [-1]
    }

    @Test("every tile runs once", arguments: [0, 1, 2, 3, 7, 8, 63, 64, 65, 1000, 100_003], [1, 2, 3, 4, 16, 64, 1000])
    func once(tiles: Int, threads: Int) {
        for _ in 0..<(tiles > 1000 ? 2 : 20) {
            #expect(Self.runs(tiles: tiles, threads: threads).allSatisfy { $0 == 1 })
        }
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
