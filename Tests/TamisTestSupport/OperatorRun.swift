import Tamis
import TamisKernels

/// How a test runs an operator or a network.
package struct RunMode: Sendable, CustomStringConvertible {
    /// How the weights come to the operator, which decides who multiplies.
    package enum Weights: String, Sendable, CaseIterable { case constant, parameter, input }

    package var level: KernelLevel
    package var elementType: ElementType
    package var weights: Weights
    /// Whether the graph is a training step's: it has updates, so a tile may join images.
    package var isTraining: Bool
    package var threads: Int
    package var optimizes: Bool
    /// How to convolve; nil for the choice of strict precision.
    package var convolution: ConvolutionAlgorithm?

    package init(
        level: KernelLevel = .best, elementType: ElementType = .float32, weights: Weights = .constant,
        isTraining: Bool = false, threads: Int = 1, optimizes: Bool = true, convolution: ConvolutionAlgorithm? = nil
    ) {
        self.level = level
        self.elementType = elementType
        self.weights = weights
        self.isTraining = isTraining
        self.threads = threads
        self.optimizes = optimizes
        self.convolution = convolution
    }

    /// Everything that chooses an algorithm, at one level.
    package static func all(at level: KernelLevel) -> [RunMode] {
        [ElementType.float32, .float64].flatMap { elementType in
            [
                RunMode(level: level, elementType: elementType, weights: .constant),
                RunMode(level: level, elementType: elementType, weights: .parameter, threads: 2, optimizes: false),
                RunMode(level: level, elementType: elementType, weights: .input),
                RunMode(level: level, elementType: elementType, weights: .input, isTraining: true, threads: 2),
            ]
        }
    }

    package var options: PlanOptions {
        var options = PlanOptions()
        options.level = level
        options.optimizes = optimizes
        options.precision = .strict
        options.convolution = convolution
        return options
    }

    package var description: String {
        "\(level.rawValue), \(elementType), weights \(weights.rawValue)\(isTraining ? ", training" : "")"
            + ", \(threads) threads\(optimizes ? "" : ", plain")"
            + (convolution.map { ", \($0.rawValue)" } ?? "")
    }
}

/// Runs one operator on tensors: built, planned and run as any network is. The inputs at `weights` come as the mode says.
package func run(
    _ operation: any Operator, _ inputs: [Tensor?], weights: Set<Int> = [], mode: RunMode = RunMode()
) throws -> [Tensor] {
    let graph = GraphBuilder()
    var given: [String: Tensor] = [:]
    let symbols = inputs.enumerated().map { index, tensor -> Symbol? in
        guard let tensor else { return nil }
        let name = "input\(index)"
        guard weights.contains(index), mode.weights != .input else {
            given[name] = tensor
            return graph.input(name, .tensor(tensor.elementType, tensor.shape))
        }
        return mode.weights == .constant ? graph.constant(tensor, name: name) : graph.parameter(name, tensor)
    }
    let outputs = try graph.append(operation, symbols)
    for (index, output) in outputs.enumerated() { graph.output(output, name: "output\(index)") }
    if mode.isTraining {
        let parameter = graph.parameter("state", try Tensor(scalar: Float(0)))
        graph.update(parameter, to: parameter)
    }
    let model = graph.model
    let plan = try Plan(model, inputs: [:], options: mode.options)
    let session = try Session(plan, threads: mode.threads, state: mode.isTraining ? State(of: model) : nil)
    let results = try session.run(given)
    return outputs.indices.compactMap { results["output\($0)"] }
}

/// Runs one operator on the reference's tensors, converted to the mode's element type; its first output.
package func run(
    _ operation: any Operator, _ inputs: [DoubleTensor?], weights: Set<Int> = [], mode: RunMode
) throws -> Tensor {
    let tensors = try inputs.map { try $0?.tensor(mode.elementType) }
    guard let first = try run(operation, tensors, weights: weights, mode: mode).first else {
        throw TestFailure("the operator has no output")
    }
    return first
}

/// A test's own mishap.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
