import ArgumentParser
import Tamis

/// `tamis train`: fits a network to labelled images and saves it.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a network on labelled images and save it as ONNX.",
        discussion: """
            Bytes of images are divided by 255; the network's input and its number of classes follow from the data. The test \
            images are measured after each epoch and never learned from. The model is written when all epochs are done, \
            whole or not at all.

            Example: tamis train --network lesson --data fashion-mnist --epochs 5 --batch 64 --seed 1 --output m.onnx
            """)

    /// The optimisers by name.
    enum OptimizerChoice: String, CaseIterable, ExpressibleByArgument {
        case adam, sgd, momentum, nesterov

        func optimizer(learningRate: Double?) -> any Optimizer {
            switch self {
            case .adam: .adam(learningRate: learningRate ?? 0.001)
            case .sgd: .sgd(learningRate: learningRate ?? 0.01)
            case .momentum: .sgd(learningRate: learningRate ?? 0.01, momentum: 0.9)
            case .nesterov: .sgd(learningRate: learningRate ?? 0.01, momentum: 0.9, nesterov: true)
            }
        }
    }

    @Option(
        help: ArgumentHelp(
            "The network: \(NetworkChoice.names), or the path of an .onnx file to train further.",
            valueName: "name or file"),
        transform: NetworkChoice.parse)
    var network: NetworkChoice

    @OptionGroup var data: DataOptions

    @Option(
        help: ArgumentHelp("How often to go through the images (default: 5).", valueName: "count"), transform: positive)
    var epochs = 5

    @Option(help: ArgumentHelp("Images of one step (default: 64).", valueName: "count"), transform: positive)
    var batch = 64

    @Option(help: ArgumentHelp("Of the first weights and of the order of the images.", valueName: "number"))
    var seed: UInt64 = 0

    @Option(help: "adam, sgd, momentum (0.9) or nesterov (0.9).")
    var optimizer = OptimizerChoice.adam

    @Option(
        help: ArgumentHelp("The optimiser's rate (default: 0.001 for adam, 0.01 for the others).", valueName: "number"),
        transform: positiveNumber)
    var learningRate: Double?

    @Option(help: ArgumentHelp("Train on the first images only.", valueName: "count"), transform: positive)
    var examples: Int?

    @OptionGroup var threads: ThreadOptions

    @Option(help: ArgumentHelp("Where to save the trained model.", valueName: "file"))
    var output: String

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        // A folder that is not there is told before the training, not after it.
        try OutputFile.check(output)
        var network: any Network
        let folder = try data.folder()
        var choice: Model?
        // A model that cannot be read is told before a minute is spent on reading data.
        if case .file(let path) = self.network { choice = try Model.load(path) }
        var training = try Failure.at { try folder.dataset(.training) }
        var test = try Failure.at { try folder.dataset(.test) }
        if let examples { training = try Failure.at { try training.prefix(examples) } }
        if let choice {
            network = choice
            let place = folder.path
            training = try Failure.at(place) { try training.arranged(for: choice) }
            test = try Failure.at(place) { try test.arranged(for: choice) }
        } else {
            network = try built(for: training, folder)
        }
        if !format.json { Console.print(summary(network)) }

        let reporter = ProgressReporter()
        let (epochs, batch, seed, count) = (epochs, batch, seed, threads.count)
        let optimizer = optimizer.optimizer(learningRate: learningRate)
        let history = try Failure.at {
            try network.fit(
                training, epochs: epochs, batchSize: batch, optimizer: optimizer, validation: test, seed: seed,
                threads: count
            ) { reporter.report($0) }
        }
        let (model, path) = (network.model, output)
        try Console.withoutInterruption { try Failure.at(path) { try model.writeONNX(to: path) } }
        try report(history, model)
    }

    private func built(for data: Dataset, _ folder: IDXFolder) throws -> any Network {
        guard case .known(let network) = network else { throw ExitStatus.failed }
        return try Failure.at(folder.path) {
            let labels = try data.labels.scalars(as: Int64.self)
            guard let least = labels.min(), let greatest = labels.max(), least >= 0, greatest < 1 << 20 else {
                throw Failure("\(folder.path): labels must be whole numbers from 0 to 1048575")
            }
            let input = Array(data.inputs.shape.dimensions.dropFirst())
            return try network.network(input: input, classes: Int(greatest) + 1, seed: seed)
        }
    }

    private func summary(_ network: any Network) -> String {
        if let sequential = network as? Sequential { return sequential.summary() }
        let model = network.model
        let ports = (model.inputs + model.outputs).map { "\($0.name) \($0.type)" }
        return "Model: \(ports.joined(separator: " → ")), \(model.parameters.scalarCount) parameters\n"
    }

    // MARK: Result

    private struct Result: Encodable {
        struct Epoch: Encodable {
            var loss: Double
            var accuracy: Double
            var valLoss: Double?
            var valAccuracy: Double?
            var seconds: Double
        }

        struct Test: Encodable {
            var loss: Double
            var accuracy: Double
        }

        var epochs: [Epoch]
        var test: Test
        var parameters: Int
        var stepMsMedian: Double
        var peakRssBytes: Int
    }

    private func report(_ history: History, _ model: Model) throws {
        let steps = history.stepMilliseconds.sorted()
        let last = history.epochs.last?.validation ?? Metrics(loss: .nan, accuracy: .nan)
        let result = Result(
            epochs: history.epochs.map { epoch in
                Result.Epoch(
                    loss: epoch.training.loss, accuracy: epoch.training.accuracy, valLoss: epoch.validation?.loss,
                    valAccuracy: epoch.validation?.accuracy, seconds: epoch.seconds)
            },
            test: Result.Test(loss: last.loss, accuracy: last.accuracy), parameters: model.parameters.scalarCount,
            stepMsMedian: steps.isEmpty ? 0 : steps[steps.count / 2], peakRssBytes: MemoryUse.peakResidentBytes ?? 0)
        if format.json { return try JSONOption.print(result) }
        var table = Table(.left, .left)
        table.add("test accuracy", last.accuracy.fixed(4))
        table.add("test loss", last.loss.fixed(4))
        table.add("step", "\(result.stepMsMedian.fixed(2)) ms (median)")
        table.add("peak memory", result.peakRssBytes.bytes)
        table.add("saved to", output)
        Console.print(table.text)
    }
}
