import Tamis
import TamisTestSupport
import Testing

/// Each network is run as it is built and after the pass: the answers agree, and so many transposes are left.
struct CancelTransposesTests {
    private let last = Permutation.channelLast(rank: 4)
    private let first = Permutation.channelFirst(rank: 4)

    private func check(
        transposes: Int, input: [Int] = [2, 3, 5, 4], tolerance: Double = 1e-6,
        location: SourceLocation = #_sourceLocation,
        _ build: (GraphBuilder, Symbol) throws -> Symbol
    ) throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.named("batch")] + input.dropFirst().map(Dimension.fixed)))
        graph.output(try build(graph, x), name: "y")
        let model = graph.model
        let moved = try CancelTransposes()(model)
        #expect(moved.count("Transpose") == transposes, sourceLocation: location)
        let inputs = ["x": try randomTensor(input)]
        let expected = try run(model, inputs, optimizes: false)
        let difference = try relativeDifference(run(moved, inputs, optimizes: false), expected)
        #expect(difference <= tolerance, sourceLocation: location)
        #expect(try relativeDifference(run(model, inputs), expected) < 1e-5, sourceLocation: location)
    }

    /// A convolution of channel-first images in and out, as ONNX has it.
    private func conv(_ graph: GraphBuilder, _ x: Symbol, filters: Int = 3) throws -> Symbol {
        let channels = x.dimensions?[1].value ?? 0
        let w = graph.parameter("w", try randomTensor([3, 3, channels, filters], seed: 5))
        let y = try graph.call(
            Conv(window: WindowGeometry(kernel: [3, 3], padding: .same)), graph.call(Transpose(last), x), w)
        return try graph.call(Transpose(first), y)
    }

    @Test func inversesMeetThroughElementWiseOperators() throws {
        try check(transposes: 2, tolerance: 0) { graph, x in
            let a = try graph.call(Activate(.relu), conv(graph, x))
            let b = try graph.call(Activate(.tanh), conv(graph, a, filters: 4))
            return try conv(graph, graph.call(Arithmetic(.multiply), b, b))
        }
    }

    @Test func skipConnectionsTakeTheTransposeThatIsThere() throws {
        try check(transposes: 2, tolerance: 0) { graph, x in
            let sum = try graph.call(Arithmetic(.subtract), x, conv(graph, x))
            return try conv(graph, graph.call(Arithmetic(.add), sum, conv(graph, sum)))
        }
    }

    @Test func noOperandIsTransposedAnew() throws {
        // The other operand is nowhere else in that order.
        try check(transposes: 2, tolerance: 0) { graph, x in
            try graph.call(Arithmetic(.add), graph.call(Activate(.tanh), x), conv(graph, x))
        }
    }

    @Test(arguments: [[], [1], [4], [5, 1], [3, 1, 1], [1, 3, 1, 4], [1, 1, 1, 1]])
    func constantsTakeTheOrder(shape: [Int]) throws {
        try check(transposes: 2, tolerance: 0) { graph, x in
            let constant = graph.constant(try randomTensor(shape, seed: 3), name: "c")
            let y = try graph.call(Arithmetic(.divide), constant, conv(graph, x))
            return try conv(graph, graph.call(Activate(.tanh), y))
        }
    }

    @Test func functionsThatBroadcastTakeTheOrder() throws {
        try check(transposes: 2, tolerance: 0) { graph, x in
            let y = try conv(graph, x)
            let slope = graph.parameter("slope", try randomTensor([3, 1, 1], seed: 3))
            let rectified = try graph.call(Arithmetic(.prelu), y, slope)
            let zero = graph.constant(try Tensor(scalar: Float(0)))
            let isLarger = try graph.call(Comparison(.greater), rectified, zero)
            let isEither = try graph.call(Bitwise(.or), isLarger, graph.call(Unary(.not), isLarger))
            let chosen = try graph.call(Where(), isEither, graph.call(Unary(.sine), rectified), slope)
            let clipped = try graph.call(Clip(), chosen, nil, graph.constant(Tensor(scalar: Float(0.7))))
            return try conv(graph, graph.call(Cast(.float32), graph.call(Cast(.float64), clipped)))
        }
    }

    @Test func transposesOfConstantsAreDone() throws {
        try check(transposes: 0, input: [2, 4]) { graph, x in
            let w = graph.parameter("w", try randomTensor([5, 4]))
            let order = try Permutation([1, 0])
            let product = try graph.call(MatMul(), x, graph.call(Transpose(order), w))
            return try graph.call(Gemm(), product, w)
        }
    }

    @Test(arguments: [-4, -3, -2, -1, 0, 1, 2, 3]) func softmaxFollowsItsAxis(axis: Int) throws {
        try check(transposes: 2, tolerance: 1e-6) { graph, x in
            try conv(graph, graph.call(Softmax(axis: axis, isLogarithmic: axis % 2 == 0), conv(graph, x)))
        }
    }

    @Test(arguments: [false, true]) func theOrderGoesIntoDenseWeights(transposeW: Bool) throws {
        try check(transposes: 1) { graph, x in
            let flat = try graph.call(Flatten(), conv(graph, x))
            let w = graph.parameter("dense", try randomTensor(transposeW ? [7, 60] : [60, 7], seed: 2))
            let bias = graph.parameter("bias", try randomTensor([7], seed: 4))
            return try graph.call(Gemm(transposeW: transposeW), flat, w, bias)
        }
    }

    @Test func severalHeadsShareOneFlatten() throws {
        try check(transposes: 1) { graph, x in
            let flat = try graph.call(Flatten(), conv(graph, x))
            let w = graph.parameter("w1", try randomTensor([60, 7], seed: 2))
            let v = graph.parameter("w2", try randomTensor([60, 7], seed: 3))
            return try graph.call(Arithmetic(.add), graph.call(MatMul(), flat, w), graph.call(Gemm(), flat, v))
        }
    }

    @Test func aFlattenThatOthersReadStays() throws {
        try check(transposes: 2) { graph, x in
            let flat = try graph.call(Flatten(), conv(graph, x))
            let w = graph.parameter("w1", try randomTensor([60, 60], seed: 2))
            return try graph.call(Arithmetic(.add), flat, graph.call(Gemm(), flat, w))
        }
    }

    @Test(arguments: [([2, 6, 1, 1], 1), ([2, 1, 3, 4], 1), ([2, 3, 1, 1], 4), ([2, 1, 3, 4], -4)])
    func flattenPassesAxesOfOneElement(shape: [Int], axis: Int) throws {
        try check(transposes: 0, input: shape, tolerance: 0) { graph, x in
            try graph.call(Flatten(axis: axis), graph.call(Transpose(self.last), x))
        }
    }

    @Test func flattenKeepsWhatMoves() throws {
        try check(transposes: 1, tolerance: 0) { graph, x in
            try graph.call(Flatten(axis: 1), graph.call(Transpose(self.last), x))
        }
        try check(transposes: 1, input: [1, 3, 2, 1], tolerance: 0) { graph, x in
            try graph.call(Flatten(axis: 1), graph.call(Transpose(Permutation([1, 0, 2, 3])), x))
        }
    }

    @Test func nothingDeadHidesAFusion() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, [.named("batch"), 3, 5, 4]))
        let ones = graph.parameter("ones", try Tensor(repeating: Float(1), shape: [3]), isTrainable: false)
        let normalized = try graph.call(
            BatchNormalize(), graph.call(Transpose(last), conv(graph, x)), ones, ones, ones, ones)
        let y = try graph.call(Activate(.relu), graph.call(Transpose(first), normalized))
        graph.output(y, name: "y")
        let optimized = try graph.model.optimized()
        #expect(optimized.graph.nodes.map(\.operation.kind) == ["Transpose", "Conv", "Transpose"])
        #expect(optimized.graph.nodes.contains { ($0.operation as? Conv)?.activation == .relu })
    }
}
