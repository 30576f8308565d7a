import CTamisKernels

/// How a window slides over one, two or three spatial axes: the one home of kernel, stride, padding and dilation, checked
/// once and used by shape rule, forward, gradient and model files.
public struct WindowGeometry: Hashable, Sendable {
    /// What lies around the image.
    public enum Padding: Hashable, Sendable {
        /// Nothing: the window stays inside the image. Keras's "valid".
        case valid
        /// As much as makes the output's extent ceil(input / stride); an odd pixel goes to the end. Keras's and ONNX's
        /// "same", SAME_UPPER.
        case same
        /// The same with the odd pixel at the start: ONNX's SAME_LOWER.
        case sameLower
        /// These many pixels before and after each axis.
        case explicit(before: [Int], after: [Int])
    }

    /// The extent of the window on each spatial axis.
    public let kernel: [Int]
    /// The distance between two windows.
    public let stride: [Int]
    /// The distance between two taps of a window.
    public let dilation: [Int]
    /// What lies around the image.
    public let padding: Padding
    /// Whether a last window that only partly fits counts (pooling's `ceil_mode`).
    public let roundsUp: Bool

    /// Checks that every extent is positive and below 2²⁰, and that all have one, two or three axes.
    public init(
        kernel: [Int], stride: [Int]? = nil, padding: Padding = .valid, dilation: [Int]? = nil, roundsUp: Bool = false
    ) throws(ShapeError) {
        self.kernel = kernel
        self.stride = stride ?? kernel.map { _ in 1 }
        self.dilation = dilation ?? kernel.map { _ in 1 }
        self.padding = padding
        self.roundsUp = roundsUp
        guard (1...3).contains(kernel.count) else {
            throw .mismatch(rule: "a window must have 1, 2 or 3 axes", received: "\(kernel)")
        }
        for (name, extents) in [("kernel", kernel), ("stride", self.stride), ("dilation", self.dilation)] {
            guard extents.count == kernel.count, extents.allSatisfy({ (1..<1 << 20).contains($0) }) else {
                throw .mismatch(
                    rule: "a window's \(name) must be \(kernel.count) whole numbers from 1 to 1048575",
                    received: "\(extents)")
            }
        }
        if case .explicit(let before, let after) = padding {
            for pads in [before, after] {
                guard pads.count == kernel.count, pads.allSatisfy({ (0..<1 << 20).contains($0) }) else {
                    throw .mismatch(
                        rule: "a window's padding must be \(kernel.count) whole numbers from 0 to 1048575",
                        received: "\(pads)")
                }
            }
        }
    }

    /// The number of spatial axes.
    public var rank: Int { kernel.count }
    /// Whether a window can reach beyond the image.
    var isPadded: Bool {
        switch padding {
        case .valid: roundsUp
        case .same, .sameLower: true
        case .explicit(let before, let after): roundsUp || (before + after).contains { $0 != 0 }
        }
    }
    /// The pixels under one window.
    public var taps: Int { kernel.reduce(1, *) }

    /// Padding before and after one axis of extent `input`, and the extent of the output.
    package func extents(axis: Int, input: Int) -> (before: Int, after: Int, output: Int) {
        let span = (kernel[axis] - 1) * dilation[axis] + 1
        let stride = stride[axis]
        switch padding {
        case .same, .sameLower:
            let output = (input + stride - 1) / stride
            let total = max(0, (output - 1) * stride + span - input)
            let small = total / 2
            return padding == .same ? (small, total - small, output) : (total - small, small, output)
        case .valid:
            return (0, 0, count(input, span: span, stride: stride, before: input))
        case .explicit(let before, let after):
            let padded = before[axis] + input + after[axis]
            return (before[axis], after[axis], count(padded, span: span, stride: stride, before: before[axis] + input))
        }
    }

    /// Windows that fit `padded` pixels; one that starts beyond `end`, the last pixel of the image, never counts.
    private func count(_ padded: Int, span: Int, stride: Int, before end: Int) -> Int {
        guard padded >= span else { return 0 }
        var count = (padded - span) / stride + 1
        if roundsUp {
            count = (padded - span + stride - 1) / stride + 1
            if (count - 1) * stride >= end { count -= 1 }
        }
        return count
    }

    /// The spatial dimensions of the output.
    public func output(for input: [Dimension], of operatorName: String) throws(ShapeError) -> [Dimension] {
        guard input.count == rank else {
            throw .mismatch(
                rule: "\(operatorName)'s window has \(rank) spatial axes; so must its image", received: "\(input.count)"
            )
        }
        var output: [Dimension] = []
        for (axis, dimension) in input.enumerated() {
            guard let value = dimension.value else {
                output.append(.unknown)
                continue
            }
            let extent = extents(axis: axis, input: value).output
            guard extent > 0 || value == 0 else {
                throw .mismatch(
                    rule:
                        "\(operatorName)'s window of \(kernel) taps, dilated by \(dilation), must fit its padded image",
                    received: "\(value) pixels on spatial axis \(axis)")
            }
            output.append(.fixed(extent))
        }
        return output
    }

    /// The window in the kernels' form, for images of these spatial extents; absent axes lead with extents of 1.
    func window(input: [Int]) -> tamis_window {
        func fill(_ values: [Int]) -> (Int, Int, Int) {
            let padded = [Int](repeating: 1, count: 3 - values.count) + values
            return (padded[0], padded[1], padded[2])
        }
        let axes = input.indices.map { extents(axis: $0, input: input[$0]) }
        let before = [Int](repeating: 0, count: 3 - rank) + axes.map(\.before)
        return tamis_window(
            input: fill(input), output: fill(axes.map(\.output)), kernel: fill(kernel), stride: fill(stride),
            dilation: fill(dilation), pad: (before[0], before[1], before[2]))
    }
}
