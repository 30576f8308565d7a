import Tamis
import TamisKernels

/// Whole networks: forward passes and training steps.
enum NetworkBenchmarks {
    static func networks() throws -> [(name: String, network: Sequential)] {
        [
            ("lesson", try KnownNetwork.lesson.network()), ("lenet5", try KnownNetwork.lenet5.network()),
            (
                "normalized",
                try Sequential(input: [32, 32, 3]) {
                    Conv2D(32, (3, 3), padding: .same, useBias: false)
                    BatchNormalization()
                    ReLU()
                    DepthwiseConv2D((3, 3), padding: .same, useBias: false)
                    BatchNormalization()
                    ReLU()
                    Conv2D(64, (1, 1), useBias: false)
                    BatchNormalization()
                    ReLU()
                    AveragePooling2D(8, 8)
                    Flatten()
                    Dense(10, activation: .softmax)
                }
            ),
        ]
    }

    private static func random(_ shape: [Int]) throws -> Tensor {
        var generator = Philox(seed: 3)
        return try Tensor((0..<shape.reduce(1, *)).map { _ in Float(generator.nextNormal()) }, shape: shape)
    }

    static func run(seconds: Double) throws -> [Report.Section] {
        var forward: [Report.Row] = []
        var training: [Report.Row] = []
        for (name, network) in try networks() {
            guard let dimensions = network.model.inputs[0].type.dimensions?.dropFirst().compactMap(\.value) else {
                continue
            }
            for batch in [1, 8, 64] {
                let inputs = ["input": try random([batch] + dimensions)]
                let plan = try Plan(network.model, inputs: inputs.mapValues(\.shape))
                for threads in [1, 2] {
                    let session = try Session(plan, threads: threads)
                    var outputs: [String: Tensor] = [:]
                    let time = try Measurement.interleaved(
                        seconds: seconds, [{ try session.run(inputs, into: &outputs) }])[0]
                    forward.append(
                        Report.Row(
                            name: "\(name), batch \(batch), threads \(threads)", milliseconds: time.scaled(1000),
                            images: Double(batch)))
                }
            }
            for batch in [64, 128] {
                let (x, y) = (try random([batch] + dimensions), try Tensor((0..<batch).map { Int64($0 % 10) }))
                for threads in [1, 2] {
                    let step = try TrainingStep(
                        network.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(momentum: 0.9),
                        threads: threads)
                    let time = try Measurement.interleaved(seconds: seconds, [{ _ = try step(x, y) }])[0]
                    training.append(
                        Report.Row(
                            name: "\(name), batch \(batch), threads \(threads)", milliseconds: time.scaled(1000),
                            images: Double(batch)))
                }
            }
        }
        return [
            Report.Section(title: "Networks, forward", rows: forward),
            Report.Section(title: "Networks, training step (SGD, momentum)", rows: training),
        ]
    }
}
