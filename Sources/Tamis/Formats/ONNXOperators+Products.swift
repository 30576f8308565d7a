extension ONNXOperators {
    /// Products of matrices.
    static let products: [ONNXOperator] = [
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
                if beta == 0 { node.ignoreInput(2) }
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
                node.addends = [3]
                node.activation = gemm.activation
            }),
        ONNXOperator(
            "MatMul",
            read: { (node) throws(ImportError) in [try node.call(MatMul(), node.weight(0), node.weight(1))] },
            write: { (product: MatMul, node) throws(ExportError) in
                node.addends = [2, 3]
                node.activation = product.activation
            }),
        ONNXOperator(
            "Einsum", versions: 12...versions.upperBound,
            read: { (node) throws(ImportError) in
                let equation = try node.string("equation", default: "")
                let operation = try node.shaped { () throws(ShapeError) in try Einsum(equation) }
                var inputs: [Symbol] = []
                for index in 0..<node.inputCount { inputs.append(try node.weight(index)) }
                return try node.append(operation, inputs)
            },
            write: { (einsum: Einsum, node) throws(ExportError) in node.set("equation", einsum.equation) }),
    ]
}
