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

    @Test func transposesOfWhatHasNoKnownRankStay() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, nil))
        let moved = try graph.call(Transpose(Permutation([2, 0, 1])), x)
        graph.output(try graph.call(Activate(.relu), moved), name: "y")
        let model = try CancelTransposes()(graph.model)
        #expect(model.inputs.map(\.name) == ["x"] && model.count("Transpose") == 1)
        let image = try randomTensor([2, 3, 4])
        let y = try #require(Runner(model).run(["x": image])["y"])
        #expect(y == (try #require(Runner(graph.model).run(["x": image])["y"])))
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

    @Test func whatComesBeforeATransposeDoesNotKeepItFromItsInverse() throws {
        try check(transposes: 2, tolerance: 0) { graph, x in
            let w = graph.parameter("v", try randomTensor([1, 1, 3, 3], seed: 6))
            let window = try WindowGeometry(kernel: [1, 1])
            let y = try graph.call(Conv(window: window), graph.call(Transpose(self.last), x), w)
            let first = try graph.call(Transpose(self.first), graph.call(Activate(.tanh), y))
            return try conv(graph, graph.call(Activate(.sigmoid), graph.call(Activate(.tanh), first)))
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

    @Test func aTransposeOfNothingIsFree() throws {
        // A gate for each channel comes from a dense layer: its transpose is a view.
        try check(transposes: 3) { graph, x in
            let y = try conv(graph, x)
            let flat = try graph.call(Flatten(), x)
            let gate = try graph.call(Gemm(), flat, graph.parameter("g", randomTensor([60, 3], seed: 8)))
            let shaped = try graph.call(Reshape(), gate, graph.constant(Tensor([Int64(0), 3, 1, 1])))
            return try conv(graph, graph.call(Arithmetic(.multiply), y, shaped))
        }
    }

    @Test func smallOperandsAreTransposedAnew() throws {
        // One row for all rows: a fifth of what would be transposed otherwise.
        try check(transposes: 3) { graph, x in
            let row = try graph.call(
                Gemm(), graph.call(Flatten(), x), graph.parameter("p", randomTensor([60, 12], seed: 8)))
            let shaped = try graph.call(Reshape(), row, graph.constant(Tensor([Int64(0), 3, 1, 4])))
            let twice = try graph.call(Arithmetic(.add), shaped, shaped)
            return try conv(graph, graph.call(Arithmetic(.multiply), conv(graph, x), twice))
        }
    }

    @Test func resultsOnTheWayAreNotTransposedTwice() throws {
        try check(transposes: 2, tolerance: 0) { graph, x in
            let sum = try graph.call(Arithmetic(.add), x, conv(graph, x))
            graph.output(sum, name: "sum")
            return try graph.call(Activate(.sigmoid), sum)
        }
    }

    @Test func channelsAreShuffledAmongChannels() throws {
        // Groups of channels change places: one transpose more than at input and output.
        try check(transposes: 3, tolerance: 0) { graph, x in
            let split = try graph.call(Reshape(to: [0, 2, 3, 5, 4]), conv(graph, x, filters: 6))
            let moved = try graph.call(Transpose(Permutation([0, 2, 1, 3, 4])), split)
            return try conv(graph, graph.call(Reshape(to: [0, 6, 5, 4]), moved))
        }
    }

    @Test func headsOfDetectorsAreTransposedOnce() throws {
        // Maps of several sizes as lists of boxes, whose values come first.
        try check(transposes: 2, tolerance: 0) { graph, x in
            let a = try conv(graph, x, filters: 6)
            let small = try graph.call(
                MaxPool(window: WindowGeometry(kernel: [2, 2], stride: [2, 2])), graph.call(Transpose(self.last), a))
            let b = try conv(graph, graph.call(Transpose(self.first), small), filters: 6)
            let lists = try [(a, 20), (b, 4)].map { try graph.call(Reshape(to: [0, 6, $0.1]), $0.0) }
            let boxes = try graph.append(Concat(axis: 2), lists)[0]
            let parts = try graph.append(Split(axis: 1, parts: .equal(2)), [boxes])
            return try graph.append(Concat(axis: 1), [graph.call(Activate(.sigmoid), parts[1]), parts[0]])[0]
        }
    }

    @Test func lastTransposesOfHeadsCancel() throws {
        try check(transposes: 1, tolerance: 0) { graph, x in
            let boxes = try graph.call(Reshape(to: [0, 6, 20]), conv(graph, x, filters: 6))
            return try graph.call(Transpose(Permutation([0, 2, 1])), graph.call(Activate(.relu), boxes))
        }
    }

    @Test func namesOfTransposesStay() throws {
        let graph = GraphBuilder()
        let x = graph.input("x", .tensor(.float32, ["batch", 3, 5, 4]))
        let moved = try graph.call(Transpose(last), x, name: "to channel last")
        graph.output(try graph.call(MaxPool(window: WindowGeometry(kernel: [2, 2])), moved, name: "pool"), name: "y")
        #expect(try CancelTransposes()(graph.model).graph.nodes.map(\.name) == ["to channel last", "pool"])
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
