/// Places for the boxes of a graph that is drawn in layers, every edge from a higher layer to a lower one, and the lines of
/// the edges (Sugiyama, Tagawa and Toda, 1981).
///
/// Where an edge passes a layer, a bend takes a box's place there; all edges of one value share their bends. Boxes are
/// ordered by the medians of their neighbours, and placed by least squares between neighbours and the order.
package struct GraphLayout {
    package struct Point: Equatable {
        package var x: Double
        package var y: Double
    }

    package struct Size {
        package var width: Double
        package var height: Double
    }

    package struct Edge {
        /// The box and the output of it where the edge begins, and the box where it ends.
        package var from: Int
        package var port: Int
        package var to: Int
    }

    /// The centre of each box.
    package private(set) var centers: [Point]
    /// The points of each edge: a line stands upright at each of them.
    package private(set) var lines: [[Point]]
    package private(set) var size = Size(width: 0, height: 0)

    private static let gap = Size(width: 28, height: 52)
    /// Edges that would need more bends than this run straight.
    private static let mostBends = 60_000

    /// A box, or a bend of an edge, in its layer.
    private struct Item {
        var layer: Int
        package var width: Double
        var box: Int?
        var above: [Int] = []
        var below: [Int] = []
        var x = 0.0
    }

    private var items: [Item] = []
    private var layers: [[Int]] = []

    /// A layout; `edges` lead from boxes to later ones.
    package init(_ boxes: [Size], _ edges: [Edge]) {
        centers = Array(repeating: Point(x: 0, y: 0), count: boxes.count)
        lines = []
        guard !boxes.isEmpty else { return }
        let ranks = Self.ranks(boxes.count, edges)
        items = zip(boxes, ranks).enumerated().map {
            Item(layer: $0.element.1, width: $0.element.0.width, box: $0.offset)
        }
        let routes = addBends(edges)
        layers = Array(repeating: [], count: (ranks.max() ?? 0) + 1)
        for item in items.indices { layers[items[item].layer].append(item) }
        order()
        place()
        let (tops, bottoms) = stack(boxes)
        for (index, item) in items.enumerated() {
            guard let box = item.box else { continue }
            centers[box] = Point(x: items[index].x, y: tops[item.layer] + boxes[box].height / 2)
        }
        lines = draw(edges, routes, boxes, tops, bottoms)
    }

    // MARK: Layers

    /// The layer of each box: as high as its inputs let it, but next to what reads it where fewer values go in than out.
    private static func ranks(_ count: Int, _ edges: [Edge]) -> [Int] {
        var ranks = [Int](repeating: 0, count: count)
        var below = [[Int]](repeating: [], count: count)
        var above = [[Int]](repeating: [], count: count)
        for edge in edges {
            below[edge.from].append(edge.to)
            above[edge.to].append(edge.from)
        }
        for box in 0..<count {
            for next in above[box] { ranks[box] = max(ranks[box], ranks[next] + 1) }
        }
        for box in (0..<count).reversed() where above[box].count < Set(below[box]).count || above[box].isEmpty {
            if let lowest = below[box].map({ ranks[$0] }).min() { ranks[box] = max(ranks[box], lowest - 1) }
        }
        return ranks
    }

    /// Adds the bends; for each edge, the items it runs through.
    private mutating func addBends(_ edges: [Edge]) -> [[Int]] {
        struct Value: Hashable {
            var box: Int
            var port: Int
        }
        var chains: [Value: [Int]] = [:]
        var bends = 0
        var links: Set<[Int]> = []
        return edges.map { edge in
            let value = Value(box: edge.from, port: edge.port)
            let needed = items[edge.to].layer - items[edge.from].layer - 1
            var chain = chains[value] ?? []
            if needed > chain.count, bends + needed - chain.count > Self.mostBends { return [edge.from, edge.to] }
            while chain.count < needed {
                items.append(Item(layer: items[edge.from].layer + chain.count + 1, width: 2, box: nil))
                chain.append(items.count - 1)
                bends += 1
            }
            chains[value] = chain
            let route = [edge.from] + chain.prefix(max(needed, 0)) + [edge.to]
            for (upper, lower) in zip(route, route.dropFirst()) where links.insert([upper, lower]).inserted {
                items[upper].below.append(lower)
                items[lower].above.append(upper)
            }
            return route
        }
    }

    // MARK: Order

    /// Orders each layer so that few edges cross: by the medians of what lies above, then of what lies below, and again.
    private mutating func order() {
        var positions = [Int](repeating: 0, count: items.count)
        func number(_ layers: [[Int]]) {
            for layer in layers { for (position, item) in layer.enumerated() { positions[item] = position } }
        }
        number(layers)
        var best = (crossings: crossings(layers, positions), layers: layers)
        for sweep in 0..<12 where best.crossings > 0 {
            let goesDown = sweep % 2 == 0
            for layer in goesDown ? Array(layers.indices) : layers.indices.reversed() {
                let keys = layers[layer].map { item -> Double in
                    let neighbours = (goesDown ? items[item].above : items[item].below).map { positions[$0] }.sorted()
                    guard !neighbours.isEmpty else { return Double(positions[item]) }
                    let middle = neighbours.count / 2
                    return neighbours.count % 2 == 1
                        ? Double(neighbours[middle]) : Double(neighbours[middle - 1] + neighbours[middle]) / 2
                }
                let sorted = layers[layer].indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
                layers[layer] = sorted.map { layers[layer][$0] }
                number([layers[layer]])
            }
            let now = crossings(layers, positions)
            if now < best.crossings { best = (now, layers) }
        }
        layers = best.layers
    }

    /// How often edges between neighbouring layers cross: the inversions of their ends, counted with a Fenwick tree.
    private func crossings(_ layers: [[Int]], _ positions: [Int]) -> Int {
        var sum = 0
        for (upper, lower) in zip(layers, layers.dropFirst()) {
            var tree = [Int](repeating: 0, count: lower.count + 1)
            var seen = 0
            for item in upper {
                let ends = items[item].below.map { positions[$0] }
                for end in ends {
                    var (index, notAbove) = (end + 1, 0)
                    while index > 0 {
                        notAbove += tree[index]
                        index -= index & -index
                    }
                    sum += seen - notAbove
                }
                for end in ends {
                    var index = end + 1
                    while index <= lower.count {
                        tree[index] += 1
                        index += index & -index
                    }
                }
                seen += ends.count
            }
        }
        return sum
    }

    // MARK: Places

    /// Moves each layer's items to the middle of their neighbours, as far as their order and size let them.
    private mutating func place() {
        for layer in layers { spread(layer, towards: layer.map { _ in (0, 1) }) }
        for sweep in 0..<28 {
            let goesDown = sweep % 2 == 0
            for layer in goesDown ? layers : layers.reversed() {
                let wishes = layer.map { item in
                    // At the end both sides count, so that what is between them lies between them.
                    let neighbours =
                        sweep >= 16
                        ? items[item].above + items[item].below : goesDown ? items[item].above : items[item].below
                    return middle(of: neighbours, for: item)
                }
                spread(layer, towards: wishes)
            }
        }
        // Chains hang straight down from their first link.
        for layer in layers {
            let wishes = layer.map { item -> (x: Double, weight: Double) in
                let chained = items[item].above.first { isChained($0, item) }
                return chained.map { (items[$0].x, 8) } ?? (items[item].x, 1)
            }
            spread(layer, towards: wishes)
        }
    }

    /// The middle of an item's neighbours and how strongly it is wished for.
    private func middle(of neighbours: [Int], for item: Int) -> (x: Double, weight: Double) {
        var (sum, weight) = (0.0, 0.0)
        for neighbour in neighbours {
            // Long edges shall be straight, and so shall chains.
            let pull =
                (items[item].box == nil ? 3.0 : 1) * (items[neighbour].box == nil ? 3 : 1)
                * (isChained(item, neighbour) ? 4 : 1)
            sum += pull * items[neighbour].x
            weight += pull
        }
        return weight > 0 ? (sum / weight, weight) : (items[item].x, 0.1)
    }

    /// Whether two neighbours are neighbours of no others towards each other.
    private func isChained(_ first: Int, _ second: Int) -> Bool {
        let (upper, lower) = items[first].layer < items[second].layer ? (first, second) : (second, first)
        return items[upper].below.count == 1 && items[lower].above.count == 1
    }

    /// The places nearest to what is wished, in the layer's order, without overlap: a regression of an order, by pooling
    /// neighbours that would pass each other (Ayer and others, 1955).
    private mutating func spread(_ layer: [Int], towards wishes: [(x: Double, weight: Double)]) {
        var pools: [(sum: Double, weight: Double, count: Int)] = []
        var offsets: [Double] = []
        var offset = 0.0
        for (position, item) in layer.enumerated() {
            if position > 0 {
                let before = items[layer[position - 1]]
                let gap = before.box == nil && items[item].box == nil ? Self.gap.width / 2 : Self.gap.width
                offset += (before.width + items[item].width) / 2 + gap
            }
            offsets.append(offset)
            let wish = wishes[position]
            pools.append(((wish.x - offset) * wish.weight, wish.weight, 1))
            while pools.count > 1,
                pools[pools.count - 2].sum / pools[pools.count - 2].weight > pools[pools.count - 1].sum
                    / pools[pools.count - 1].weight
            {
                let last = pools.removeLast()
                pools[pools.count - 1].sum += last.sum
                pools[pools.count - 1].weight += last.weight
                pools[pools.count - 1].count += last.count
            }
        }
        var position = 0
        for pool in pools {
            for _ in 0..<pool.count {
                items[layer[position]].x = pool.sum / pool.weight + offsets[position]
                position += 1
            }
        }
    }

    /// Puts the layers below each other and everything into view; the upper and the lower end of each layer.
    private mutating func stack(_ boxes: [Size]) -> (tops: [Double], bottoms: [Double]) {
        let left = items.map { $0.x - $0.width / 2 }.min() ?? 0
        let right = items.map { $0.x + $0.width / 2 }.max() ?? 0
        for item in items.indices { items[item].x += Self.gap.width - left }
        var (tops, bottoms): ([Double], [Double]) = ([], [])
        var y = Self.gap.width
        for layer in layers {
            tops.append(y)
            y += layer.map { items[$0].box.map { boxes[$0].height } ?? 0 }.max() ?? 0
            bottoms.append(y)
            // What goes far to the side needs height to do so.
            let widest = layer.flatMap { item in items[item].below.map { abs(items[$0].x - items[item].x) } }.max() ?? 0
            y += Self.gap.height + min(widest / 12, 60)
        }
        size = Size(width: right - left + 2 * Self.gap.width, height: (bottoms.last ?? 0) + Self.gap.width)
        return (tops, bottoms)
    }

    // MARK: Edges

    /// The line of each edge. Where many begin or end at a box, they do so side by side.
    private func draw(
        _ edges: [Edge], _ routes: [[Int]], _ boxes: [Size], _ tops: [Double], _ bottoms: [Double]
    ) -> [[Point]] {
        var ends = [[Int]](repeating: [], count: boxes.count)
        var ports = [Int](repeating: 1, count: boxes.count)
        for (index, edge) in edges.enumerated() {
            ends[edge.to].append(index)
            ports[edge.from] = max(ports[edge.from], edge.port + 1)
        }
        func shift(_ position: Int, of count: Int, width: Double) -> Double {
            let step = min(14, width * 0.7 / Double(max(count - 1, 1)))
            return (Double(position) - Double(count - 1) / 2) * step
        }
        var arrivals = [Double](repeating: 0, count: edges.count)
        for (box, incoming) in ends.enumerated() {
            // One arrow is enough for one value.
            let last = incoming.map { routes[$0][routes[$0].count - 2] }
            let places = Set(last).sorted { (items[$0].x, $0) < (items[$1].x, $1) }
            for (index, item) in zip(incoming, last) {
                let position = places.firstIndex(of: item) ?? 0
                arrivals[index] = shift(position, of: places.count, width: boxes[box].width)
            }
        }
        return edges.indices.map { index in
            let (edge, route) = (edges[index], routes[index])
            let start = centers[edge.from]
            var line = [
                Point(
                    x: start.x + shift(edge.port, of: ports[edge.from], width: boxes[edge.from].width),
                    y: start.y + boxes[edge.from].height / 2)
            ]
            // A box lower than its layer is left by a straight line.
            let bottom = bottoms[items[edge.from].layer]
            if line[0].y < bottom { line.append(Point(x: line[0].x, y: bottom)) }
            for item in route.dropFirst().dropLast() {
                line.append(Point(x: items[item].x, y: tops[items[item].layer]))
                line.append(Point(x: items[item].x, y: bottoms[items[item].layer]))
            }
            line.append(Point(x: centers[edge.to].x + arrivals[index], y: tops[items[edge.to].layer]))
            return line
        }
    }
}
