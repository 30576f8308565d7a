/// Where pixels that are computed row-major lie in an image of which they are every n-th: a phase of a transposed
/// convolution.
public struct PixelPlacement: Sendable {
    /// Extents of the pixels that are computed.
    let extents: (Int, Int, Int)
    /// The place of the first one in the image, and the distance of two along each axis.
    let first: (Int, Int, Int)
    let step: (Int, Int, Int)
    /// Extents of the image.
    let image: (Int, Int, Int)

    /// Pixels of the whole image.
    var imagePixels: Int { image.0 * image.1 * image.2 }

    /// Copies rows of `rowBytes` bytes, one for each of the pixels `range`, to their pixels of an image; two pixels of it
    /// are `pixelBytes` apart.
    func scatter(
        _ range: Range<Int>, rows: UnsafeRawPointer, rowBytes: Int, image base: UnsafeMutableRawPointer,
        pixelBytes: Int
    ) {
        var row = rows
        var pixel = range.lowerBound
        while pixel < range.upperBound {
            let (line, start) = pixel.quotientAndRemainder(dividingBy: extents.2)
            let (depth, height) = line.quotientAndRemainder(dividingBy: extents.1)
            let place = ((first.0 + depth * step.0) * image.1 + first.1 + height * step.1) * image.2 + first.2
            var target = base + (place + start * step.2) * pixelBytes
            let count = min(extents.2 - start, range.upperBound - pixel)
            for _ in 0..<count {
                target.copyMemory(from: row, byteCount: rowBytes)
                row += rowBytes
                target += step.2 * pixelBytes
            }
            pixel += count
        }
    }
}
