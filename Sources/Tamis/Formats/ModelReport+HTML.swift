extension ModelReport {
    /// The report as one HTML document that needs nothing else: the graph drawn, to be moved, enlarged and asked, the
    /// operators, and the arena as a picture.
    public var html: String {
        let drawing = GraphDrawing(self)
        var families: [String: OperatorFamily] = [:]
        for node in nodes { families[node.name] = OperatorFamily(node.operatorName) }
        let arena = MemoryDrawing(memory) { step in
            var part = step[...]
            while families[String(part)] == nil, let slash = part.lastIndex(of: "/") { part = part[..<slash] }
            return families[String(part)] ?? .other
        }
        let legend = ReportPage.legend(of: Set(families.values))
        return ReportPage.document(
            title: name, runsScript: true,
            """
            <header>
            <h1>\(shortName.html)</h1>
            <p>\(summary.html)</p>
            </header>
            <section class="cards">\(cards)</section>
            <section>
            <div class="bar"><h2>Graph</h2>\(legend)<span class="space"></span>
            <input id="find" type="search" placeholder="Find a node or value" aria-label="Find a node or value">
            <button id="in" title="Larger">+</button><button id="out" title="Smaller">−</button>\
            <button id="fit" title="All of it">Fit</button></div>
            <div id="view"><svg id="graph" data-w="\(drawing.width)" data-h="\(drawing.height)" tabindex="0">\
            <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
            <path d="M0 0L8 4L0 8z"/></marker></defs><g id="all">\(drawing.svg)</g></svg>
            <aside id="panel"></aside></div>
            </section>
            <section><h2>Memory</h2>
            \(memoryTable)
            \(arena.svg)
            \(memory.isWhole ? "" : "<p class=\"note\">Values decide shapes in this model: of its parts, those whose shapes are known before a run are counted, and the largest is drawn.</p>")
            </section>
            <section><h2>Operators</h2>
            \(operatorTable)
            </section>
            <section><h2>Nodes</h2>
            <details><summary>\(nodes.count) nodes in the order of the file</summary>
            \(nodeTable)
            </details>
            </section>
            <script type="application/json" id="data">\(data)</script>
            <script>\(ReportPage.script)</script>
            """)
    }

    /// Writes the document to a file.
    public func writeHTML(to path: String) throws(ExportError) {
        try AtomicFile.write(Array(html.utf8), to: path)
    }

    private var shortName: String { name.lastIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name }

    private var summary: String {
        let sets = operatorSets.map { "\($0.domain.isEmpty ? "ONNX" : $0.domain) \($0.version)" }
        var parts = ["operator set \(sets.joined(separator: ", "))", "file format \(formatVersion)"]
        if !producer.isEmpty { parts.insert("written by \(producer)", at: 0) }
        return parts.joined(separator: " · ")
    }

    // MARK: Parts

    private var cards: String {
        var cards: [(String, String)] = []
        for port in inputs { cards.append(("input \(port.name)", port.words)) }
        for port in outputs { cards.append(("output \(port.name)", port.words)) }
        // Of hundreds of inputs the first ones will do.
        if cards.count > 8 { cards = cards.prefix(7) + [("more", "\(cards.count - 7) inputs and outputs")] }
        cards.append(("parameters", "\(parameters.grouped) (\(parameterBytes.bytes))"))
        cards.append(("a run", operations.operations))
        cards.append(("arena", memory.arenaBytes.bytes))
        if !assumptions.isEmpty {
            cards.append(("assumed", assumptions.map(\.description).joined(separator: "; ")))
        }
        return cards.map { "<div><b>\($0.0.html)</b><span>\($0.1.html)</span></div>" }.joined()
    }

    private var memoryTable: String {
        let peak = memory.peakNode.map { "\(memory.peakBytes.bytes), at \($0)" } ?? "0 B"
        let rows = [
            ("arena", "\(memory.arenaBytes.bytes)", "all values between inputs and outputs"),
            ("in use at most", peak, "the least that any placing could take"),
            ("weights", memory.weightBytes.bytes, "constants that runs read as they are"),
            ("packed", memory.packedBytes.bytes, "constants in the forms that kernels want"),
            ("scratch", memory.scratchBytes.bytes, "for each thread"),
        ]
        return "<table>"
            + rows.map { "<tr><th>\($0.0)</th><td>\($0.1.html)</td><td class=\"q\">\($0.2)</td></tr>" }.joined()
            + "</table>"
    }

    private var operatorTable: String {
        var table =
            "<table class=\"n\"><tr><th>operator</th><th>nodes</th><th>parameters</th><th>operations</th><th></th></tr>"
        for count in operators {
            let share = operations > 0 ? 100 * count.operations / operations : 0
            table += "<tr><td><span class=\"k \(OperatorFamily(count.name).rawValue)\">\(count.name.html)</span></td>"
            table += "<td>\(count.nodes)</td><td>\(count.parameters.grouped)</td>"
            table += "<td>\(count.operations.operations)</td>"
            table += "<td class=\"p\"><i style=\"width:\(share.fixed(1))%\"></i>\(share.fixed(1)) %</td></tr>"
        }
        return table + "</table>"
    }

    private var nodeTable: String {
        var table =
            "<table class=\"l\"><tr><th>node</th><th>operator</th><th>output</th><th>algorithm</th><th>operations</th>"
        table += "<th>bytes</th></tr>"
        for (index, node) in nodes.enumerated() {
            table += "<tr data-n=\"n\(index)\"><td>\(node.name.html)</td><td>\(node.operatorName.html)</td>"
            table += "<td>\(node.outputs.map(\.value).joined(separator: ", ").html)</td>"
            table += "<td>\(node.algorithm.html)</td><td>\(node.operations.operations)</td>"
            table += "<td>\(node.byteCount.bytes)</td></tr>"
        }
        return table + "</table>"
    }

    /// What the page says of a box that is chosen.
    private var data: String {
        func entries(_ entries: [Entry]) -> String {
            "[\(entries.map { "[\($0.name.json),\($0.value.json)]" }.joined(separator: ","))]"
        }
        var types: [String: String] = [:]
        for port in inputs { types[port.name] = port.words }
        for node in nodes { for output in node.outputs { types[output.name] = output.value } }
        var items: [String] = []
        for (index, node) in nodes.enumerated() where !node.isConstant {
            let held = Set(node.parameters.map(\.name))
            let reads = node.inputs.filter { !$0.isEmpty && !held.contains($0) }.map {
                Entry(name: $0, value: types[$0] ?? "")
            }
            var facts = [Entry(name: "algorithm", value: node.algorithm)]
            if node.operations > 0 { facts.append(Entry(name: "operations", value: node.operations.operations)) }
            if node.byteCount > 0 { facts.append(Entry(name: "outputs take", value: node.byteCount.bytes)) }
            items.append(
                "\("n\(index)".json):[\(node.name.json),\(node.operatorName.json),\(entries(facts)),"
                    + "\(entries(node.attributes)),\(entries(reads)),\(entries(node.parameters)),"
                    + "\(entries(node.outputs))]")
        }
        for (index, port) in inputs.enumerated() {
            items.append(
                "\("i\(index)".json):[\(port.name.json),\"input\",\(entries([Entry(name: "type", value: port.type)])),[],[],[],[]]"
            )
        }
        for (index, port) in outputs.enumerated() {
            items.append(
                "\("o\(index)".json):[\(port.name.json),\"output\",\(entries([Entry(name: "type", value: port.type)])),[],[],[],[]]"
            )
        }
        return "{\(items.joined(separator: ","))}"
    }
}
