extension ONNXOperators {
    /// Operators that take axes together: reductions, softmax, the largest elements.
    static let reduction: [ONNXOperator] =
        Reduce.Function.allCases.map(reduce) + [
            softmax("Softmax", isLogarithmic: false), softmax("LogSoftmax", isLogarithmic: true),
            oldSoftmax("Softmax", isLogarithmic: false), oldSoftmax("LogSoftmax", isLogarithmic: true),
            ONNXOperator(
                "Hardmax", versions: 13...versions.upperBound,
                read: { (node) throws(ImportError) in
                    [try node.call(Hardmax(axis: node.int("axis", default: -1)), node.input(0))]
                },
                write: { (hardmax: Hardmax, node) throws(ExportError) in node.set("axis", hardmax.axis) }),
            ONNXOperator(
                "Hardmax", versions: versions.lowerBound...12,
                read: { (node) throws(ImportError) in [try node.overMergedAxes { Hardmax(axis: $0) }] }),
            argReduce(.largest), argReduce(.smallest), cumulate(.sum), cumulate(.product), topK,
            ONNXOperator(
                "LpNormalization",
                read: { (node) throws(ImportError) in
                    let p = try node.int("p", default: 2)
                    guard let norm = LpNormalize.Norm(rawValue: p) else {
                        throw node.invalid("\"p\" must be 1 or 2", received: "\(p)")
                    }
                    return [try node.call(LpNormalize(norm, axis: node.int("axis", default: -1)), node.input(0))]
                },
                write: { (operation: LpNormalize, node) throws(ExportError) in
                    node.set("axis", operation.axis)
                    node.set("p", operation.norm.rawValue)
                }),
        ]

    /// The axes are an attribute first, an input later: of ReduceSum from version 13, of the others from 18.
    private static func reduce(_ function: Reduce.Function) -> ONNXOperator {
        let firstWithInput = function == .sum ? 13 : 18
        return ONNXOperator(
            function.rawValue,
            read: { (node) throws(ImportError) in
                let hasInput = node.version >= firstWithInput
                let axes = hasInput ? try node.integers(1) : try node.ints("axes")
                let keepsDimensions = try node.int("keepdims", default: 1) != 0
                let allowsNoAxes = hasInput ? try node.int("noop_with_empty_axes", default: 0) != 0 : false
                let operation = Reduce(
                    function, axes: axes ?? [], keepsDimensions: keepsDimensions, allowsNoAxes: allowsNoAxes)
                let given = hasInput && axes == nil ? try node.optionalInput(1) : nil
                return [try node.call(operation, node.input(0), given)]
            },
            write: { (reduce: Reduce, node) throws(ExportError) in
                let hasInput = node.version >= firstWithInput
                if !hasInput, node.inputs.count > 1 || reduce.allowsNoAxes {
                    throw node.unsupported("\(reduce.kind) of axes that come at run time, or of none")
                }
                if !reduce.keepsDimensions { node.set("keepdims", 0) }
                if reduce.allowsNoAxes { node.set("noop_with_empty_axes", 1) }
                guard !reduce.axes.isEmpty else { return }
                if hasInput {
                    try node.setInput(1, reduce.axes)
                } else {
                    node.set("axes", reduce.axes)
                }
            })
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
                [try node.overMergedAxes { Softmax(axis: $0, isLogarithmic: isLogarithmic) }]
            })
    }

    private static func argReduce(_ function: ArgReduce.Function) -> ONNXOperator {
        ONNXOperator(
            function.rawValue,
            read: { (node) throws(ImportError) in
                let operation = ArgReduce(
                    function, axis: try node.int("axis", default: 0),
                    keepsDimensions: try node.int("keepdims", default: 1) != 0,
                    takesLast: try node.int("select_last_index", default: 0) != 0)
                return [try node.call(operation, node.input(0))]
            },
            write: { (operation: ArgReduce, node) throws(ExportError) in
                node.set("axis", operation.axis)
                if !operation.keepsDimensions { node.set("keepdims", 0) }
                if operation.takesLast { node.set("select_last_index", 1) }
            })
    }

    private static func cumulate(_ function: Cumulate.Function) -> ONNXOperator {
        ONNXOperator(
            function.rawValue, versions: (function == .sum ? 11 : 26)...versions.upperBound,
            read: { (node) throws(ImportError) in
                let axis = try node.integer(1)
                let operation = Cumulate(
                    function, axis: axis,
                    isExclusive: try node.int("exclusive", default: 0) != 0,
                    isReversed: try node.int("reverse", default: 0) != 0)
                return [try node.call(operation, node.input(0), axis == nil ? node.input(1) : nil)]
            },
            write: { (operation: Cumulate, node) throws(ExportError) in
                if operation.isExclusive { node.set("exclusive", 1) }
                if operation.isReversed { node.set("reverse", 1) }
                if let axis = operation.axis { try node.setInput(1, axis) }
            })
    }

    /// k is an attribute before version 10, an input from then on.
    private static var topK: ONNXOperator {
        ONNXOperator(
            "TopK",
            read: { (node) throws(ImportError) in
                let k = node.version < 10 ? try node.int("k", default: 0) : try node.integer(1)
                let axis = try node.int("axis", default: -1)
                // Sorted elements are some order too, so "sorted" makes no difference.
                _ = try node.int("sorted", default: 1)
                let operation = TopK(k, axis: axis, takesLargest: try node.int("largest", default: 1) != 0)
                return try node.append(operation, [node.input(0), k == nil ? node.input(1) : nil])
            },
            write: { (operation: TopK, node) throws(ExportError) in
                node.set("axis", operation.axis)
                if !operation.takesLargest { node.set("largest", 0) }
                if let k = operation.k { try node.setInput(1, [k]) }
            })
    }
}

extension ONNXNodeReader {
    /// An operation along one axis where the file means all axes from "axis" on, as one.
    fileprivate func overMergedAxes(_ operation: (_ axis: Int) -> any Operator) throws(ImportError) -> Symbol {
        let x = try input(0)
        guard let dimensions = x.dimensions else { throw unsupported("an input of any number of axes") }
        var axis = try int("axis", default: 1)
        if axis < 0, axis >= -dimensions.count { axis += dimensions.count }
        guard (0...dimensions.count).contains(axis) else {
            throw invalid("\"axis\" must be one of \(dimensions.count) axes", received: "\(axis)")
        }
        let merged = dimensions[axis...]
        if merged.dropFirst().allSatisfy({ $0 == 1 }), !merged.isEmpty { return try call(operation(axis), x) }
        guard dimensions.count(where: { $0.value == nil }) <= 1 else {
            throw unsupported("\(operatorName) of before version 13 over several axes of an open shape")
        }
        let rows = try call(Flatten(axis: axis), x)
        let y = try call(operation(-1), rows)
        let shape = try shaped { () throws(ShapeError) in try Tensor(dimensions.map { Int64($0.value ?? -1) }) }
        return try call(Reshape(), y, constant(shape))
    }
}
