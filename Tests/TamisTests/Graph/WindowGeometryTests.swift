import Tamis
import TamisTestSupport
import Testing

@Suite("WindowGeometry")
struct WindowGeometryTests {
    /// Keras's conv_output_length, with the padding that TensorFlow documents for "same".
    @Test("same and valid as Keras has them", arguments: 1...20, 1...5)
    func keras(input: Int, kernel: Int) throws {
        for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (2, 3), (5, 2)] {
            let span = (kernel - 1) * dilation + 1
            func extents(_ padding: WindowGeometry.Padding) throws -> (before: Int, after: Int, output: Int) {
                try WindowGeometry(kernel: [kernel], stride: [stride], padding: padding, dilation: [dilation])
                    .extents(axis: 0, input: input)
            }
            let same = try extents(.same)
            let output = (input + stride - 1) / stride
            let total = max(0, (output - 1) * stride + span - input)
            #expect(same == (total / 2, total - total / 2, output))
            #expect(try extents(.sameLower) == (total - total / 2, total / 2, output))
            #expect(try extents(.valid) == (0, 0, input < span ? 0 : (input - span + stride) / stride))
        }
    }

    /// Values that keras.layers.Conv2D and MaxPooling2D give.
    @Test(
        "known values",
        arguments: [
            (28, 3, 1, false, 26), (28, 3, 1, true, 28), (28, 3, 2, true, 14), (13, 2, 2, false, 6),
            (13, 2, 2, true, 7),
            (224, 7, 2, true, 112), (5, 5, 1, false, 1), (5, 5, 3, true, 2), (1, 3, 2, true, 1),
        ])
    func known(input: Int, kernel: Int, stride: Int, isSame: Bool, output: Int) throws {
        let window = try WindowGeometry(kernel: [kernel], stride: [stride], padding: isSame ? .same : .valid)
        #expect(window.extents(axis: 0, input: input).output == output)
    }

    @Test("extents are those of windows counted one by one", arguments: 0..<300)
    func random(index: Int) throws {
        var generator = Philox(seed: UInt64(index), name: "window")
        let geometry = Geometry.random(for: index % 2 == 0 ? .pooling : .convolution, largest: 30, using: &generator)
        let window = try geometry.window()
        for axis in 0..<geometry.rank {
            let (before, after, output) = window.extents(axis: axis, input: geometry.input[axis])
            #expect(output == geometry.output[axis], "\(geometry)")
            #expect((before, after) == geometry.pads(axis), "\(geometry)")
        }
    }

    @Test(
        "rounding up counts no window that starts beyond the image",
        arguments: [
            (5, 1, 3, 0, 2), (10, 2, 4, 0, 3), (6, 3, 2, 0, 3), (6, 2, 2, 1, 4), (5, 2, 2, 1, 3), (3, 2, 3, 1, 2),
        ])
    func roundsUp(input: Int, kernel: Int, stride: Int, pad: Int, output: Int) throws {
        let window = try WindowGeometry(
            kernel: [kernel], stride: [stride], padding: .explicit(before: [pad], after: [pad]), roundsUp: true)
        #expect(window.extents(axis: 0, input: input).output == output)
        if pad == 0 {
            let valid = try WindowGeometry(kernel: [kernel], stride: [stride], roundsUp: true)
            #expect(valid.extents(axis: 0, input: input).output == output)
        }
    }

    @Test(
        "what no window can be is an error",
        arguments: [
            ([], nil, nil, .valid), ([1, 1, 1, 1], nil, nil, .valid), ([0], nil, nil, .valid),
            ([-1, 3], nil, nil, .valid),
            ([3], [0], nil, .valid), ([3], [1, 1], nil, .valid), ([3], nil, [0], .valid), ([3], nil, [-2], .valid),
            ([1 << 20], nil, nil, .valid), ([3], [.max], nil, .valid), ([3], nil, [.min], .valid),
            ([3], nil, nil, .explicit(before: [-1], after: [0])),
            ([3], nil, nil, .explicit(before: [0], after: [1 << 20])),
            ([3], nil, nil, .explicit(before: [0, 0], after: [0])),
            ([3, 3], nil, nil, .explicit(before: [0], after: [0])),
        ] as [([Int], [Int]?, [Int]?, WindowGeometry.Padding)])
    func misfits(kernel: [Int], stride: [Int]?, dilation: [Int]?, padding: WindowGeometry.Padding) {
        let error = #expect(throws: ShapeError.self) {
            try WindowGeometry(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        }
        #expect(error?.description.contains("must") == true && error?.description.contains("received") == true)
    }

    static func xw(_ x: [Int], _ w: [Int], bias: [Int]? = nil) throws -> [Tensor] {
        try ([x, w] + (bias.map { [$0] } ?? [])).map { try Tensor(zeros: .float32, shape: $0) }
    }

    @Test(
        "convolutions that do not fit",
        arguments: [
            // x, w, bias, groups, and a part of the text
            ([1, 2, 2, 3], [3, 3, 3, 4], nil, 1, "must fit its padded image; received 2 pixels"),
            ([1, 5, 5, 3], [3, 3, 2, 4], nil, 1, "must be 3; received 2"),
            ([1, 5, 5, 3], [3, 3, 3, 4], nil, 2, "2 groups must divide the channels of x; received 3"),
            ([1, 5, 5, 4], [3, 3, 2, 5], nil, 2, "2 groups must divide its filters; received 5"),
            ([1, 5, 5, 4], [3, 3, 4, 5], nil, 0, "groups must be 1 or more; received 0"),
            ([1, 5, 5, 4], [3, 3, 4, 5], nil, -1, "groups must be 1 or more; received -1"),
            ([1, 5, 5, 4], [3, 2, 4, 5], nil, 1, "kernel extent on spatial axis 1 must be 3; received 2"),
            ([1, 5, 5, 4], [3, 3, 4, 5], [4], 1, "must agree in filters; received 5 and 4"),
            ([1, 5, 5, 4], [3, 3, 4, 5], [5, 1], 1, "bias must have 1 axes"),
            ([1, 5, 4], [3, 3, 4, 5], nil, 1, "x must have 4 axes"),
            ([1, 5, 5, 0], [3, 3, 0, 5], nil, 1, "must divide the channels of x; received 0"),
        ] as [([Int], [Int], [Int]?, Int, String)])
    func convolutions(x: [Int], w: [Int], bias: [Int]?, groups: Int, text: String) throws {
        let operation = Conv(window: try WindowGeometry(kernel: [3, 3]), groups: groups)
        let error = #expect(throws: ShapeError.self) { try run(operation, Self.xw(x, w, bias: bias)) }
        #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
    }

    @Test("pooling's padding must be smaller than its window")
    func poolingPadding() throws {
        let window = try WindowGeometry(kernel: [2, 2], padding: .explicit(before: [2, 0], after: [0, 0]))
        let x = try Tensor(zeros: .float32, shape: [1, 5, 5, 1])
        for operation in [MaxPool(window: window), AveragePool(window: window)] as [any Operator] {
            let error = #expect(throws: ShapeError.self) { try run(operation, [x]) }
            #expect(error?.description.contains("padding must be smaller than its window of [2, 2]") == true)
        }
    }

    @Test("gradient operators refuse what does not fit the forward pass")
    func gradientOperators() throws {
        let window = try WindowGeometry(kernel: [3, 3])
        func zeros(_ shapes: [Int]...) throws -> [Tensor] { try shapes.map { try Tensor(zeros: .float32, shape: $0) } }
        let cases: [(any Operator, [Tensor])] = [
            (ConvInputGradient(window: window, groups: 1), try zeros([1, 2, 3, 5], [3, 3, 4, 5], [1, 5, 5, 4])),
            (ConvWeightGradient(window: window, groups: 1, hasBias: true), try zeros([1, 5, 5, 4], [1, 3, 2, 5])),
            (ConvWeightGradient(window: window, groups: 3, hasBias: true), try zeros([1, 5, 5, 4], [1, 3, 3, 6])),
            (MaxPoolGradient(window: window), try zeros([1, 5, 5, 4], [1, 3, 3, 4], [1, 3, 3, 3])),
            (AveragePoolGradient(window: window, countsPadding: true), try zeros([1, 5, 5, 4], [2, 3, 3, 4])),
            (ActivateGradient(.relu), try zeros([5], [4])),
            (SoftmaxGradient(axis: 0, isLogarithmic: false), try zeros([5], [4])),
            (SoftmaxGradient(axis: 2, isLogarithmic: false), try zeros([5], [5])),
            (BatchNormalizeGradient(epsilon: 0, hasBatchStatistics: true), try zeros([2, 3], [3], [3], [2], [2, 3])),
            (BatchNormalizeGradient(epsilon: 0, hasBatchStatistics: true), try zeros([2, 3], [3], [3], [3], [1, 3])),
            (ReshapeLike(), try zeros([2, 3], [7])), (Unbroadcast(), try zeros([1, 3], [2, 3])),
            (Unbroadcast(), try zeros([3], [2, 3])),
        ]
        for (operation, inputs) in cases {
            let error = #expect(throws: ShapeError.self) { try run(operation, inputs) }
            #expect(error?.description.contains("received") == true, "\(operation.kind)")
        }
    }

    @Test("a batch of no images has a weight gradient of zeros", arguments: [1, 2, 4])
    func emptyBatch(groups: Int) throws {
        let operation = ConvWeightGradient(window: try WindowGeometry(kernel: [3, 3]), groups: groups, hasBias: true)
        let results = try run(operation, Self.xw([0, 5, 5, 4], [0, 3, 3, 8]))
        #expect(results.map(\.shape.dimensions) == [[3, 3, 4 / groups, 8], [8]])
        for result in results { #expect(try result.doubles().allSatisfy { $0 == 0 }) }
    }
}
