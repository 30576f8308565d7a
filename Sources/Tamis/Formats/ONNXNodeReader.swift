/// A node of an ONNX file, as a row of `ONNXOperators` reads it: inputs by position, attributes by name and kind, each
/// checked. An attribute that the row does not ask for is an error, since it may change what is computed.
public final class ONNXNodeReader {
    /// The node's name; that of its first output if it has none.
    public let name: String
    /// The operator's name.
    public let operatorName: String
    /// The version of the operator set it belongs to.
    public let version: Int
    /// The number of outputs that the file asks for.
    public let outputCount: Int

    private let row: ONNXOperator
    private let graph: GraphBuilder
    private let limits: Limits
    private let operands: [ONNXValue?]
    private let external: ONNXExternalData
    private let readBody: Body
    private var attributes: [String: ONNXAttribute.Value] = [:]
    /// How many inputs the row has asked for, from the first on.
    private var askedCount = 0

    /// Reads a graph that the node holds, for values of these types.
    typealias Body = (ONNXGraph, [ValueType?]) throws(ImportError) -> (ONNXBody, captures: [Symbol])

    init(
        _ node: ONNXNode, name: String, version: Int, row: ONNXOperator, operands: [ONNXValue?], graph: GraphBuilder,
        limits: Limits, external: ONNXExternalData, readBody: @escaping Body
    ) throws(ImportError) {
        self.external = external
        self.readBody = readBody
        self.name = name
        self.version = version
        self.row = row
        self.operands = operands
        self.graph = graph
        self.limits = limits
        operatorName = node.operatorName
        outputCount = (node.outputs.lastIndex { !$0.isEmpty } ?? -1) + 1
        for attribute in node.attributes {
            guard attributes.updateValue(attribute.value, forKey: attribute.name) == nil else {
                throw invalid("an attribute may be given once", received: "\"\(attribute.name)\" twice")
            }
        }
    }

    // MARK: Inputs

    /// The number of inputs, absent ones in the middle included.
    public var inputCount: Int { operands.count }

    /// The input at `index`, its axes in the order that Tamis has them; `rank` is their number where it follows from the
    /// node.
    public func input(_ index: Int, rank: Int? = nil) throws(ImportError) -> Symbol {
        guard let symbol = try symbol(index, isTrainable: false, rank: rank) else { throw missing(index) }
        return symbol
    }

    /// The input at `index`, or nil where none is given.
    public func optionalInput(_ index: Int) throws(ImportError) -> Symbol? { try symbol(index, isTrainable: false) }

    /// The input at `index`; if the file holds its value, training may change it.
    public func weight(_ index: Int) throws(ImportError) -> Symbol {
        guard let symbol = try optionalWeight(index) else { throw missing(index) }
        return symbol
    }

    /// The weight at `index`, or nil where none is given.
    public func optionalWeight(_ index: Int) throws(ImportError) -> Symbol? { try symbol(index, isTrainable: true) }

    /// The value of the input at `index`, in the file's order of axes, where the file holds it.
    public func constant(_ index: Int) -> Tensor? { asked(index)?.tensor }

    /// Lets an input be there that has no effect on the result.
    public func ignoreInput(_ index: Int) { _ = asked(index) }

    private func asked(_ index: Int) -> ONNXValue? {
        askedCount = max(askedCount, index + 1)
        return index < operands.count ? operands[index] : nil
    }

    /// The whole numbers of a constant of int64.
    func int64s(_ constant: Tensor?) throws(ImportError) -> [Int]? {
        guard let constant else { return nil }
        return try shaped { () throws(ShapeError) in try constant.scalars(as: Int64.self).map { Int($0) } }
    }

    /// The whole number that is a constant of int32 or int64.
    func wholeNumber(_ constant: Tensor?, _ role: String) throws(ImportError) -> Int? {
        guard let constant else { return nil }
        return try shaped { () throws(ShapeError) in try constant.wholeNumber(of: "\(operatorName)'s \(role)") }
    }

    private func symbol(_ index: Int, isTrainable: Bool, rank: Int? = nil) throws(ImportError) -> Symbol? {
        guard let operand = asked(index) else { return nil }
        return try shaped { () throws(ShapeError) in
            try operand.symbol(row.axes(ofInput: index), isTrainable: isTrainable, rank: rank, in: graph)
        }
    }

    /// The first input as it stands in the file, for nodes that only give it another name.
    func operand(_ index: Int) throws(ImportError) -> ONNXValue {
        guard let operand = asked(index) else { throw missing(index) }
        return operand
    }

    // MARK: Attributes

    /// A whole number; `fallback` where the node does not say.
    public func int(_ name: String, default fallback: Int) throws(ImportError) -> Int {
        try optionalInt(name) ?? fallback
    }

    /// A whole number, or nil where the node does not say.
    public func optionalInt(_ name: String) throws(ImportError) -> Int? {
        switch attributes.removeValue(forKey: name) {
        case nil: return nil
        case .int(let value): return value
        case let other?: throw wrongKind(name, "a whole number", other)
        }
    }

    /// Whole numbers.
    public func ints(_ name: String) throws(ImportError) -> [Int]? {
        switch attributes.removeValue(forKey: name) {
        case nil: return nil
        case .ints(let values): return values
        case let other?: throw wrongKind(name, "whole numbers", other)
        }
    }

    /// A float, as the number with the fewest decimals that it stands for: 0.001, not 0.0010000000474974513.
    public func float(_ name: String, default fallback: Double) throws(ImportError) -> Double {
        switch attributes.removeValue(forKey: name) {
        case nil: return fallback
        case .float(let value): return Double("\(value)") ?? Double(value)
        case let other?: throw wrongKind(name, "a float", other)
        }
    }

    /// A text.
    public func string(_ name: String, default fallback: String) throws(ImportError) -> String {
        switch attributes.removeValue(forKey: name) {
        case nil: return fallback
        case .string(let value): return value
        case let other?: throw wrongKind(name, "a text", other)
        }
    }

    /// A tensor, number, text or list of those, as a tensor; nil where the node does not say.
    public func tensor(_ name: String) throws(ImportError) -> Tensor? {
        guard let value = attributes.removeValue(forKey: name) else { return nil }
        switch value {
        case .tensor(let tensor): return try tensor.tensor(external)
        case .float(let value): return try shaped { () throws(ShapeError) in try Tensor(scalar: value) }
        case .floats(let values): return try shaped { () throws(ShapeError) in try Tensor(values) }
        case .int(let value): return try shaped { () throws(ShapeError) in try Tensor(scalar: Int64(value)) }
        case .ints(let values): return try shaped { () throws(ShapeError) in try Tensor(values.map { Int64($0) }) }
        case .string(let value): return try shaped { () throws(ShapeError) in try Tensor(strings: [value], shape: []) }
        case .strings(let values):
            return try shaped { () throws(ShapeError) in try Tensor(strings: values, shape: [values.count]) }
        default: throw wrongKind(name, "a tensor", value)
        }
    }

    /// Floats.
    public func floats(_ name: String) throws(ImportError) -> [Double]? {
        switch attributes.removeValue(forKey: name) {
        case nil: return nil
        case .floats(let values): return values.map { Double("\($0)") ?? Double($0) }
        case let other?: throw wrongKind(name, "floats", other)
        }
    }

    /// Texts.
    public func strings(_ name: String) throws(ImportError) -> [String]? {
        switch attributes.removeValue(forKey: name) {
        case nil: return nil
        case .strings(let values): return values
        case let other?: throw wrongKind(name, "texts", other)
        }
    }

    /// A type of values, its shapes left open; nil where the node does not say.
    func type(_ name: String) throws(ImportError) -> ValueType? {
        switch attributes.removeValue(forKey: name) {
        case nil: return nil
        case .type(let type):
            guard let type = type.openType else { throw unsupported("a type of \"\(name)\" that Tamis has not") }
            return type
        case let other?: throw wrongKind(name, "a type", other)
        }
    }

    /// A graph that the node holds, as a model of its own, and the values of this graph that it reads: they come after
    /// the graph's own inputs. `types` are those of the values its own inputs will get, where they are known.
    public func body(_ name: String, types: [ValueType?] = []) throws(ImportError) -> (ONNXBody, captures: [Symbol]) {
        switch attributes.removeValue(forKey: name) {
        case .graph(let graph): return try readBody(graph, types)
        case nil: throw invalid("it must have the attribute \"\(name)\"", received: "none")
        case let other?: throw wrongKind(name, "a graph", other)
        }
    }

    /// How a window slides; `kernel` is its extent where the node itself does not say.
    public func window(kernel: [Int]? = nil) throws(ImportError) -> WindowGeometry {
        try window(kernel: kernel, ignoresPads: false)
    }

    private func window(kernel: [Int]?, ignoresPads: Bool) throws(ImportError) -> WindowGeometry {
        guard let kernel = try ints("kernel_shape") ?? kernel else {
            throw invalid("it must have the attribute \"kernel_shape\"", received: "none")
        }
        let (stride, dilation) = (try ints("strides"), try ints("dilations"))
        let givenPads = try ints("pads")
        let pads = ignoresPads ? nil : givenPads
        let automatic = try string("auto_pad", default: "NOTSET")
        let roundsUp = try int("ceil_mode", default: 0) != 0
        let padding: WindowGeometry.Padding
        switch automatic {
        case "NOTSET", "":
            let pads = pads ?? []
            guard pads.isEmpty || pads.count == 2 * kernel.count else {
                throw invalid(
                    "\"pads\" must be two numbers for each axis of the kernel", received: "\(pads) for \(kernel)")
            }
            padding =
                pads.allSatisfy { $0 == 0 }
                ? .valid : .explicit(before: Array(pads.prefix(kernel.count)), after: Array(pads.suffix(kernel.count)))
        case "VALID", "SAME_UPPER", "SAME_LOWER":
            guard pads?.allSatisfy({ $0 == 0 }) ?? true else {
                throw invalid("\"pads\" and \"auto_pad\" exclude each other", received: "both")
            }
            padding = automatic == "VALID" ? .valid : automatic == "SAME_UPPER" ? .same : .sameLower
        default:
            throw invalid(
                "\"auto_pad\" must be NOTSET, VALID, SAME_UPPER or SAME_LOWER", received: "\"\(automatic)\"")
        }
        return try shaped { () throws(ShapeError) in
            try WindowGeometry(
                kernel: kernel, stride: stride, padding: padding, dilation: dilation, roundsUp: roundsUp)
        }
    }

    /// How a transposed window lies over its output.
    public func transposedWindow(kernel: [Int]? = nil) throws(ImportError) -> TransposedGeometry {
        let (outputPadding, output) = (try ints("output_padding"), try ints("output_shape"))
        let window = try window(kernel: kernel, ignoresPads: output != nil)
        return try shaped { () throws(ShapeError) in
            try TransposedGeometry(window: window, outputPadding: outputPadding, output: output)
        }
    }

    // MARK: Results

    /// Appends a node of one output to the graph.
    public func call(_ operation: any Operator, _ inputs: Symbol?...) throws(ImportError) -> Symbol {
        guard let first = try append(operation, inputs).first else {
            throw invalid("\(operation.kind) must have an output", received: "none")
        }
        return first
    }

    /// Appends a node to the graph.
    public func append(_ operation: any Operator, _ inputs: [Symbol?]) throws(ImportError) -> [Symbol] {
        let given = (inputs.lastIndex { $0 != nil } ?? -1) + 1
        let outputs = try shaped { () throws(ShapeError) in
            try graph.append(operation, Array(inputs[..<given]), name: name)
        }
        for output in outputs {
            let rank = output.dimensions?.count ?? 0
            guard rank <= limits.rank else {
                throw .limit("the rank of node \"\(name)\"", limit: limits.rank, received: rank)
            }
        }
        return outputs
    }

    /// A constant in the graph.
    public func constant(_ tensor: Tensor) -> Symbol { graph.constant(tensor, name: "\(name)/constant") }

    /// A constant without axes.
    public func scalar(_ value: Double, like symbol: Symbol) throws(ImportError) -> Symbol {
        try shaped { () throws(ShapeError) in try graph.scalar(value, symbol.type.elementType ?? .float32) }
    }

    /// The operator that computes a value, where a node does.
    func producer(of symbol: Symbol) -> (any Operator)? {
        guard let node = graph.graph.values[symbol.id].node else { return nil }
        return graph.graph.nodes[node].operation
    }

    /// Whether the node has an attribute that nobody has asked for yet.
    func hasAttribute(_ name: String) -> Bool { attributes[name] != nil }

    /// Throws if the node has inputs or attributes that nobody has asked for.
    func finish() throws(ImportError) {
        guard operands.count <= askedCount else {
            throw invalid("it takes at most \(askedCount) inputs here", received: "\(operands.count)")
        }
        guard let name = attributes.keys.sorted().first, let value = attributes[name] else { return }
        throw unsupported(value.subgraphs.isEmpty ? "the attribute \"\(name)\"" : "graphs within it (\"\(name)\")")
    }

    // MARK: Errors

    /// Where the node is, in words.
    public var place: String { "node \"\(name)\" (\(operatorName))" }

    /// The node breaks a rule.
    public func invalid(_ rule: String, received: String) -> ImportError {
        .invalidModel(node: name, rule: "\(operatorName): \(rule)", received: received)
    }

    /// The node is right, but uses what Tamis has not.
    public func unsupported(_ feature: String) -> ImportError { .unsupported(feature, place: place) }

    /// Runs `body`, saying at which node its error arose.
    public func shaped<Result>(_ body: () throws(ShapeError) -> Result) throws(ImportError) -> Result {
        do throws(ShapeError) {
            return try body()
        } catch {
            if case .at(_, _, let inner) = error { throw .shape(inner, place: place) }
            throw .shape(error, place: place)
        }
    }

    private func missing(_ index: Int) -> ImportError {
        invalid("input \(index) must be given", received: "\(operands.count) inputs")
    }

    private func wrongKind(_ name: String, _ wanted: String, _ value: ONNXAttribute.Value) -> ImportError {
        invalid("the attribute \"\(name)\" must be \(wanted)", received: "\(value.kind)")
    }
}

/// A value of an ONNX file: in the graph, or a tensor that goes there in the order of axes its first reader wants.
final class ONNXValue {
    let name: String
    /// The value itself, if the file holds it.
    let tensor: Tensor?
    private let isInitializer: Bool
    /// The value in the graph, and what has been done to the file's order of axes.
    private var forms: [(order: Permutation?, symbol: Symbol)] = []

    /// A tensor of the file; only initializers may become parameters.
    init(_ tensor: Tensor, name: String, isInitializer: Bool) {
        self.name = name
        self.tensor = tensor
        self.isInitializer = isInitializer
    }

    /// A value in the graph.
    init(_ symbol: Symbol, name: String) {
        self.name = name
        tensor = nil
        isInitializer = false
        forms = [(symbol.dimensions.map { .identity(rank: $0.count) }, symbol)]
    }

    /// Its type, in the order of axes of who made it.
    var type: ValueType? { tensor.map { .tensor($0.elementType, $0.shape) } ?? forms.first?.symbol.type }

    /// The value in the graph that stands for it in the file's order of axes, if a node computes it.
    var computedID: Graph.ValueID? { tensor == nil ? forms.first?.symbol.id : nil }

    /// The value with its axes in the order Tamis has them; `rank` is their number where the value's type does not say.
    func symbol(
        _ axes: ONNXAxes, isTrainable: Bool = false, rank: Int? = nil, in graph: GraphBuilder
    ) throws(ShapeError) -> Symbol {
        guard let first = forms.first else {
            guard let tensor else { throw .mismatch(rule: "\"\(name)\" must have a value", received: "none") }
            let order = axes.order(rank: tensor.shape.rank)
            let moved = order.isIdentity ? tensor : try tensor.permuted(by: order)
            // Indices, shapes and single numbers are no parameters.
            let isParameter = isInitializer && tensor.elementType.isComputable && tensor.shape.rank > 0
            let symbol =
                isParameter
                ? graph.parameter(name, moved, isTrainable: isTrainable) : graph.constant(moved, name: name)
            forms.append((order, symbol))
            return symbol
        }
        guard let firstOrder = first.order ?? rank.map(Permutation.identity) else {
            guard axes == .same else {
                throw .mismatch(rule: "\"\(name)\" must have a known number of axes", received: "\(first.symbol.type)")
            }
            return first.symbol
        }
        let order = axes.order(rank: firstOrder.rank)
        if let form = forms.first(where: { $0.order == order }) { return form.symbol }
        let symbol = try graph.call(
            Transpose(order.after(firstOrder.inverse)), first.symbol, name: "\(name)/\(axes)")
        forms.append((order, symbol))
        return symbol
    }
}
