/// How an operator of ONNX files and one of Tamis stand for each other: a row of the table `ONNXOperators`.
public struct ONNXOperator: Sendable {
    /// The operator's name in files.
    public let name: String
    /// Whose operator it is; "" is ONNX's own domain.
    public let domain: String
    /// The versions of the domain's operator set that the row is true of.
    public let versions: ClosedRange<Int>
    /// The orders of the inputs' and outputs' axes; those not listed have the same order on both sides.
    let inputs: [ONNXAxes]
    let outputs: [ONNXAxes]
    let reading: Reading
    /// What to write for an operator of Tamis; nil: the row is not for it, or only for reading.
    let write: Writing

    /// What to write for an operator of Tamis, or nil.
    typealias Writing = @Sendable (any Operator, ONNXNodeWriter) throws(ExportError) -> ONNXNodeWriter?

    /// What a node of a file becomes.
    enum Reading: Sendable {
        /// Nodes of the graph.
        case nodes(@Sendable (ONNXNodeReader) throws(ImportError) -> [Symbol])
        /// Its first input under another name; the function looks whether the node says so, and gives what other outputs
        /// it has.
        case firstInput(@Sendable (ONNXNodeReader) throws(ImportError) -> [Symbol])
        /// A constant.
        case constant(@Sendable (ONNXNodeReader) throws(ImportError) -> Tensor)
    }

    /// A row for reading and writing: `read` appends what a node of the file computes, `write` says what stands in the
    /// file for an operator whose `kind` is `name`.
    public init<Operation: Operator>(
        _ name: String, domain: String = "", versions: ClosedRange<Int> = ONNXOperators.versions,
        inputs: [ONNXAxes] = [], outputs: [ONNXAxes] = [],
        read: @escaping @Sendable (ONNXNodeReader) throws(ImportError) -> [Symbol],
        write: @escaping @Sendable (Operation, inout ONNXNodeWriter) throws(ExportError) -> Void
    ) {
        self.init(
            name, domain: domain, versions: versions, inputs: inputs, outputs: outputs,
            reading: .nodes(read)
        ) { (operation, node) throws(ExportError) in
            guard operation.kind == name, let operation = operation as? Operation else { return nil }
            var node = node
            try write(operation, &node)
            return node
        }
    }

    /// A row for reading alone.
    public init(
        _ name: String, domain: String = "", versions: ClosedRange<Int> = ONNXOperators.versions,
        inputs: [ONNXAxes] = [], outputs: [ONNXAxes] = [],
        read: @escaping @Sendable (ONNXNodeReader) throws(ImportError) -> [Symbol]
    ) {
        self.init(
            name, domain: domain, versions: versions, inputs: inputs, outputs: outputs,
            reading: .nodes(read))
    }

    init(
        _ name: String, domain: String = "", versions: ClosedRange<Int> = ONNXOperators.versions,
        inputs: [ONNXAxes] = [], outputs: [ONNXAxes] = [], reading: Reading,
        write: @escaping Writing = { (_, _) throws(ExportError) in nil }
    ) {
        self.name = name
        self.domain = domain
        self.versions = versions
        self.inputs = inputs
        self.outputs = outputs
        self.reading = reading
        self.write = write
    }

    /// The order of the axes of an input.
    func axes(ofInput index: Int) -> ONNXAxes { index < inputs.count ? inputs[index] : .same }
    /// The order of the axes of an output.
    func axes(ofOutput index: Int) -> ONNXAxes { index < outputs.count ? outputs[index] : .same }
}

/// In which order the axes of an operand come in an ONNX file and in Tamis.
public enum ONNXAxes: String, Sendable {
    /// The same on both sides.
    case same
    /// N × C × spatial in the file, N × spatial × C in Tamis.
    case image
    /// F × C × kernel in the file, kernel × C × F in Tamis.
    case filters

    /// What brings the file's order to that of Tamis.
    func order(rank: Int) -> Permutation {
        switch self {
        case .same: .identity(rank: rank)
        case .image: .channelLast(rank: rank)
        case .filters: .filtersLast(rank: rank)
        }
    }
}
