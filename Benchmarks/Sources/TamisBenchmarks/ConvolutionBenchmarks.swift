import Tamis
import TamisKernels

/// The 3 × 3 layers of known networks by each algorithm, side by side: what `ConvolutionAlgorithm.fastest` is judged by.
enum ConvolutionBenchmarks {
    /// Channels, height and width of the image, filters.
    static let layers: [(channels: Int, size: Int, filters: Int)] = [
        (8, 112, 8), (16, 208, 32), (16, 55, 64), (24, 20, 48), (32, 256, 32), (32, 104, 64), (32, 80, 32),
        (32, 27, 128),
        (48, 13, 192), (64, 224, 64), (64, 112, 128), (64, 56, 64), (64, 40, 64), (64, 13, 64), (128, 112, 128),
        (128, 56, 256), (128, 28, 128), (128, 20, 128), (256, 56, 256), (256, 28, 512), (256, 14, 256), (256, 13, 384),
        (384, 13, 256), (512, 28, 512), (512, 14, 512), (512, 7, 512), (512, 13, 1024), (1024, 13, 1024),
    ]
    static let algorithms: [ConvolutionAlgorithm] = [.panels, .implicit, .blas, .winograd2, .winograd4]

    static func run(seconds: Double) throws -> [Report.Section] {
        var generator = Philox(seed: 1)
        let rows = try layers.flatMap { layer -> [Report.Row] in
            let image = [1, layer.size, layer.size, layer.channels]
            let window = try WindowGeometry(kernel: [3, 3], stride: [1, 1], padding: .same)
            let graph = GraphBuilder()
            let x = graph.input("x", .tensor(.float32, try Shape(image)))
            let w = graph.parameter("w", try generator.tensor([3, 3, layer.channels, layer.filters]))
            graph.output(try graph.call(Conv(window: window, activation: .relu), x, w), name: "y")
            let inputs = ["x": try generator.tensor(image)]
            let chosen = try plan(graph.model, inputs, nil).lines.last?.algorithm
            let plans = try algorithms.map { try plan(graph.model, inputs, $0) }
            let sessions = try plans.map { try Session($0, threads: 1) }
            var outputs: [String: Tensor] = [:]
            let times = try Measurement.interleaved(
                seconds: seconds, sessions.map { session in { try session.run(inputs, into: &outputs) } })
            return zip(plans, times).map { plan, time in
                let algorithm = plan.lines.last?.algorithm ?? ""
                return Report.Row(
                    name: "\(layer.channels) → \(layer.filters) at \(layer.size)², \(algorithm)"
                        + (algorithm == chosen ? " ←" : ""),
                    milliseconds: time.scaled(1000), gigaoperations: 1e-9 * plan.operations,
                    ratio: time.median / times[0].median, against: "packed panels")
            }
        }
        return [Report.Section(title: "Conv 3×3, one thread, ← is what a plan chooses", rows: rows)]
    }

    private static func plan(
        _ model: Model, _ inputs: [String: Tensor], _ algorithm: ConvolutionAlgorithm?
    ) throws -> Plan {
        var options = PlanOptions()
        options.convolution = algorithm
        return try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
    }
}
