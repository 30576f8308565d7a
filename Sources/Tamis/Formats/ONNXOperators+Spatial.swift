extension ONNXOperators {
    /// Convolution, pooling and what else slides over images or resizes them.
    static let spatial: [ONNXOperator] = [
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
                node.addends = [3]
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
    ]
}
