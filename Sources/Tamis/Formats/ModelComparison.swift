import TamisKernels

/// How a model's values, those between its nodes included, differ from a reference's of the same names.
public struct ModelComparison: Sendable, Encodable {
    /// What a model is compared with.
    public enum Reference: Sendable {
        /// The model in an ONNX file, run as `referenceOptions` say.
        case model(String)
        /// A folder of `.npy` files named after values, "/" and ":" in names as "_".
        case folder(String)
    }

    /// One value that both sides have.
    public struct Line: Sendable, Encodable {
        /// The value's name.
        public let value: String
        /// The node that computes it.
        public let node: String
        /// The node's operator.
        public let operatorName: String
        /// How far it is from the reference.
        public let difference: ValueDifference
        /// Whether that is more than the tolerance.
        public let isOver: Bool
    }

    /// How to compare.
    public struct Options: Sendable {
        /// The largest error, as a part of the largest reference value. Default 10⁻⁴.
        public var tolerance = 1e-4
        /// How the model is planned.
        public var plan = PlanOptions()
        /// How a reference model is planned.
        public var referencePlan = PlanOptions()
        /// Values for the inputs of both; those not given are random.
        public var inputs: [String: Value] = [:]
        /// Shapes for the inputs that are not given.
        public var shapes: [String: Shape] = [:]
        /// What random inputs are drawn from.
        public var seed: UInt64 = 0
        /// The most threads to use.
        public var threads = Processor.availableCount
        /// About the bytes of each side's values that are kept at a time; for more the models run again. Default 256 MiB.
        public var keptBytes = 256 << 20

        /// The documented defaults.
        public init() {}
    }

    /// The values that both sides have, in the order of the model's nodes.
    public let lines: [Line]
    /// The largest error that is allowed.
    public let tolerance: Double
    /// What was assumed of free axes.
    public let assumptions: [InputShapes.Assumption]
    /// How often the model ran.
    public let runs: Int

    /// The first line, in the order of the model's nodes, that is over the tolerance.
    public var first: Line? { lines.first(where: \.isOver) }

    /// Compares the model in an ONNX file with a reference.
    ///
    /// Values that only exist until passes join nodes are asked for in runs of their own, so that all others are computed
    /// as they always are.
    public init(
        onnx path: String, with reference: Reference, options: Options = Options(),
        operators: ONNXOperators = .standard, limits: Limits = Limits()
    ) throws(ModelFileError) {
        let side = try Side(path, options.plan, operators, limits)
        let names: Set<String>
        var other: Side?
        switch reference {
        case .model(let otherPath):
            let otherSide = try Side(otherPath, options.referencePlan, operators, limits)
            guard Set(otherSide.model.inputs.map(\.name)) == Set(side.model.inputs.map(\.name)) else {
                throw .notTheSame(
                    rule: "both models must have inputs of the same names",
                    received: "\(side.inputNames) and \(otherSide.inputNames)")
            }
            names = otherSide.values
            other = otherSide
        case .folder(let folder):
            names = try ModelFileError.reading { () throws(ImportError) in
                Set(try ReferenceFolder(folder).names(among: side.values.union(side.model.inputs.map(\.name))))
            }
        }
        let values = side.ordered.filter(names.contains)
        guard !values.isEmpty else {
            throw .notTheSame(
                rule: "the two must have values of the same names", received: "none of the \(side.values.count)")
        }
        let inputs: [String: Value]
        (inputs, assumptions) = try Self.inputs(side.model, reference, options, names, limits)

        let batches = try Self.batches(values, side, other, inputs, options)
        var differences: [String: ValueDifference] = [:]
        for batch in batches {
            let found = try side.run(batch, inputs, options.threads)
            var expected: [String: Value] = [:]
            if let other {
                expected = try other.run(batch, inputs, options.threads)
            } else if case .folder(let folder) = reference {
                expected = try ModelFileError.reading { () throws(ImportError) in
                    try ReferenceFolder(folder).values(batch, limits)
                }
            }
            for name in batch {
                guard let value = found[name], let wanted = expected[name] else { continue }
                differences[name] = ValueDifference(value, wanted)
            }
        }
        tolerance = options.tolerance
        runs = batches.count
        lines = values.compactMap { name in
            guard let difference = differences[name], let maker = side.makers[name] else { return nil }
            return Line(
                value: name, node: maker.node, operatorName: maker.operatorName, difference: difference,
                isOver: !(difference.error <= options.tolerance))
        }
    }

    private static func inputs(
        _ model: Model, _ reference: Reference, _ options: Options, _ names: Set<String>, _ limits: Limits
    ) throws(ModelFileError) -> ([String: Value], [InputShapes.Assumption]) {
        var given = options.inputs
        if case .folder(let folder) = reference {
            let missing = model.inputs.map(\.name).filter { given[$0] == nil }
            let found = try ModelFileError.reading { () throws(ImportError) in
                try ReferenceFolder(folder).values(missing.filter(names.contains), limits)
            }
            given.merge(found) { known, _ in known }
            // Answers to other inputs are no reference.
            if let name = missing.first(where: { given[$0] == nil }),
                let type = model.inputs.first(where: { $0.name == name })?.type
            {
                throw .planning(.missingInput(name: name, type: type))
            }
        }
        return try ModelFileError.planning { () throws(PlanError) in
            var shapes = options.shapes
            for (name, value) in given { if let tensor = value.tensor { shapes[name] = tensor.shape } }
            let fixed = try InputShapes(model, given: shapes)
            return (try fixed.randomInputs(for: model, seed: options.seed, given: given), fixed.assumptions)
        }
    }

    /// The values in the groups that one run of each side keeps.
    private static func batches(
        _ values: [String], _ side: Side, _ other: Side?, _ inputs: [String: Value], _ options: Options
    ) throws(ModelFileError) -> [[String]] {
        let types = try ModelFileError.planning { () throws(PlanError) in
            try ValueTypes(side.model, inputs: inputs.compactMapValues(\.tensor?.shape)).types
        }
        let joined = try ModelFileError.planning { () throws(PlanError) in
            try (side.joinedValues(), other?.joinedValues() ?? [])
        }
        var batches: [[String]] = []
        let groups = Dictionary(grouping: values) { [joined.0.contains($0), joined.1.contains($0)] }
        for (_, group) in groups.sorted(by: { $0.key.filter(\.self).count < $1.key.filter(\.self).count }) {
            var bytes = Int.max
            for name in group {
                // Of values whose shapes depend on others a guess will do.
                let size = types[name]?.byteCount ?? options.keptBytes / 16
                if bytes > options.keptBytes - min(size, options.keptBytes) {
                    batches.append([])
                    bytes = 0
                }
                batches[batches.count - 1].append(name)
                bytes += size
            }
        }
        return batches
    }
}

extension ModelComparison {
    /// A model that takes part in a comparison.
    fileprivate struct Side {
        let model: Model
        let options: PlanOptions
        /// The nodes of the file that compute values, by the names of these.
        private(set) var makers: [String: (node: String, operatorName: String)] = [:]
        /// The names of the values that can be compared, in the order they are computed.
        private(set) var ordered: [String] = []
        private let store = WeightStore()

        var values: Set<String> { Set(ordered) }
        var inputNames: String { model.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ") }

        init(
            _ path: String, _ options: PlanOptions, _ operators: ONNXOperators, _ limits: Limits
        ) throws(ModelFileError) {
            self.options = options
            var makers: [String: (node: String, operatorName: String)] = [:]
            model = try ModelFileError.reading { () throws(ImportError) in
                let (file, model) = try Model.read(path, operators: operators, limits: limits)
                for (index, node) in file.graph.nodes.enumerated() {
                    for output in node.outputs where !output.isEmpty {
                        makers[output] = (node.title(index), node.operatorName)
                    }
                }
                return model
            }
            var names = Set(model.graph.outputs.map(\.name))
            for value in model.graph.values where value.node != nil { names.insert(value.name) }
            self.makers = makers.filter { names.contains($0.key) }
            let outputs = model.graph.outputs.map(\.name).filter { name in
                !model.graph.values.contains { $0.name == name }
            }
            ordered = (model.graph.values.map(\.name) + outputs).filter { self.makers[$0] != nil }
        }

        /// The values for these inputs.
        func run(_ names: [String], _ inputs: [String: Value], _ threads: Int) throws(ModelFileError) -> [String: Value]
        {
            let part = try ModelFileError.planning { () throws(PlanError) in try model.withOutputs(names) }
            return try ModelFileError.running { () throws(ExecutionError) in
                try Runner(part, threads: threads, options: options, capacity: 1, store: store).runValues(inputs)
            }
        }

        /// The values that no optimised plan has: the one node that reads them is joined with the one that computes them.
        func joinedValues() throws(PlanError) -> Set<String> {
            guard options.optimizes else { return [] }
            let left = Set(try model.optimized(for: options).graph.nodes.map(\.name))
            let own = Set(makers.values.map(\.node))
            let consumers = model.graph.consumers
            let results = model.graph.results
            /// The readers of a value, beyond the transposes that stand for orders of axes alone.
            func readers(of id: Graph.ValueID) -> [Graph.Node] {
                consumers[id].map { model.graph.nodes[$0] }.flatMap { node in
                    node.operation is Transpose && !own.contains(node.name) ? readers(of: node.outputs[0]) : [node]
                }
            }
            var joined: Set<String> = []
            for (id, value) in model.graph.values.enumerated() where makers[value.name] != nil && !results.contains(id)
            {
                let nodes = readers(of: id)
                if nodes.count == 1, !left.contains(nodes[0].name) { joined.insert(value.name) }
            }
            return joined
        }
    }
}
