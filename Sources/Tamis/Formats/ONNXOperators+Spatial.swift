extension ONNXOperators {
    /// Convolution, pooling and what else slides over images or resizes them.
    static let spatial: [ONNXOperator] = [
        ONNXOperator(
            "Conv", inputs: [.image, .filters], outputs: [.image],
            read: { (node) throws(ImportError) in
                let w = try node.weight(1)
                let window = try node.window(kernel: w.kernelExtents)
                let x = try node.input(0, rank: window.rank + 2)
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
            "ConvTranspose", inputs: [.image, .filters], outputs: [.image],
            read: { (node) throws(ImportError) in
                let w = try node.weight(1)
                let geometry = try node.transposedWindow(kernel: w.kernelExtents)
                let x = try node.input(0, rank: geometry.window.rank + 2)
                let groups = try node.int("group", default: 1)
                return [try node.call(ConvTranspose(geometry: geometry, groups: groups), x, w, node.optionalWeight(2))]
            },
            write: { (conv: ConvTranspose, node) throws(ExportError) in
                node.set(conv.geometry)
                if conv.groups != 1 { node.set("group", conv.groups) }
                node.activation = conv.activation
            }),
        ONNXOperator(
            "MaxPool", inputs: [.image], outputs: [.image, .image],
            read: { (node) throws(ImportError) in
                let isColumnMajor = try node.int("storage_order", default: 0) != 0
                let indices: MaxPool.Indices = isColumnMajor ? .columnMajor : .rowMajor
                let window = try node.window()
                let pool = MaxPool(window: window, indices: node.outputCount > 1 ? indices : nil)
                return try node.append(pool, [node.input(0, rank: window.rank + 2)])
            },
            write: { (pool: MaxPool, node) throws(ExportError) in
                node.set(pool.window)
                if pool.indices == .columnMajor { node.set("storage_order", 1) }
            }),
        ONNXOperator(
            "AveragePool", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let countsPadding = try node.int("count_include_pad", default: 0) != 0
                let window = try node.window()
                let pool = AveragePool(window: window, countsPadding: countsPadding)
                return [try node.call(pool, node.input(0, rank: window.rank + 2))]
            },
            write: { (pool: AveragePool, node) throws(ExportError) in
                guard node.version >= 19 || pool.window.dilation.allSatisfy({ $0 == 1 }) else {
                    throw node.unsupported("AveragePool with dilation before version 19 of the operator set")
                }
                node.set(pool.window, countsPadding: pool.countsPadding)
                if pool.countsPadding { node.set("count_include_pad", 1) }
            }),
        ONNXOperator(
            "LpPool", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let window = try node.window()
                let pool = LpPool(window: window, p: try node.int("p", default: 2))
                return [try node.call(pool, node.input(0, rank: window.rank + 2))]
            },
            write: { (pool: LpPool, node) throws(ExportError) in
                node.set(pool.window)
                if pool.p != 2 { node.set("p", pool.p) }
                let isNew = node.attributes.contains { $0.name == "dilations" || $0.name == "ceil_mode" }
                guard node.version >= 18 || !isNew else {
                    throw node.unsupported("LpPool with dilation or rounding up before version 18 of the operator set")
                }
            }),
        globalPool(.average), globalPool(.maximum),
        ONNXOperator(
            "GlobalLpPool", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                [try node.call(GlobalPool(.norm(p: node.int("p", default: 2))), node.input(0))]
            },
            write: { (pool: GlobalPool, node) throws(ExportError) in
                if case .norm(let p) = pool.function, p != 2 { node.set("p", p) }
            }),
        ONNXOperator(
            "MaxUnpool", inputs: [.image, .image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let window = try node.window()
                let rank = window.rank + 2
                let (x, indices) = (try node.input(0, rank: rank), try node.input(1, rank: rank))
                return [try node.call(MaxUnpool(window: window), x, indices, node.optionalInput(2))]
            },
            write: { (pool: MaxUnpool, node) throws(ExportError) in node.set(pool.window) }),
    ]

    /// GlobalAveragePool or GlobalMaxPool, which have no attributes.
    private static func globalPool(_ function: GlobalPool.Function) -> ONNXOperator {
        ONNXOperator(
            GlobalPool(function).kind, inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in [try node.call(GlobalPool(function), node.input(0))] },
            write: { (_: GlobalPool, _) throws(ExportError) in })
    }
}

extension Symbol {
    /// The extents of a kernel, the first axes of filters, where all are known.
    fileprivate var kernelExtents: [Int]? {
        guard let kernel = dimensions?.dropLast(2), kernel.allSatisfy({ $0.value != nil }) else { return nil }
        return kernel.compactMap(\.value)
    }
}
