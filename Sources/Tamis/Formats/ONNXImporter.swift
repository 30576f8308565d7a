/// Makes a model of an ONNX file, node by node in the file's order.
///
/// What stands in the way is thrown at once, or collected, so that everything that is wrong with a file can be said in one
/// go.
final class ONNXImporter {
    private let file: ONNXModel
    private let operators: ONNXOperators
    private let limits: Limits
    private let external: ONNXExternalData
    private let collects: Bool
    /// What was found, in the file's order.
    private(set) var problems: [ModelProblem] = []
    private var nodeCount = 0
    private var functions: [FunctionKey: ONNXFunction] = [:]
    /// The nodes that a call of a function becomes, where that is known already.
    private var functionSizes: [FunctionKey: Int] = [:]

    /// What a node says of the function it calls.
    private struct FunctionKey: Hashable {
        var domain: String
        var name: String
        var overload: String
    }

    /// An importer of a file whose external data lie in `folder`. One that `collects` throws nothing that stands at a node.
    init(_ file: ONNXModel, operators: ONNXOperators, folder: String?, limits: Limits, collects: Bool = false) {
        self.file = file
        self.operators = operators
        self.limits = limits
        self.collects = collects
        external = ONNXExternalData(folder: folder, limits: limits)
    }

    /// The model. Its spatial operators stand between transposes, which `CancelTransposes` removes where it can.
    func model() throws(ImportError) -> Model {
        let versions = try versions(file.operatorSets)
        guard let version = versions[""] else {
            throw .invalidModel(node: nil, rule: "a file must say its version of ONNX's operator set", received: "none")
        }
        // An older file is read if it has only operators that have not changed since.
        let isKnown = !file.graph.nodes.isEmpty && file.graph.nodes.allSatisfy { row(for: $0, versions) != nil }
        guard ONNXOperators.versions.contains(version) || isKnown else {
            throw .unsupported(
                "version \(version) of ONNX's operator set, only \(ONNXOperators.versions.lowerBound) to "
                    + "\(ONNXOperators.versions.upperBound)", place: "the model")
        }
        try indexFunctions()
        if !collects { try refuseUnknownOperators(versions) }
        let scope = ONNXScope(graph: GraphBuilder(), versions: versions)
        try readInitializers(file.graph, scope)
        var names: Set<String> = []
        for input in file.graph.inputs {
            guard !input.name.isEmpty, names.insert(input.name).inserted else { throw duplicate(input.name, at: nil) }
            // An initializer among the inputs is the value of that input where none is given: here always.
            if scope.isDefined(input.name) { continue }
            let type = try type(of: input, in: scope)
            _ = scope.define(
                input.name, ONNXValue(scope.graph.input(input.name, type), name: input.name), isReserved: true)
        }
        try read(file.graph.nodes, scope)
        try readOutputs(file.graph, scope)
        warnOfDeclaredTypes(scope)
        var model = scope.graph.model
        model.nameValues(file.graph, scope)
        model.metadata = file.description
        return model
    }

    private func versions(_ sets: [ONNXOperatorSet]) throws(ImportError) -> [String: Int] {
        var versions: [String: Int] = [:]
        for set in sets {
            guard versions.updateValue(set.version, forKey: set.domain.canonicalDomain) == nil else {
                throw .invalidModel(
                    node: nil, rule: "a file must use one version of an operator set",
                    received: "two of \"\(set.domain)\"")
            }
        }
        return versions
    }

    // MARK: Operators

    /// The row that is true of a node.
    private func row(for node: ONNXNode, _ versions: [String: Int]) -> ONNXOperator? {
        let domain = node.domain.canonicalDomain
        guard let version = versions[domain], node.overload.isEmpty else { return nil }
        return operators.rows(node.operatorName, domain: domain).first { $0.versions.contains(version) }
    }

    private func indexFunctions() throws(ImportError) {
        for function in file.functions {
            let key = FunctionKey(
                domain: function.domain.canonicalDomain, name: function.name, overload: function.overload)
            guard functions.updateValue(function, forKey: key) == nil else {
                throw .invalidModel(
                    node: nil, rule: "each function must have a name of its own",
                    received: "\"\(function.name)\" a second time")
            }
        }
    }

    /// What names the function that a node calls, if it calls one.
    private func key(of node: ONNXNode) -> FunctionKey {
        FunctionKey(domain: node.domain.canonicalDomain, name: node.operatorName, overload: node.overload)
    }

    /// The number of nodes that nodes become when functions stand for their calls. Ten functions that each call the next ten
    /// times are ten thousand million nodes: that is known before the first of them is read.
    private func size(
        of nodes: [ONNXNode], _ versions: [String: Int], depth: Int
    ) throws(ImportError) -> Int {
        guard depth < Self.deepest else {
            throw .limit("functions within functions", limit: Self.deepest, received: depth + 1)
        }
        var sum = nodes.count
        for node in nodes {
            for graph in node.attributes.flatMap(\.value.subgraphs) {
                sum = min(sum + (try size(of: graph.nodes, versions, depth: depth + 1)), limits.nodes + 1)
            }
            let key = key(of: node)
            guard row(for: node, versions) == nil, let function = functions[key] else { continue }
            let size: Int
            if let known = functionSizes[key] {
                size = known
            } else {
                size = try self.size(
                    of: function.nodes, try functionVersions(function, versions), depth: depth + 1)
                functionSizes[key] = size
            }
            sum = min(sum + size, limits.nodes + 1)
        }
        return sum
    }

    private func unknownOperator(_ node: ONNXNode, _ name: String, _ versions: [String: Int]) -> UnknownOperator {
        let domain = node.domain.canonicalDomain
        return UnknownOperator(name: node.operatorName, domain: domain, version: versions[domain], node: name)
    }

    /// Names all operators that are missing at once, so that nobody meets them one by one.
    private func refuseUnknownOperators(_ versions: [String: Int]) throws(ImportError) {
        var unknown: [UnknownOperator] = []
        var known: Set<UnknownOperator.Key> = []
        var waiting: [(nodes: [ONNXNode], versions: [String: Int])] = [(file.graph.nodes, versions)]
        for function in file.functions {
            waiting.append((function.nodes, try functionVersions(function, versions)))
        }
        while let (nodes, versions) = waiting.popLast() {
            for (index, node) in nodes.enumerated() {
                waiting += node.attributes.flatMap(\.value.subgraphs).map { ($0.nodes, versions) }
                guard row(for: node, versions) == nil, functions[key(of: node)] == nil else { continue }
                let missing = unknownOperator(node, name(of: node, index), versions)
                if known.insert(missing.key).inserted { unknown.append(missing) }
            }
        }
        guard unknown.isEmpty else { throw .unknownOperators(unknown) }
    }

    // MARK: Before the nodes

    private func readInitializers(_ graph: ONNXGraph, _ scope: ONNXScope) throws(ImportError) {
        guard graph.sparseInitializerCount == 0 else {
            throw .unsupported("sparse initializers", place: "the graph")
        }
        for initializer in graph.initializers {
            let name = initializer.name
            guard !name.isEmpty else {
                throw .invalidModel(node: nil, rule: "an initializer must have a name", received: "none")
            }
            let value = ONNXValue(try initializer.tensor(external), name: name, isInitializer: scope.depth == 0)
            guard scope.define(name, value, isReserved: true) else { throw duplicate(name, at: nil) }
        }
    }

    private func type(of input: ONNXValueInfo, in scope: ONNXScope) throws(ImportError) -> ValueType {
        guard let type = input.type, let type = try valueType(type, of: input.name) else {
            throw .unsupported("an input of no known type", place: "input \"\(input.name)\"")
        }
        return type
    }

    /// A type of the file as one of values; nil where the file leaves it open.
    private func valueType(_ type: ONNXType, of name: String) throws(ImportError) -> ValueType? {
        switch type {
        case .tensor(let elementType?, let dimensions):
            guard dimensions?.count ?? 0 <= limits.rank else {
                throw .limit("the rank of \"\(name)\"", limit: limits.rank, received: dimensions?.count ?? 0)
            }
            let extents = try dimensions?.map { (dimension) throws(ImportError) in
                try self.dimension(dimension, of: name)
            }
            try ImportError.at("\"\(name)\"") { () throws(ShapeError) in try extents?.checkExtents() }
            return .tensor(elementType, extents)
        case .sequence(let element): return try valueType(element, of: name).map { .sequence($0) }
        case .optional(let element): return try valueType(element, of: name).map { .optional($0) }
        default: return nil
        }
    }

    private func dimension(_ dimension: ONNXDimension, of name: String) throws(ImportError) -> Dimension {
        switch dimension {
        case .fixed(let extent):
            // Some writers say −1 where they do not know.
            if extent == -1 { return .unknown }
            return .fixed(extent)
        // Names that say nothing: two extents of one such name need not be the same.
        case .named("?"), .named("None"): return .unknown
        case .named(let name): return .named(name)
        case .unknown: return .unknown
        }
    }

    // MARK: Nodes

    private func name(of node: ONNXNode, _ index: Int) -> String {
        node.name.isEmpty ? node.outputs.first { !$0.isEmpty } ?? "node \(index)" : node.name
    }

    /// The most that is said of one file.
    private static let mostProblems = 1000

    private func read(_ nodes: [ONNXNode], _ scope: ONNXScope) throws(ImportError) {
        for (index, node) in nodes.enumerated() {
            let name = scope.prefix + name(of: node, index)
            do throws(ImportError) {
                nodeCount += 1
                guard nodeCount <= limits.nodes else {
                    throw .limit(Self.nodesOfAModel, limit: limits.nodes, received: nodeCount)
                }
                if node.inputs.contains(where: scope.isUnread) {
                    // What stands behind an error is not read; that there is no such operator can be said all the same.
                    guard row(for: node, scope.versions) != nil || functions[key(of: node)] != nil else {
                        throw .unknownOperators([unknownOperator(node, name, scope.versions)])
                    }
                    for output in node.outputs where !output.isEmpty { scope.defineUnread(output) }
                } else {
                    try read(node, name: name, among: nodes, scope)
                }
            } catch {
                guard collects, nodeCount <= limits.nodes, problems.count < Self.mostProblems else { throw error }
                let domain = node.domain.canonicalDomain
                problems.append(
                    ModelProblem(
                        error, node: name,
                        operatorName: domain.isEmpty ? node.operatorName : "\(domain).\(node.operatorName)",
                        version: scope.versions[domain], inputs: node.inputs.map(scope.type)))
                for output in node.outputs where !output.isEmpty && !scope.isDefined(output) {
                    scope.defineUnread(output)
                }
            }
        }
    }

    private func read(
        _ node: ONNXNode, name: String, among nodes: [ONNXNode], _ scope: ONNXScope
    ) throws(ImportError) {
        var operands: [ONNXValue?] = []
        for input in node.inputs {
            let value = try ImportError.at("node \"\(name)\"") { () throws(ShapeError) in
                input.isEmpty ? nil : try scope.value(input)
            }
            guard input.isEmpty || value != nil else { throw unknownValue(input, at: name, among: nodes, scope) }
            operands.append(value)
        }
        let results: [ONNXValue]
        if let row = row(for: node, scope.versions), let version = scope.versions[row.domain] {
            while let last = operands.last, last == nil { operands.removeLast() }
            results = try read(node, name: name, row, version, operands, scope)
        } else if let function = functions[key(of: node)] {
            results = try call(function, node, name: name, operands, scope)
        } else {
            throw .unknownOperators([unknownOperator(node, name, scope.versions)])
        }
        for (output, value) in zip(node.outputs, results) where !output.isEmpty {
            guard scope.define(output, value) else { throw duplicate(output, at: name) }
        }
    }

    private func read(
        _ node: ONNXNode, name: String, _ row: ONNXOperator, _ version: Int, _ operands: [ONNXValue?],
        _ scope: ONNXScope
    ) throws(ImportError) -> [ONNXValue] {
        let reader = try ONNXNodeReader(
            node, name: scope.isReserved(name) ? "\(name)/\(node.operatorName)" : name, version: version, row: row,
            operands: operands, graph: scope.graph, limits: limits, external: external
        ) { (graph, types) throws(ImportError) in try self.body(graph, types, scope) }
        var results: [ONNXValue] = []
        switch row.reading {
        case .nodes(let read):
            for (index, symbol) in try read(reader).enumerated() {
                let output = index < node.outputs.count ? node.outputs[index] : ""
                results.append(
                    ONNXValue(try inFileOrder(symbol, row.axes(ofOutput: index), reader, scope), name: output))
            }
        case .firstInput(let others):
            results = [try reader.operand(0)]
            for (index, symbol) in try others(reader).enumerated() where index + 1 < node.outputs.count {
                results.append(ONNXValue(symbol, name: node.outputs[index + 1]))
            }
        case .constant(let read):
            results = [ONNXValue(try read(reader), name: node.outputs.first ?? name, isInitializer: false)]
        }
        try reader.finish()
        guard reader.outputCount <= results.count else {
            throw reader.unsupported("\(reader.outputCount) outputs of it, only \(results.count)")
        }
        return results
    }

    /// An output with its axes as the file has them.
    private func inFileOrder(
        _ symbol: Symbol, _ axes: ONNXAxes, _ reader: ONNXNodeReader, _ scope: ONNXScope
    ) throws(ImportError) -> Symbol {
        guard let rank = symbol.dimensions?.count else { return symbol }
        let order = axes.order(rank: rank)
        if order.isIdentity { return symbol }
        return try reader.shaped { () throws(ShapeError) in
            try scope.graph.call(Transpose(order.inverse), symbol, name: "\(reader.name)/channel_first")
        }
    }

    private static let nodesOfAModel = "the nodes of a model, its functions' at each call"

    // MARK: Graphs within

    private static let deepest = 32

    /// A graph that a node holds, as a model. `types` are those of the values it will be run on, where they are known: of
    /// its inputs' declared shapes only the number of axes counts, which is all that its nodes must know before it runs.
    private func body(
        _ graph: ONNXGraph, _ types: [ValueType?], _ outer: ONNXScope
    ) throws(ImportError) -> (ONNXBody, captures: [Symbol]) {
        guard outer.depth < Self.deepest else {
            throw .limit("graphs within graphs", limit: Self.deepest, received: outer.depth + 1)
        }
        let scope = ONNXScope(
            graph: GraphBuilder(), versions: outer.versions, prefix: outer.prefix, outer: outer, depth: outer.depth + 1)
        try readInitializers(graph, scope)
        for (index, input) in graph.inputs.enumerated() {
            let declared = try input.type.flatMap { (type) throws(ImportError) in try valueType(type, of: input.name) }
            let given = index < types.count ? types[index] : nil
            guard let type = given ?? declared else {
                throw .unsupported("an input of no known type", place: "input \"\(input.name)\" of a graph within")
            }
            let open: ValueType =
                if case .tensor(let elementType, let dimensions) = type {
                    .tensor(elementType, (dimensions ?? declared?.dimensions).map { $0.map { _ in .unknown } })
                } else {
                    type
                }
            let symbol = scope.graph.input(input.name, open)
            guard scope.define(input.name, ONNXValue(symbol, name: input.name), isReserved: true) else {
                throw duplicate(input.name, at: nil)
            }
        }
        try read(graph.nodes, scope)
        try readOutputs(graph, scope)
        var model = scope.graph.model
        model.nameValues(graph, scope)
        return (ONNXBody(model: model, inputCount: graph.inputs.count), scope.captures)
    }

    private func functionVersions(
        _ function: ONNXFunction, _ versions: [String: Int]
    ) throws(ImportError) -> [String: Int] {
        try self.versions(function.operatorSets).merging(versions) { own, _ in own }
    }

    /// The nodes of a function in the place of a node that calls it.
    private func call(
        _ function: ONNXFunction, _ node: ONNXNode, name: String, _ operands: [ONNXValue?], _ outer: ONNXScope
    ) throws(ImportError) -> [ONNXValue] {
        guard outer.depth < Self.deepest else {
            throw .limit("functions within functions", limit: Self.deepest, received: outer.depth + 1)
        }
        let size = nodeCount + (try size(of: [node], outer.versions, depth: outer.depth))
        guard size <= limits.nodes else {
            throw .limit(Self.nodesOfAModel, limit: limits.nodes, received: size)
        }
        guard operands.count <= function.inputs.count else {
            throw .invalidModel(
                node: name, rule: "\(function.name) takes \(function.inputs.count) inputs",
                received: "\(operands.count)")
        }
        guard node.outputs.count <= function.outputs.count else {
            throw .invalidModel(
                node: name, rule: "\(function.name) gives \(function.outputs.count) outputs",
                received: "\(node.outputs.count)")
        }
        let scope = ONNXScope(
            graph: outer.graph, versions: try functionVersions(function, outer.versions), prefix: "\(name)/",
            depth: outer.depth + 1)
        for (input, operand) in zip(function.inputs, operands) {
            guard let operand else { continue }
            guard scope.define(input, operand, isReserved: true) else { throw duplicate(input, at: name) }
        }
        var attributes: [String: ONNXAttribute.Value] = [:]
        for attribute in function.attributes + node.attributes { attributes[attribute.name] = attribute.value }
        // An input that the call leaves out is left out within.
        let absent = Set(function.inputs.dropFirst(operands.count)).union(
            zip(function.inputs, operands).filter { $0.1 == nil }.map(\.0))
        try read(function.nodes.map { $0.called(with: attributes, without: absent) }, scope)
        return try function.outputs.map { (output) throws(ImportError) in
            let value = try ImportError.at("node \"\(name)\"") { () throws(ShapeError) in try scope.value(output) }
            guard let value else { throw unknownValue(output, at: name, among: function.nodes, scope) }
            return value
        }
    }

    // MARK: After the nodes

    private func readOutputs(_ graph: ONNXGraph, _ scope: ONNXScope) throws(ImportError) {
        guard !graph.outputs.isEmpty else {
            throw .invalidModel(node: nil, rule: "a graph must have an output", received: "none")
        }
        var names: Set<String> = []
        for (index, output) in graph.outputs.enumerated() {
            var name = output.name
            while !names.insert(name).inserted {
                // A graph within may give one value twice.
                guard scope.depth > 0 else { throw duplicate(name, at: nil) }
                name += "/\(index)"
            }
            if scope.isUnread(output.name) { continue }
            let symbol = try ImportError.at("output \"\(output.name)\"") { () throws(ShapeError) in
                try scope.value(output.name)?.symbol(.same, in: scope.graph)
            }
            guard let symbol else { throw unknownValue(output.name, at: nil, among: graph.nodes, scope) }
            scope.graph.output(symbol, name: name)
        }
    }

    /// What the file declares of its outputs can be wrong; what the operators say is what counts.
    private func warnOfDeclaredTypes(_ scope: ONNXScope) {
        let found = Dictionary(scope.graph.graph.outputs.map { ($0.name, $0.value) }) { first, _ in first }
        for output in file.graph.outputs {
            guard let declared = try? output.type.flatMap({ try valueType($0, of: output.name) }),
                let value = found[output.name]
            else { continue }
            let type = scope.graph.graph.values[value].type
            if !type.agrees(with: declared) {
                problems.append(
                    ModelProblem(
                        severity: .warning, node: nil,
                        text: "the output \"\(output.name)\" is \(type); the file declares it as \(declared)",
                        remedy: "nothing needs to be done: the declaration is not used"))
            }
        }
    }

    // MARK: Errors

    private func duplicate(_ name: String, at node: String?) -> ImportError {
        .invalidModel(node: node, rule: "each value must have a name of its own", received: "\"\(name)\" a second time")
    }

    private func unknownValue(
        _ name: String, at node: String?, among nodes: [ONNXNode], _ scope: ONNXScope
    ) -> ImportError {
        let comesLater = scope.isWritten(name, by: nodes)
        return .invalidModel(
            node: node,
            rule: comesLater
                ? "the nodes must come after those whose outputs they read, without a cycle"
                : "a value must be an input, an initializer or an output of a node", received: "\"\(name)\"")
    }
}

extension ValueType {
    /// Whether both can be true of a value.
    fileprivate func agrees(with other: ValueType) -> Bool {
        switch (self, other) {
        case (.tensor(let a, let left), .tensor(let b, let right)):
            guard a == b, let left, let right else { return a == b }
            return left.count == right.count
                && zip(left, right).allSatisfy { ($0.value ?? $1.value) == ($1.value ?? $0.value) }
        case (.sequence(let a), .sequence(let b)), (.optional(let a), .optional(let b)): return a.agrees(with: b)
        default: return false
        }
    }
}

extension ONNXNode {
    /// A node of a function with the attributes of the call in the place of references to them, and without the inputs
    /// that the call does not give.
    fileprivate func called(with values: [String: ONNXAttribute.Value], without absent: Set<String>) -> ONNXNode {
        var node = self
        node.inputs = inputs.map { absent.contains($0) ? "" : $0 }
        node.attributes = attributes.compactMap { attribute in
            guard case .reference(let name, _) = attribute.value else { return attribute }
            return values[name].map { ONNXAttribute(attribute.name, $0) }
        }
        return node
    }
}

extension ONNXAttribute.Value {
    /// The graphs it holds.
    var subgraphs: [ONNXGraph] {
        switch self {
        case .graph(let graph): [graph]
        case .graphs(let graphs): graphs
        default: []
        }
    }
}

extension Model {
    /// Gives the values that nodes compute the names they have in the file, so that each can be asked for.
    fileprivate mutating func nameValues(_ file: ONNXGraph, _ scope: ONNXScope) {
        let computed = scope.computed
        var wanted: [Graph.ValueID: String] = [:]
        for node in file.nodes {
            for output in node.outputs {
                guard let id = computed[output], wanted[id] == nil else { continue }
                wanted[id] = output
            }
        }
        graph.rename(wanted)
    }
}

extension ONNXModel {
    /// What the file says of the model, for `Model.metadata`.
    fileprivate var description: [String: String] {
        var description: [String: String] = [:]
        for entry in metadata { description[entry.key] = entry.value }
        let producer = [producerName, producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        for (key, text) in [("producer", producer), ("name", graph.name), ("description", documentation)]
        where !text.isEmpty {
            description[key] = text
        }
        return description
    }
}

extension String {
    /// ONNX's own domain has two names.
    fileprivate var canonicalDomain: String { self == "ai.onnx" ? "" : self }
}
