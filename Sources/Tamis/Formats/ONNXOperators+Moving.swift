extension ONNXOperators {
    /// Operators that move elements: other shapes, orders and selections; constants.
    static let moving: [ONNXOperator] = [
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
        ONNXOperator(
            "Constant",
            reading: .constant { (node) throws(ImportError) in
                let kinds = ["", "_float", "_floats", "_int", "_ints", "_string", "_strings"]
                for kind in kinds {
                    if let tensor = try node.tensor("value\(kind)") { return tensor }
                }
                throw node.invalid("it must have a value", received: "none")
            }),
    ]
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
