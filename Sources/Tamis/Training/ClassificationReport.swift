public import TamisKernels

/// How a classifier did on labelled examples, class by class.
public struct ClassificationReport: Sendable {
    /// The loss and the share of examples whose class was found.
    public let metrics: Metrics
    /// How many examples of each class (row) were taken for each class (column).
    public let confusion: [[Int]]
    /// Wall time of all examples, from the first to the last answer.
    public let seconds: Double

    /// How one class did.
    public struct Score: Sendable, Hashable {
        /// Examples of the class.
        public let count: Int
        /// Of what was taken for the class, the share that is of it; 0 where nothing was.
        public let precision: Double
        /// Of the class, the share that was found; 0 where there is no example.
        public let recall: Double
        /// The harmonic mean of precision and recall.
        public let f1: Double
    }

    /// A class taken for another.
    public struct Mistake: Sendable, Hashable {
        /// The class of the examples.
        public let actual: Int
        /// The class they were taken for.
        public let predicted: Int
        /// How many there were.
        public let count: Int
    }

    /// The number of examples.
    public var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }

    /// How each class did, in order.
    public var scores: [Score] {
        confusion.indices.map { label in
            let found = confusion[label][label]
            let actual = confusion[label].reduce(0, +)
            let predicted = confusion.reduce(0) { $0 + $1[label] }
            func share(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
            return Score(
                count: actual, precision: share(found, predicted), recall: share(found, actual),
                f1: share(2 * found, actual + predicted))
        }
    }

    /// The mistakes that were made, the most frequent first.
    public var mistakes: [Mistake] {
        var mistakes: [Mistake] = []
        for (actual, row) in confusion.enumerated() {
            for (predicted, count) in row.enumerated() where predicted != actual && count > 0 {
                mistakes.append(Mistake(actual: actual, predicted: predicted, count: count))
            }
        }
        return mistakes.sorted { ($1.count, $0.actual, $0.predicted) < ($0.count, $1.actual, $1.predicted) }
    }
}

extension Network {
    /// Classifies examples and compares with their labels. The network has one output, a score a class; the class is the
    /// first of the highest score.
    public func classificationReport(
        on data: Dataset, loss: any Loss = .sparseCategoricalCrossentropy, batchSize: Int = 64,
        threads: Int = Processor.availableCount
    ) throws(TrainingError) -> ClassificationReport {
        try check(data)
        guard batchSize > 0 else { throw .setting(rule: "the batch size must be 1 or more", received: "\(batchSize)") }
        guard let output = model.outputs.first, model.outputs.count == 1, output.type.dimensions?.count == 2,
            output.type.elementType == .float32 || output.type.elementType == .float64
        else {
            throw .data(
                rule: "a classifier must have one output, a score for each example and class",
                received: model.outputs.map { "\"\($0.name)\" \($0.type)" }.joined(separator: ", "))
        }
        var scored = try model.scored(by: loss)
        scored.graph.outputs.append(Graph.Output(name: Self.scores, value: model.graph.outputs[0].value))
        var batches = try Batches(data, size: batchSize, inputName: model.inputs[0].name)
        let labels = try training { () throws(ShapeError) in try data.labels.scalars(as: Int64.self) }
        let runner = Runner(scored, threads: threads)
        var outputs: [String: Tensor] = [:]
        var confusion: [[Int]] = []
        var lossSum = 0.0
        let clock = ContinuousClock()
        let start = clock.now
        for index in 0..<batches.count {
            try batches.withBatch(index, order: nil) { (batch) throws(ExecutionError) in
                try runner.run(batch, into: &outputs)
            }
            let count = batches.count(of: index)
            lossSum += (outputs["loss"]?.loadScalar() ?? .nan) * Double(count)
            guard let scores = outputs[Self.scores] else { continue }
            let classes = scores.shape[1]
            if confusion.isEmpty { confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes) }
            let predicted = try training { () throws(ShapeError) in try scores.largestOfRows() }
            for (row, label) in predicted.enumerated() {
                let actual = Int(labels[index * batches.size + row])
                // A network of a free number of classes meets here the labels that `check` could not.
                guard confusion.indices.contains(actual) else {
                    throw .data(
                        rule: "each label must be a class from 0 to \(classes - 1)",
                        received: "\(actual) for example \(index * batches.size + row)")
                }
                confusion[actual][label] += 1
            }
        }
        let found = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
        return ClassificationReport(
            metrics: Metrics(loss: lossSum / Double(data.count), accuracy: Double(found) / Double(data.count)),
            confusion: confusion, seconds: (clock.now - start).seconds)
    }

    private static var scores: String { "tamis:scores" }
}

extension Tensor {
    /// For each row of a matrix of floats, the first column that holds its largest element.
    func largestOfRows() throws(ShapeError) -> [Int] {
        let columns = shape[1]
        func largest<Scalar: TensorScalar & Comparable>(_ type: Scalar.Type) throws(ShapeError) -> [Int] {
            let values = try scalars(as: type)
            return (0..<shape[0]).map { row in
                var best = 0
                for column in 1..<max(1, columns) where values[row * columns + column] > values[row * columns + best] {
                    best = column
                }
                return best
            }
        }
        return elementType == .float64 ? try largest(Double.self) : try largest(Float.self)
    }
}
