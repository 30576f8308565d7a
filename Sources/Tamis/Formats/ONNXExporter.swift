/// Writes a model as an ONNX file.
///
/// Each spatial operator is put between transposes to ONNX's order of axes and back; `CancelTransposes` then leaves the
/// few that are needed. So the file keeps the inputs and outputs of the model as they are.
struct ONNXExporter {
    private let operators: ONNXOperators
    private let version: Int

    init(operators: ONNXOperators, version: Int) throws(ExportError) {
        guard ONNXOperators.writtenVersions.contains(version) else {
            throw .unsupported(
                "version \(version) of ONNX's operator set, only \(ONNXOperators.writtenVersions.lowerBound) to "
                    + "\(ONNXOperators.writtenVersions.upperBound)", place: "the model")
        }
        self.operators = operators
        self.version = version
    }

    /// The file of a model, which may stand within another one.
    func file(of model: Model, isWithin: Bool = false) throws(ExportError) -> ONNXModel {
        guard model.graph.updates.isEmpty else {
            throw .unsupported("a step of training, which changes parameters", place: "the graph")
        }
        let lower = LowerActivations(version: version)
        let read = try rewriting { () throws(PlanError) in
            try lower(GemmTerms(operators, version: version)(DropUnread()(model)))
        }
        var written: [Int: Written] = [:]
        for (index, node) in read.graph.nodes.enumerated() { written[index] = try self.written(node, in: read) }
        let ordered = try rewriting { () throws(PlanError) in
            let ordered = try lower(CancelTransposes(isForFile: true)(inFileOrder(read, written)))
            return try JoinNodes(operators, version: version)(ordered)
        }
        return try emit(ordered, isWithin: isWithin)
    }

    /// A model within the model, as a graph of the file whose last inputs are values of the graph around it. No name of
    /// its own may be one of a graph around it.
    private func graph(
        of body: Model, captures: [String], prefix: String, domains: inout [String: Int]
    ) throws(ExportError) -> ONNXGraph {
        let file = try file(of: body, isWithin: true)
        for set in file.operatorSets { domains[set.domain] = set.version }
        var graph = file.graph
        let ownCount = graph.inputs.count - captures.count
        guard ownCount >= 0 else {
            throw .unsupported("a graph that reads more than it is given", place: "\"\(prefix)\"")
        }
        var names: [String: String] = ["": ""]
        for (input, outer) in zip(graph.inputs.dropFirst(ownCount), captures) { names[input.name] = outer }
        graph.inputs.removeLast(captures.count)
        graph.rename { name in
            if let known = names[name] { return known }
            let new = "\(prefix)/\(name)"
            names[name] = new
            return new
        }
        return graph
    }

    private typealias Written = (row: ONNXOperator, node: ONNXNodeWriter)

    /// What stands in the file for a node.
    private func written(_ node: Graph.Node, in model: Model) throws(ExportError) -> Written {
        if let done = node.operation as? ONNXNodeOperator { return (done.row, done.node) }
        let place = "node \"\(node.name)\" (\(node.operation.kind))"
        let types = node.inputs.map { $0.map { model.graph.values[$0].type } }
        let start = ONNXNodeWriter(version: version, inputs: types, place: place)
        guard let written = try operators.row(for: node.operation, start) else {
            throw .unsupported("the operator \(node.operation.kind)", place: place)
        }
        return written
    }

    private func rewriting(_ body: () throws(PlanError) -> Model) throws(ExportError) -> Model {
        do throws(PlanError) { return try body() } catch { throw .unsupported("\(error)", place: "the graph") }
    }

    // MARK: Order of axes

    /// The model with each spatial operator on values in the file's order, and what is added and activations as nodes of their own.
    private func inFileOrder(_ model: Model, _ written: [Int: Written]) throws(PlanError) -> Model {
        var rewriter = Rewriter(model)
        var filters: [Graph.ValueID: Symbol] = [:]
        return try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard let index = node.outputs.first.flatMap({ model.graph.values[$0].node }),
                let (row, form) = written[index],
                !row.inputs.isEmpty || !row.outputs.isEmpty || form.activation != .linear || !form.addends.isEmpty
            else { return false }
            var inputs: [Symbol?] = []
            for (position, id) in node.inputs.enumerated() where !form.addends.contains(position) {
                let axes = row.axes(ofInput: position)
                guard let id, let rank = model.graph.values[id].type.dimensions?.count, axes != .same else {
                    inputs.append(id.map { rewriter.copy($0) })
                    continue
                }
                // Constant filters are written in the file's order, under their name.
                let toFile = axes.order(rank: rank).inverse
                if let known = filters[id], axes == .filters {
                    inputs.append(known)
                } else if axes == .filters, let tensor = model.constant(id) {
                    let symbol = rewriter.graph.parameter(model.graph.values[id].name, try tensor.permuted(by: toFile))
                    filters[id] = symbol
                    inputs.append(symbol)
                } else {
                    inputs.append(try rewriter.graph.transposed(rewriter.copy(id), by: toFile))
                }
            }
            // For each output, what brings the file's order to Tamis's.
            let orders = node.outputs.enumerated().map { position, id in
                model.graph.values[id].type.dimensions.map { row.axes(ofOutput: position).order(rank: $0.count) }
            }
            let types = zip(node.outputs, orders).map { id, order in
                let type = model.graph.values[id].type
                guard case .tensor(let elementType, let dimensions?) = type, let order else { return type }
                return .tensor(elementType, order.inverse.apply(to: dimensions))
            }
            let operation = ONNXNodeOperator(
                row: row, node: form, types: types, valueOperands: node.operation.valueOperands)
            var symbols = try rewriter.graph.append(operation, inputs, name: node.name)
            for (position, order) in orders.enumerated() {
                symbols[position] = try rewriter.graph.transposed(
                    symbols[position], by: order ?? .identity(rank: 0))
            }
            for case let addend? in form.addends.map({ $0 < node.inputs.count ? node.inputs[$0] : nil }) {
                symbols[0] = try rewriter.graph.call(
                    Arithmetic(.add), symbols[0], rewriter.copy(addend), name: "\(node.name)/add")
            }
            if form.activation != .linear {
                symbols[0] = try rewriter.graph.call(
                    Activate(form.activation), symbols[0], name: "\(node.name)/\(form.activation.name)")
            }
            for (id, symbol) in zip(node.outputs, symbols) { rewriter.replace(id, by: symbol) }
            return true
        }
    }

    // MARK: The file

    private func emit(_ model: Model, isWithin: Bool) throws(ExportError) -> ONNXModel {
        let graph = model.graph
        var file = ONNXGraph()
        file.name = model.metadata["name"] ?? "model"
        var names = try FileNames(graph)
        for id in graph.inputs {
            file.inputs.append(ONNXValueInfo(names[id], type: ONNXType(graph.values[id].type)))
        }
        var domains: [String: Int] = ["": version]

        let doubtful = isWithin ? [] : graph.learnable
        // Each constant before its first reader, be that a node or an output.
        var written: Set<Graph.ValueID> = []
        func addConstant(_ id: Graph.ValueID) {
            guard let tensor = model.constant(id), written.insert(id).inserted else { return }
            let content = ONNXTensor(tensor, name: names[id])
            // A file tells constants from what was learned by the node Constant, where there could be a doubt.
            if graph.values[id].constant != nil, doubtful.contains(id) {
                file.nodes.append(
                    ONNXNode(
                        "Constant", inputs: [], outputs: [names[id]],
                        attributes: [
                            ONNXAttribute("value", .tensor(ONNXTensor(tensor)))
                        ]))
            } else {
                file.initializers.append(content)
            }
        }
        for node in graph.nodes {
            for case let input? in node.inputs { addConstant(input) }
            var (row, form) = try self.written(node, in: model)
            for (name, body, captures) in form.bodies {
                let outer = node.inputs[captures].compactMap { $0.map { names[$0] } }
                let inner = try self.graph(of: body, captures: outer, prefix: "\(node.name)/\(name)", domains: &domains)
                form.set(name, inner)
            }
            if !row.domain.isEmpty { domains[row.domain] = row.versions.lowerBound }
            let isRead = node.outputs.map(names.isRead)
            let count = form.keepsOutputs ? node.outputs.count : (isRead.lastIndex(of: true) ?? 0) + 1
            let captured = form.bodies.map(\.captures.lowerBound).min() ?? node.inputs.count
            var inputs = node.inputs.prefix(captured).map { $0.map { names[$0] } ?? "" }
            for (position, tensor) in form.constants.sorted(by: { $0.key < $1.key }) {
                while inputs.count <= position { inputs.append("") }
                inputs[position] = names.unique("\(node.name)/input_\(position)")
                file.initializers.append(ONNXTensor(tensor, name: inputs[position]))
            }
            var node = ONNXNode(
                row.name, inputs: inputs, outputs: node.outputs.prefix(count).map { names[$0] }, name: node.name,
                attributes: form.attributes)
            while node.inputs.last == "" { node.inputs.removeLast() }
            node.domain = row.domain
            file.nodes.append(node)
        }
        for output in graph.outputs {
            addConstant(output.value)
            if names[output.value] != output.name {
                file.nodes.append(ONNXNode("Identity", inputs: [names[output.value]], outputs: [output.name]))
            }
            file.outputs.append(
                ONNXValueInfo(output.name, type: ONNXType(graph.values[output.value].type)))
        }

        var result = ONNXModel(
            graph: file,
            operatorSets: domains.sorted { $0.key < $1.key }.map { ONNXOperatorSet(domain: $0.key, version: $0.value) })
        result.producerName = "Tamis"
        result.documentation = model.metadata["description"] ?? ""
        for (key, value) in model.metadata.sorted(by: { $0.key < $1.key })
        where !["name", "producer", "description"].contains(key) {
            result.metadata.append(ONNXEntry(key: key, value: value))
        }
        return result
    }
}

/// The names of values in a file: an output of the model is computed under its own name where it can be.
private struct FileNames {
    private var names: [String] = []
    private var taken: Set<String>
    private let readers: [[Int]]
    private let results: Set<Graph.ValueID>

    init(_ graph: Graph) throws(ExportError) {
        readers = graph.consumers
        results = graph.results
        taken = Set(graph.values.filter { $0.node == nil }.map(\.name))
        var outputNames: [Graph.ValueID: String] = [:]
        for output in graph.outputs {
            let isItself = graph.values[output.value].node == nil && graph.values[output.value].name == output.name
            guard isItself || taken.insert(output.name).inserted else {
                throw .unsupported("two values of one name", place: "output \"\(output.name)\"")
            }
            if graph.values[output.value].node != nil, outputNames[output.value] == nil {
                outputNames[output.value] = output.name
            }
        }
        for (id, value) in graph.values.enumerated() {
            let name = outputNames[id] ?? value.name
            names.append(value.node != nil && outputNames[id] == nil ? unique(name) : name)
        }
    }

    subscript(id: Graph.ValueID) -> String { names[id] }

    /// The name, or a longer one that no value has yet.
    mutating func unique(_ name: String) -> String {
        var name = name
        while !taken.insert(name).inserted { name += "/inner" }
        return name
    }

    /// Whether a node or the caller wants a value.
    func isRead(_ id: Graph.ValueID) -> Bool { !readers[id].isEmpty || results.contains(id) }
}

/// A node of a file in a graph that is being put in the file's order of axes. It is never run.
struct ONNXNodeOperator: Operator {
    let row: ONNXOperator
    let node: ONNXNodeWriter
    let types: [ValueType]
    var valueOperands: [Int] = []

    var kind: String { row.name }

    func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] { types }

    func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        throw .unsupported(operator: kind, rule: "it stands in files only", received: "a plan")
    }
}

extension Graph {
    /// The values that could be learned: floats, of some axis, that are read for more than numbers that say what a node does.
    fileprivate var learnable: Set<ValueID> {
        var read = Set(outputs.map(\.value))
        for node in nodes {
            for (position, id) in node.inputs.enumerated() where !node.operation.valueOperands.contains(position) {
                if let id { read.insert(id) }
            }
        }
        return read.filter { id in
            guard case .tensor(let elementType, let dimensions) = values[id].type else { return false }
            return elementType.isComputable && dimensions?.isEmpty == false
        }
    }
}

extension GraphBuilder {
    fileprivate func transposed(_ symbol: Symbol, by order: Permutation) throws(ShapeError) -> Symbol {
        order.isIdentity ? symbol : try call(Transpose(order), symbol)
    }
}
