import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// Scores, a label for each row, and how the losses of the labels are joined.
struct LossCase: CustomTestStringConvertible {
    var shape: [Int]
    var reduction: LossReduction
    var hasWeights: Bool
    var ignored: Int?

    static let all: [LossCase] = LossReduction.allCases.flatMap { reduction in
        [false, true].flatMap { hasWeights in
            [nil, 1, -100].flatMap { ignored in
                [[4, 3], [2, 5, 3, 4]].map {
                    LossCase(shape: $0, reduction: reduction, hasWeights: hasWeights, ignored: ignored)
                }
            }
        }
    }

    var classes: Int { shape[shape.count - 1] }

    func values() -> (scores: DoubleTensor, labels: [Int], weights: DoubleTensor?) {
        var generator = Philox(seed: 1, name: "loss")
        let scores = DoubleTensor.uniform(shape, in: -3...3, using: &generator)
        var labels = (0..<shape.dropLast().reduce(1, *)).map { _ in Int.random(in: 0..<classes, using: &generator) }
        // One that counts, one that may not.
        labels[0] = 0
        labels[1] = ignored ?? 1
        let weights = DoubleTensor.uniform([classes], in: 0.5...2, using: &generator)
        return (scores, labels, hasWeights ? weights : nil)
    }

    /// The loss of logarithms of probabilities.
    func expected(_ logs: DoubleTensor, _ labels: [Int], _ weights: DoubleTensor?) -> [Double] {
        let factors = labels.map { $0 == ignored ? 0 : weights?.values[$0] ?? 1 }
        let losses = labels.enumerated().map { row, label in
            label == ignored ? 0 : -factors[row] * logs.values[row * classes + label]
        }
        return switch reduction {
        case .none: losses
        case .sum: [losses.reduce(0, +)]
        case .mean: [losses.reduce(0, +) / factors.reduce(0, +)]
        }
    }

    var testDescription: String { "\(shape), \(reduction), weights \(hasWeights), ignored \(ignored ?? -1)" }
}

@Suite("Losses of labels")
struct LabelLossTests {
    @Test("values", arguments: KernelLevel.available, LossCase.all)
    func values(level: KernelLevel, test: LossCase) throws {
        let (scores, labels, weights) = test.values()
        let logs = Oracle.softmax(scores, axis: -1, isLogarithmic: true)
        let expected = DoubleTensor(
            test.expected(logs, labels, weights), shape: test.reduction == .none ? Array(test.shape.dropLast()) : [])
        let labelTensor = try Tensor(labels.map { Int32($0) }, shape: Array(test.shape.dropLast()))
        for elementType in [ElementType.float32, .float64] {
            let unit = elementType == .float64 ? 0x1p-48 : 0x1p-19
            let mode = RunMode(level: level, elementType: elementType)
            let rest = [labelTensor] + (try weights.map { [try $0.tensor(elementType)] } ?? [])
            let entropy = SoftmaxCrossEntropyLoss(test.reduction, ignoredLabel: test.ignored)
            let results = try run(entropy, [scores.tensor(elementType)] + rest, mode: mode)
            #expect(try firstExcess(results[0], expected, absolute: unit, relative: unit) == nil)
            #expect(try firstExcess(results[1], logs, absolute: unit, relative: unit) == nil)
            let likelihood = NegativeLogLikelihoodLoss(test.reduction, ignoredLabel: test.ignored)
            let loss = try run(likelihood, [logs.tensor(elementType)] + rest, mode: mode)[0]
            #expect(try firstExcess(loss, expected, absolute: unit, relative: unit) == nil)
        }
    }

    @Test("gradients", arguments: LossCase.all)
    func gradients(test: LossCase) throws {
        let (scores, labels, weights) = test.values()
        let labelTensor = try Tensor(labels.map { Int64($0) }, shape: Array(test.shape.dropLast()))
        for ofSoftmax in [true, false] {
            let operation: any Operator =
                ofSoftmax
                ? SoftmaxCrossEntropyLoss(test.reduction, ignoredLabel: test.ignored)
                : NegativeLogLikelihoodLoss(test.reduction, ignoredLabel: test.ignored)
            let check = try GradientCheck(
                [GradientCheck.Input("scores", scores)], labels: ["labels": labelTensor], seed: 1
            ) { graph, symbols in
                let factors = try weights.map { graph.constant(try $0.tensor(.float64)) }
                return [try graph.append(operation, [symbols["scores"], symbols["labels"], factors].dropNils())[0]]
            }
            #expect(try check.mismatches() == [])
        }
    }

    @Test("labels that are no classes, and weights that do not fit, are errors")
    func errors() throws {
        let scores = try Tensor(repeating: Float(0), shape: [2, 3])
        let labels = try Tensor([Int64(3), 0])
        for operation in [SoftmaxCrossEntropyLoss(), NegativeLogLikelihoodLoss()] as [any Operator] {
            #expect(throws: ExecutionError.self) { try run(operation, [scores, labels]) }
            let weights = try Tensor(repeating: Float(1), shape: [2])
            #expect(throws: ShapeError.self) { try run(operation, [scores, labels, weights]) }
            #expect(throws: ShapeError.self) { try run(operation, [scores, Tensor([Int64(0)])]) }
        }
        let ignoring = NegativeLogLikelihoodLoss(.sum, ignoredLabel: 3)
        #expect(try run(ignoring, [scores, labels])[0].doubles() == [0])
    }

    @Test("files are read back as they were", arguments: LossCase.all.filter { $0.shape.count == 4 })
    func files(test: LossCase) throws {
        let (scores, labels, weights) = test.values()
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, try Shape(test.shape)))
        let labelSymbol = graph.constant(try Tensor(labels.map { Int64($0) }, shape: Array(test.shape.dropLast())))
        let factors = try weights.map { graph.constant(try $0.tensor()) }
        let operands = [x, labelSymbol, factors].dropNils()
        let entropy = try graph.append(SoftmaxCrossEntropyLoss(test.reduction, ignoredLabel: test.ignored), operands)
        graph.output(entropy[0], name: "loss")
        graph.output(entropy[1], name: "logarithms")
        let likelihood = NegativeLogLikelihoodLoss(test.reduction, ignoredLabel: test.ignored)
        graph.output(try graph.append(likelihood, [entropy[1]] + operands.dropFirst())[0], name: "likelihood")
        let model = graph.model
        let again = try Model(onnxBytes: model.onnxBytes(opset: 13))
        let inputs = ["x": try scores.tensor()]
        let expected = try Session(Plan(model, inputs: [:]), threads: 1).run(inputs)
        #expect(try expected.count == 3 && Session(Plan(again, inputs: [:]), threads: 1).run(inputs) == expected)
    }
}

extension [Symbol?] {
    fileprivate func dropNils() -> [Symbol?] { filter { $0 != nil } }
}
