/// A model's graph as SVG: boxes in layers, in the colours of their operators' families, the shapes of the values beside the
/// edges.
struct GraphDrawing {
    /// The SVG, without the element around it.
    private(set) var svg = ""
    /// Its size.
    private(set) var width = 0
    private(set) var height = 0

    private struct Box {
        /// The number of the node, inputs and outputs counted on.
        var id: String
        var family: String
        var title: String
        var detail: String
        var hint: String

        /// The letters of the bold line are about 7.4 wide, of the other one 5.8.
        var size: GraphLayout.Size {
            let width = max(Double(title.count) * 7.4, Double(detail.count) * 5.8) + 24
            return GraphLayout.Size(width: max(width, 64).rounded(.up), height: detail.isEmpty ? 26 : 40)
        }
    }

    init(_ report: ModelReport) {
        // What is the same in each run is part of who reads it.
        let drawn = report.nodes.indices.filter { !report.nodes[$0].isConstant }
        var boxes: [Box] = []
        var makers: [String: (box: Int, port: Int, type: String)] = [:]
        for (index, port) in report.inputs.enumerated() {
            makers[port.name] = (boxes.count, 0, port.words)
            boxes.append(
                Box(
                    id: "i\(index)", family: "port", title: port.name.shortened(to: 32), detail: "",
                    hint: "input \(port.name): \(port.type)"))
        }
        for index in drawn {
            let node = report.nodes[index]
            for (port, output) in node.outputs.enumerated() {
                makers[output.name] = (boxes.count, port, output.value)
            }
            boxes.append(
                Box(
                    id: "n\(index)", family: OperatorFamily(node.operatorName).rawValue, title: node.operatorName,
                    detail: node.summary.shortened(to: 34), hint: node.name))
        }
        var edges: [GraphLayout.Edge] = []
        var labels: [String] = []
        for (offset, index) in drawn.enumerated() {
            for input in report.nodes[index].inputs {
                guard let maker = makers[input], maker.box < report.inputs.count + offset else { continue }
                edges.append(.init(from: maker.box, port: maker.port, to: report.inputs.count + offset))
                labels.append(maker.type)
            }
        }
        for (index, port) in report.outputs.enumerated() {
            if let maker = makers[port.name] {
                edges.append(.init(from: maker.box, port: maker.port, to: boxes.count))
                labels.append(maker.type)
            }
            boxes.append(
                Box(
                    id: "o\(index)", family: "port", title: port.name.shortened(to: 32), detail: "",
                    hint: "output \(port.name): \(port.type)"))
        }
        draw(boxes, edges, labels, GraphLayout(boxes.map(\.size), edges))
    }

    private mutating func draw(_ boxes: [Box], _ edges: [GraphLayout.Edge], _ labels: [String], _ layout: GraphLayout) {
        width = Int(layout.size.width.rounded(.up))
        height = Int(layout.size.height.rounded(.up))
        var drawnLines: Set<String> = []
        var labelled: Set<[Int]> = []
        var texts = ""
        for (index, edge) in edges.enumerated() {
            let line = layout.lines[index].path
            if drawnLines.insert(line).inserted {
                svg +=
                    "<path class=\"e\" data-a=\"\(boxes[edge.from].id)\" data-b=\"\(boxes[edge.to].id)\" d=\"\(line)\"/>"
            }
            // Each value's shape once, where it leaves its box.
            let label = labels[index].shapeWords
            if !label.isEmpty, let start = layout.lines[index].first, labelled.insert([edge.from, edge.port]).inserted {
                texts += "<text class=\"s\" x=\"\(start.x.short)\" y=\"\((start.y + 15).short)\">\(label.html)</text>"
            }
        }
        for (box, center) in zip(boxes, layout.centers) {
            let size = box.size
            let (x, y) = (center.x - size.width / 2, center.y - size.height / 2)
            svg += "<g class=\"b \(box.family)\" id=\"\(box.id)\" transform=\"translate(\(x.short) \(y.short))\">"
            svg += "<title>\(box.hint.html)</title>"
            svg +=
                "<rect width=\"\(size.width.short)\" height=\"\(size.height.short)\" rx=\"\(box.family == "port" ? 13 : 5)\"/>"
            let middle = (size.width / 2).short
            svg += "<text x=\"\(middle)\" y=\"17\">\(box.title.html)</text>"
            if !box.detail.isEmpty { svg += "<text class=\"d\" x=\"\(middle)\" y=\"32\">\(box.detail.html)</text>" }
            svg += "</g>"
        }
        svg += texts
    }
}

extension ModelReport.Node {
    /// What tells the node from others of its operator: kernel and stride, and the shape of its first parameter.
    fileprivate var summary: String {
        func list(_ name: String) -> String? {
            guard let value = attributes.first(where: { $0.name == name })?.value, value.hasPrefix("[") else {
                return nil
            }
            return String(value.dropFirst().dropLast()).replacing(", ", with: "×")
        }
        var parts: [String] = []
        if let kernel = list("kernel_shape") { parts.append(kernel) }
        if let strides = list("strides"), strides.contains(where: { $0 != "1" && $0 != "×" }) {
            parts.append("/\(strides)")
        }
        if let shape = parameters.first?.value.shapeWords, !shape.isEmpty { parts.append("⟨\(shape)⟩") }
        return parts.joined(separator: " ")
    }
}

extension ModelReport.Port {
    /// The type for the shapes that are reported on.
    var words: String {
        guard let shape, let space = type.firstIndex(of: " ") else { return type }
        return "\(type[..<space]) [\(shape.map(String.init).joined(separator: ", "))]"
    }
}

extension String {
    /// The extents of a tensor's type: 1×64×56×56.
    fileprivate var shapeWords: String {
        guard let open = firstIndex(of: "["), let close = self[open...].firstIndex(of: "]") else { return "" }
        return String(self[index(after: open)..<close]).replacing(", ", with: "×")
    }
}

extension Double {
    /// The number to a tenth, as coordinates need it.
    var short: String {
        let tenths = Int((self * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : fixed(1)
    }
}

extension [GraphLayout.Point] {
    /// A smooth line through the points.
    fileprivate var path: String {
        guard let first else { return "" }
        var path = "M\(first.x.short) \(first.y.short)"
        var last = first
        for point in dropFirst() {
            if point.x == last.x {
                path += "V\(point.y.short)"
            } else {
                let middle = ((last.y + point.y) / 2).short
                path += "C\(last.x.short) \(middle) \(point.x.short) \(middle) \(point.x.short) \(point.y.short)"
            }
            last = point
        }
        return path
    }
}
