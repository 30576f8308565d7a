import CAllocationCounter
import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// That nothing is taken from the heap once everything has run once. Each test counts in a process of its own.
@Suite("Steady state", .enabled(if: allocation_counter_works(), "the sanitizer has its own heap"))
struct AllocationTests {
    /// The fewest allocations of three rounds of `body`: another thread of the test runner may allocate meanwhile, but
    /// what allocates itself does so each time.
    static func allocations(_ body: () throws -> Void) rethrows -> Int {
        var fewest = Int.max
        for _ in 0..<3 {
            let before = allocation_count()
            try body()
            fewest = min(fewest, allocation_count() - before)
        }
        return fewest
    }

    @Test("the counter counts")
    func counter() {
        let count = Self.allocations {
            withExtendedLifetime([Int](repeating: 1, count: 100 + Int.random(in: 0..<9))) {}
        }
        #expect(count >= 1)
    }

    @Test("Session.run(into:)")
    func session() async {
        await #expect(processExitsWith: .success) {
            for threads in [1, 2] {
                let network = try Networks.mixed()
                let (images, _) = try Networks.data(8, [13, 11, 3], classes: 5)
                let session = try Session(Plan(network.model, inputs: ["input": images.shape]), threads: threads)
                let inputs = ["input": images]
                var outputs: [String: Tensor] = [:]
                try session.run(inputs, into: &outputs)
                let count = try AllocationTests.allocations {
                    for _ in 0..<20 { try session.run(inputs, into: &outputs) }
                }
                #expect(count == 0, "\(threads) threads: \(count) allocations in 20 runs")
            }
        }
    }

    @Test("Runner.run(into:) but for the list of shapes it looks up")
    func runner() async {
        await #expect(processExitsWith: .success) {
            let network = try Networks.lesson(filters: 8)
            let (images, _) = try Networks.data(8, [28, 28, 1], classes: 10)
            let runner = Runner(network.model, threads: 2)
            let inputs = ["input": images]
            var outputs: [String: Tensor] = [:]
            try runner.run(inputs, into: &outputs)
            let count = try AllocationTests.allocations {
                for _ in 0..<20 { try runner.run(inputs, into: &outputs) }
            }
            #expect(count <= 20 * 6, "\(count) allocations in 20 runs")
        }
    }

    @Test("a training step")
    func training() async {
        await #expect(processExitsWith: .success) {
            for optimizer in [SGD(momentum: 0.9), AdamOptimizer()] as [any Optimizer] {
                let network = try Networks.mixed()
                let (images, labels) = try Networks.data(8, [13, 11, 3], classes: 5)
                let step = try TrainingStep(
                    network.model, loss: .sparseCategoricalCrossentropy, optimizer: optimizer, threads: 2)
                var batch = ["input": images, "labels": labels]
                for _ in 0..<3 { _ = try step.run(&batch) }
                let count = try AllocationTests.allocations {
                    for _ in 0..<20 { _ = try step.run(&batch) }
                }
                #expect(count == 0, "\(count) allocations in 20 steps")
            }
        }
    }

    @Test("the steps of fit")
    func fit() async {
        await #expect(processExitsWith: .success) {
            var network = try Networks.lesson(filters: 8)
            let (images, labels) = try Networks.data(256, [28, 28, 1], classes: 10)
            let data = try Dataset(inputs: images, labels: labels)
            nonisolated(unsafe) var last = 0
            nonisolated(unsafe) var allocated: [Int] = []
            allocated.reserveCapacity(64)
            try network.fit(data, epochs: 2, batchSize: 8, optimizer: .sgd(momentum: 0.9), threads: 2) { progress in
                let now = allocation_count()
                // From one step to the next within an epoch; the first makes plan and memory.
                if progress.step > 3 { allocated.append(now - last) }
                last = allocation_count()
            }
            let busy = allocated.filter { $0 > 0 }
            #expect(allocated.count == 58 && busy.count <= 2, "allocations between steps: \(allocated)")
        }
    }
}
