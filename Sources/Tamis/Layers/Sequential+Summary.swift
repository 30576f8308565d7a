extension Sequential {
    /// The table Keras prints for a model: layers, output shapes and numbers of parameters.
    public func summary(name: String = "sequential") -> String {
        var rows = layers.map { layer in
            [
                "\(layer.name) (\(layer.kind))", layer.outputs.map(\.kerasShape).joined(separator: ", "),
                count(layer.parameters).grouped,
            ]
        }
        rows.insert(["Layer (type)", "Output Shape", "Param #"], at: 0)
        // Keras gives the columns 33, 24 and 15 places of its 76; they grow with what stands in them.
        let minimum = [31, 22, 13]
        let widths = minimum.indices.map { column in max(minimum[column], rows.map { $0[column].count }.max() ?? 0) }
        func line(_ left: String, _ middle: String, _ right: String, _ fill: String) -> String {
            left + widths.map { String(repeating: fill, count: $0 + 2) }.joined(separator: middle) + right
        }
        func row(_ cells: [String], _ bar: String) -> String {
            let padded = cells.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 2 ? " \(space)\(cell) " : " \(cell)\(space) "
            }
            return bar + padded.joined(separator: bar) + bar
        }
        var lines = ["Model: \"\(name)\"", line("┏", "┳", "┓", "━"), row(rows[0], "┃"), line("┡", "╇", "┩", "━")]
        for (index, cells) in rows.dropFirst().enumerated() {
            if index > 0 { lines.append(line("├", "┼", "┤", "─")) }
            lines.append(row(cells, "│"))
        }
        lines.append(line("└", "┴", "┘", "─"))
        let trainable = count(model.trainableParameters)
        let all = model.parameters.scalarCount
        lines.append(" Total params: \(all.grouped) (\(all.formattedBytes))")
        lines.append(" Trainable params: \(trainable.grouped) (\(trainable.formattedBytes))")
        lines.append(" Non-trainable params: \((all - trainable).grouped) (\((all - trainable).formattedBytes))")
        return lines.joined(separator: "\n") + "\n"
    }

    private func count(_ names: [String]) -> Int {
        names.reduce(0) { $0 + (model.parameters[$1]?.shape.elementCount ?? 0) }
    }
}

extension Model {
    /// The names of the parameters an optimiser changes.
    var trainableParameters: [String] {
        graph.parameters.compactMap { id in
            if case .parameter(isTrainable: true) = graph.values[id].source { graph.values[id].name } else { nil }
        }
    }
}

extension ValueType {
    /// A shape as Keras writes it: (None, 26, 26, 64).
    fileprivate var kerasShape: String {
        guard let dimensions else { return "?" }
        let cells = dimensions.map { $0.value.map(String.init) ?? "None" }
        return "(\(cells.joined(separator: ", "))\(cells.count == 1 ? "," : ""))"
    }
}

extension Int {
    /// The size of so many float32 in the unit Keras would choose.
    fileprivate var formattedBytes: String {
        var size = Double(self) * 4
        var unit = "B"
        for next in ["KB", "MB", "GB", "TB", "PB"] where size >= 1024 {
            size /= 1024
            unit = next
        }
        let hundredths = Int((size * 100).rounded())
        let fraction = String(hundredths % 100)
        return "\(hundredths / 100).\(fraction.count == 1 ? "0" : "")\(fraction) \(unit)"
    }
}
