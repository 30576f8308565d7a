/// Chooses yes or no for each of many variables so that what the choices cost is least: a minimum cut of a network.
///
/// Costs are of two kinds: of a choice, and of a "no" beside a "yes". Where several choices cost the same, "yes" is chosen.
/// The flow of the network is found by paths of fewest edges, level by level (Dinic).
struct MinimumCut {
    /// A variable.
    typealias Variable = Int

    private struct Edge {
        var target: Int
        var capacity: Int
    }

    // Nodes 0 and 1 are what is always yes and always no. Edge 2k + 1 leads back along edge 2k.
    private static let yes = 0
    private static let no = 1
    private var edges: [Edge] = []
    private var edgesOf: [[Int]] = [[], []]

    init() {}

    /// A new variable.
    mutating func variable() -> Variable {
        edgesOf.append([])
        return edgesOf.count - 1
    }

    /// A yes of `variable` costs so much.
    mutating func charge(yes variable: Variable, _ cost: Int) { connect(variable, Self.no, cost) }

    /// A no of `variable` costs so much.
    mutating func charge(no variable: Variable, _ cost: Int) { connect(Self.yes, variable, cost) }

    /// A no of `variable` beside a yes of `other` costs so much.
    mutating func charge(no variable: Variable, besideYes other: Variable, _ cost: Int) {
        connect(other, variable, cost)
    }

    private mutating func connect(_ source: Int, _ target: Int, _ capacity: Int) {
        edgesOf[source].append(edges.count)
        edges.append(Edge(target: target, capacity: capacity))
        edgesOf[target].append(edges.count)
        edges.append(Edge(target: source, capacity: 0))
    }

    /// For each variable the choice.
    mutating func solved() -> (Variable) -> Bool {
        while let levels = levels() { push(levels) }
        // What can still reach "no" must be one; all else may be "yes".
        var isNo = [Bool](repeating: false, count: edgesOf.count)
        isNo[Self.no] = true
        var front = [Self.no]
        while let node = front.popLast() {
            for edge in edgesOf[node] where edges[edge ^ 1].capacity > 0 && !isNo[edges[edge].target] {
                isNo[edges[edge].target] = true
                front.append(edges[edge].target)
            }
        }
        return { !isNo[$0] }
    }

    /// The distance of each node from "yes" along edges that can take more; nil where "no" is out of reach.
    private func levels() -> [Int]? {
        var levels = [Int](repeating: -1, count: edgesOf.count)
        levels[Self.yes] = 0
        var (front, position) = ([Self.yes], 0)
        while position < front.count {
            let node = front[position]
            position += 1
            for edge in edgesOf[node] where edges[edge].capacity > 0 && levels[edges[edge].target] < 0 {
                levels[edges[edge].target] = levels[node] + 1
                front.append(edges[edge].target)
            }
        }
        return levels[Self.no] < 0 ? nil : levels
    }

    /// Fills every path of these levels.
    private mutating func push(_ levels: [Int]) {
        var next = [Int](repeating: 0, count: edgesOf.count)
        var path: [Int] = []
        var node = Self.yes
        while true {
            if node == Self.no {
                let amount = path.reduce(Int.max) { min($0, edges[$1].capacity) }
                for edge in path {
                    edges[edge].capacity -= amount
                    edges[edge ^ 1].capacity += amount
                }
                // On from the first edge that is full.
                let full = path.firstIndex { edges[$0].capacity == 0 } ?? 0
                node = edges[path[full] ^ 1].target
                path.removeSubrange(full...)
            } else if next[node] < edgesOf[node].count {
                let edge = edgesOf[node][next[node]]
                if edges[edge].capacity > 0, levels[edges[edge].target] == levels[node] + 1 {
                    path.append(edge)
                    node = edges[edge].target
                } else {
                    next[node] += 1
                }
            } else if let edge = path.popLast() {
                node = edges[edge ^ 1].target
                next[node] += 1
            } else {
                return
            }
        }
    }
}
