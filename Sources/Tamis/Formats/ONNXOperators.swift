/// The operators that ONNX files are read and written with: a table of one row for each and each change of its meaning.
///
/// A value: rows of one's own join by `adding`, and hold where the table is handed over, nowhere else.
public struct ONNXOperators: Sendable {
    /// The rows; a later one goes before an earlier one.
    public private(set) var rows: [ONNXOperator]
    private var rowsByName: [Key: [Int]] = [:]

    private struct Key: Hashable {
        var domain: String
        var name: String
    }

    /// The versions of ONNX's own operator set that are read.
    public static let versions = 6...28
    /// The versions of it that are written.
    public static let writtenVersions = 13...28

    /// A table of these rows.
    public init(_ rows: [ONNXOperator]) {
        self.rows = []
        for row in rows { add(row) }
    }

    /// The table with other rows, which go before those it has.
    public func adding(_ rows: ONNXOperator...) -> ONNXOperators {
        var table = self
        for row in rows { table.add(row) }
        return table
    }

    private mutating func add(_ row: ONNXOperator) {
        rowsByName[Key(domain: row.domain, name: row.name), default: []].append(rows.count)
        rows.append(row)
    }

    /// The rows of an operator, the first one to be asked first.
    func rows(_ name: String, domain: String) -> [ONNXOperator] {
        (rowsByName[Key(domain: domain, name: name)] ?? []).reversed().map { rows[$0] }
    }

    /// The row for an operator of Tamis, and what it writes for it.
    func row(
        for operation: any Operator, _ node: ONNXNodeWriter
    ) throws(ExportError) -> (row: ONNXOperator, node: ONNXNodeWriter)? {
        for row in rows.reversed() where !row.domain.isEmpty || row.versions.contains(node.version) {
            if let written = try row.write(operation, node) { return (row, written) }
        }
        return nil
    }

    /// The operators that Tamis has.
    public static let standard = ONNXOperators([
        // MARK: Spatial operators

        ONNXOperator(
            "Conv", inputs: [.image, .filters], outputs: [.image],
            read: { (node) throws(ImportError) in
                let (x, w) = (try node.input(0), try node.weight(1))
                let window = try node.window(kernel: w.dimensions?.dropLast(2).compactMap(\.value))
                let groups = try node.int("group", default: 1)
                return [try node.call(Conv(window: window, groups: groups), x, w, node.optionalWeight(2))]
            },
            write: { (conv: Conv, node) throws(ExportError) in
                node.set(conv.window)
                if conv.groups != 1 { node.set("group", conv.groups) }
                node.activation = conv.activation
            }),
        ONNXOperator(
            "MaxPool", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                // Only the second output, the indices, depends on storage_order; Tamis does not have it.
                _ = try node.int("storage_order", default: 0)
                return [try node.call(MaxPool(window: node.window()), node.input(0))]
            },
            write: { (pool: MaxPool, node) throws(ExportError) in node.set(pool.window) }),
        ONNXOperator(
            "AveragePool", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let countsPadding = try node.int("count_include_pad", default: 0) != 0
                return [try node.call(AveragePool(window: node.window(), countsPadding: countsPadding), node.input(0))]
            },
            write: { (pool: AveragePool, node) throws(ExportError) in
                guard node.version >= 19 || pool.window.dilation.allSatisfy({ $0 == 1 }) else {
                    throw node.unsupported("AveragePool with dilation before version 19 of the operator set")
                }
                node.set(pool.window, countsPadding: pool.countsPadding)
                if pool.countsPadding { node.set("count_include_pad", 1) }
            }),
        ONNXOperator(
            "BatchNormalization", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                guard try node.int("spatial", default: 1) == 1 else {
                    throw node.unsupported("statistics for each pixel (spatial = 0)")
                }
                let isTraining =
                    node.version < 7
                    ? try node.int("is_test", default: 0) == 0 : try node.int("training_mode", default: 0) != 0
                guard !isTraining, node.outputCount <= 1 else {
                    throw node.unsupported("its training form; the model must be exported for inference")
                }
                let operation = BatchNormalize(
                    epsilon: try node.float("epsilon", default: 1e-5),
                    momentum: try node.float("momentum", default: 0.9))
                return [
                    try node.call(
                        operation, node.input(0), node.weight(1), node.weight(2), node.input(3), node.input(4))
                ]
            },
            write: { (normalization: BatchNormalize, node) throws(ExportError) in
                node.set("epsilon", normalization.epsilon)
                node.set("momentum", normalization.momentum)
                node.activation = normalization.activation
            }),
        ONNXOperator(
            "SoftmaxCrossEntropyLoss", inputs: [.image], outputs: [.same, .image],
            read: { (node) throws(ImportError) in
                guard try node.string("reduction", default: "mean") == "mean", node.inputCount < 3 else {
                    throw node.unsupported("sums, single losses and weights of classes; only the mean")
                }
                return try node.append(SoftmaxCrossEntropyLoss(), [node.input(0), node.input(1)])
            },
            write: { (_: SoftmaxCrossEntropyLoss, _) throws(ExportError) in }),

        // MARK: Matrix products

        ONNXOperator(
            "Gemm",
            read: { (node) throws(ImportError) in
                // Before version 7 it had to be said that the bias may stretch.
                if node.version < 7 { _ = try node.int("broadcast", default: 0) }
                let (alpha, beta) = (try node.float("alpha", default: 1), try node.float("beta", default: 1))
                let product = Gemm(
                    transposeX: try node.int("transA", default: 0) != 0,
                    transposeW: try node.int("transB", default: 0) != 0)
                let (x, w) = (try node.input(0), try node.weight(1))
                let bias = beta == 0 ? nil : try node.optionalWeight(2)
                let columns = w.dimensions?.count == 2 ? w.dimensions?[product.transposeW ? 0 : 1] : nil
                if alpha == 1, beta == 1 || bias == nil, bias == nil || bias?.dimensions == columns.map({ [$0] }) {
                    return [try node.call(product, x, w, bias)]
                }
                // alpha · x w + beta · bias
                var y = try node.call(product, x, w)
                if alpha != 1 { y = try node.call(Arithmetic(.multiply), y, node.scalar(alpha, like: y)) }
                guard var bias else { return [y] }
                if beta != 1 { bias = try node.call(Arithmetic(.multiply), bias, node.scalar(beta, like: y)) }
                return [try node.call(Arithmetic(.add), y, bias)]
            },
            write: { (gemm: Gemm, node) throws(ExportError) in
                if gemm.transposeX { node.set("transA", 1) }
                if gemm.transposeW { node.set("transB", 1) }
                node.activation = gemm.activation
            }),
        ONNXOperator(
            "MatMul",
            read: { (node) throws(ImportError) in [try node.call(MatMul(), node.weight(0), node.weight(1))] },
            write: { (_: MatMul, _) throws(ExportError) in }),

        // MARK: Other orders and shapes

        ONNXOperator(
            "Flatten",
            read: { (node) throws(ImportError) in
                [try node.call(Flatten(axis: node.int("axis", default: 1)), node.input(0))]
            },
            write: { (flatten: Flatten, node) throws(ExportError) in node.set("axis", flatten.axis) }),
        ONNXOperator(
            "Reshape",
            read: { (node) throws(ImportError) in
                let (x, allowsZero) = (try node.input(0), try node.int("allowzero", default: 0) != 0)
                if let shape = node.constant(1), !allowsZero, x.isFlattened(by: shape) {
                    return [try node.call(Flatten(axis: 1), x)]
                }
                return [try node.call(Reshape(allowsZero: allowsZero), x, node.input(1))]
            },
            write: { (reshape: Reshape, node) throws(ExportError) in
                guard reshape.allowsZero else { return }
                guard node.version >= 14 else {
                    throw node.unsupported("a Reshape to no elements before version 14 of the operator set")
                }
                node.set("allowzero", 1)
            }),
        ONNXOperator(
            "Transpose",
            read: { (node) throws(ImportError) in
                let x = try node.input(0)
                guard let order = try node.ints("perm") ?? x.dimensions?.indices.reversed() else {
                    throw node.unsupported("no \"perm\" where the number of axes is not known")
                }
                let permutation = try node.shaped { () throws(ShapeError) in try Permutation(order) }
                return [try node.call(Transpose(permutation), x)]
            },
            write: { (transpose: Transpose, node) throws(ExportError) in node.set("perm", transpose.order.order) }),

        // MARK: Element-wise operators

        arithmetic(.add), arithmetic(.subtract), arithmetic(.multiply), arithmetic(.divide),
        oldArithmetic("Add"), oldArithmetic("Sub"), oldArithmetic("Mul"), oldArithmetic("Div"),
        activation(.relu), activation(.sigmoid), activation(.tanh),
        ONNXOperator(
            "Identity", reading: .firstInput { (_) throws(ImportError) in },
            write: { (operation, node) throws(ExportError) in
                (operation as? Activate)?.activation == .linear ? node : nil
            }),
        ONNXOperator(
            "Dropout",
            reading: .firstInput { (node) throws(ImportError) in
                _ = try (node.float("ratio", default: 0.5), node.int("seed", default: 0))
                let isTest = node.version >= 7 ? true : try node.int("is_test", default: 0) != 0
                let mode = node.inputCount > 2 ? node.constant(2) : nil
                let isOff =
                    node.inputCount < 3 || (mode.flatMap { try? $0.scalars(as: Bool.self) } ?? [true]) == [false]
                guard isTest, isOff, node.outputCount <= 1 else {
                    throw node.unsupported("its training form; the model must be exported for inference")
                }
            }),
        softmax("Softmax", isLogarithmic: false), softmax("LogSoftmax", isLogarithmic: true),
        oldSoftmax("Softmax", isLogarithmic: false), oldSoftmax("LogSoftmax", isLogarithmic: true),

        // MARK: Constants

        ONNXOperator(
            "Constant",
            reading: .constant { (node) throws(ImportError) in
                let kinds = ["", "_float", "_floats", "_int", "_ints", "_string", "_strings"]
                for kind in kinds {
                    if let tensor = try node.tensor("value\(kind)") { return tensor }
                }
                throw node.invalid("it must have a value", received: "none")
            }),
    ])

    /// Add, Sub, Mul or Div with numpy's broadcasting.
    private static func arithmetic(_ function: Arithmetic.Function) -> ONNXOperator {
        ONNXOperator(
            function.rawValue, versions: 7...versions.upperBound,
            read: { (node) throws(ImportError) in
                // What is added to a product of matrices is a bias, learned like the matrix.
                func operand(_ index: Int, beside other: Int) throws(ImportError) -> Symbol {
                    guard node.constant(index) != nil, node.constant(other) == nil,
                        node.producer(of: try node.input(other)) is MatMul
                    else { return try node.input(index) }
                    return try node.weight(index)
                }
                return [try node.call(Arithmetic(function), operand(0, beside: 1), operand(1, beside: 0))]
            },
            write: { (_: Arithmetic, _) throws(ExportError) in })
    }

    /// The same before version 7: without the attribute `broadcast`, operands of one shape.
    private static func oldArithmetic(_ name: String) -> ONNXOperator {
        ONNXOperator(
            name, versions: versions.lowerBound...6,
            read: { (node) throws(ImportError) in
                guard let function = Arithmetic.Function(rawValue: name), try node.int("broadcast", default: 0) == 0
                else {
                    throw node.unsupported("the broadcasting of before version 7 of the operator set")
                }
                return [try node.call(Arithmetic(function), node.input(0), node.input(1))]
            })
    }

    private static func activation(_ activation: Activation) -> ONNXOperator {
        ONNXOperator(
            activation.onnxName,
            read: { (node) throws(ImportError) in [try node.call(Activate(activation), node.input(0))] },
            write: { (_: Activate, _) throws(ExportError) in })
    }

    private static func softmax(_ name: String, isLogarithmic: Bool) -> ONNXOperator {
        ONNXOperator(
            name, versions: 13...versions.upperBound,
            read: { (node) throws(ImportError) in
                let axis = try node.int("axis", default: -1)
                return [try node.call(Softmax(axis: axis, isLogarithmic: isLogarithmic), node.input(0))]
            },
            write: { (softmax: Softmax, node) throws(ExportError) in node.set("axis", softmax.axis) })
    }

    /// Before version 13 the axes from `axis` on counted as one.
    private static func oldSoftmax(_ name: String, isLogarithmic: Bool) -> ONNXOperator {
        ONNXOperator(
            name, versions: versions.lowerBound...12,
            read: { (node) throws(ImportError) in
                let x = try node.input(0)
                guard let dimensions = x.dimensions else { throw node.unsupported("an input of any number of axes") }
                var axis = try node.int("axis", default: 1)
                if axis < 0, axis >= -dimensions.count { axis += dimensions.count }
                guard (0...dimensions.count).contains(axis) else {
                    throw node.invalid("\"axis\" must be one of \(dimensions.count) axes", received: "\(axis)")
                }
                let merged = dimensions[axis...]
                if merged.dropFirst().allSatisfy({ $0 == 1 }), !merged.isEmpty {
                    return [try node.call(Softmax(axis: axis, isLogarithmic: isLogarithmic), x)]
                }
                guard dimensions.count(where: { $0.value == nil }) <= 1 else {
                    throw node.unsupported("the softmax of before version 13 over several axes of an open shape")
                }
                let rows = try node.call(Flatten(axis: axis), x)
                let y = try node.call(Softmax(axis: -1, isLogarithmic: isLogarithmic), rows)
                let shape = try node.shaped { () throws(ShapeError) in
                    try Tensor(dimensions.map { Int64($0.value ?? -1) })
                }
                return [try node.call(Reshape(), y, node.constant(shape))]
            })
    }
}

extension Symbol {
    /// Whether a Reshape to `shape` makes rows of the first axis and columns of all others, as Flatten does.
    fileprivate func isFlattened(by shape: Tensor) -> Bool {
        guard let dimensions, let first = dimensions.first, let shape = try? shape.scalars(as: Int64.self),
            shape.count == 2
        else { return false }
        let columns = dimensions.dropFirst().product.value
        let keepsColumns = shape[1] == -1 || (columns.map { $0 > 0 && shape[1] == $0 } ?? false)
        let keepsRows = shape[0] == 0 || (first.value.map { $0 > 0 && shape[0] == $0 } ?? false)
        return shape[0] == -1 ? keepsColumns && shape[1] != -1 : keepsRows && keepsColumns
    }
}
