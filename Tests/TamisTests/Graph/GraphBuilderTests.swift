import Tamis
import Testing

/// An operator that says it has no output.
private struct Sink: Operator {
    var kind: String { "Sink" }
    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] { [] }
    func prepare(_ context: Preparation) throws(PlanError) -> Prepared { Prepared("none", stages: []) }
}

@Suite("Building graphs")
struct GraphBuilderTests {
    @Test("an input of another graph is an error, not a trap")
    func foreignInput() throws {
        let (one, other) = (GraphBuilder(), GraphBuilder())
        _ = one.input("a", .tensor(.float32, [2]))
        let foreign = one.input("b", .tensor(.float32, [2]))
        #expect(throws: ShapeError.self) { try other.append(Activate(.relu), [foreign]) }
    }

    @Test("an operator without an output is an error")
    func noOutput() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2]))
        #expect(throws: ShapeError.self) { try graph.append(Sink(), [x]) }
    }

    @Test("a second output takes no name that is there")
    func names() throws {
        let graph = GraphBuilder()
        let scores = graph.input("scores", .tensor(.float32, [2, 3]))
        let labels = graph.input("loss:1", .tensor(.int64, [2]))
        try graph.append(SoftmaxCrossEntropyLoss(), [scores, labels], name: "loss")
        #expect(Set(graph.graph.values.map(\.name)).count == graph.graph.values.count)
    }
}
