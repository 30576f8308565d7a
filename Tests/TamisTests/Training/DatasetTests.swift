import Tamis
import Testing

struct DatasetTests {
    private func model(_ dimensions: [Dimension], _ elementType: ElementType = .float32) throws -> Model {
        let graph = GraphBuilder()
        graph.output(try graph.call(Activate(.relu), graph.input("x", .tensor(elementType, dimensions))), name: "y")
        return graph.model
    }

    private func images(_ height: Int, _ width: Int, _ channels: Int) throws -> Dataset {
        let values = (0..<2 * height * width * channels).map(Float.init)
        return try Dataset(
            inputs: Tensor(values, shape: [2, height, width, channels]), labels: Tensor([Int64(0), 1]))
    }

    @Test func imagesTakeTheOrderOfTheModel() throws {
        let colour = try images(2, 3, 4)
        #expect(try colour.arranged(for: model(["n", 2, 3, 4])).inputs == colour.inputs)
        let first = try colour.arranged(for: model(["n", 4, 2, 3])).inputs
        #expect(try first == colour.inputs.permuted(by: .channelFirst(rank: 4)))
        #expect(try colour.arranged(for: model(["n", 24])).inputs.shape.dimensions == [2, 24])
        #expect(try colour.arranged(for: model(["n", "h", "w", 4])).inputs == colour.inputs)
        let grey = try images(2, 3, 1)
        #expect(try grey.arranged(for: model(["n", 1, 2, 3])).inputs.shape.dimensions == [2, 1, 2, 3])
        #expect(try grey.arranged(for: model(["n", 2, 3])).inputs.shape.dimensions == [2, 2, 3])
        #expect(try grey.arranged(for: model(["n", 6], .float64)).inputs.elementType == .float64)
    }

    @Test func imagesThatDoNotFitAreRefused() throws {
        for dimensions: [Dimension] in [["n", 3, 2, 4], ["n", 23], ["n", 2, 3], ["n"]] {
            #expect(throws: TrainingError.self) { try images(2, 3, 4).arranged(for: model(dimensions)) }
        }
    }
}
