extension ONNXOperators {
    /// Operators that take axes together: reductions, softmax, the largest elements.
    static let reduction: [ONNXOperator] = [
        softmax("Softmax", isLogarithmic: false), softmax("LogSoftmax", isLogarithmic: true),
        oldSoftmax("Softmax", isLogarithmic: false), oldSoftmax("LogSoftmax", isLogarithmic: true),
    ]

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
