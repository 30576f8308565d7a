import Tamis

/// A model of one input "x" and one output "y" in the making, with random parameters.
package final class PassModel {
    package let graph = GraphBuilder()
    package let x: Symbol
    private let shape: [Int]
    private let elementType: ElementType
    private var generator: Philox

    /// A model of images or rows of this shape; the number of them is free.
    package init(_ shape: [Int], _ elementType: ElementType = .float32, seed: UInt64 = 9) {
        self.shape = shape
        self.elementType = elementType
        generator = Philox(seed: seed)
        x = graph.input("x", .tensor(elementType, ["batch"] + shape.dropFirst().map(Dimension.fixed)))
    }

    /// A parameter of random values.
    package func parameter(_ shape: Int..., in range: ClosedRange<Double> = 0.1...1) throws -> Symbol {
        graph.parameter("w", try DoubleTensor.uniform(shape, in: range, using: &generator).tensor(elementType))
    }

    /// A constant of whole numbers: a shape, axes.
    package func integers(_ values: [Int]) throws -> Symbol {
        graph.constant(try Tensor(values.map(Int64.init)), name: "integers")
    }

    /// A constant without axes.
    package func scalar(_ value: Double) throws -> Symbol { try graph.scalar(value, elementType) }

    /// A node of one output.
    package func callAsFunction(_ operation: any Operator, _ inputs: Symbol?...) throws -> Symbol {
        try graph.append(operation, inputs)[0]
    }

    /// A node of a name.
    package func callAsFunction(named name: String, _ operation: any Operator, _ inputs: Symbol?...) throws -> Symbol {
        try graph.append(operation, inputs, name: name)[0]
    }

    /// The model whose answer is `y`, and an input for it.
    package func finished(_ y: Symbol) throws -> (model: Model, inputs: [String: Tensor]) {
        graph.output(y, name: "y")
        return (graph.model, ["x": try DoubleTensor.uniform(shape, using: &generator).tensor(elementType)])
    }
}
