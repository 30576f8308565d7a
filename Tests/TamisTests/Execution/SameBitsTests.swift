import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// An image's answer has the same bits in every batch, at every position, on any number of threads, beside any other
/// session; a training has the same bits on any number of threads, each time.
@Suite("Same bits")
struct SameBitsTests {
    enum Name: String, CaseIterable { case lesson, mixed, small }

    static func network(_ name: Name) throws -> (network: Sequential, input: [Int], classes: Int) {
        switch name {
        case .lesson: (try Networks.lesson(), [28, 28, 1], 10)
        case .mixed: (try Networks.mixed(), [13, 11, 3], 5)
        case .small: (try Networks.lesson(filters: 7, side: 15), [15, 15, 1], 10)
        }
    }

    static let largest = 64

    /// Each image's answer alone on one thread.
    static func single(_ model: Model, _ images: Tensor, options: PlanOptions) throws -> [Tensor] {
        let runner = Runner(model, threads: 1, options: options)
        return try (0..<images.shape[0]).map { index in
            try #require(try runner.run(["input": images.slice(index..<index + 1)])["output"])
        }
    }

    @Test("inference: threads, batch size, position", arguments: KernelLevel.available, Name.allCases)
    func inference(level: KernelLevel, name: Name) throws {
        let (network, shape, classes) = try Self.network(name)
        let (images, _) = try Networks.data(Self.largest, shape, classes: classes)
        var options = PlanOptions()
        options.level = level
        let expected = try Self.single(network.model, images, options: options)
        var differing = 0
        for threads in 1...4 {
            let runner = Runner(network.model, threads: threads, options: options)
            for count in [1, 2, 3, 7, 8, 16, 31, 64] {
                for first in Set([0, (Self.largest - count) / 2, Self.largest - count]) {
                    let answers = try #require(
                        try runner.run(["input": images.slice(first..<first + count)])["output"])
                    for row in 0..<count {
                        differing += try differingBits(answers.slice(row..<row + 1), expected[first + row])
                    }
                }
            }
        }
        #expect(differing == 0)
        // A test of nothing would pass too: the answers differ from image to image.
        #expect(expected.indices.dropFirst().allSatisfy { differingBits(expected[0], expected[$0]) > 0 })
    }

    @Test("inference in Double", arguments: KernelLevel.available)
    func doubles(level: KernelLevel) throws {
        let graph = GraphBuilder()
        var generator = Philox(seed: 4)
        let x = graph.input("input", .tensor(.float64, ["batch", 14, 14, 5]))
        func weights(_ shape: [Int]) throws -> Symbol {
            graph.parameter("w", try DoubleTensor.uniform(shape, using: &generator).tensor(.float64))
        }
        let y = try graph.call(Conv(window: WindowGeometry(kernel: [3, 3])), x, weights([3, 3, 5, 19]), weights([19]))
        let z = try graph.call(Flatten(), graph.call(Activate(.tanh), y))
        graph.output(try graph.call(Gemm(), z, weights([12 * 12 * 19, 11]), weights([11])), name: "output")
        let images = try DoubleTensor.uniform([9, 14, 14, 5], using: &generator).tensor(.float64)
        var options = PlanOptions()
        options.level = level
        let expected = try Self.single(graph.model, images, options: options)
        for threads in 1...3 {
            let answers = try #require(
                try Runner(graph.model, threads: threads, options: options).run(["input": images])["output"])
            for row in 0..<9 { #expect(try differingBits(answers.slice(row..<row + 1), expected[row]) == 0) }
        }
    }

    @Test("weights given at run time", arguments: KernelLevel.available, [[3, 3], [1, 1]])
    func runTimeWeights(level: KernelLevel, kernel: [Int]) throws {
        var generator = Philox(seed: 6)
        let test = ConvolutionCase(Geometry(input: [30, 29], kernel: kernel), images: 9, channels: 13, filters: 21)
        let x = try DoubleTensor.uniform(test.xShape, using: &generator).tensor()
        let w = try DoubleTensor.uniform(test.wShape, using: &generator).tensor()
        func answers(_ x: Tensor, threads: Int) throws -> Tensor {
            try run(
                test.operation(), [x, w], weights: [1], mode: RunMode(level: level, weights: .input, threads: threads))[
                    0]
        }
        for threads in 1...3 {
            let all = try answers(x, threads: threads)
            for row in 0..<9 {
                let alone = try answers(x.slice(row..<row + 1), threads: 1)
                #expect(try differingBits(alone, all.slice(row..<row + 1)) == 0)
            }
        }
    }

    @Test("16 sessions at once over one plan", arguments: Name.allCases)
    func concurrent(name: Name) async throws {
        let (network, shape, classes) = try Self.network(name)
        let (images, _) = try Networks.data(16, shape, classes: classes)
        let expected = try Self.single(network.model, images, options: PlanOptions())
        let plan = try Plan(network.model, inputs: ["input": Shape([4] + shape)])
        let differing = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<16 {
                group.addTask {
                    let session = try Session(plan, threads: 1 + task % 4)
                    var differing = 0
                    for round in 0..<6 {
                        let first = (task + round) % 13
                        let answers = try #require(
                            try session.run(["input": images.slice(first..<first + 4)])["output"])
                        for row in 0..<4 {
                            differing += try differingBits(answers.slice(row..<row + 1), expected[first + row])
                        }
                    }
                    return differing
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(differing == 0)
    }

    /// The parameters after some steps on random data.
    static func trained(
        _ name: Name, steps: Int, optimizer: any Optimizer, threads: Int, level: KernelLevel
    ) throws -> Parameters {
        let (network, shape, classes) = try Self.network(name)
        var options = PlanOptions()
        options.level = level
        let step = try TrainingStep(
            network.model, loss: .sparseCategoricalCrossentropy, optimizer: optimizer, threads: threads,
            options: options)
        for index in 0..<steps {
            let (images, labels) = try Networks.data(32, shape, classes: classes, seed: UInt64(index))
            _ = try step(images, labels)
        }
        return step.parameters
    }

    static func differing(_ left: Parameters, _ right: Parameters) -> Int {
        left.names.reduce(0) { sum, name in
            guard let a = left[name], let b = right[name] else { return sum + 1 }
            return sum + differingBits(a, b)
        }
    }

    @Test(
        "training: 50 steps on 1, 2 and 3 threads, and once more",
        arguments: [
            (Name.lesson, SGD(momentum: 0.9) as any Optimizer), (.mixed, AdamOptimizer()), (.small, SGD()),
        ])
    func training(test: (name: Name, optimizer: any Optimizer)) throws {
        let levels = test.name == .lesson ? [KernelLevel.best] : KernelLevel.available
        for level in levels {
            let first = try Self.trained(test.name, steps: 50, optimizer: test.optimizer, threads: 1, level: level)
            for threads in [1, 2, 3] {
                let again = try Self.trained(
                    test.name, steps: 50, optimizer: test.optimizer, threads: threads, level: level)
                #expect(Self.differing(first, again) == 0, "\(threads) threads, \(level)")
            }
            let shorter = try Self.trained(test.name, steps: 1, optimizer: test.optimizer, threads: 1, level: level)
            #expect(Self.differing(first, shorter) > 0)
        }
    }
}
