import Foundation

/// What was measured: printed as aligned tables, written as JSON.
struct Report: Codable {
    /// A line of a table.
    struct Row: Codable {
        var name: String
        /// Milliseconds of one call.
        var milliseconds: Measurement
        /// Operations of one call, in 10⁹.
        var gigaoperations: Double?
        /// Bytes moved in one call.
        var bytes: Double?
        /// Examples of one call.
        var images: Double?
        /// The time of this row over that of what it is compared with.
        var ratio: Double?
        /// What it is compared with.
        var against: String?
    }

    /// A table.
    struct Section: Codable {
        var title: String
        var rows: [Row]
    }

    var processor: String
    var cpuLevel: String
    var blasCore: String
    var date: String
    var sections: [Section] = []

    /// A table as text.
    static func text(_ section: Section) -> String {
        var cells = [["", "ms", "10 %", "GFLOP/s", "GB/s", "images/s", "ratio"]]
        for row in section.rows {
            let seconds = row.milliseconds.median / 1000
            cells.append([
                row.name, number(row.milliseconds.median), number(row.milliseconds.tenth),
                row.gigaoperations.map { number($0 / seconds) } ?? "",
                row.bytes.map { number($0 / seconds * 1e-9) } ?? "",
                row.images.map { number($0 / seconds) } ?? "",
                row.ratio.map { "\(number($0)) × \(row.against ?? "")" } ?? "",
            ])
        }
        let used = cells[0].indices.filter { column in column == 0 || cells.dropFirst().contains { !$0[column].isEmpty }
        }
        let widths = used.map { column in cells.map { $0[column].count }.max() ?? 0 }
        let lines = cells.map { row in
            zip(used, widths).map { column, width in
                let space = String(repeating: " ", count: width - row[column].count)
                return column == 0 || column == 6 ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
        }
        return ([section.title, lines[0], String(repeating: "─", count: lines[0].count)] + lines.dropFirst())
            .joined(separator: "\n") + "\n"
    }

    private static func number(_ value: Double) -> String {
        value >= 1000 ? String(format: "%.0f", value) : String(format: "%.3g", value)
    }
}
