import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("BatchNormalize")
struct BatchNormalizeTests {
    static let shapes = [
        [1, 1], [3, 5], [2, 4, 6], [2, 5, 7, 3], [1, 2, 3, 4, 9], [64, 40, 33], [2000, 70], [0, 4], [0, 6, 6, 5],
    ]

    /// x, scale, bias, mean and variance of a shape.
    static func example(_ shape: [Int], seed: UInt64) -> [DoubleTensor] {
        var generator = Philox(seed: seed, name: "normalization")
        let channels = [shape[shape.count - 1]]
        return [
            .uniform(shape, in: -2...3, using: &generator), .uniform(channels, in: 0.5...2, using: &generator),
            .uniform(channels, using: &generator), .uniform(channels, using: &generator),
            .uniform(channels, in: 0.1...4, using: &generator),
        ]
    }

    @Test("with given statistics", arguments: KernelLevel.available, shapes)
    func given(level: KernelLevel, shape: [Int]) throws {
        let inputs = Self.example(shape, seed: 1)
        let linear = Oracle.batchNormalize(
            inputs[0], scale: inputs[1].values, bias: inputs[2].values, mean: inputs[3].values,
            variance: inputs[4].values,
            epsilon: 1e-3)
        for activation in [Activation.linear, .relu] {
            let expected = Oracle.map(linear) { Oracle.activate(activation, $0) }
            for mode in RunMode.all(at: level) {
                let unit = mode.elementType == .float64 ? 0x1p-53 : 0x1p-24
                let y = try run(
                    BatchNormalize(epsilon: 1e-3, activation: activation), inputs, weights: [1, 2, 3, 4], mode: mode)
                #expect(
                    try firstExcess(y, expected, absolute: 128 * unit, relative: 16 * unit) == nil, "\(shape), \(mode)")
            }
        }
    }

    @Test("with the batch's statistics", arguments: KernelLevel.available, shapes)
    func batch(level: KernelLevel, shape: [Int]) throws {
        let inputs = Self.example(shape, seed: 2)
        let (mean, variance) = Oracle.statistics(inputs[0])
        let y = Oracle.batchNormalize(
            inputs[0], scale: inputs[1].values, bias: inputs[2].values, mean: mean, variance: variance, epsilon: 1e-3)
        func moved(_ running: DoubleTensor, _ batch: [Double]) -> DoubleTensor {
            DoubleTensor(zip(running.values, batch).map { 0.75 * $0 + 0.25 * $1 }, shape: running.shape)
        }
        let expected = [
            y, moved(inputs[3], mean), moved(inputs[4], variance), DoubleTensor(mean, shape: [mean.count]),
            DoubleTensor(variance, shape: [variance.count]),
        ]
        for mode in RunMode.all(at: level) where mode.weights == .input {
            let unit = mode.elementType == .float64 ? 0x1p-53 : 0x1p-24
            let results = try run(
                BatchNormalizeTraining(epsilon: 1e-3, momentum: 0.75), inputs.map { try $0.tensor(mode.elementType) },
                mode: mode)
            for (result, expected) in zip(results, expected) {
                #expect(
                    try firstExcess(result, expected, absolute: 512 * unit, relative: 64 * unit) == nil,
                    "\(shape), \(mode)")
            }
        }
    }

    @Test("large values far from zero keep their variance")
    func variance() throws {
        var inputs = Self.example([1000, 3], seed: 3)
        inputs[0].values = inputs[0].values.map { Double(Float(1000 + $0)) }
        let (mean, variance) = Oracle.statistics(inputs[0])
        let results = try run(
            BatchNormalizeTraining(epsilon: 1e-3, momentum: 0), inputs.map { try $0.tensor(.float32) })
        #expect(try firstExcess(results[3], DoubleTensor(mean, shape: [3]), absolute: 0, relative: 1e-6) == nil)
        #expect(try firstExcess(results[4], DoubleTensor(variance, shape: [3]), absolute: 0, relative: 1e-4) == nil)
    }

    @Test(
        "gradients", arguments: [[4, 1], [3, 5], [2, 4, 6], [2, 5, 7, 3], [3, 2, 3, 4, 2], [300, 70]],
        0..<4 as Range<UInt64>)
    func gradients(shape: [Int], seed: UInt64) throws {
        let tensors = Self.example(shape, seed: seed)
        let names = ["x", "scale", "bias", "mean", "variance"]
        let inputs = zip(names, tensors).map {
            GradientCheck.Input($0, $1, isChecked: !["mean", "variance"].contains($0))
        }
        let activation = [Activation.linear, .sigmoid][Int(seed) / 2]
        let check = try GradientCheck(inputs, seed: seed) { graph, symbols in
            let operands = names.map { symbols[$0] }
            guard seed % 2 == 0 else {
                return [try graph.append(BatchNormalizeTraining(epsilon: 1e-3, momentum: 0.9), operands)[0]]
            }
            return try graph.append(BatchNormalize(epsilon: 1e-3, activation: activation), operands)
        }
        #expect(try check.mismatches() == [])
    }

    @Test("trainable statistics have no gradient, and say so", arguments: [false, true])
    func statistics(isTraining: Bool) throws {
        let error = #expect(throws: TrainingError.self) {
            let inputs = zip(["x", "scale", "bias", "mean", "variance"], Self.example([2, 3], seed: 0))
                .map { GradientCheck.Input($0, $1) }
            _ = try GradientCheck(inputs, seed: 0) { graph, symbols in
                let operands = ["x", "scale", "bias", "mean", "variance"].map { symbols[$0] }
                let operation: any Operator =
                    isTraining
                    ? BatchNormalizeTraining(epsilon: 1e-3, momentum: 0.9) : BatchNormalize()
                return [try graph.append(operation, operands)[0]]
            }
        }
        #expect(error?.description.contains("must not be trainable") == true)
    }
}
