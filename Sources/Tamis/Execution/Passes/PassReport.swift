/// What a pass did to a model: how the nodes before and after it differ, by name.
public struct PassReport: Sendable {
    /// A node that is gone, new or changed.
    public struct Change: Sendable, Hashable {
        /// What became of it.
        public enum Kind: Sendable, Hashable {
            /// It is gone; where a neighbour has taken over its work, into that one.
            case removed(into: String?)
            /// It is new.
            case added
            /// Its operation, its constants or the number of its inputs are others.
            case changed
        }

        /// The node's name.
        public let node: String
        /// What it computes, or did.
        public let operatorName: String
        /// What became of it.
        public let kind: Kind
    }

    /// The pass's name.
    public let pass: String
    /// The number of nodes it found.
    public let nodesBefore: Int
    /// The number of nodes it left.
    public let nodesAfter: Int
    /// The nodes that differ, in the order of the model they are in; new ones last.
    public let changes: [Change]

    init(_ pass: String, before: Model, after: Model) {
        self.pass = pass
        nodesBefore = before.graph.nodes.count
        nodesAfter = after.graph.nodes.count
        let old = Dictionary(before.graph.nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let new = Dictionary(after.graph.nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let changed = Set(
            old.values.filter { node in
                new[node.name].map { !node.isLike($0, before, after) } ?? false
            }.map(\.name))
        var readers: [Graph.ValueID: [Graph.Node]] = [:]
        for node in before.graph.nodes {
            for case let input? in node.inputs { readers[input, default: []].append(node) }
        }

        /// The changed node that a removed one touches, through other removed ones: one before it, or one behind it.
        func successor(of node: Graph.Node) -> String? {
            let directions: [(Graph.Node) -> [Graph.Node]] = [
                { $0.inputs.compactMap { $0.flatMap { before.graph.values[$0].node } }.map { before.graph.nodes[$0] } },
                { $0.outputs.flatMap { readers[$0] ?? [] } },
            ]
            for next in directions {
                var (front, seen): ([Graph.Node], Set<String>) = ([node], [node.name])
                while let node = front.popLast() {
                    for neighbour in next(node) where seen.insert(neighbour.name).inserted {
                        if changed.contains(neighbour.name) { return neighbour.name }
                        if new[neighbour.name] == nil { front.append(neighbour) }
                    }
                }
            }
            return nil
        }
        var changes: [Change] = []
        for node in before.graph.nodes {
            if new[node.name] == nil {
                changes.append(
                    Change(
                        node: node.name, operatorName: node.operation.kind,
                        kind: .removed(into: successor(of: node))))
            } else if changed.contains(node.name) {
                changes.append(Change(node: node.name, operatorName: node.operation.kind, kind: .changed))
            }
        }
        for node in after.graph.nodes where old[node.name] == nil {
            changes.append(Change(node: node.name, operatorName: node.operation.kind, kind: .added))
        }
        self.changes = changes
    }
}

extension PassReport.Change: CustomStringConvertible {
    public var description: String {
        switch kind {
        case .removed(let target?): "\(operatorName) \"\(node)\" goes into \"\(target)\""
        case .removed(nil): "\(operatorName) \"\(node)\" is gone"
        case .added: "\(operatorName) \"\(node)\" is new"
        case .changed: "\(operatorName) \"\(node)\" is changed"
        }
    }
}

extension Graph.Node {
    /// Whether another node does the same with the same constants.
    fileprivate func isLike(_ other: Graph.Node, _ model: Model, _ otherModel: Model) -> Bool {
        func key(_ operation: any Operator) -> AnyHashable {
            (operation as? any Hashable).map { AnyHashable($0) } ?? AnyHashable(operation.kind)
        }
        func isSame(_ left: Tensor?, _ right: Tensor?) -> Bool {
            guard let left, let right else { return left == nil && right == nil }
            if left.storage === right.storage { return true }
            let isShort = max(left.byteCount, right.byteCount) <= 1 << 10
            return isShort && (try? left.storage.make()) != nil && (try? right.storage.make()) != nil && left == right
        }
        guard inputs.count == other.inputs.count, key(operation) == key(other.operation) else { return false }
        return zip(inputs, other.inputs).allSatisfy {
            isSame($0.flatMap(model.constant), $1.flatMap(otherModel.constant))
        }
    }
}
