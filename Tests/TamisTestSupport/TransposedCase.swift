import Tamis

/// A transposed convolution, with the reference's own idea of padding and extents.
package struct TransposedCase: Sendable, CustomStringConvertible {
    package var images: Int
    package var input: [Int]
    package var kernel: [Int]
    package var stride: [Int]
    package var dilation: [Int]
    package var padding: WindowGeometry.Padding
    package var outputPadding: [Int]
    package var output: [Int]?
    package var channels: Int
    package var filters: Int
    package var groups: Int
    package var hasBias: Bool
    package var activation: Activation

    package init(
        input: [Int], kernel: [Int], stride: [Int]? = nil, dilation: [Int]? = nil,
        padding: WindowGeometry.Padding = .valid, outputPadding: [Int]? = nil, output: [Int]? = nil, images: Int = 1,
        channels: Int, filters: Int, groups: Int = 1, hasBias: Bool = true, activation: Activation = .linear
    ) {
        let ones = kernel.map { _ in 1 }
        self.images = images
        self.input = input
        self.kernel = kernel
        self.stride = stride ?? ones
        self.dilation = dilation ?? ones
        self.padding = padding
        self.outputPadding = outputPadding ?? kernel.map { _ in 0 }
        self.output = output
        self.channels = channels
        self.filters = filters
        self.groups = groups
        self.hasBias = hasBias
        self.activation = activation
    }

    /// One of many: plain, grouped or depthwise with a multiplier, kernels narrower and wider than the stride.
    package static func random(_ index: Int, largest: Int = 9) -> TransposedCase {
        var generator = Philox(seed: UInt64(index), name: "transposed")
        while true {
            func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
            let rank = [1, 2, 2, 3][number(0...3)]
            func extents(_ range: ClosedRange<Int>) -> [Int] { (0..<rank).map { _ in number(range) } }
            let padding: WindowGeometry.Padding
            switch number(0...3) {
            case 0: padding = .same
            case 1: padding = .sameLower
            case 2: padding = .explicit(before: extents(0...2), after: extents(0...2))
            default: padding = .valid
            }
            var test = TransposedCase(
                input: extents(1...(rank == 3 ? 5 : largest)), kernel: extents(1...(rank == 3 ? 3 : 4)),
                stride: extents(1...4), dilation: number(0...2) == 0 ? extents(1...3) : nil, padding: padding,
                images: number(0...19) == 0 ? 0 : number(1...3), channels: number(1...9), filters: number(1...19),
                hasBias: number(0...2) > 0, activation: number(0...3) == 0 ? .relu : .linear)
            if number(0...3) == 0 { test.outputPadding = test.stride.map { number(0...max(0, $0 - 1)) } }
            if number(0...4) == 0 { test.output = (0..<rank).map { max(1, test.full($0) - number(-1...2)) } }
            switch number(0...3) {
            case 0:
                test.groups = number(2...3)
                (test.channels, test.filters) = (test.groups * number(1...4), test.groups * number(1...9))
            case 1:
                test.groups = number(2...19)
                (test.channels, test.filters) = (test.groups, test.groups * number(1...3))
            default: break
            }
            if (0..<rank).allSatisfy({ test.extents($0).output > 0 }) { return test }
        }
    }

    /// From the first pixel an axis's taps reach to the last one, with what is added.
    private func full(_ axis: Int) -> Int {
        (input[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 + outputPadding[axis]
    }

    /// Pixels cut off at the start of an axis, and what remains.
    package func extents(_ axis: Int) -> (before: Int, output: Int) {
        var wanted = output?[axis]
        if wanted == nil {
            switch padding {
            case .valid: return (0, full(axis))
            case .explicit(let before, let after): return (before[axis], full(axis) - before[axis] - after[axis])
            case .same, .sameLower: wanted = input[axis] * stride[axis]
            }
        }
        let extent = wanted ?? 0
        let total = max(0, full(axis) - extent)
        return (padding == .same ? total / 2 : (total + 1) / 2, extent)
    }

    package var xShape: [Int] { [images] + input + [channels] }
    package var wShape: [Int] { kernel + [filters / groups, channels] }
    package var yShape: [Int] { [images] + kernel.indices.map { extents($0).output } + [filters] }
    /// The most products in one output.
    package var depth: Int { kernel.reduce(1, *) * channels / groups }

    package func operation() throws -> ConvTranspose {
        let window = try WindowGeometry(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        let geometry = try TransposedGeometry(window: window, outputPadding: outputPadding, output: output)
        return ConvTranspose(geometry: geometry, groups: groups, activation: activation)
    }

    package var description: String {
        "\(images) images of \(input), kernel \(kernel), stride \(stride), dilation \(dilation), \(padding), "
            + "output padding \(outputPadding), output \(output ?? []), \(channels) channels, \(filters) filters, "
            + "\(groups) groups" + (hasBias ? "" : ", no bias") + (activation == .linear ? "" : ", \(activation.name)")
    }
}

extension Oracle {
    /// The transposed convolution of x (N × spatial × C) with w (kernel × F/groups × C): each pixel and tap in turn adds to
    /// the pixel it meets.
    package static func convolutionTransposed(
        _ x: DoubleTensor, _ w: DoubleTensor, bias: DoubleTensor?, _ test: TransposedCase
    ) -> DoubleTensor {
        var y = DoubleTensor(zeros: test.yShape)
        let axes = test.kernel.indices
        let (groupChannels, groupFilters) = (test.channels / test.groups, test.filters / test.groups)
        let places = DoubleTensor.indices(of: test.input)
        let taps = DoubleTensor.indices(of: test.kernel)
        for image in 0..<test.images {
            for place in places {
                for tap in taps {
                    let pixel = axes.map {
                        place[$0] * test.stride[$0] + tap[$0] * test.dilation[$0] - test.extents($0).before
                    }
                    guard axes.allSatisfy({ (0..<y.shape[$0 + 1]).contains(pixel[$0]) }) else { continue }
                    for channel in 0..<test.channels {
                        let value = x[[image] + place + [channel]]
                        for filter in 0..<groupFilters {
                            y[[image] + pixel + [channel / groupChannels * groupFilters + filter]] +=
                                value * w[tap + [filter, channel]]
                        }
                    }
                }
            }
        }
        for index in y.values.indices {
            let sum = y.values[index] + (bias?.values[index % test.filters] ?? 0)
            y.values[index] = activate(test.activation, sum)
        }
        return y
    }
}
