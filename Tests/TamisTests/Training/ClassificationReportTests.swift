import Tamis
import Testing

struct ClassificationReportTests {
    /// A network that hands its three scores on.
    private func identity() throws -> Model {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", 3]))
        graph.output(try graph.call(Arithmetic(.add), x, graph.scalar(0, .float32)), name: "y")
        return graph.model
    }

    @Test func countsWhatIsTakenForWhat() throws {
        let scores: [Float] = [9, 0, 0, 0, 9, 0, 9, 0, 0, 0, 0, 9, 1, 1, 0]
        let data = try Dataset(
            inputs: Tensor(scores, shape: [5, 3]), labels: Tensor([Int64](arrayLiteral: 0, 1, 1, 1, 0)))
        for batchSize in [1, 2, 5, 64] {
            let report = try identity().classificationReport(on: data, batchSize: batchSize, threads: 1)
            // Of equal scores the first counts.
            #expect(report.confusion == [[2, 0, 0], [1, 1, 1], [0, 0, 0]])
            #expect(report.count == 5)
            #expect(report.metrics.accuracy == 0.6)
            let wanted = try identity().evaluate(data, batchSize: batchSize)
            #expect(abs(report.metrics.loss - wanted.loss) < 1e-6)
            #expect(report.mistakes.map(\.actual) == [1, 1])
            #expect(report.mistakes.map(\.predicted) == [0, 2])
            #expect(report.mistakes.map(\.count) == [1, 1])
            let scores = report.scores
            #expect(scores.map(\.count) == [2, 3, 0])
            #expect(scores[0].precision == 2.0 / 3)
            #expect(scores[0].recall == 1)
            #expect(scores[0].f1 == 0.8)
            #expect(scores[2].precision == 0)
            #expect(scores[2].recall == 0)
        }
    }

    @Test func whatIsNoClassifierIsRefused() throws {
        let network = try Sequential(input: [4, 4, 1]) { MaxPooling2D(2, 2) }
        let data = try Dataset(
            inputs: Tensor(repeating: Float(0), shape: [2, 4, 4, 1]), labels: Tensor([Int64(0), 0]))
        #expect(throws: TrainingError.self) { try network.classificationReport(on: data) }
    }

    @Test func aLabelThatIsNoClassIsRefused() throws {
        let data = try Dataset(inputs: Tensor(repeating: Float(0), shape: [2, 3]), labels: Tensor([Int64(0), 3]))
        #expect(throws: TrainingError.self) { try identity().classificationReport(on: data) }
    }
}
