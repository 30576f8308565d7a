import ArgumentParser
import Tamis
import TamisKernels

/// `tamis bench`: how long a run, or a training step, takes.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how long a model takes to run, or a network to take a training step.",
        discussion: """
            The inputs are random by a fixed seed. After a warm-up, runs are timed one by one for the seconds asked for. \
            Unset OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE before measuring; `tamis doctor` tells whether they are set.

            Example: tamis bench Models/fashion-mnist.onnx --batch 1 --threads 1 --seconds 2
            """)

    /// The optimisers of a measured training step.
    enum OptimizerChoice: String, CaseIterable, ExpressibleByArgument {
        case sgd, adam

        var optimizer: any Optimizer {
            self == .sgd ? .sgd(learningRate: 0.01, momentum: 0.9) : .adam(learningRate: 0.001)
        }
    }

    @Argument(
        help: "The path of an .onnx file, or a network by name: \(NetworkChoice.names).", transform: NetworkChoice.parse
    )
    var model: NetworkChoice

    @OptionGroup var measured: MeasuredRuns
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var arithmetic: ArithmeticOptions

    @Flag(help: "Measure training steps: cross-entropy on random images and labels.")
    var train = false

    @Option(help: "Of the training steps: sgd (0.01, momentum 0.9) or adam (0.001).")
    var optimizer = OptimizerChoice.sgd

    @Option(help: ArgumentHelp("A result of --json measured before, to compare with.", valueName: "file"))
    var compare: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Exit with status 1 where this holds, such as 'p50>2ms' or 'images_per_second<100'; as often as wanted.",
            valueName: "bound"),
        transform: BenchBound.parse)
    var failIf: [BenchBound] = []

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        // What cannot be compared with is said before anything is measured.
        let before = try compare.map { path in
            try Failure.at(path) { try JSONOption.read(BenchResult.self, from: path, of: "bench") }
        }
        let result = try train ? measureTraining() : measureRuns()
        if format.json { try JSONOption.print(result) } else { Console.print(result.table) }
        if let before {
            if before.batch != result.batch || before.threads != result.threads {
                Console.note(
                    "\(compare ?? "") is of batch \(before.batch) on \(before.threads) threads, "
                        + "this of batch \(result.batch) on \(result.threads)")
            }
            let table = result.comparison(with: before)
            if format.json { Console.note(table) } else { Console.print("\n" + table) }
        }
        let breaches = failIf.compactMap { $0.breach(in: result) }
        for breach in breaches { Console.note("tamis: --fail-if \(breach)") }
        if !breaches.isEmpty { throw ExitStatus.unexpected }
    }

    private func measureRuns() throws -> BenchResult {
        let clock = Stopwatch()
        let (model, name) = try model.loaded()
        let load = clock.lap()
        let shapes = try measured.shapes(of: model)
        var options = PlanOptions()
        arithmetic.apply(to: &options)
        let store = WeightStore()
        let count = threads.count
        let (plan, session) = try Failure.at(name) {
            let plan = try Plan(model, inputs: shapes, options: options, store: store)
            return (plan, try Session(plan, threads: count))
        }
        let planned = clock.lap()
        let inputs = try Failure.at(name) { try plan.randomInputs() }
        _ = clock.lap()
        var outputs: [String: Tensor] = [:]
        try Failure.at(name) { try session.run(inputs, into: &outputs) }
        let first = clock.lap()
        let times = try Failure.at(name) {
            try Self.measure(seconds: measured.seconds, atLeast: 5) { try session.run(inputs, into: &outputs) }
        }
        let images = model.inputs.first.flatMap { shapes[$0.name]?.dimensions.first } ?? 1
        return BenchResult(
            times, batch: images, threads: count, load: load, plan: planned, first: first, operations: plan.operations,
            arenaBytes: plan.arenaBytes, weightBytes: plan.constantBytes + store.byteCount)
    }

    private func measureTraining() throws -> BenchResult {
        let clock = Stopwatch()
        let (model, name) = try model.loaded()
        let load = clock.lap()
        let (images, count) = (measured.batch ?? 1, threads.count)
        guard let input = model.inputs.first, model.inputs.count == 1, let dimensions = input.type.dimensions,
            !dimensions.isEmpty, let classes = model.outputs.first?.type.dimensions?.last?.value
        else {
            throw Failure("\(name): a network to be trained must have one input and an output of known classes")
        }
        let shapes = try measured.shapes(of: model)
        var options = PlanOptions()
        arithmetic.apply(to: &options)
        let example = Array((shapes[input.name]?.dimensions ?? []).dropFirst())
        let (step, plan) = try Failure.at(name) {
            let step = try TrainingStep(
                model, loss: .sparseCategoricalCrossentropy, optimizer: optimizer.optimizer, threads: count,
                options: options)
            try step.prepare(batchSize: images, example: example)
            return (step, step.plan(batchSize: images))
        }
        let planned = clock.lap()
        let (inputs, labels) = try Failure.at(name) {
            var generator = Philox(seed: 3, name: "labels")
            let labels = (0..<images).map { _ in Int64(generator.next() % UInt64(classes)) }
            return (
                try Tensor(
                    random: input.type.elementType ?? .float32, shape: Shape([images] + example), seed: 3,
                    name: input.name),
                try Tensor(labels)
            )
        }
        _ = clock.lap()
        _ = try Failure.at(name) { try step(inputs, labels) }
        let first = clock.lap()
        let times = try Failure.at(name) {
            try Self.measure(seconds: measured.seconds, atLeast: 4) { _ = try step(inputs, labels) }
        }
        return BenchResult(
            times, batch: images, threads: count, load: load, plan: planned, first: first,
            operations: plan?.operations ?? 0, arenaBytes: plan?.arenaBytes ?? 0,
            weightBytes: step.model.parameters.byteCount + (plan?.constantBytes ?? 0))
    }

    /// Milliseconds of each run, sorted: two runs and at most 0.6 s of warm-up, then `seconds` of measuring.
    private static func measure(seconds: Double, atLeast count: Int, _ body: () throws -> Void) throws -> [Double] {
        let clock = ContinuousClock()
        try body()
        let warm = clock.now + .seconds(min(0.3 * seconds, 0.6))
        repeat { try body() } while clock.now < warm
        var times: [Double] = []
        let end = clock.now + .seconds(seconds)
        while (clock.now < end || times.count < count) && times.count < 20_000 {
            let start = clock.now
            try body()
            times.append(1000 * (clock.now - start).seconds)
        }
        return times.sorted()
    }
}

/// Milliseconds from one call to the next.
private final class Stopwatch {
    private var last = ContinuousClock.now

    func lap() -> Double {
        let now = ContinuousClock.now
        defer { last = now }
        return 1000 * (now - last).seconds
    }
}
