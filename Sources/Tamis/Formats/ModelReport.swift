/// What a model's file holds and what a run of it will take, known before anything runs: its nodes, operators, parameters and
/// float operations, and where in memory each value will lie.
public struct ModelReport: Sendable, Encodable {
    /// An input or output.
    public struct Port: Sendable, Encodable {
        /// Its name.
        public let name: String
        /// Its type as the model declares it.
        public let type: String
        /// Its extents for the shapes reported on; nil where values decide them.
        public let shape: [Int]?
    }

    /// The version of a set of operators.
    public struct OperatorSet: Sendable, Encodable {
        /// Whose operators; "" is ONNX's own.
        public let domain: String
        /// The version.
        public let version: Int
    }

    /// All nodes of one operator.
    public struct OperatorCount: Sendable, Encodable {
        /// The operator's name, with its domain where that is not ONNX's own.
        public let name: String
        /// The number of its nodes.
        public let nodes: Int
        /// The scalars of the parameters that they read first.
        public let parameters: Int
        /// Their float operations.
        public let operations: Double
    }

    /// A name with what it stands for, in words.
    public struct Entry: Sendable, Encodable {
        /// The name.
        public let name: String
        /// What it stands for.
        public let value: String
    }

    /// A node of the file.
    public struct Node: Sendable, Encodable {
        /// Its name; that of its first output if it has none.
        public let name: String
        /// Its operator, with the domain where that is not ONNX's own.
        public let operatorName: String
        /// The names of the values it reads, "" for one that is left out.
        public let inputs: [String]
        /// The names and types of the values it computes.
        public let outputs: [Entry]
        /// Its attributes.
        public let attributes: [Entry]
        /// Those of its inputs that the file holds, with their types.
        public let parameters: [Entry]
        /// The algorithm of its step in the plan, or what else becomes of it.
        public let algorithm: String
        /// The node whose step does its work, where it has none of its own.
        public let mergedInto: String?
        /// Whether it depends on no input of the model, so that its value is there before a run.
        public let isConstant: Bool
        /// The float operations of its steps.
        public let operations: Double
        /// Bytes of the values it computes, where their shapes are known.
        public let byteCount: Int
    }

    /// What a run takes.
    public struct Memory: Sendable, Encodable {
        /// Bytes of the arena, which holds all values between inputs and outputs.
        public let arenaBytes: Int
        /// The most bytes of it that are in use during one step.
        public let peakBytes: Int
        /// The node of that step.
        public let peakNode: String?
        /// Bytes of constants that runs read as they are.
        public let weightBytes: Int
        /// Bytes of constants in the forms that kernels want.
        public let packedBytes: Int
        /// Bytes of scratch memory for each thread.
        public let scratchBytes: Int
        /// What lies where in the arena, and during which of the steps.
        public let buffers: [Plan.Buffer]
        /// The nodes of the plan's steps.
        public let steps: [String]
        /// Whether values decide no shapes, so that the whole model is planned.
        public let isWhole: Bool
    }

    /// The name of the file or network.
    public let name: String
    /// What wrote the file.
    public let producer: String
    /// The version of the file format.
    public let formatVersion: Int
    /// The sets of operators it uses.
    public let operatorSets: [OperatorSet]
    /// What else the file says of the model.
    public let metadata: [Entry]
    /// The inputs.
    public let inputs: [Port]
    /// The outputs.
    public let outputs: [Port]
    /// What was assumed of free axes.
    public let assumptions: [InputShapes.Assumption]
    /// The number of scalars in all parameters.
    public let parameters: Int
    /// Bytes of all parameters.
    public let parameterBytes: Int
    /// The float operations of a run; a multiplication and an addition count as two.
    public let operations: Double
    /// The operators by name, the one of most operations first.
    public let operators: [OperatorCount]
    /// The nodes in the file's order.
    public let nodes: [Node]
    /// What a run takes.
    public let memory: Memory

    /// Reports on an ONNX file for inputs of these shapes; free axes that nobody says are assumed.
    public init(
        onnx path: String, inputs: [String: Shape] = [:], options: PlanOptions = PlanOptions(),
        operators: ONNXOperators = .standard, limits: Limits = Limits()
    ) throws(ModelFileError) {
        let (file, model) = try ModelFileError.reading { () throws(ImportError) in
            try Model.read(path, operators: operators, limits: limits)
        }
        try self.init(file, model, name: path, inputs: inputs, options: options)
    }

    /// Reports on a model in memory, as the file that would be written of it.
    public init(
        _ model: Model, name: String, inputs: [String: Shape] = [:], options: PlanOptions = PlanOptions()
    ) throws(ModelFileError) {
        let file = try ModelFileError.writing { () throws(ExportError) in try model.onnx() }
        let read = try ModelFileError.reading { () throws(ImportError) in
            try Model(file, operators: .standard, folder: nil, limits: Limits())
        }
        try self.init(file, read, name: name, inputs: inputs, options: options)
    }

    private init(
        _ file: ONNXModel, _ model: Model, name: String, inputs given: [String: Shape], options: PlanOptions
    ) throws(ModelFileError) {
        let shapes: InputShapes
        let types: ValueTypes
        let planned: PartialPlan
        let store = WeightStore()
        var mergers: [String: String] = [:]
        do throws(PlanError) {
            shapes = try InputShapes(model, given: given)
            types = try ValueTypes(model, inputs: shapes.shapes)
            var optimized = model
            if options.optimizes {
                optimized = try model.optimized(for: options) { report in
                    for case (let node, .removed(let target?)) in report.changes.map({ ($0.node, $0.kind) }) {
                        mergers[node] = target
                    }
                }
            }
            planned = try PartialPlan(prepared: optimized, inputs: shapes.shapes, options: options, store: store)
        } catch {
            throw .planning(error)
        }
        self.name = name
        producer = [file.producerName, file.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        formatVersion = file.formatVersion
        operatorSets = file.operatorSets.map { OperatorSet(domain: $0.domain, version: $0.version) }
        let described = [
            ("name", file.graph.name), ("description", file.documentation), ("domain", file.domain),
        ].filter { !$0.1.isEmpty }
        metadata =
            described.map { Entry(name: $0.0, value: $0.1) }
            + file.metadata.map { Entry(name: $0.key, value: $0.value) }
        self.inputs = model.inputs.map { name, type in
            Port(name: name, type: "\(type)", shape: shapes.shapes[name]?.dimensions)
        }
        outputs = model.graph.outputs.map { output in
            let value = model.graph.values[output.value]
            return Port(
                name: output.name, type: "\(value.type)", shape: types.types[value.name]?.shape?.dimensions)
        }
        assumptions = shapes.assumptions
        parameters = model.parameters.scalarCount
        parameterBytes = model.parameters.byteCount
        let lines = planned.plans.flatMap(\.lines)
        operations = lines.reduce(0) { $0 + $1.operations }
        nodes = NodeReader(file.graph, types, lines, mergers, isWhole: planned.isWhole).nodes
        operators = Self.counted(nodes, file.graph)
        memory = Memory(planned, store)
    }

    /// The nodes by operator. A parameter that many read counts for the first.
    private static func counted(_ nodes: [Node], _ graph: ONNXGraph) -> [OperatorCount] {
        var sizes: [String: Int] = [:]
        for initializer in graph.initializers where initializer.elementType.isFloat {
            sizes[initializer.name] = initializer.shape.elementCount
        }
        var totals: [String: (nodes: Int, parameters: Int, operations: Double)] = [:]
        for node in nodes {
            var total = totals[node.operatorName] ?? (0, 0, 0)
            total.nodes += 1
            total.operations += node.operations
            for input in node.inputs { total.parameters += sizes.removeValue(forKey: input) ?? 0 }
            totals[node.operatorName] = total
        }
        return totals.map {
            OperatorCount(
                name: $0.key, nodes: $0.value.nodes, parameters: $0.value.parameters, operations: $0.value.operations)
        }.sorted { ($0.operations, $0.nodes, $1.name) > ($1.operations, $1.nodes, $0.name) }
    }
}

extension ModelReport.Memory {
    fileprivate init(_ planned: PartialPlan, _ store: WeightStore) {
        let plans = planned.plans
        arenaBytes = plans.map(\.arenaBytes).max() ?? 0
        weightBytes = plans.reduce(0) { $0 + $1.constantBytes }
        packedBytes = store.byteCount
        scratchBytes = plans.map(\.scratchBytes).max() ?? 0
        isWhole = planned.isWhole
        // A part's arena is its own: the picture is of the largest.
        let largest = plans.max { $0.arenaBytes < $1.arenaBytes }
        buffers = largest?.buffers ?? []
        steps = largest?.lines.map(\.node) ?? []
        var change = [Int](repeating: 0, count: steps.count + 1)
        for buffer in buffers where steps.indices.contains(buffer.first) {
            change[buffer.first] += buffer.byteCount
            change[min(buffer.last, steps.count - 1) + 1] -= buffer.byteCount
        }
        var (inUse, peak): (Int, (bytes: Int, step: Int?)) = (0, (0, nil))
        for step in steps.indices {
            inUse += change[step]
            if inUse > peak.bytes { peak = (inUse, step) }
        }
        peakBytes = peak.bytes
        peakNode = peak.step.map { [steps] in steps[$0] }
    }
}

/// Says of each node of a file what is known and planned of it.
private struct NodeReader {
    private(set) var nodes: [ModelReport.Node] = []
    private var lines: [String: [Plan.Line]] = [:]
    private var constants: Set<String>
    private var held: [String: ValueType] = [:]

    init(
        _ graph: ONNXGraph, _ types: ValueTypes, _ lines: [Plan.Line], _ mergers: [String: String], isWhole: Bool
    ) {
        constants = types.constants
        for initializer in graph.initializers {
            constants.insert(initializer.name)
            held[initializer.name] = .tensor(initializer.elementType, initializer.shape)
        }
        let names = graph.nodes.enumerated().map { $0.element.title($0.offset) }
        let known = Set(names)
        // A node may become many: their names begin with its own.
        for line in lines { self.lines[line.node.owner(among: known), default: []].append(line) }
        for (name, node) in zip(names, graph.nodes) { add(node, name, types, mergers, known, isWhole: isWhole) }
    }

    private mutating func add(
        _ node: ONNXNode, _ name: String, _ types: ValueTypes, _ mergers: [String: String], _ known: Set<String>,
        isWhole: Bool
    ) {
        let own = lines[name] ?? []
        let isConstant = node.inputs.allSatisfy { $0.isEmpty || constants.contains($0) } && node.isDeterministic
        let outputs = node.outputs.filter { !$0.isEmpty }
        if isConstant { constants.formUnion(outputs) }
        var target = mergers[name]
        // What took it over may have been taken over itself.
        var steps = 0
        while let next = target, lines[next.owner(among: known)] == nil, let further = mergers[next], steps < 64 {
            target = further
            steps += 1
        }
        let merged = own.isEmpty ? target?.owner(among: known) : nil
        let isPlanned = outputs.contains { types.constants.contains($0) }
        let algorithm: String =
            if !own.isEmpty {
                own.map(\.algorithm).filter { $0 != "view" || own.count == 1 }.joined(separator: ", then ")
            } else if isConstant || isPlanned {
                "known before the run"
            } else if let merged, merged != name {
                "joined with \"\(merged)\""
            } else if !isWhole {
                "planned when values are known"
            } else {
                "nothing to do"
            }
        nodes.append(
            ModelReport.Node(
                name: name,
                operatorName: node.domain.isEmpty ? node.operatorName : "\(node.domain).\(node.operatorName)",
                inputs: node.inputs,
                outputs: outputs.map { .init(name: $0, value: types.types[$0].map { "\($0)" } ?? "") },
                attributes: node.attributes.map { .init(name: $0.name, value: $0.value.words) },
                parameters: node.inputs.compactMap { input in
                    held[input].map { .init(name: input, value: "\($0)") }
                }, algorithm: algorithm, mergedInto: merged == name ? nil : merged, isConstant: isConstant,
                operations: own.reduce(0) { $0 + $1.operations },
                byteCount: outputs.reduce(0) { $0 + (types.types[$1]?.byteCount ?? 0) }))
    }
}

extension ONNXNode {
    /// The name that errors, plans and reports have for the node at an index.
    func title(_ index: Int) -> String {
        name.isEmpty ? outputs.first { !$0.isEmpty } ?? "node \(index)" : name
    }

    /// Whether it gives the same each time for the same inputs.
    fileprivate var isDeterministic: Bool { !operatorName.hasPrefix("Random") && operatorName != "Bernoulli" }
}

extension String {
    /// The longest beginning of the name, up to a "/", that is one of `names`; the name itself where none is.
    fileprivate func owner(among names: Set<String>) -> String {
        var part = self[...]
        while !names.contains(String(part)) {
            guard let slash = part.lastIndex(of: "/"), slash > part.startIndex else { return self }
            part = part[..<slash]
        }
        return String(part)
    }
}

extension ValueType {
    /// The bytes of a tensor whose shape is known.
    var byteCount: Int? {
        guard let elementType, let shape else { return nil }
        return elementType.byteCount(of: shape.elementCount)
    }
}

extension ONNXTensor {
    fileprivate var elementType: ElementType {
        switch contents {
        case .tensor(let tensor): tensor.elementType
        case .external(let elementType, _, _): elementType
        }
    }

    fileprivate var shape: Shape {
        switch contents {
        case .tensor(let tensor): tensor.shape
        case .external(_, let shape, _): shape
        }
    }
}

extension ONNXAttribute.Value {
    /// The value in words; of a tensor of more than a few elements its type.
    fileprivate var words: String {
        switch self {
        case .float(let value): "\(value)"
        case .int(let value): "\(value)"
        case .string(let value): value
        case .floats(let values): "\(values)"
        case .ints(let values): "\(values)"
        case .strings(let values): "\(values)"
        case .tensor(let tensor): tensor.words
        case .tensors(let tensors): tensors.map(\.words).joined(separator: ", ")
        case .graph(let graph): "a graph of \(graph.nodes.count) nodes"
        case .graphs(let graphs): "\(graphs.count) graphs"
        case .type, .types: "a type"
        case .reference(let name, _): "the function's attribute \"\(name)\""
        case .unsupported: "a sparse tensor"
        }
    }
}

extension ONNXTensor {
    fileprivate var words: String {
        let type = "\(ValueType.tensor(elementType, shape))"
        guard case .tensor(let tensor) = contents, tensor.shape.elementCount <= 8, let values = try? tensor.doubles()
        else { return type }
        let texts = values.map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\(Float($0))" }
        return tensor.shape.rank == 0 ? "\(type) \(texts.joined())" : "\(type) [\(texts.joined(separator: ", "))]"
    }
}
