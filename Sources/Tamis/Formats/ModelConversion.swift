import TamisKernels

/// A model's file written anew, as it is or optimised, read again and compared with what it was, and only then put in its
/// place.
public struct ModelConversion: Sendable, Encodable {
    /// What a pass did.
    public struct PassLine: Sendable, Encodable {
        /// The pass's name.
        public let pass: String
        /// The number of nodes it found.
        public let nodesBefore: Int
        /// The number of nodes it left.
        public let nodesAfter: Int
        /// What became of how many nodes of which operator.
        public let summary: [String]
        /// What became of each node that differs.
        public let changes: [String]

        fileprivate init(_ report: PassReport) {
            pass = report.pass
            nodesBefore = report.nodesBefore
            nodesAfter = report.nodesAfter
            changes = report.changes.map(\.description)
            var counts: [(what: String, count: Int)] = []
            for change in report.changes {
                let what =
                    switch change.kind {
                    case .removed(.some): "\(change.operatorName) into others"
                    case .removed(nil): "\(change.operatorName) gone"
                    case .added: "\(change.operatorName) new"
                    case .changed: "\(change.operatorName) changed"
                    }
                if let known = counts.firstIndex(where: { $0.what == what }) {
                    counts[known].count += 1
                } else {
                    counts.append((what, 1))
                }
            }
            summary = counts.map { "\($0.count) \($0.what)" }
        }
    }

    /// How an output of the new file differs from that of the old one.
    public struct Line: Sendable, Encodable {
        /// The output's name.
        public let output: String
        /// The difference.
        public let difference: ValueDifference
    }

    /// What is to be written.
    public struct Options: Sendable {
        /// The version of ONNX's operator set; by default the one the file has, or the nearest that is written.
        public var operatorSet: Int?
        /// Whether the standard passes rewrite the model.
        public var optimizes = false
        /// Shapes for the inputs that it is compared with.
        public var shapes: [String: Shape] = [:]
        /// What random inputs are drawn from.
        public var seed: UInt64 = 0
        /// The largest error of an output that is allowed, as a part of the largest value. Default 10⁻⁴.
        public var tolerance = 1e-4
        /// The most threads to use.
        public var threads = Processor.availableCount

        /// The documented defaults.
        public init() {}
    }

    /// The version of ONNX's operator set that was read.
    public let operatorSetBefore: Int?
    /// The version that was written.
    public let operatorSet: Int
    /// The number of nodes in the file that was read.
    public let nodesBefore: Int
    /// The number of nodes in the file that was written.
    public let nodes: Int
    /// Bytes of the file that was written.
    public let byteCount: Int
    /// What the passes did, in their order; those that found nothing to do are left out.
    public let passes: [PassLine]
    /// How the outputs differ on random inputs; empty where those could not be run.
    public let lines: [Line]
    /// Why there was nothing to compare: the model itself does not run on random inputs.
    public let note: String?
    /// What was assumed of free axes.
    public let assumptions: [InputShapes.Assumption]

    /// The largest error of an output.
    public var error: Double { lines.map(\.difference.error).max() ?? 0 }
    /// Whether all outputs have the same bits.
    public var hasSameBits: Bool { lines.allSatisfy(\.difference.hasSameBits) }

    /// Writes the model in an ONNX file to another one. Throws, and writes nothing, where what was written does not do the
    /// same.
    public init(
        onnx path: String, to output: String, options: Options = Options(), operators: ONNXOperators = .standard,
        limits: Limits = Limits()
    ) throws(ModelFileError) {
        let (file, model) = try ModelFileError.reading { () throws(ImportError) in
            try Model.read(path, operators: operators, limits: limits)
        }
        operatorSetBefore = file.operatorSets.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }?.version
        let written = ONNXOperators.writtenVersions
        let version =
            options.operatorSet
            ?? min(max(operatorSetBefore ?? written.lowerBound, written.lowerBound), written.upperBound)
        operatorSet = version
        nodesBefore = file.graph.nodes.count

        var passes: [PassLine] = []
        let changed =
            options.optimizes
            ? try ModelFileError.planning { () throws(PlanError) in
                // A dense layer that took an order of axes into its weights would need it as a node before it.
                let standard = Model.standardPasses().map {
                    $0 is CancelTransposes ? CancelTransposes(isForFile: true) : $0
                }
                return try model.applying(standard) { passes.append(PassLine($0)) }
            } : model
        self.passes = passes
        let (bytes, nodes) = try ModelFileError.writing { () throws(ExportError) in
            let file = try changed.onnx(opset: version, operators: operators)
            return (try file.encoded(), file.graph.nodes.count)
        }
        self.nodes = nodes
        byteCount = bytes.count
        let again = try ModelFileError.reading { () throws(ImportError) in
            do throws(ImportError) { return try Model(onnxBytes: bytes, operators: operators, limits: limits) } catch {
                throw .inFile("the file as it was written", error)
            }
        }
        (lines, note, assumptions) = try Self.compared(model, again, options)
        if let worst = lines.max(by: { $0.difference.error < $1.difference.error }),
            !(worst.difference.error <= options.tolerance)
        {
            let difference = worst.difference
            throw .notTheSame(
                rule:
                    "the new model's output \"\(worst.output)\" must be the old one's to \(options.tolerance.scientific)",
                received:
                    "\(difference.received), not \(difference.expected), at \(difference.position), an error of "
                    + "\(difference.error.scientific) of the largest value")
        }
        try ModelFileError.writing { () throws(ExportError) in try AtomicFile.write(bytes, to: output) }
    }

    /// The differences of two models' outputs on the same random inputs.
    private static func compared(
        _ model: Model, _ again: Model, _ options: Options
    ) throws(ModelFileError) -> (lines: [Line], note: String?, assumptions: [InputShapes.Assumption]) {
        let shapes: InputShapes
        let inputs: [String: Value]
        let expected: [String: Value]
        do throws(PlanError) {
            shapes = try InputShapes(model, given: options.shapes)
        } catch {
            if case .missingInput = error { return ([], "\(error)", []) }
            throw .planning(error)
        }
        do {
            inputs = try shapes.randomInputs(for: model, seed: options.seed)
            expected = try Runner(model, threads: options.threads, capacity: 1).runValues(inputs)
        } catch {
            // Random inputs may break a rule of the model, such as that of an index.
            return ([], "\(error)", shapes.assumptions)
        }
        let found = try ModelFileError.running { () throws(ExecutionError) in
            try Runner(again, threads: options.threads, capacity: 1).runValues(inputs)
        }
        let lines = try model.outputs.map { (output) throws(ModelFileError) in
            guard let value = found[output.name], let wanted = expected[output.name] else {
                throw .notTheSame(
                    rule: "the new model must have the output \"\(output.name)\"",
                    received: again.outputs.map(\.name).joined(separator: ", "))
            }
            return Line(output: output.name, difference: ValueDifference(value, wanted))
        }
        return (lines, nil, shapes.assumptions)
    }
}
