import CTamisKernels

/// The taps of one window along one axis that lie inside the image: tap t meets pixel `start` + t · dilation.
struct TapSpan {
    var start: Int
    var taps: Range<Int>

    init(position: Int, stride: Int, pad: Int, kernel: Int, dilation: Int, extent: Int) {
        start = position * stride - pad
        let first = start < 0 ? min(kernel, (-start + dilation - 1) / dilation) : 0
        let end = start >= extent ? first : min(kernel, (extent - start + dilation - 1) / dilation)
        taps = first..<max(first, end)
    }
}

extension tamis_window {
    /// Goes through the taps of the window of an output pixel that lie inside the image, in row-major order: `body` gets
    /// the tap's place in the kernel and the pixel's in the image.
    @inline(__always)
    func forEachTap(row: Int, position: Int, _ body: (_ tap: Int, _ pixel: Int) -> Void) {
        let depths = TapSpan(
            position: row / output.1, stride: stride.0, pad: pad.0, kernel: kernel.0, dilation: dilation.0,
            extent: input.0)
        let heights = TapSpan(
            position: row % output.1, stride: stride.1, pad: pad.1, kernel: kernel.1, dilation: dilation.1,
            extent: input.1)
        let widths = TapSpan(
            position: position, stride: stride.2, pad: pad.2, kernel: kernel.2, dilation: dilation.2, extent: input.2)
        for depth in depths.taps {
            for height in heights.taps {
                let line = (depths.start + depth * dilation.0) * input.1 + heights.start + height * dilation.1
                for width in widths.taps {
                    body(
                        (depth * kernel.1 + height) * kernel.2 + width,
                        line * input.2 + widths.start + width * dilation.2)
                }
            }
        }
    }
}
