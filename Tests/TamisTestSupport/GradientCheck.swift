import Tamis
import TamisKernels

/// Compares the gradients a graph computes with central differences of its loss, in Double.
package struct GradientCheck {
    /// A float64 input of the checked graph: its values, and whether its gradient is checked.
    package struct Input {
        package var name: String
        package var values: DoubleTensor
        package var isChecked: Bool

        package init(_ name: String, _ values: DoubleTensor, isChecked: Bool = true) {
            self.name = name
            self.values = values
            self.isChecked = isChecked
        }
    }

    package static let step = 1e-5
    private static let relative = 1e-6
    private static let absolute = 1e-8
    /// Places of one tensor that are looked at; all where there are no more.
    private static let places = 40

    private let model: Model
    private let lossOnly: Model
    private let inputs: [Input]
    private let labels: [String: Tensor]
    private let seed: UInt64

    /// A check of what `build` makes of the inputs: its results are weighted at random and added up. `labels` are inputs
    /// of whole numbers.
    package init(
        _ inputs: [Input], labels: [String: Tensor] = [:], seed: UInt64,
        build: (GraphBuilder, [String: Symbol]) throws -> [Symbol]
    ) throws {
        let graph = GraphBuilder()
        var symbols: [String: Symbol] = [:]
        for input in inputs {
            symbols[input.name] = graph.input(input.name, .tensor(.float64, try Shape(input.values.shape)))
        }
        for (name, tensor) in labels { symbols[name] = graph.input(name, .tensor(tensor.elementType, tensor.shape)) }
        var generator = Philox(seed: seed, name: "loss")
        var loss: Symbol?
        for result in try build(graph, symbols) {
            let term = try Self.weightedSum(result, in: graph, using: &generator)
            loss = try loss.map { try graph.call(Arithmetic(.add), $0, term) } ?? term
        }
        guard let loss else { throw TestFailure("nothing to differentiate") }
        let forward = graph.model
        let checked = inputs.filter(\.isChecked)
        let gradients = try differentiate(loss, with: checked.compactMap { symbols[$0.name]?.id }, in: graph)
        graph.output(loss, name: "loss")
        for (input, gradient) in zip(checked, gradients) {
            guard let gradient else { throw TestFailure("no gradient of \(input.name)") }
            graph.output(gradient, name: input.name)
        }
        let alone = GraphBuilder(continuing: forward)
        alone.output(alone.symbol(loss.id), name: "loss")
        model = graph.model
        lossOnly = alone.model
        self.inputs = inputs
        self.labels = labels
        self.seed = seed
    }

    /// Σ result · random weights, a value without axes.
    private static func weightedSum(
        _ result: Symbol, in graph: GraphBuilder, using generator: inout Philox
    ) throws -> Symbol {
        guard let shape = result.type.shape else { throw TestFailure("a result of open shape: \(result.type)") }
        let weights = DoubleTensor.uniform([shape.elementCount, 1], using: &generator)
        let row = try graph.call(Reshape(), result, graph.constant(Tensor([Int64(1), -1])))
        let sum = try graph.call(Gemm(), row, graph.constant(weights.tensor(.float64)))
        return try graph.call(Reshape(), sum, graph.constant(Tensor([Int64]())))
    }

    private func tensors(replacing name: String? = nil, at place: Int = 0, by change: Double = 0) throws -> [String:
        Tensor]
    {
        var tensors = labels
        for input in inputs {
            var values = input.values
            if input.name == name { values.values[place] += change }
            tensors[input.name] = try values.tensor(.float64)
        }
        return tensors
    }

    /// Where the gradients at these levels, in optimised and plain plans, differ from the central differences.
    package func mismatches(levels: [KernelLevel] = KernelLevel.available) throws -> [String] {
        let lossSession = try Session(try Plan(lossOnly, inputs: [:]), threads: 1)
        func loss(_ tensors: [String: Tensor]) throws -> Double {
            try lossSession.run(tensors)["loss"]?.doubles().first ?? .nan
        }
        var modes = levels.map { RunMode(level: $0) }
        modes.append(RunMode(threads: 2, optimizes: false))
        let given = try tensors()
        let gradients = try modes.map { mode in
            (mode, try Session(try Plan(model, inputs: [:], options: mode.options), threads: mode.threads).run(given))
        }
        var generator = Philox(seed: seed, name: "places")
        var mismatches: [String] = []
        for input in inputs where input.isChecked {
            let found = try gradients.map { ($0.0, try $0.1[input.name]?.doubles() ?? []) }
            for (mode, values) in found where values.count != input.values.values.count {
                mismatches.append("\(input.name), \(mode): \(values.count) scalars")
            }
            guard mismatches.isEmpty else { return mismatches }
            for place in generator.shuffled(input.values.values.count).prefix(Self.places) {
                let above = try loss(tensors(replacing: input.name, at: place, by: Self.step))
                let below = try loss(tensors(replacing: input.name, at: place, by: -Self.step))
                let expected = (above - below) / (2 * Self.step)
                for (mode, values) in found
                where !(abs(values[place] - expected) <= Self.absolute + Self.relative * abs(expected)) {
                    mismatches.append("d\(input.name)[\(place)] is \(values[place]), not \(expected) (\(mode))")
                }
            }
        }
        return mismatches
    }
}
