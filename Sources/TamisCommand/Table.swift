/// Rows of text in columns that align.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    init(_ alignments: Alignment...) { self.alignments = alignments }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// The rows, each column as wide as its widest cell, two spaces between.
    var text: String { lines.joined(separator: "\n") }

    /// The rows one by one.
    var lines: [String] {
        let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = alignments.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return alignments[column] == .left ? row[column] + space : space + row[column]
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
