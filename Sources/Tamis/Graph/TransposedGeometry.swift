import CTamisKernels
import TamisKernels

/// How the window of a transposed convolution lays its taps over the output: pixel i of the input adds to the pixels
/// i · stride + t · dilation − padding of the output, for each tap t.
public struct TransposedGeometry: Hashable, Sendable {
    /// Kernel, stride, dilation, and the padding: pixels of the result that are cut off. With "same" the output's extent is
    /// that of the input times the stride.
    public let window: WindowGeometry
    /// Pixels added at the end of each axis.
    public let outputPadding: [Int]
    /// The output's spatial extents, where they are given: then the padding is what they leave over, the smaller half
    /// first with "same", else the larger half.
    public let output: [Int]?

    /// Checks that there is a number for each axis, and that none is negative.
    public init(
        window: WindowGeometry, outputPadding: [Int]? = nil, output: [Int]? = nil
    ) throws(ShapeError) {
        self.window = window
        self.outputPadding = outputPadding ?? window.kernel.map { _ in 0 }
        self.output = output
        guard !window.roundsUp else {
            throw .mismatch(rule: "a transposed window cannot round up", received: "a window that does")
        }
        for (name, numbers) in [("output padding", self.outputPadding), ("output extents", output ?? window.kernel)] {
            guard numbers.count == window.rank, numbers.allSatisfy({ (0..<1 << 48).contains($0) }) else {
                throw .mismatch(
                    rule: "a transposed window's \(name) must be \(window.rank) whole numbers from 0",
                    received: "\(numbers)")
            }
        }
    }

    /// Pixels cut off before one axis of extent `input`, and the extent of the output.
    package func extents(axis: Int, input: Int, of operatorName: String) throws(ShapeError) -> (
        before: Int, output: Int
    ) {
        let stride = window.stride[axis]
        let (steps, overflow) = max(0, input - 1).multipliedReportingOverflow(by: stride)
        guard !overflow, steps <= Shape.largest, input <= Shape.largest / stride else {
            throw .mismatch(
                rule: "\(operatorName)'s image of stride \(stride) must have at most 2^48 pixels an axis",
                received: "\(input)")
        }
        let full = steps + (window.kernel[axis] - 1) * window.dilation[axis] + 1 + outputPadding[axis]
        let isUpper = window.padding == .same
        var wanted = output?[axis]
        switch window.padding {
        case .same, .sameLower: wanted = wanted ?? input * stride
        case .explicit(let before, let after) where wanted == nil:
            return (before[axis], full - before[axis] - after[axis])
        case .valid where wanted == nil: return (0, full)
        case .explicit, .valid: break
        }
        let extent = wanted ?? full
        let total = max(0, full - extent)
        return (isUpper ? total / 2 : total - total / 2, extent)
    }

    /// The spatial dimensions of the output.
    public func output(for input: [Dimension], of operatorName: String) throws(ShapeError) -> [Dimension] {
        guard input.count == window.rank else {
            throw .mismatch(
                rule: "\(operatorName)'s window has \(window.rank) spatial axes; so must its image",
                received: "\(input.count)")
        }
        var dimensions: [Dimension] = []
        for (axis, dimension) in input.enumerated() {
            guard let value = dimension.value else {
                dimensions.append(output.map { .fixed($0[axis]) } ?? .unknown)
                continue
            }
            let extent = try extents(axis: axis, input: value, of: operatorName).output
            guard extent > 0 || value == 0 else {
                throw .mismatch(
                    rule: "\(operatorName)'s padding must leave some of the output of a window of \(window.kernel)",
                    received: "\(value) pixels on spatial axis \(axis)")
            }
            dimensions.append(.fixed(max(0, extent)))
        }
        return dimensions
    }

    /// The window of the convolution this is the transpose of, from the output's pixels to the input's; absent axes lead
    /// with extents of 1.
    func adjoint(input: [Int], output: [Int], of operatorName: String) throws(ShapeError) -> tamis_window {
        var before: [Int] = []
        for axis in input.indices {
            before.append(try extents(axis: axis, input: input[axis], of: operatorName).before)
        }
        func fill(_ values: [Int], with filler: Int = 1) -> (Int, Int, Int) {
            let all = [Int](repeating: filler, count: 3 - values.count) + values
            return (all[0], all[1], all[2])
        }
        return tamis_window(
            input: fill(output), output: fill(input), kernel: fill(window.kernel), stride: fill(window.stride),
            dilation: fill(window.dilation), pad: fill(before, with: 0))
    }

    /// The convolution from y to x that a transposed one from x (N × spatial × C) to y (N × spatial' × F) is of.
    func adjoint(x: Shape, y: Shape, groups: Int, of operatorName: String) throws(PlanError) -> ConvolutionShape {
        do throws(ShapeError) {
            let window = try adjoint(
                input: Array(x.dimensions[1..<x.rank - 1]), output: Array(y.dimensions[1..<y.rank - 1]),
                of: operatorName)
            return ConvolutionShape(
                window: window, images: x[0], channels: y[y.rank - 1], filters: x[x.rank - 1], groups: groups)
        } catch {
            throw .shape(error)
        }
    }
}
