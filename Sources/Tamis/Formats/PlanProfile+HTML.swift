public import TamisKernels

extension PlanProfile {
    /// The profile as one HTML document that needs nothing else: each node under the roofs of the machine (S. Williams,
    /// A. Waterman, D. Patterson, Roofline, 2009), and a table of all.
    public func html(name: String, limits: MachineLimits) -> String {
        let legend = ReportPage.legend(of: Set(lines.map { OperatorFamily($0.line.operatorName) }))
        return ReportPage.document(
            title: name, runsScript: false,
            """
            <header>
            <h1>\(name.html)</h1>
            <p>the time of a run, node by node: medians of \(runs) runs</p>
            </header>
            <section class="cards">\(cards(limits))</section>
            <section>
            <div class="bar"><h2>Under the roofs of this machine</h2>\(legend)</div>
            \(RooflineDrawing(self, limits: limits).svg)
            <p class="note">A disc is a node, its area the node's share of the time. To the right: more operations for each byte \
            of operands and results. Up: faster. No node can do more than the arithmetic allows, or move bytes faster than \
            memory gives them; those whose operands are still in a cache do, and Winograd's algorithms, which need fewer \
            operations than the definition they are counted by.</p>
            </section>
            <section><h2>Nodes</h2>
            \(table(limits))
            </section>
            """)
    }

    /// Writes the document to a file.
    public func writeHTML(to path: String, name: String, limits: MachineLimits) throws(ExportError) {
        try AtomicFile.write(Array(html(name: name, limits: limits).utf8), to: path)
    }

    private func cards(_ limits: MachineLimits) -> String {
        let cards = [
            ("a run", "\((1000 * seconds).fixed(3)) ms"),
            ("speed", "\(gigaflops.fixed(1)) GFLOP/s"),
            ("threads", "\(limits.threads)"),
            ("arithmetic", "\(limits.arithmeticGigaflops.fixed(1)) GFLOP/s"),
            ("matrix product", "\(limits.productGigaflops.fixed(1)) GFLOP/s"),
            ("memory", limits.readGigabytes.map { "\($0.fixed(1)) GB/s" } ?? "not measured"),
        ]
        return cards.map { "<div><b>\($0.0)</b><span>\($0.1)</span></div>" }.joined()
    }

    private func table(_ limits: MachineLimits) -> String {
        var table = "<table class=\"l\"><tr><th>node</th><th>operator</th><th>output</th><th>algorithm</th><th>ms</th>"
        table += "<th>share</th><th>GFLOP/s</th><th>of the roof</th><th>GB/s</th><th>next best</th></tr>"
        let total = seconds
        for line in lines {
            let share = total > 0 ? 100 * line.seconds / total : 0
            let (gigaflops, gigabytes) = (line.gigaflops, line.gigabytesPerSecond)
            let roof = limits.attainableGigaflops(operationsPerByte: line.operationsPerByte)
            let runnerUp = line.runnerUp.map { "\($0.algorithm): \((1000 * $0.seconds).fixed(3)) ms" } ?? ""
            table += "<tr><td>\(line.line.node.html)</td>"
            table += "<td><span class=\"k \(OperatorFamily(line.line.operatorName).rawValue)\">"
            table += "\(line.line.operatorName.html)</span></td>"
            table += "<td>\((line.line.outputs.first.map { "\($0.type)" } ?? "").html)</td>"
            table += "<td>\(line.line.algorithm.html)</td><td>\((1000 * line.seconds).fixed(3))</td>"
            table += "<td class=\"p\"><i style=\"width:\(share.fixed(1))%\"></i>\(share.fixed(1)) %</td>"
            table += "<td>\(gigaflops > 0 ? gigaflops.fixed(1) : "")</td>"
            table += "<td>\(gigaflops > 0 && roof > 0 ? "\((100 * gigaflops / roof).fixed(0)) %" : "")</td>"
            table += "<td>\(gigabytes > 0 ? gigabytes.fixed(1) : "")</td><td>\(runnerUp.html)</td></tr>"
        }
        return table + "</table>"
    }
}

/// Nodes by operations a byte and operations a second, both in powers of ten, under what the machine allows, as SVG.
private struct RooflineDrawing {
    private(set) var svg = ""

    private static let plot = GraphLayout.Size(width: 1000, height: 460)
    private static let margin = (left: 76.0, top: 14.0, right: 20.0, bottom: 46.0)

    init(_ profile: PlanProfile, limits: MachineLimits) {
        struct Disc {
            var x: Double
            var y: Double
            var line: PlanProfile.Line
        }
        let discs = profile.lines.compactMap { line -> Disc? in
            guard line.seconds > 0, line.operationsPerByte > 0 else { return nil }
            return Disc(x: line.operationsPerByte, y: line.gigaflops, line: line)
        }
        let roof = limits.arithmeticGigaflops
        guard let least = discs.map(\.x).min(), let most = discs.map(\.x).max(),
            let slowest = discs.map(\.y).min(), let fastest = discs.map(\.y).max(), roof > 0
        else { return }
        let (left, right) = (Self.powerBelow(min(least, 1)), Self.powerAbove(max(most, 100)))
        let (bottom, top) = (Self.powerBelow(min(slowest, roof / 10)), Self.powerAbove(max(fastest, roof)))
        let (plot, margin) = (Self.plot, Self.margin)
        let across = plot.width / Double(right - left)
        let up = plot.height / Double(top - bottom)
        func x(_ value: Double) -> Double { margin.left + (Self.logarithm(value) - Double(left)) * across }
        func y(_ value: Double) -> Double { margin.top + (Double(top) - Self.logarithm(value)) * up }
        let (width, height) = (plot.width + margin.left + margin.right, plot.height + margin.top + margin.bottom)

        svg = "<svg id=\"arena\" viewBox=\"0 0 \(width.short) \(height.short)\" role=\"img\">"
        svg += "<defs><clipPath id=\"plot\"><rect x=\"\(margin.left.short)\" y=\"\(margin.top.short)\" "
        svg += "width=\"\(plot.width.short)\" height=\"\(plot.height.short)\"/></clipPath></defs>"
        for power in left...right {
            let place = (margin.left + Double(power - left) * across).short
            svg += Self.line("g", place, margin.top.short, place, (margin.top + plot.height).short)
            svg += Self.text(place, (margin.top + plot.height + 17).short, "middle", Self.power(power))
        }
        for power in bottom...top {
            let place = margin.top + Double(top - power) * up
            svg += Self.line("g", margin.left.short, place.short, (margin.left + plot.width).short, place.short)
            svg += Self.text((margin.left - 8).short, (place + 4).short, "end", Self.power(power))
        }
        svg += Self.text(
            (margin.left + plot.width / 2).short, (height - 8).short, "middle",
            "operations for each byte of operands and results")
        svg += Self.text((margin.left + 6).short, (margin.top + 14).short, "start", "GFLOP/s")

        // The roofs: what memory gives, then what the arithmetic does.
        let end = (margin.left + plot.width).short
        let ridge = limits.readGigabytes.map { roof / $0 }
        if let ridge, let bandwidth = limits.readGigabytes {
            let from = Self.tenTo(left)
            svg += "<g clip-path=\"url(#plot)\">"
            svg += Self.line("f", x(from).short, y(from * bandwidth).short, x(ridge).short, y(roof).short)
            svg += "</g>"
        }
        let corner = max(margin.left, ridge.map(x) ?? margin.left)
        svg += Self.line("f", corner.short, y(roof).short, end, y(roof).short)
        let label = "arithmetic \(roof.fixed(0)) GFLOP/s"
        svg += Self.text((margin.left + plot.width - 6).short, (y(roof) - 6).short, "end", label)
        if let ridge, let bandwidth = limits.readGigabytes {
            svg += Self.text(
                (x(ridge) - 10).short, (y(roof) - 6).short, "end", "memory \(bandwidth.fixed(0)) GB/s")
        }

        let total = profile.seconds
        // Large discs first, so that small ones lie upon them.
        for disc in discs.sorted(by: { $0.line.seconds > $1.line.seconds }) {
            let share = total > 0 ? disc.line.seconds / total : 0
            let radius = max(2.5, 60 * share.squareRoot())
            let what =
                "\(disc.line.line.node) (\(disc.line.line.operatorName)): \((1000 * disc.line.seconds).fixed(3)) ms, "
                + "\((100 * share).fixed(1)) % of the time, \(disc.y.fixed(1)) GFLOP/s, \(disc.x.fixed(1)) operations a byte; "
                + disc.line.line.algorithm
            svg += "<g class=\"m \(OperatorFamily(disc.line.line.operatorName).rawValue)\"><title>\(what.html)</title>"
            svg += "<circle cx=\"\(x(disc.x).short)\" cy=\"\(y(disc.y).short)\" r=\"\(radius.short)\"/></g>"
        }
        svg += "</svg>"
    }

    private static func line(_ kind: String, _ x1: String, _ y1: String, _ x2: String, _ y2: String) -> String {
        "<line class=\"\(kind)\" x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\"/>"
    }
    private static func text(_ x: String, _ y: String, _ anchor: String, _ words: String) -> String {
        "<text class=\"t\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(words.html)</text>"
    }

    // MARK: Powers of ten

    private static func logarithm(_ value: Double) -> Double { Double.log(value) / Double.log(10) }
    private static func powerBelow(_ value: Double) -> Int { Int(logarithm(value).rounded(.down)) }
    private static func powerAbove(_ value: Double) -> Int {
        max(Int(logarithm(value).rounded(.up)), powerBelow(value) + 1)
    }
    private static func tenTo(_ power: Int) -> Double {
        (0..<abs(power)).reduce(1) { value, _ in power < 0 ? value / 10 : value * 10 }
    }
    private static func power(_ power: Int) -> String {
        (-3...5).contains(power) ? tenTo(power).fixed(max(0, -power)) : "10^\(power)"
    }
}
