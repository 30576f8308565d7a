import Tamis
import TamisKernels

/// Operators through plan and session, forward and backward.
enum OperatorBenchmarks {
    /// An operator at work: images × height × width × channels, and its weights.
    struct Case {
        var name: String
        var operation: any Operator
        var inputs: [[Int]]
        /// Whether the inputs after the first are constants, as weights are.
        var hasConstants = true
    }

    static func cases() throws -> [Case] {
        func conv(_ name: String, _ x: [Int], _ w: [Int], stride: Int = 1, groups: Int = 1) throws -> Case {
            let window = try WindowGeometry(kernel: [w[0], w[1]], stride: [stride, stride], padding: .same)
            return Case(
                name: name, operation: Conv(window: window, groups: groups, activation: .relu), inputs: [x, w, [w[3]]])
        }
        let pair = try WindowGeometry(kernel: [2, 2], stride: [2, 2])
        let triple = try WindowGeometry(kernel: [3, 3], stride: [2, 2], padding: .same)
        return [
            try conv("Conv 3×3, 1 → 64 at 28²", [1, 28, 28, 1], [3, 3, 1, 64]),
            try conv("Conv 3×3, 64 → 64 at 13²", [1, 13, 13, 64], [3, 3, 64, 64]),
            try conv("Conv 3×3, 64 → 64 at 56²", [1, 56, 56, 64], [3, 3, 64, 64]),
            try conv("Conv 3×3, 256 → 256 at 14²", [1, 14, 14, 256], [3, 3, 256, 256]),
            try conv("Conv 1×1, 256 → 64 at 56²", [1, 56, 56, 256], [1, 1, 256, 64]),
            try conv("Conv 1×1, 1024 → 256 at 14²", [1, 14, 14, 1024], [1, 1, 1024, 256]),
            try conv("Conv 7×7 / 2, 3 → 64 at 224²", [1, 224, 224, 3], [7, 7, 3, 64], stride: 2),
            try conv("Conv depthwise 3×3, 144 at 56²", [1, 56, 56, 144], [3, 3, 1, 144], groups: 144),
            Case(name: "MaxPool 2×2, 64 at 26²", operation: MaxPool(window: pair), inputs: [[1, 26, 26, 64]]),
            Case(
                name: "AveragePool 3×3 / 2, 64 at 112²", operation: AveragePool(window: triple),
                inputs: [[1, 112, 112, 64]]),
            Case(
                name: "Gemm 1600 → 128, batch 1", operation: Gemm(activation: .relu),
                inputs: [[1, 1600], [1600, 128], [128]]),
            Case(
                name: "Gemm 1600 → 128, batch 64", operation: Gemm(activation: .relu),
                inputs: [[64, 1600], [1600, 128], [128]]),
            Case(name: "Gemm 4096 → 4096, batch 1", operation: Gemm(), inputs: [[1, 4096], [4096, 4096], [4096]]),
            Case(name: "Softmax of 1000, batch 64", operation: Softmax(), inputs: [[64, 1000]]),
            Case(name: "Relu of 1 Mi", operation: Activate(.relu), inputs: [[1 << 20]]),
            Case(name: "Tanh of 1 Mi", operation: Activate(.tanh), inputs: [[1 << 20]]),
            Case(name: "Add of 1 Mi, a bias of 64", operation: Arithmetic(.add), inputs: [[1 << 14, 64], [64]]),
            Case(
                name: "Transpose 224² × 3 to 3 × 224²", operation: Transpose(.channelFirst(rank: 4)),
                inputs: [[1, 224, 224, 3]]),
        ]
    }

    static func run(seconds: Double) throws -> [Report.Section] {
        var generator = Philox(seed: 1)
        let rows = try cases().map { item -> Report.Row in
            let graph = GraphBuilder()
            var inputs: [String: Tensor] = [:]
            var symbols: [Symbol] = []
            for (index, shape) in item.inputs.enumerated() {
                let tensor = try generator.tensor(shape)
                if index > 0, item.hasConstants {
                    symbols.append(graph.parameter("p\(index)", tensor))
                } else {
                    symbols.append(graph.input("x\(index)", .tensor(.float32, tensor.shape)))
                    inputs["x\(index)"] = tensor
                }
            }
            graph.output(try graph.append(item.operation, symbols)[0], name: "y")
            let session = try Session(Plan(graph.model, inputs: inputs.mapValues(\.shape)), threads: 1)
            var outputs: [String: Tensor] = [:]
            let time = try Measurement.interleaved(seconds: seconds, [{ try session.run(inputs, into: &outputs) }])[0]
            let bytes = inputs.values.reduce(0) { $0 + $1.byteCount } + (outputs["y"]?.byteCount ?? 0)
            let operations = operations(item, outputs["y"]?.shape.elementCount ?? 0)
            return Report.Row(
                name: item.name, milliseconds: time.scaled(1000), gigaoperations: operations.map { $0 * 1e-9 },
                bytes: operations == nil ? Double(bytes) : nil)
        }
        return [Report.Section(title: "Operators, one thread", rows: rows)]
    }

    /// Multiplications and additions of convolutions and products.
    private static func operations(_ item: Case, _ outputs: Int) -> Double? {
        guard item.inputs.count > 1, item.operation is Conv || item.operation is Gemm else { return nil }
        return 2 * Double(outputs) * Double(item.inputs[1].dropLast().reduce(1, *))
    }
}
