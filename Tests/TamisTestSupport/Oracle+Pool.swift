import Tamis

extension Oracle {
    /// The p-norm of each window.
    package static func lpPool(_ x: DoubleTensor, _ geometry: Geometry, p: Int) -> DoubleTensor {
        pool(x, geometry) { values, _ in power(values.reduce(0) { $0 + power(abs($1), Double(p)) }, 1 / Double(p)) }
    }

    /// Where in x, laid out channel-first, the first maximum of each window stands; −1 where it meets no pixel.
    package static func maxPoolIndices(
        _ x: DoubleTensor, _ geometry: Geometry, isColumnMajor: Bool
    ) -> DoubleTensor {
        let channels = x.shape[x.shape.count - 1]
        let pixels = geometry.input.reduce(1, *)
        let windows = geometry.windows()
        var y = DoubleTensor(zeros: [x.shape[0]] + geometry.output + [channels])
        for image in 0..<x.shape[0] {
            for (place, taps) in windows.enumerated() {
                for channel in 0..<channels {
                    var best: (value: Double, index: Int)?
                    for pixel in taps.compactMap(\.pixel) {
                        let value = x[[image] + pixel + [channel]]
                        guard best.map({ value > $0.value }) ?? true else { continue }
                        let inChannel =
                            isColumnMajor
                            ? flat(pixel.reversed(), geometry.input.reversed()) : flat(pixel, geometry.input)
                        best = (value, (image * channels + channel) * pixels + inChannel)
                    }
                    y.values[(image * windows.count + place) * channels + channel] = Double(best?.index ?? -1)
                }
            }
        }
        return y
    }

    /// The mean, the maximum or the p-norm of all pixels.
    package static func globalPool(_ x: DoubleTensor, _ function: GlobalPool.Function) -> DoubleTensor {
        let (images, channels) = (x.shape[0], x.shape[x.shape.count - 1])
        let pixels = x.shape[1..<x.shape.count - 1].reduce(1, *)
        var y = DoubleTensor(zeros: [images] + Array(repeating: 1, count: x.shape.count - 2) + [channels])
        for image in 0..<images {
            for channel in 0..<channels {
                let values = (0..<pixels).map { x.values[(image * pixels + $0) * channels + channel] }
                let result: Double
                switch function {
                case .average: result = values.reduce(0, +) / Double(pixels)
                case .maximum: result = values.reduce(-.infinity, max)
                case .norm(let p):
                    result = power(values.reduce(0) { $0 + power(abs($1), Double(p)) }, 1 / Double(p))
                }
                y.values[image * channels + channel] = result
            }
        }
        return y
    }
}
