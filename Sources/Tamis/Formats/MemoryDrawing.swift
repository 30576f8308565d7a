/// Where in the arena each value lies, and when, as SVG: steps from left to right, addresses from bottom to top.
struct MemoryDrawing {
    /// The SVG; empty where there is nothing in the arena.
    private(set) var svg = ""

    private static let plot = GraphLayout.Size(width: 1000, height: 300)
    private static let margin = (left: 76.0, top: 12.0, right: 14.0, bottom: 40.0)

    /// Draws the buffers of a plan; `family` says of what kind the operator at a step is.
    init(_ memory: ModelReport.Memory, family: (_ step: String) -> OperatorFamily) {
        guard memory.arenaBytes > 0, !memory.steps.isEmpty else { return }
        let (plot, margin) = (Self.plot, Self.margin)
        let across = plot.width / Double(memory.steps.count)
        let up = plot.height / Double(memory.arenaBytes)
        let (width, height) = (plot.width + margin.left + margin.right, plot.height + margin.top + margin.bottom)
        svg = "<svg id=\"arena\" viewBox=\"0 0 \(width.short) \(height.short)\" role=\"img\">"
        for quarter in 0...4 {
            let y = margin.top + plot.height * (1 - Double(quarter) / 4)
            svg += "<line class=\"g\" x1=\"\(margin.left.short)\" x2=\"\((margin.left + plot.width).short)\" "
            svg += "y1=\"\(y.short)\" y2=\"\(y.short)\"/>"
            svg += "<text class=\"t\" x=\"\((margin.left - 8).short)\" y=\"\((y + 4).short)\" text-anchor=\"end\">"
            svg += "\((memory.arenaBytes * quarter / 4).bytes)</text>"
        }
        let stepsBetween = max(1, Self.round(memory.steps.count / 10))
        for step in stride(from: 0, to: memory.steps.count, by: stepsBetween) {
            let x = margin.left + (Double(step) + 0.5) * across
            svg += "<text class=\"t\" x=\"\(x.short)\" y=\"\((margin.top + plot.height + 16).short)\" "
            svg += "text-anchor=\"middle\">\(step)</text>"
        }
        svg += "<text class=\"t\" x=\"\((margin.left + plot.width / 2).short)\" y=\"\((height - 6).short)\" "
        svg += "text-anchor=\"middle\">step</text>"
        for buffer in memory.buffers where memory.steps.indices.contains(buffer.first) {
            let x = margin.left + Double(buffer.first) * across
            let extent = max(Double(buffer.last - buffer.first + 1) * across, 0.8)
            let thickness = max(Double(buffer.byteCount) * up, 0.6)
            let y = margin.top + plot.height - Double(buffer.offset) * up - thickness
            let family = family(memory.steps[buffer.first])
            let what =
                "\(buffer.name): \(buffer.byteCount.bytes) from \(buffer.offset), steps \(buffer.first) to \(buffer.last)"
            svg += "<g class=\"m \(family.rawValue)\"><title>\(what.html)</title>"
            svg += "<rect x=\"\(x.short)\" y=\"\(y.short)\" width=\"\(extent.short)\" height=\"\(thickness.short)\"/>"
            let letters = Int((extent - 8) / 6.2)
            if thickness > 13, letters > 3 {
                svg += "<text x=\"\((x + 4).short)\" y=\"\((y + min(thickness / 2 + 4, 16)).short)\">"
                svg += "\(buffer.name.shortened(to: letters).html)</text>"
            }
            svg += "</g>"
        }
        svg += "</svg>"
    }

    /// A number of steps that is easy to count by.
    private static func round(_ count: Int) -> Int {
        var scale = 1
        while true {
            for factor in [1, 2, 5] where factor * scale >= count { return factor * scale }
            scale *= 10
        }
    }
}
