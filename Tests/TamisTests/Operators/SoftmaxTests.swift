import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Softmax")
struct SoftmaxTests {
    static let shapes: [(shape: [Int], axis: Int)] = [
        ([1], 0), ([10], -1), ([3, 10], -1), ([3, 10], 0), ([2, 3, 5], 1), ([2, 3, 5, 7], -2), ([4, 1000], 1),
        ([3, 1, 4], 1),
        ([2, 17, 33], -1), ([0, 5], -1),
    ]

    @Test("values", arguments: KernelLevel.available, 0..<shapes.count)
    func values(level: KernelLevel, index: Int) throws {
        let (shape, axis) = Self.shapes[index]
        var generator = Philox(seed: UInt64(index), name: "values")
        let x = DoubleTensor.uniform(shape, in: -20...20, using: &generator)
        for isLogarithmic in [false, true] {
            let expected = Oracle.softmax(x, axis: axis, isLogarithmic: isLogarithmic)
            for mode in RunMode.all(at: level) where mode.weights == .input {
                let y = try run(Softmax(axis: axis, isLogarithmic: isLogarithmic), [x], mode: mode)
                let unit = mode.elementType == .float64 ? 0x1p-53 : 0x1p-24
                // ln Σ has an absolute error; Σ's error grows with the root of the number of terms at most.
                #expect(
                    try firstExcess(y, expected, absolute: isLogarithmic ? 16 * unit : 0, relative: 64 * unit) == nil,
                    "\(shape), axis \(axis), \(mode)")
            }
        }
    }

    @Test("large scores do not overflow", arguments: KernelLevel.available)
    func overflow(level: KernelLevel) throws {
        let x = DoubleTensor([1000, 0, -1000, 3e38, 3e38, -3e38], shape: [2, 3])
        let y = try run(Softmax(), [x], mode: RunMode(level: level))
        #expect(try y.doubles() == [1, 0, 0, 0.5, 0.5, 0])
        let logs = try run(Softmax(isLogarithmic: true), [x], mode: RunMode(level: level)).doubles()
        #expect(logs[0] == 0 && logs[1] == -1000 && logs[2] == -2000 && logs.allSatisfy { !$0.isNaN })
    }

    @Test("gradients", arguments: [false, true], 0..<shapes.count)
    func gradients(isLogarithmic: Bool, index: Int) throws {
        let (shape, axis) = Self.shapes[index]
        guard !shape.contains(0) else { return }
        for seed in 0..<3 as Range<UInt64> {
            var generator = Philox(seed: seed, name: "values")
            let x = GradientCheck.Input("x", .uniform(shape, in: -3...3, using: &generator))
            let check = try GradientCheck([x], seed: seed) { graph, symbols in
                [try graph.call(Softmax(axis: axis, isLogarithmic: isLogarithmic), symbols["x"])]
            }
            #expect(try check.mismatches() == [], "\(shape), axis \(axis)")
        }
    }
}

@Suite("SoftmaxCrossEntropyLoss")
struct SoftmaxCrossEntropyLossTests {
    /// Scores of a shape, and a label for each row.
    static func example(_ shape: [Int], seed: UInt64) -> (scores: DoubleTensor, labels: [Int]) {
        var generator = Philox(seed: seed, name: "loss")
        let scores = DoubleTensor.uniform(shape, in: -5...5, using: &generator)
        let labels = (0..<shape.dropLast().reduce(1, *)).map { _ in
            Int.random(in: 0..<shape[shape.count - 1], using: &generator)
        }
        return (scores, labels)
    }

    static let shapes = [[1, 2], [3, 10], [32, 10], [2, 3, 4], [5, 1000], [0, 3], [7, 1]]

    @Test("loss, logarithms and accuracy", arguments: KernelLevel.available, shapes)
    func values(level: KernelLevel, shape: [Int]) throws {
        let (scores, labels) = Self.example(shape, seed: 1)
        let logs = Oracle.softmax(scores, axis: -1, isLogarithmic: true)
        let classes = shape[shape.count - 1]
        let hits = labels.enumerated().count { row, label in
            let row = Array(scores.values[row * classes..<(row + 1) * classes])
            return row.firstIndex(of: row.max() ?? 0) == label
        }
        for elementType in [ElementType.float32, .float64] {
            let mode = RunMode(level: level, elementType: elementType)
            let wide = try Tensor(labels.map(Int64.init), shape: Array(shape.dropLast()))
            let narrow = try Tensor(labels.map(Int32.init), shape: Array(shape.dropLast()))
            for labelTensor in [wide, narrow] {
                let given = [try scores.tensor(elementType), labelTensor]
                let results = try run(SoftmaxCrossEntropyLoss(), given, mode: mode)
                let unit = elementType == .float64 ? 0x1p-53 : 0x1p-24
                let loss = try #require(try results[0].doubles().first)
                #expect(abs(loss - Oracle.crossEntropy(scores, labels: labels)) <= 64 * unit * max(1, abs(loss)))
                #expect(try firstExcess(results[1], logs, absolute: 16 * unit, relative: 16 * unit) == nil)
                let accuracy = try run(SparseCategoricalAccuracy(), given, mode: mode)
                let share = Double(hits) / Double(max(1, labels.count))
                #expect(try abs(accuracy[0].doubles()[0] - share) <= unit)
            }
        }
    }

    @Test("gradients", arguments: shapes, 0..<4 as Range<UInt64>)
    func gradients(shape: [Int], seed: UInt64) throws {
        // Central differences of thousands of logarithms drown in their own rounding.
        guard !shape.contains(0), shape != [5, 1000] || seed < 2 else { return }
        let (scores, labels) = Self.example(shape, seed: seed)
        let labelTensor = try Tensor(labels.map(Int64.init), shape: Array(shape.dropLast()))
        let input = GradientCheck.Input("scores", scores)
        let check = try GradientCheck([input], labels: ["labels": labelTensor], seed: seed) { graph, symbols in
            let outputs = try graph.append(SoftmaxCrossEntropyLoss(), [symbols["scores"], symbols["labels"]])
            // The loss alone, the logarithms alone, or both.
            return switch seed {
            case 0, 1: [outputs[0]]
            case 2: [outputs[1]]
            default: outputs
            }
        }
        #expect(try check.mismatches() == [])
    }

    @Test("a label out of range is an error that names it", arguments: [Int64(10), -1, .max, .min])
    func badLabel(label: Int64) throws {
        let scores = try Tensor(repeating: Float(0), shape: [3, 10])
        let labels = try Tensor([Int64(1), 2, label])
        let error = #expect(throws: ExecutionError.self) { try run(SoftmaxCrossEntropyLoss(), [scores, labels]) }
        #expect(error?.description.contains("0 to 9; received \(label) at position 2") == true)
        let dy = try Tensor(scalar: Float(1))
        let gradient = #expect(throws: ExecutionError.self) {
            try run(SoftmaxCrossEntropyLossGradient(), [scores, labels, dy])
        }
        #expect(gradient?.description.contains("received \(label) at position 2") == true)
    }
}
