/// Builds a graph node by node; each is checked by its operator's shape rule when it is appended.
///
/// A builder belongs to one task; what it has built, `graph` and `parameters`, are values.
public final class GraphBuilder {
    /// The graph so far.
    public private(set) var graph = Graph()
    /// The values of the parameters so far.
    public private(set) var parameters = Parameters()
    /// What the initial values of new parameters are drawn from.
    public let seed: UInt64

    private var names: Set<String> = []
    /// How often a stem of names was used, so that a thousand nodes of one kind are named in linear time.
    private var stems: [String: Int] = [:]
    private var layerNames: Set<String> = []
    private var layerStems: [String: Int] = [:]
    /// The parameters of the layers called so far, so that a layer called twice shares them.
    private var shared: [SharedKey: Symbol] = [:]

    private struct SharedKey: Hashable {
        var owner: ObjectIdentifier
        var role: String
    }

    /// An empty graph.
    public init(seed: UInt64 = 0) { self.seed = seed }

    /// A graph to be continued.
    public init(continuing model: Model, seed: UInt64 = 0) {
        self.seed = seed
        graph = model.graph
        parameters = model.parameters
        names = Set(graph.values.map(\.name) + graph.nodes.map(\.name))
    }

    /// What has been built.
    public var model: Model { Model(graph: graph, parameters: parameters) }

    /// The symbol of a value.
    public func symbol(_ id: Graph.ValueID) -> Symbol { Symbol(graph: self, id: id) }

    /// A name that nothing in the graph has yet: the stem itself, or the stem with a number, as Keras counts.
    public func uniqueName(_ stem: String) -> String {
        var name = stem
        var count = stems[stem, default: 0]
        while !names.insert(name).inserted {
            count += 1
            name = "\(stem)_\(count)"
        }
        stems[stem] = count
        return name
    }

    /// A name for a layer, whose nodes and parameters then begin with it.
    package func uniqueLayerName(_ stem: String) -> String {
        var name = stem
        var count = layerStems[stem, default: 0]
        while layerNames.contains(name) {
            count += 1
            name = "\(stem)_\(count)"
        }
        layerStems[stem] = count
        layerNames.insert(name)
        return name
    }

    private func append(_ value: Graph.Value) -> Symbol {
        graph.values.append(value)
        return symbol(graph.values.count - 1)
    }

    /// A value given at each run.
    public func input(_ name: String, _ type: ValueType) -> Symbol {
        let symbol = append(Graph.Value(name: uniqueName(name), type: type, source: .input))
        graph.inputs.append(symbol.id)
        return symbol
    }

    /// A value that is the same in each run.
    public func constant(_ tensor: Tensor, name: String = "constant") -> Symbol {
        append(
            Graph.Value(
                name: uniqueName(name), type: .tensor(tensor.elementType, tensor.shape), source: .constant(tensor)))
    }

    /// A constant without axes, of a float type.
    public func scalar(_ value: Double, _ elementType: ElementType) throws(ShapeError) -> Symbol {
        try constant(Tensor(scalar: value).converted(to: elementType), name: "scalar")
    }

    /// A learned value with the tensor it starts from.
    public func parameter(_ name: String, _ initial: Tensor, isTrainable: Bool = true) -> Symbol {
        let name = uniqueName(name)
        parameters[name] = initial
        return append(
            Graph.Value(
                name: name, type: .tensor(initial.elementType, initial.shape),
                source: .parameter(isTrainable: isTrainable)))
    }

    /// The parameter that plays a role for an owner: made at the first call, the same symbol at each later one.
    public func parameter(
        _ role: String, of owner: AnyObject, make: (GraphBuilder) throws(ShapeError) -> Symbol
    ) throws(ShapeError) -> Symbol {
        let key = SharedKey(owner: ObjectIdentifier(owner), role: role)
        if let symbol = shared[key] { return symbol }
        let symbol = try make(self)
        shared[key] = symbol
        return symbol
    }

    /// Appends a node; the type of each output follows from the operator's shape rule. Constants that the operator can hold
    /// as attributes are no inputs of the node.
    @discardableResult
    public func append(
        _ operation: any Operator, _ inputs: [Symbol?], name: String? = nil
    ) throws(ShapeError) -> [Symbol] {
        let name = uniqueName(name ?? operation.kind)
        guard inputs.allSatisfy({ $0.map { $0.graph === self } ?? true }) else {
            throw .at(
                node: name, operator: operation.kind,
                .mismatch(rule: "the inputs must be values of this graph", received: "one of another"))
        }
        let operands = Operands(
            inputs.map { $0.map { Operand(type: $0.type, constant: graph.values[$0.id].constant) } },
            operatorName: operation.kind)
        let types: [ValueType]
        var (operation, inputs) = (operation, inputs)
        do throws(ShapeError) {
            types = try operation.outputTypes(for: operands)
            if let absorbing = try operation.absorbing(operands) {
                for position in operation.valueOperands where position < inputs.count { inputs[position] = nil }
                while let last = inputs.last, last == nil { inputs.removeLast() }
                operation = absorbing
            }
            guard !types.isEmpty else { throw .mismatch(rule: "an operator must have an output", received: "none") }
            for case .tensor(_, let dimensions?) in types { try dimensions.checkExtents() }
        } catch {
            throw .at(node: name, operator: operation.kind, error)
        }
        let index = graph.nodes.count
        var outputs: [Symbol] = []
        for (output, type) in types.enumerated() {
            let valueName = output == 0 ? name : uniqueName("\(name):\(output)")
            outputs.append(append(Graph.Value(name: valueName, type: type, source: .node(index, output: output))))
        }
        graph.nodes.append(
            Graph.Node(name: name, operation: operation, inputs: inputs.map { $0?.id }, outputs: outputs.map(\.id)))
        return outputs
    }

    /// Appends a node of one output.
    public func call(_ operation: any Operator, _ inputs: Symbol?..., name: String? = nil) throws(ShapeError) -> Symbol
    {
        try append(operation, inputs, name: name)[0]
    }

    /// Makes a value a result of the graph.
    public func output(_ symbol: Symbol, name: String) {
        graph.outputs.append(Graph.Output(name: name, value: symbol.id))
    }

    /// Makes a value the next value of a parameter.
    public func update(_ parameter: Symbol, to value: Symbol) {
        graph.updates.append(Graph.Update(value: value.id, parameter: parameter.id))
    }

    /// Gives a value another name, where no other value has it.
    package func rename(_ symbol: Symbol, to name: String) {
        guard names.insert(name).inserted else { return }
        graph.values[symbol.id].name = name
    }
}
