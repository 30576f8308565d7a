import Tamis
import Testing

/// What a training or a prediction must refuse rather than go wrong with.
@Suite struct FitLimitsTests {
    private func network() throws -> Sequential { try Sequential(input: [3]) { Dense(2, activation: .softmax) } }

    private func data(_ count: Int = 4) throws -> Dataset {
        try Dataset(
            inputs: Tensor((0..<count * 3).map { Float($0) }, shape: [count, 3]),
            labels: Tensor((0..<count).map { Int64($0 % 2) }))
    }

    @Test(arguments: [0, -7])
    func refusesBatchesOfNothing(size: Int) throws {
        let network = try network()
        #expect(throws: ExecutionError.self) { try network.predict(data(64).inputs, batchSize: size) }
        #expect(throws: TrainingError.self) { try network.evaluate(data(), batchSize: size) }
    }

    @Test func refusesPartsOfNothing() throws {
        #expect(throws: TrainingError.self) { try data().prefix(0) }
        #expect(throws: TrainingError.self) { try data().prefix(-1) }
        #expect(try data().prefix(100).count == 4)
    }

    @Test(arguments: [Double.nan, .infinity])
    func theLastUpdateIsCheckedToo(rate: Double) throws {
        var network = try network()
        let before = network.model.parameters["dense/kernel"]
        #expect(throws: TrainingError.self) {
            try network.fit(data(), epochs: 1, batchSize: 4, optimizer: .sgd(learningRate: rate))
        }
        #expect(network.model.parameters["dense/kernel"] == before)
    }

    @Test func aValidationThatIsNotFiniteEndsTheTraining() throws {
        var network = try network()
        let images = try Tensor([Float](repeating: .nan, count: 12), shape: [4, 3])
        let validation = try Dataset(inputs: images, labels: data().labels)
        #expect(throws: TrainingError.self) { try network.fit(data(), validation: validation) }
    }

    @Test func tensorsPrintTheirOwnValues() throws {
        #expect(try "\(Tensor([Int64.max, 1]))" == "int64 [2] [9223372036854775807, 1]")
        #expect(try "\(Tensor([true, false]))" == "bool [2] [true, false]")
        #expect(try "\(Tensor([Float(0.1)]))" == "float32 [1] [0.1]")
        #expect(try "\(Tensor([Int8](repeating: 3, count: 9)))" == "int8 [9] [3, 3, 3, 3, 3, 3, 3, 3, …]")
    }
}
