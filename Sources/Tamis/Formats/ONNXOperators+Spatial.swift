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
        ONNXOperator(
            "Resize", versions: 11...versions.upperBound, read: resize,
            write: { (resize: Resize, node) throws(ExportError) in try write(resize, &node) }),
        ONNXOperator(
            "Resize", versions: 10...10,
            read: { (node) throws(ImportError) in
                try old(node, scales: node.constant(1), node.optionalInput(1))
            }),
        ONNXOperator(
            "Upsample", versions: 9...10,
            read: { (node) throws(ImportError) in
                try old(node, scales: node.constant(1), node.optionalInput(1))
            }),
        ONNXOperator(
            "Upsample", versions: 7...8,
            read: { (node) throws(ImportError) in try old(node, scales: node.tensor("scales"), nil) }),
        ONNXOperator(
            "Upsample", versions: versions.lowerBound...6,
            read: { (node) throws(ImportError) in
                let (height, width) = (
                    try node.float("height_scale", default: 1), try node.float("width_scale", default: 1)
                )
                let scales = try node.shaped { () throws(ShapeError) in
                    try Tensor([1, 1, Float(height), Float(width)])
                }
                return try old(node, scales: scales, nil)
            }),
    ]

    private static func resize(_ node: ONNXNodeReader) throws(ImportError) -> [Symbol] {
        var resize = Resize(try node.choice("mode", default: .nearest))
        resize.coordinates = try node.choice("coordinate_transformation_mode", default: .halfPixel)
        resize.rounding = try node.choice("nearest_mode", default: .preferFloor)
        resize.aspectRatio = try node.choice("keep_aspect_ratio_policy", default: .stretch)
        resize.axes = try node.ints("axes")
        resize.antialiases = try node.int("antialias", default: 0) != 0 && resize.mode != .nearest
        resize.excludesOutside = try node.int("exclude_outside", default: 0) != 0
        resize.cubicCoefficient = try node.float("cubic_coeff_a", default: -0.75)
        resize.extrapolationValue = try node.float("extrapolation_value", default: 0)
        var inputs = [try node.input(0)] as [Symbol?]
        // Numbers of the file are no parameters, so that the shape rule may read them.
        for index in 1..<max(1, node.inputCount) {
            if let tensor = node.constant(index) {
                inputs.append(tensor.shape.elementCount == 0 ? nil : node.constant(tensor))
            } else {
                inputs.append(try node.optionalInput(index))
            }
        }
        return try node.append(resize, inputs)
    }

    /// Before version 11: x / scale, and the nearest element is that towards the start where the tensor grows, that towards
    /// the end where it shrinks.
    private static func old(_ node: ONNXNodeReader, scales: Tensor?, _ open: Symbol?) throws(ImportError) -> [Symbol] {
        let mode = try node.string("mode", default: "nearest")
        var resize = Resize(mode == "nearest" ? .nearest : .linear)
        guard ["nearest", "linear", "bilinear"].contains(mode) else {
            throw node.invalid("\"mode\" must be nearest or linear", received: "\"\(mode)\"")
        }
        resize.coordinates = .asymmetric
        let known = scales.flatMap { try? $0.doubles() } ?? []
        resize.rounding = known.contains { $0 < 1 } ? .ceil : .floor
        guard resize.mode != .nearest || resize.rounding == .floor || !known.contains(where: { $0 > 1 }) else {
            throw node.unsupported("axes that grow beside axes that shrink before version 11 of the operator set")
        }
        return [try node.call(resize, node.input(0), nil, scales.map(node.constant) ?? open)]
    }

    private static func write(_ resize: Resize, _ node: inout ONNXNodeWriter) throws(ExportError) {
        if resize.mode != .nearest { node.set("mode", resize.mode.rawValue) }
        if resize.coordinates != .halfPixel {
            node.set("coordinate_transformation_mode", resize.coordinates.rawValue)
        }
        if resize.rounding != .preferFloor, resize.mode == .nearest {
            node.set("nearest_mode", resize.rounding.rawValue)
        }
        if resize.excludesOutside { node.set("exclude_outside", 1) }
        if resize.mode == .cubic { node.set("cubic_coeff_a", resize.cubicCoefficient) }
        if resize.extrapolationValue != 0 { node.set("extrapolation_value", resize.extrapolationValue) }
        let rank = node.inputs.first??.dimensions?.count
        if let axes = resize.axes, rank.map({ axes != Array(0..<$0) }) ?? true {
            guard node.version >= 18 else {
                throw node.unsupported("Resize of some axes before version 18 of the operator set")
            }
            node.set("axes", axes)
        }
        if resize.antialiases || resize.aspectRatio != .stretch {
            guard node.version >= 18 else {
                throw node.unsupported(
                    "Resize that antialiases or keeps the aspect ratio before version 18 of the operator set")
            }
            if resize.antialiases { node.set("antialias", 1) }
            if resize.aspectRatio != .stretch { node.set("keep_aspect_ratio_policy", resize.aspectRatio.rawValue) }
        }
        guard resize.coordinates != .nearestHalfPixel, resize.coordinates != .halfPixelSymmetric || node.version >= 19
        else {
            throw node.unsupported("Resize's coordinates \(resize.coordinates.rawValue) in this version")
        }
    }

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

extension ONNXNodeReader {
    /// One of some words.
    fileprivate func choice<Choice: RawRepresentable<String>>(
        _ name: String, default fallback: Choice
    ) throws(ImportError) -> Choice {
        let word = try string(name, default: fallback.rawValue)
        guard let choice = Choice(rawValue: word) else {
            throw invalid("\"\(name)\" must be one of its words", received: "\"\(word)\"")
        }
        return choice
    }
}
