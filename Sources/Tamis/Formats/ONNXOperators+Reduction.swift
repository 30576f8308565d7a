extension ONNXOperators {
    /// Operators that take axes together: reductions, softmax, the largest elements.
    static let reduction: [ONNXOperator] =
        Reduce.Function.allCases.map(reduce) + [
            softmax("Softmax", isLogarithmic: false), softmax("LogSoftmax", isLogarithmic: true),
            oldSoftmax("Softmax", isLogarithmic: false), oldSoftmax("LogSoftmax", isLogarithmic: true),
        ]

    /// The axes are an attribute first, an input later: of ReduceSum from version 13, of the others from 18.
    private static func reduce(_ function: Reduce.Function) -> ONNXOperator {
        let firstWithInput = function == .sum ? 13 : 18
        return ONNXOperator(
            function.rawValue,
            read: { (node) throws(ImportError) in
                let hasInput = node.version >= firstWithInput
                let constant = hasInput ? node.constant(1) : nil
                let axes = hasInput ? try node.int64s(constant) : try node.ints("axes")
                let keepsDimensions = try node.int("keepdims", default: 1) != 0
                let allowsNoAxes = hasInput ? try node.int("noop_with_empty_axes", default: 0) != 0 : false
                let operation = Reduce(
                    function, axes: axes ?? [], keepsDimensions: keepsDimensions, allowsNoAxes: allowsNoAxes)
                let given = hasInput && constant == nil ? try node.optionalInput(1) : nil
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
                    try node.setInput(1, "axes", reduce.axes)
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
