import Glibc
import Tamis

/// Images drawn with characters, side by side, each over what it was taken for and what it is.
struct ImageGallery {
    private let images: [GreyImage]
    private let captions: [(guess: String, truth: String)]

    /// Images of count × height × width × channels in 0 … 1, the scores a classifier gave them, and their labels.
    init(images: Tensor, labels: [Int], scores: Tensor, classNames: [String]) throws {
        let (height, width, channels) = (images.shape[1], images.shape[2], images.shape[3])
        let values = try images.scalars(as: Float.self)
        let size = height * width * channels
        self.images = labels.indices.map { index in
            GreyImage(
                height: height, width: width, channels: channels, values: values[index * size..<(index + 1) * size])
        }
        let probabilities = try Self.probabilities(scores.doubles(), columns: scores.shape[scores.shape.rank - 1])
        func name(_ label: Int) -> String { label < classNames.count ? classNames[label] : "\(label)" }
        captions = zip(labels, probabilities).map { label, row in
            let best = row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? 0
            let mark = best == label ? "✓" : "✗"
            return ("\(mark) \(name(best)) \((100 * row[best]).fixed(1)) %", best == label ? "" : "  is \(name(label))")
        }
    }

    /// Rows of scores as probabilities: as they are if they sum to 1, else their softmax.
    private static func probabilities(_ scores: [Double], columns: Int) -> [[Double]] {
        stride(from: 0, to: scores.count, by: max(1, columns)).map { first in
            let row = Array(scores[first..<min(first + columns, scores.count)])
            let sum = row.reduce(0, +)
            if abs(sum - 1) < 1e-3, row.allSatisfy({ $0 >= 0 }) { return row }
            let most = row.max() ?? 0
            let powers = row.map { exp($0 - most) }
            let total = powers.reduce(0, +)
            return powers.map { $0 / total }
        }
    }

    /// The drawing, four images side by side, or fewer where the line is short.
    func text(columns: Int, hasColor: Bool) -> String {
        let gap = 2
        let smallest = 16
        let perRow = max(1, min(4, (columns + gap) / (smallest + gap)))
        let room = (columns + gap) / perRow - gap
        let width = max(1, min(room, images.map(\.width).max() ?? 1, 48))
        // A name may be wider than its image.
        let cell = max(width, min(room, captions.map { max($0.guess.count, $0.truth.count) }.max() ?? 0))
        var lines: [String] = []
        for first in stride(from: 0, to: images.count, by: perRow) {
            let indices = first..<min(first + perRow, images.count)
            let drawings = indices.map { images[$0].lines(width: width, hasColor: hasColor) }
            for line in 0..<(drawings.map(\.count).max() ?? 0) {
                lines.append(row(drawings.map { line < $0.count ? ($0[line], width) : ("", 0) }, cell, gap))
            }
            for caption in [indices.map { captions[$0].guess }, indices.map { captions[$0].truth }] {
                lines.append(
                    row(
                        caption.map { ($0.count > cell ? String($0.prefix(cell)) : $0, min($0.count, cell)) }, cell, gap
                    ))
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private func row(_ cells: [(text: String, width: Int)], _ cell: Int, _ gap: Int) -> String {
        var line = ""
        for (position, content) in cells.enumerated() {
            line += content.text
            if position + 1 < cells.count { line += String(repeating: " ", count: cell - content.width + gap) }
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}

/// An image of greys from 0, black, to 1.
struct GreyImage {
    let height: Int
    let width: Int
    private let pixels: [Double]

    /// The mean of the channels of an image.
    init(height: Int, width: Int, channels: Int, values: ArraySlice<Float>) {
        self.height = height
        self.width = width
        pixels = (0..<height * width).map { pixel in
            let first = values.startIndex + pixel * channels
            let sum = values[first..<first + channels].reduce(0) { $0 + Double($1) }
            return min(1, max(0, sum / Double(max(1, channels))))
        }
    }

    /// The image in another size, each pixel the mean of what it covers.
    private func resized(height newHeight: Int, width newWidth: Int) -> [[Double]] {
        /// For a new pixel, the old ones it covers and how much of each.
        func cover(_ index: Int, _ new: Int, _ old: Int) -> [(Int, Double)] {
            let scale = Double(old) / Double(new)
            let (lower, upper) = (Double(index) * scale, Double(index + 1) * scale)
            return (Int(lower)..<min(old, Int(upper.rounded(.up)))).map { position in
                (position, min(upper, Double(position + 1)) - max(lower, Double(position)))
            }
        }
        let columns = (0..<newWidth).map { cover($0, newWidth, width) }
        return (0..<newHeight).map { row in
            let rows = cover(row, newHeight, height)
            return columns.map { column in
                var (sum, area) = (0.0, 0.0)
                for (y, h) in rows {
                    for (x, w) in column {
                        sum += pixels[y * width + x] * h * w
                        area += h * w
                    }
                }
                return area > 0 ? sum / area : 0
            }
        }
    }

    /// The image in lines of `width` characters, each twice as high as wide: in greys, two pixels a character, or in
    /// characters of growing weight.
    func lines(width columns: Int, hasColor: Bool) -> [String] {
        let rows = max(1, (height * columns + width) / (2 * width))
        guard hasColor else {
            let ramp = Array(" .:-=+*#%@")
            return resized(height: rows, width: columns).map { row in
                String(row.map { ramp[min(ramp.count - 1, Int($0 * Double(ramp.count)))] })
            }
        }
        // Terminals have 24 greys from number 232.
        func grey(_ value: Double) -> Int { 232 + min(23, Int(value * 24)) }
        let pixels = resized(height: 2 * rows, width: columns)
        return (0..<rows).map { row in
            let cells = zip(pixels[2 * row], pixels[2 * row + 1]).map { "\u{1b}[38;5;\(grey($0));48;5;\(grey($1))m▀" }
            return cells.joined() + "\u{1b}[0m"
        }
    }
}
