import Tamis
import TamisKernels
import TamisTestSupport
import Testing

@Suite("Differentiation")
struct DifferentiationTests {
    /// A parameter of the checked network, as an input whose gradient is wanted.
    static func input(_ name: String, _ shape: [Int], scale: Double = 0.5, using generator: inout Philox)
        -> GradientCheck.Input
    {
        GradientCheck.Input(name, .uniform(shape, in: -scale...scale, using: &generator))
    }

    @Test("a convolutional network from scores to images", arguments: [1, 3])
    func convolutional(images: Int) throws {
        var generator = Philox(seed: UInt64(images))
        let inputs = [
            GradientCheck.Input("x", .uniform([images, 9, 8, 2], using: &generator)),
            Self.input("w1", [3, 3, 2, 6], using: &generator), Self.input("b1", [6], using: &generator),
            Self.input("w2", [3, 3, 3, 8], using: &generator), Self.input("b2", [8], using: &generator),
            Self.input("w3", [4 * 3 * 8, 7], scale: 0.2, using: &generator), Self.input("b3", [7], using: &generator),
            Self.input("w4", [7, 5], using: &generator),
        ]
        let labels = try Tensor((0..<images).map { Int64(($0 * 3 + 1) % 5) })
        let check = try GradientCheck(inputs, labels: ["labels": labels], seed: 1) { graph, symbols in
            let same = try WindowGeometry(kernel: [3, 3], padding: .same)
            let a = try graph.call(Conv(window: same, activation: .tanh), symbols["x"], symbols["w1"], symbols["b1"])
            let strided = try WindowGeometry(kernel: [3, 3], stride: [2, 2], padding: .same)
            let b = try graph.call(Conv(window: strided, groups: 2), a, symbols["w2"], symbols["b2"])
            let c = try graph.call(Activate(.sigmoid), b)
            let pool = try WindowGeometry(kernel: [2, 2], stride: [1, 1])
            let d = try graph.call(MaxPool(window: pool), c)
            let e = try graph.call(Gemm(activation: .tanh), graph.call(Flatten(), d), symbols["w3"], symbols["b3"])
            let scores = try graph.call(Gemm(), e, symbols["w4"])
            return [try graph.append(SoftmaxCrossEntropyLoss(), [scores, symbols["labels"]])[0]]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("a residual network with normalisation, depthwise convolution and shared weights", arguments: [1, 3])
    func residual(images: Int) throws {
        var generator = Philox(seed: UInt64(10 + images))
        let inputs = [
            GradientCheck.Input("x", .uniform([images, 7, 6, 4], using: &generator)),
            Self.input("w", [3, 3, 4, 4], using: &generator), Self.input("depthwise", [3, 3, 1, 4], using: &generator),
            Self.input("pointwise", [1, 1, 4, 4], using: &generator),
            GradientCheck.Input("scale", .uniform([4], in: 0.5...1.5, using: &generator)),
            Self.input("bias", [4], using: &generator),
            GradientCheck.Input("zeros", DoubleTensor(zeros: [4]), isChecked: false),
            Self.input("dense", [4, 3], using: &generator),
        ]
        let labels = try Tensor((0..<images).map { Int64($0 % 3) })
        let check = try GradientCheck(inputs, labels: ["labels": labels], seed: 2) { graph, symbols in
            let same = try WindowGeometry(kernel: [3, 3], padding: .same)
            var y = try #require(symbols["x"])
            // The same weights twice: their gradients add up.
            for _ in 0..<2 {
                let convolved = try graph.call(Conv(window: same), y, symbols["w"])
                let normalize = BatchNormalizeTraining(epsilon: 1e-2, momentum: 0.9)
                let operands = [convolved, symbols["scale"], symbols["bias"], symbols["zeros"], symbols["zeros"]]
                let normalized = try graph.append(normalize, operands)[0]
                let filtered = try graph.call(
                    Conv(window: same, groups: 4, activation: .sigmoid), normalized, symbols["depthwise"])
                let mixed = try graph.call(
                    Conv(window: WindowGeometry(kernel: [1, 1])), filtered, symbols["pointwise"])
                y = try graph.call(Arithmetic(.add), mixed, y)
            }
            let mean = try graph.call(AveragePool(window: WindowGeometry(kernel: [7, 6])), y)
            let scores = try graph.call(Gemm(), graph.call(Flatten(), mean), symbols["dense"])
            return [try graph.append(SoftmaxCrossEntropyLoss(), [scores, symbols["labels"]])[0]]
        }
        #expect(try check.mismatches() == [])
    }

    @Test("a value the loss does not depend on has no gradient")
    func independent() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, []))
        let other = graph.input("other", .tensor(.float32, []))
        let loss = try graph.call(Arithmetic(.multiply), x, x)
        let gradients = try differentiate(loss, with: [x.id, other.id], in: graph)
        #expect(gradients[0] != nil && gradients[1] == nil)
    }

    @Test("an operator without a gradient is named")
    func notDifferentiable() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [2, 3]))
        let labels = graph.input("labels", .tensor(.int64, [2]))
        let accuracy = try graph.call(SparseCategoricalAccuracy(), x, labels, name: "share")
        let error = #expect(throws: TrainingError.self) { try differentiate(accuracy, with: [x.id], in: graph) }
        #expect(error?.description.contains("node \"share\" (SparseCategoricalAccuracy)") == true)
    }
}
