import Tamis
import Testing

/// Networks, data and answers of Keras, as `Tests/Python/peer_keras.py` stored them.
private struct KerasAnswers {
    let name: String

    static let folder = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Fixtures/Keras"

    func tensor(_ part: String) throws -> Tensor { try Tensor(npy: "\(Self.folder)/\(name).\(part).npy") }

    func floats(_ part: String) throws -> [Float] { try tensor(part).scalars(as: Float.self) }

    func network() throws -> Sequential {
        var network =
            name == "plain"
            ? try Sequential(input: [10, 10, 2]) {
                Conv2D(4, (3, 3), activation: .relu)
                MaxPooling2D(2, 2)
                Conv2D(5, (3, 3), padding: .same, activation: .tanh)
                Flatten()
                Dense(7, activation: .sigmoid)
                Dense(3, activation: .softmax)
            }
            : try Sequential(input: [9, 9, 2]) {
                Conv2D(4, (3, 3), strides: (2, 2), padding: .same, useBias: false)
                BatchNormalization(momentum: 0.9)
                ReLU()
                DepthwiseConv2D((3, 3), padding: .same, depthMultiplier: 2)
                AveragePooling2D(2, 2, padding: .same)
                Flatten()
                Dense(3, activation: .softmax)
            }
        // Keras lists a model's weights layer by layer, as the layers made their parameters here.
        var values = try floats("weights")[...]
        for parameter in network.model.parameters.names {
            guard let shape = network.model.parameters[parameter]?.shape else { continue }
            network.model.parameters[parameter] = try Tensor(
                Array(values.prefix(shape.elementCount)), shape: shape.dimensions)
            values = values.dropFirst(shape.elementCount)
        }
        #expect(values.isEmpty)
        return network
    }

    func data() throws -> Dataset { try Dataset(inputs: tensor("x"), labels: tensor("labels")) }
}

private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

@Suite struct KerasTests {
    @Test(arguments: ["plain", "normalized"])
    func predictsAsKeras(name: String) throws {
        let answers = KerasAnswers(name: name)
        let predicted = try answers.network().predict(answers.tensor("x"))
        #expect(try largestDifference(predicted.scalars(), answers.floats("predicted")) <= 1e-6)
    }

    @Test(arguments: ["plain", "normalized"], ["sgd", "momentum", "nesterov", "adam"])
    func trainsAsKeras(name: String, kind: String) throws {
        let answers = KerasAnswers(name: name)
        let optimizer: any Optimizer =
            switch kind {
            case "sgd": .sgd(learningRate: 0.1)
            case "momentum": .sgd(learningRate: 0.05, momentum: 0.9)
            case "nesterov": .sgd(learningRate: 0.05, momentum: 0.9, nesterov: true)
            default: .adam(learningRate: 0.01)
            }
        var network = try answers.network()
        let data = try answers.data()
        let history = try network.fit(data, epochs: 4, batchSize: 6, optimizer: optimizer)
        for (epoch, loss) in try zip(history.epochs, answers.floats("\(kind).losses")) {
            #expect(abs(epoch.training.loss - Double(loss)) <= 1e-5)
        }
        let learned = try network.model.parameters.names.flatMap {
            try network.model.parameters[$0]?.scalars(as: Float.self) ?? []
        }
        #expect(try largestDifference(learned, answers.floats("\(kind).weights")) <= 2e-5)
        let predicted = try network.predict(answers.tensor("x"))
        #expect(try largestDifference(predicted.scalars(), answers.floats("\(kind).predicted")) <= 2e-5)
    }

    @Test func summarizesAsKeras() throws {
        let network = try Sequential(input: [28, 28, 1]) {
            Conv2D(64, (3, 3), activation: .relu)
            MaxPooling2D(2, 2)
            Conv2D(64, (3, 3), activation: .relu)
            MaxPooling2D(2, 2)
            Flatten()
            Dense(128, activation: .relu)
            Dense(10, activation: .softmax)
        }
        let stored = try String(contentsOf: "\(KerasAnswers.folder)/lesson.summary.txt")
        #expect(network.summary().trimmed == stored.trimmed)
        #expect(network.model.parameters.scalarCount == 243_786)
    }
}

extension String {
    fileprivate init(contentsOf path: String) throws {
        let file = try FileBytes(path: path, limits: Limits())
        self = file.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// The lines without blanks at their ends.
    fileprivate var trimmed: [String] {
        split(separator: "\n").map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
    }
}
