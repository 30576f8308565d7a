import Tamis

/// A window over an image, with the reference's own idea of padding and extents.
package struct Geometry: Sendable {
    package var input: [Int]
    package var kernel: [Int]
    package var stride: [Int]
    package var dilation: [Int]
    package var padding: WindowGeometry.Padding
    package var roundsUp: Bool

    package init(
        input: [Int], kernel: [Int], stride: [Int]? = nil, dilation: [Int]? = nil,
        padding: WindowGeometry.Padding = .valid, roundsUp: Bool = false
    ) {
        self.input = input
        self.kernel = kernel
        self.stride = stride ?? kernel.map { _ in 1 }
        self.dilation = dilation ?? kernel.map { _ in 1 }
        self.padding = padding
        self.roundsUp = roundsUp
    }

    package var rank: Int { kernel.count }
    package var taps: Int { kernel.reduce(1, *) }
    package var output: [Int] { (0..<rank).map(outputExtent) }

    /// The same window in the engine's form.
    package func window() throws -> WindowGeometry {
        try WindowGeometry(kernel: kernel, stride: stride, padding: padding, dilation: dilation, roundsUp: roundsUp)
    }

    /// From the first tap's pixel to the last one's.
    private func span(_ axis: Int) -> Int { dilation[axis] * (kernel[axis] - 1) + 1 }

    /// Pixels of padding around an axis; those of "same" as TensorFlow's documentation states them.
    package func pads(_ axis: Int) -> (before: Int, after: Int) {
        switch padding {
        case .valid: return (0, 0)
        case .explicit(let before, let after): return (before[axis], after[axis])
        case .same, .sameLower:
            let rest = input[axis] % stride[axis]
            let total = max(span(axis) - (rest == 0 ? stride[axis] : rest), 0)
            let half = total / 2
            return padding == .same ? (half, total - half) : (total - half, half)
        }
    }

    /// Where the windows of an axis start, in pixels of the image: one by one while they fit.
    package func starts(_ axis: Int) -> [Int] {
        let (before, after) = pads(axis)
        var starts: [Int] = []
        var start = -before
        while start + span(axis) <= input[axis] + after {
            starts.append(start)
            start += stride[axis]
        }
        // One more that only partly fits, if it begins before the padding at the end does.
        if roundsUp, let last = starts.last, last + span(axis) < input[axis] + after, start < input[axis] {
            starts.append(start)
        }
        return starts
    }

    private func outputExtent(_ axis: Int) -> Int { starts(axis).count }

    /// For each window, row-major: for each tap, the pixel it meets, or nil in the padding, and whether it lies within
    /// the padded image at all.
    package func windows() -> [[(pixel: [Int]?, isPadded: Bool)]] {
        let starts = (0..<rank).map(self.starts)
        let taps = DoubleTensor.indices(of: kernel)
        return DoubleTensor.indices(of: output).map { place in
            taps.map { tap in
                let pixel = (0..<rank).map { starts[$0][place[$0]] + tap[$0] * dilation[$0] }
                let isInside = (0..<rank).allSatisfy { (0..<input[$0]).contains(pixel[$0]) }
                let isPadded = (0..<rank).allSatisfy { pixel[$0] < input[$0] + pads($0).after }
                return (isInside ? pixel : nil, isPadded)
            }
        }
    }
}

extension Geometry {
    /// What kinds of padding a random geometry may have.
    package enum Use: Sendable { case convolution, pooling }

    /// A geometry of 1 to 3 axes that gives at least one window; images of at most `largest` pixels along an axis.
    package static func random(for use: Use, largest: Int = 13, using generator: inout Philox) -> Geometry {
        while true {
            let rank = [1, 2, 2, 2, 3].randomElement(using: &generator) ?? 2
            func extents(_ range: ClosedRange<Int>) -> [Int] {
                (0..<rank).map { _ in Int.random(in: range, using: &generator) }
            }
            let limit = rank == 3 ? min(largest, 6) : rank == 1 ? 2 * largest : largest
            let kernel = extents(1...(rank == 3 ? 3 : 5))
            let stride = Bool.random(using: &generator) ? extents(1...3) : extents(1...1)
            let dilation = Int.random(in: 0..<3, using: &generator) == 0 ? extents(1...3) : extents(1...1)
            let padding: WindowGeometry.Padding
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: padding = .valid
            case 1: padding = .same
            case 2: padding = .sameLower
            default:
                // Pooling wants padding smaller than its window; a convolution may have any.
                let most = (0..<rank).map { use == .pooling ? min(3, (kernel[$0] - 1) * dilation[$0]) : 3 }
                padding = .explicit(
                    before: most.map { Int.random(in: 0...$0, using: &generator) },
                    after: most.map { Int.random(in: 0...$0, using: &generator) })
            }
            let roundsUp = use == .pooling && Bool.random(using: &generator)
            let geometry = Geometry(
                input: extents(1...limit), kernel: kernel, stride: stride, dilation: dilation, padding: padding,
                roundsUp: roundsUp)
            if geometry.output.allSatisfy({ $0 > 0 }) { return geometry }
        }
    }
}

extension Geometry: CustomStringConvertible {
    package var description: String {
        "\(input), kernel \(kernel), stride \(stride), dilation \(dilation), \(padding)\(roundsUp ? ", rounds up" : "")"
    }
}
