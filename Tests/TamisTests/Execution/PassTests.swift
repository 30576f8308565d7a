import Tamis
import TamisKernels
import TamisTestSupport
import Testing

/// An optimised plan gives what the plain one gives, in fewer nodes.
@Suite("Passes")
struct PassTests {
    /// A model's outputs in the optimised and in the plain plan, and the operators each runs.
    func both(
        _ model: Model, _ inputs: [String: Tensor], level: KernelLevel = .best
    ) throws -> (optimized: [String: Tensor], plain: [String: Tensor], left: [String]) {
        var options = PlanOptions()
        options.level = level
        func outputs() throws -> ([String: Tensor], [String]) {
            let plan = try Plan(model, inputs: inputs.mapValues(\.shape), options: options)
            let state = try State(of: model)
            return (try Session(plan, threads: 2, state: state).run(inputs), plan.lines.map(\.operatorName))
        }
        let (optimized, left) = try outputs()
        options.optimizes = false
        return (optimized, try outputs().0, left)
    }

    /// Builds a model of one input "x" and one output "y".
    func model(
        _ shape: [Int], _ build: (GraphBuilder, Symbol, (_ shape: [Int]) throws -> Symbol) throws -> Symbol
    ) throws -> (Model, [String: Tensor]) {
        let graph = GraphBuilder()
        var generator = Philox(seed: 9)
        let x = graph.input("x", .tensor(.float32, ["batch"] + shape.dropFirst().map(Dimension.fixed)))
        let y = try build(graph, x) { shape in
            graph.parameter("w", try DoubleTensor.uniform(shape, in: 0.1...1, using: &generator).tensor())
        }
        graph.output(y, name: "y")
        return (graph.model, ["x": try DoubleTensor.uniform(shape, using: &generator).tensor()])
    }

    @Test("a fused activation has the bits of the activation alone", arguments: KernelLevel.available, Activation.all)
    func fuseActivation(level: KernelLevel, activation: Activation) throws {
        for groups in [1, 2, 6] {
            let (model, inputs) = try model([3, 9, 8, 6]) { graph, x, weights in
                let window = try WindowGeometry(kernel: [3, 3], padding: .same)
                let y = try graph.call(
                    Conv(window: window, groups: groups), x, weights([3, 3, 6 / groups, 18]), weights([18]))
                let z = try graph.call(Activate(activation), y)
                let flat = try graph.call(Flatten(), z)
                return try graph.call(Activate(activation), graph.call(Gemm(), flat, weights([9 * 8 * 18, 11])))
            }
            let (optimized, plain, left) = try both(model, inputs, level: level)
            #expect(optimized == plain)
            #expect(left == ["Conv", "Flatten", "Gemm"])
        }
    }

    @Test("an activation whose input somebody else reads stays")
    func keepActivation() throws {
        let (model, inputs) = try model([2, 5]) { graph, x, weights in
            let y = try graph.call(Gemm(), x, weights([5, 4]))
            return try graph.call(Arithmetic(.subtract), graph.call(Activate(.sigmoid), y), y)
        }
        let (optimized, plain, left) = try both(model, inputs)
        #expect(optimized == plain && left == ["Gemm", "Sigmoid", "Sub"])
    }

    @Test("batch normalisation folds into what is before it", arguments: [1, 2, 6], [false, true])
    func foldBatchNormalization(groups: Int, hasBias: Bool) throws {
        let (model, inputs) = try model([3, 9, 8, 6]) { graph, x, weights in
            func normalized(_ y: Symbol, _ channels: Int) throws -> Symbol {
                let normalize = BatchNormalize(epsilon: 1e-3)
                let operands: [Symbol?] = try [y] + (0..<4).map { _ in try weights([channels]) }
                return try graph.call(Activate(.relu), graph.append(normalize, operands)[0])
            }
            let window = try WindowGeometry(kernel: [3, 3], padding: .same)
            let y = try graph.append(
                Conv(window: window, groups: groups),
                [x, weights([3, 3, 6 / groups, 12])] + (hasBias ? [weights([12])] : []))[0]
            let flat = try graph.call(Flatten(), normalized(y, 12))
            return try normalized(
                graph.append(Gemm(), [flat, weights([9 * 8 * 12, 7])] + (hasBias ? [weights([7])] : []))[0], 7)
        }
        let (optimized, plain, left) = try both(model, inputs)
        #expect(left == ["Conv", "Flatten", "Gemm"])
        let (y, expected) = (try #require(optimized["y"]), try DoubleTensor(#require(plain["y"])))
        #expect(try firstExcess(y, expected, absolute: 1e-5, relative: 1e-5) == nil)
    }

    @Test("transposes of a channel-first file cancel", arguments: KernelLevel.available)
    func cancelTransposes(level: KernelLevel) throws {
        let (last, first) = (Permutation.channelLast(rank: 4), Permutation.channelFirst(rank: 4))
        let (model, inputs) = try model([2, 3, 9, 10]) { graph, x, weights in
            func spatial(_ operation: any Operator, _ inputs: [Symbol?]) throws -> Symbol {
                let moved = try graph.call(Transpose(last), inputs[0])
                return try graph.call(Transpose(first), graph.append(operation, [moved] + inputs.dropFirst())[0])
            }
            let window = try WindowGeometry(kernel: [3, 3], padding: .same)
            let a = try graph.call(
                Activate(.relu), spatial(Conv(window: window), [x, weights([3, 3, 3, 8]), weights([8])]))
            let b = try spatial(Conv(window: window), [a, weights([3, 3, 8, 8])])
            let sum = try graph.call(Arithmetic(.add), a, b)
            let scaled = try graph.call(Arithmetic(.multiply), sum, graph.constant(Tensor(scalar: Float(0.5))))
            let pooled = try spatial(MaxPool(window: WindowGeometry(kernel: [2, 2], stride: [2, 2])), [scaled])
            let flat = try graph.call(Flatten(), pooled)
            return try graph.call(
                Softmax(), graph.call(Gemm(transposeW: true), flat, weights([6, 8 * 4 * 5]), weights([6])))
        }
        let (optimized, plain, left) = try both(model, inputs, level: level)
        #expect(left == ["Transpose", "Conv", "Conv", "Mul", "MaxPool", "Flatten", "Gemm", "Softmax"])
        let (y, expected) = (try #require(optimized["y"]), try DoubleTensor(#require(plain["y"])))
        #expect(try firstExcess(y, expected, absolute: 1e-6, relative: 1e-5) == nil)
    }

    @Test("what nobody reads is dropped")
    func dropUnread() throws {
        let (model, inputs) = try model([2, 5]) { graph, x, weights in
            _ = try graph.call(Gemm(), x, weights([5, 4]))
            return try graph.call(Activate(.tanh), x)
        }
        #expect(try both(model, inputs).left == ["Tanh"])
    }

    @Test("an extra output keeps its value though it would be fused", arguments: [false, true])
    func extraOutputs(optimizes: Bool) throws {
        let network = try Networks.lesson(filters: 4, side: 12)
        let (images, _) = try Networks.data(2, [12, 12, 1], classes: 10)
        var options = PlanOptions()
        options.optimizes = optimizes
        options.extraOutputs = ["conv2d", "max_pooling2d"]
        let plan = try Plan(network.model, inputs: ["input": images.shape], options: options)
        let outputs = try Session(plan, threads: 1).run(["input": images])
        #expect(outputs.keys.sorted() == ["conv2d", "max_pooling2d", "output"])
        #expect(outputs["conv2d"]?.shape.dimensions == [2, 10, 10, 4])
        #expect(try outputs["conv2d"]?.doubles().contains { $0 < 0 } == true)
    }

    @Test(
        "gradients are the same with activation gradients behind pooling", arguments: Activation.all,
        [[2, 2], [1, 1]])
    func swapActivationGradient(activation: Activation, stride: [Int]) throws {
        let network = try Sequential(input: [12, 11, 2], seed: 4) {
            Conv2D(6, (3, 3), activation: LayerActivation(name: activation.name, operation: Activate(activation)))
            MaxPooling2D(2, 2, strides: (stride[0], stride[1]))
            Flatten()
            Dense(4)
        }
        let (images, labels) = try Networks.data(3, [12, 11, 2], classes: 4)
        let gradients = try network.model.gradients(of: .sparseCategoricalCrossentropy)
        let (optimized, plain, left) = try both(gradients, ["input": images, "labels": labels])
        // Whole windows apart, each pixel has one gradient, and so the same bits; else their sum is multiplied once.
        if stride == [2, 2] || activation == .relu {
            #expect(optimized == plain)
        }
        for (name, value) in plain {
            #expect(
                try firstExcess(try #require(optimized[name]), DoubleTensor(value), absolute: 1e-7, relative: 1e-5)
                    == nil)
        }
        if activation != .linear {
            let (gradient, pool) = (
                left.firstIndex(of: "\(activation.onnxName)Gradient"), left.firstIndex(of: "MaxPoolGradient")
            )
            // One that is taken from before the activation cannot go behind the pooling of what comes after it.
            #expect((try #require(gradient) < (try #require(pool))) == activation.derivesFromOutput)
        }
    }

    @Test("whole networks", arguments: KernelLevel.available)
    func networks(level: KernelLevel) throws {
        let network = try Networks.mixed()
        var model = network.model
        // Statistics that are not their neutral start.
        var generator = Philox(seed: 8)
        for name in model.parameters.names
        where name.contains("moving") || name.contains("gamma") || name.contains("beta") {
            let shape = try #require(model.parameters[name]?.shape.dimensions)
            model.parameters[name] = try DoubleTensor.uniform(shape, in: 0.5...1.5, using: &generator).tensor()
        }
        let (images, _) = try Networks.data(5, [13, 11, 3], classes: 5)
        let (optimized, plain, left) = try both(model, ["input": images], level: level)
        #expect(!left.contains("BatchNormalization") && !left.contains("Relu"))
        let (y, expected) = (try #require(optimized["output"]), try DoubleTensor(#require(plain["output"])))
        #expect(try firstExcess(y, expected, absolute: 1e-6, relative: 1e-5) == nil)
    }
}
