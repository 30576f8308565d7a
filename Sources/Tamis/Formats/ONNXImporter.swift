/// Makes a model of an ONNX file, node by node in the file's order.
struct ONNXImporter {
    private let file: ONNXModel
    private let operators: ONNXOperators
    private let limits: Limits
    private let graph = GraphBuilder()
    /// The version of each domain's operator set.
    private var versions: [String: Int] = [:]
    /// What is known so far, by the file's names.
    private var values: [String: ONNXValue] = [:]
    /// The names of inputs and initializers, which no node may take from them.
    private var reserved: Set<String> = []

    init(_ file: ONNXModel, operators: ONNXOperators, limits: Limits) {
        self.file = file
        self.operators = operators
        self.limits = limits
    }

    /// The model. Its spatial operators stand between transposes, which `CancelTransposes` removes where it can.
    mutating func model() throws(ImportError) -> Model {
        try readOperatorSets()
        guard file.graph.sparseInitializerCount == 0 else {
            throw .unsupported("sparse initializers", place: "the graph")
        }
        try refuseUnknownOperators()
        try readInitializers()
        try readInputs()
        for node in file.graph.nodes { try read(node) }
        return try finished()
    }

    // MARK: Before the nodes

    private mutating func readOperatorSets() throws(ImportError) {
        for set in file.operatorSets {
            guard versions.updateValue(set.version, forKey: set.domain.canonicalDomain) == nil else {
                throw .invalidModel(
                    node: nil, rule: "a file must use one version of an operator set",
                    received: "two of \"\(set.domain)\"")
            }
        }
        guard let version = versions[""] else {
            throw .invalidModel(node: nil, rule: "a file must say its version of ONNX's operator set", received: "none")
        }
        // An older file is read if it has only operators that have not changed since.
        let isKnown = !file.graph.nodes.isEmpty && file.graph.nodes.allSatisfy { row(for: $0) != nil }
        guard ONNXOperators.versions.contains(version) || isKnown else {
            throw .unsupported(
                "version \(version) of ONNX's operator set, only \(ONNXOperators.versions.lowerBound) to "
                    + "\(ONNXOperators.versions.upperBound)", place: "the model")
        }
    }

    /// The row that is true of a node.
    private func row(for node: ONNXNode) -> ONNXOperator? {
        let domain = node.domain.canonicalDomain
        guard let version = versions[domain], node.overload.isEmpty else { return nil }
        return operators.rows(node.operatorName, domain: domain).first { $0.versions.contains(version) }
    }

    /// Names all operators that are missing at once, so that nobody meets them one by one.
    private func refuseUnknownOperators() throws(ImportError) {
        var unknown: [UnknownOperator] = []
        var known: Set<UnknownOperator.Key> = []
        for (index, node) in file.graph.nodes.enumerated() where row(for: node) == nil {
            let domain = node.domain.canonicalDomain
            if file.functions.contains(where: { $0.name == node.operatorName && $0.domain.canonicalDomain == domain }) {
                throw .unsupported("functions of the model's own", place: place(node, index))
            }
            let missing = UnknownOperator(
                name: node.operatorName, domain: domain, version: versions[domain], node: name(of: node, index))
            if known.insert(missing.key).inserted { unknown.append(missing) }
        }
        guard unknown.isEmpty else { throw .unknownOperators(unknown) }
    }

    private mutating func readInitializers() throws(ImportError) {
        for initializer in file.graph.initializers {
            let name = initializer.name
            guard !name.isEmpty else {
                throw .invalidModel(node: nil, rule: "an initializer must have a name", received: "none")
            }
            let value = ONNXValue(try initializer.tensor(), name: name, isInitializer: true)
            guard values.updateValue(value, forKey: name) == nil else { throw duplicate(name, at: nil) }
            reserved.insert(name)
        }
    }

    private mutating func readInputs() throws(ImportError) {
        var names: Set<String> = []
        for input in file.graph.inputs {
            guard !input.name.isEmpty, names.insert(input.name).inserted else { throw duplicate(input.name, at: nil) }
            // An initializer among the inputs is the value of that input where none is given: here always.
            if values[input.name] != nil { continue }
            guard case .tensor(let elementType?, let dimensions)? = input.type else {
                throw .unsupported("an input that is no tensor of a known type", place: "input \"\(input.name)\"")
            }
            guard dimensions?.count ?? 0 <= limits.rank else {
                throw .limit(
                    "the rank of input \"\(input.name)\"", limit: limits.rank, received: dimensions?.count ?? 0)
            }
            let extents = try dimensions?.map { (dimension) throws(ImportError) in
                try self.dimension(dimension, of: input.name)
            }
            reserved.insert(input.name)
            values[input.name] = ONNXValue(
                graph.input(input.name, .tensor(elementType, extents)), name: input.name)
        }
    }

    private func dimension(_ dimension: ONNXDimension, of input: String) throws(ImportError) -> Dimension {
        switch dimension {
        case .fixed(let extent):
            _ = try ImportError.at("input \"\(input)\"") { () throws(ShapeError) in try Shape([extent]) }
            return .fixed(extent)
        case .named(let name): return .named(name)
        case .unknown: return .unknown
        }
    }

    // MARK: Nodes

    private func name(of node: ONNXNode, _ index: Int) -> String {
        node.name.isEmpty ? node.outputs.first { !$0.isEmpty } ?? "node \(index)" : node.name
    }

    private func place(_ node: ONNXNode, _ index: Int) -> String {
        "node \"\(name(of: node, index))\" (\(node.operatorName))"
    }

    private mutating func read(_ node: ONNXNode) throws(ImportError) {
        let index = graph.graph.nodes.count
        let name = name(of: node, index)
        guard let row = row(for: node), let version = versions[row.domain] else { return }
        var operands: [ONNXValue?] = []
        for input in node.inputs {
            guard input.isEmpty || values[input] != nil else { throw unknownValue(input, at: name) }
            operands.append(input.isEmpty ? nil : values[input])
        }
        while let last = operands.last, last == nil { operands.removeLast() }
        let reader = try ONNXNodeReader(
            node, name: reserved.contains(name) ? "\(name)/\(node.operatorName)" : name, version: version, row: row,
            operands: operands, graph: graph, limits: limits)

        var results: [ONNXValue] = []
        switch row.reading {
        case .nodes(let read):
            for (index, symbol) in try read(reader).enumerated() {
                let output = index < node.outputs.count ? node.outputs[index] : ""
                results.append(ONNXValue(try inFileOrder(symbol, row.axes(ofOutput: index), reader), name: output))
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
        for (output, value) in zip(node.outputs, results) where !output.isEmpty {
            guard values.updateValue(value, forKey: output) == nil else { throw duplicate(output, at: name) }
        }
    }

    /// An output with its axes as the file has them.
    private func inFileOrder(
        _ symbol: Symbol, _ axes: ONNXAxes, _ reader: ONNXNodeReader
    ) throws(ImportError) -> Symbol {
        guard let rank = symbol.dimensions?.count else { return symbol }
        let order = axes.order(rank: rank)
        if order.isIdentity { return symbol }
        return try reader.shaped { () throws(ShapeError) in
            try graph.call(Transpose(order.inverse), symbol, name: "\(reader.name)/channel_first")
        }
    }

    // MARK: After the nodes

    private func finished() throws(ImportError) -> Model {
        guard !file.graph.outputs.isEmpty else {
            throw .invalidModel(node: nil, rule: "a graph must have an output", received: "none")
        }
        var names: Set<String> = []
        for output in file.graph.outputs {
            guard names.insert(output.name).inserted else { throw duplicate(output.name, at: nil) }
            guard let value = values[output.name] else { throw unknownValue(output.name, at: nil) }
            let symbol = try ImportError.at("output \"\(output.name)\"") { () throws(ShapeError) in
                try value.symbol(.same, in: graph)
            }
            graph.output(symbol, name: output.name)
        }
        var model = graph.model
        model.nameValues(as: file, values)
        model.metadata = file.description
        return model
    }

    // MARK: Errors

    private func duplicate(_ name: String, at node: String?) -> ImportError {
        .invalidModel(node: node, rule: "each value must have a name of its own", received: "\"\(name)\" a second time")
    }

    private func unknownValue(_ name: String, at node: String?) -> ImportError {
        let comesLater = file.graph.nodes.contains { $0.outputs.contains(name) }
        return .invalidModel(
            node: node,
            rule: comesLater
                ? "the nodes must come after those whose outputs they read, without a cycle"
                : "a value must be an input, an initializer or an output of a node", received: "\"\(name)\"")
    }
}

extension Model {
    /// Gives the values that nodes compute the names they have in the file, so that each can be asked for.
    fileprivate mutating func nameValues(as file: ONNXModel, _ values: [String: ONNXValue]) {
        var wanted: [Graph.ValueID: String] = [:]
        for node in file.graph.nodes {
            for output in node.outputs {
                guard let id = values[output]?.computedID, wanted[id] == nil else { continue }
                wanted[id] = output
            }
        }
        var taken = Set(wanted.values)
        for id in graph.values.indices where graph.values[id].node == nil { taken.insert(graph.values[id].name) }
        for id in graph.values.indices where graph.values[id].node != nil {
            if let name = wanted[id] {
                graph.values[id].name = name
            } else {
                var name = graph.values[id].name
                while !taken.insert(name).inserted { name += "/inner" }
                graph.values[id].name = name
            }
        }
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
