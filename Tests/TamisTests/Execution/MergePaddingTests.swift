import Tamis
import TamisTestSupport
import Testing

/// Padding moves into windows, to the same bits.
@Suite("Padding merges")
struct MergePaddingTests {
    private let amounts = [Pad.Amount(axis: 1, before: 1, after: 0), Pad.Amount(axis: -2, before: 2, after: 1)]

    private func kinds(
        _ operation: any Operator, weights: [Int]? = nil, by amounts: [Pad.Amount]? = nil, value: Double? = nil,
        of activation: Activation = .linear, tolerance: Double? = nil
    ) throws -> [String] {
        let net = PassModel([2, 5, 6, 3])
        let x = activation == .linear ? net.x : try net(Activate(activation), net.x)
        let padded = try net(
            Pad(.constant, amounts ?? self.amounts), x, nil, value.map { (value) throws in try net.scalar(value) })
        let w = try weights.map { (shape) throws in
            net.graph.parameter("w", try randomTensor(shape, seed: 4))
        }
        let y = try w.map { try net(operation, padded, $0) } ?? net(operation, padded)
        let (model, inputs) = try net.finished(y)
        let (failures, merged) = try PassCheck(absolute: tolerance)(model, inputs, passes: [MergePadding()])
        #expect(failures == [])
        return merged.kinds
    }

    @Test(
        "a convolution pads with zeros",
        arguments: [WindowGeometry.Padding.valid, .explicit(before: [1, 0], after: [2, 3])])
    func conv(padding: WindowGeometry.Padding) throws {
        for stride in [1, 2] {
            let window = try WindowGeometry(kernel: [3, 2], stride: [stride, 1], padding: padding, dilation: [1, 2])
            #expect(try kinds(Conv(window: window), weights: [3, 2, 3, 4]) == ["Conv"])
            #expect(try kinds(Conv(window: window, groups: 3), weights: [3, 2, 1, 3]) == ["Conv"])
            #expect(try kinds(Conv(window: window), weights: [3, 2, 3, 4], value: 0) == ["Conv"])
            #expect(try kinds(Conv(window: window), weights: [3, 2, 3, 4], value: 1) == ["Pad", "Conv"])
        }
    }

    @Test("a mean that counts its padding pads with zeros")
    func averagePool() throws {
        let (valid, own) = (
            try WindowGeometry(kernel: [3, 3]),
            try WindowGeometry(kernel: [3, 3], padding: .explicit(before: [1, 0], after: [1, 1]))
        )
        #expect(try kinds(AveragePool(window: valid), tolerance: 1e-6) == ["AveragePool"])
        #expect(try kinds(AveragePool(window: own, countsPadding: true), tolerance: 1e-6) == ["AveragePool"])
        #expect(try kinds(AveragePool(window: own)) == ["Pad", "AveragePool"])
    }

    @Test("a maximum pads with what is below all others")
    func maxPool() throws {
        let window = try WindowGeometry(kernel: [3, 3])
        #expect(try kinds(MaxPool(window: window), value: -.infinity) == ["MaxPool"])
        #expect(try kinds(MaxPool(window: window), value: 0, of: .relu) == ["Relu", "MaxPool"])
        #expect(try kinds(MaxPool(window: window), value: 0, of: .tanh) == ["Tanh", "Pad", "MaxPool"])
        #expect(try kinds(MaxPool(window: window)) == ["Pad", "MaxPool"])
        #expect(try kinds(MaxPool(window: window, indices: .rowMajor), value: -.infinity) == ["Pad", "MaxPool"])
    }

    @Test("padding of channels, images or less than nothing, and more than a window's, stays")
    func kept() throws {
        let conv = Conv(window: try WindowGeometry(kernel: [2, 2]))
        #expect(
            try kinds(conv, weights: [2, 2, 3, 4], by: [Pad.Amount(axis: 0, before: 1, after: 0)]) == ["Pad", "Conv"])
        #expect(
            try kinds(conv, weights: [2, 2, 4, 4], by: [Pad.Amount(axis: 3, before: 1, after: 0)]) == ["Pad", "Conv"])
        #expect(
            try kinds(conv, weights: [2, 2, 3, 4], by: [Pad.Amount(axis: 1, before: -1, after: 1)]) == ["Pad", "Conv"])
        let same = Conv(window: try WindowGeometry(kernel: [2, 2], padding: .same))
        #expect(try kinds(same, weights: [2, 2, 3, 4]) == ["Pad", "Conv"])
        let pool = MaxPool(window: try WindowGeometry(kernel: [2, 2]))
        #expect(try kinds(pool, value: -.infinity) == ["Pad", "MaxPool"])
        let rounded = AveragePool(window: try WindowGeometry(kernel: [3, 3], stride: [2, 2], roundsUp: true))
        #expect(try kinds(rounded) == ["Pad", "AveragePool"])
    }
}
