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
                let order = try node.int("storage_order", default: 0)
                guard (0...1).contains(order) else {
                    throw node.invalid("\"storage_order\" must be 0 or 1", received: "\(order)")
                }
                let indices: MaxPool.Indices = order == 1 ? .columnMajor : .rowMajor
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
                if pool.window.dilation.contains(where: { $0 != 1 }) {
                    try node.require(19, for: "AveragePool with dilation")
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
                if isNew { try node.require(18, for: "LpPool with dilation or rounding up") }
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
            "DeformConv", inputs: [.image, .filters, .image, .same, .image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let w = try node.weight(1)
                let window = try node.window(kernel: w.kernelExtents)
                let convolution = DeformConv(
                    window: window, groups: try node.int("group", default: 1),
                    offsetGroups: try node.int("offset_group", default: 1))
                return [
                    try node.call(
                        convolution, node.input(0, rank: window.rank + 2), w, node.input(2, rank: window.rank + 2),
                        node.optionalWeight(3), node.optionalInput(4))
                ]
            },
            write: { (conv: DeformConv, node) throws(ExportError) in
                try node.require(19, for: "DeformConv")
                node.set(conv.window)
                if conv.groups != 1 { node.set("group", conv.groups) }
                if conv.offsetGroups != 1 { node.set("offset_group", conv.offsetGroups) }
            }),
        gridSample(versions: 16...19, linear: "bilinear", cubic: "bicubic"),
        gridSample(versions: 20...versions.upperBound, linear: "linear", cubic: "cubic"),
        ONNXOperator(
            "AffineGrid",
            read: { (node) throws(ImportError) in
                let grid = AffineGrid(alignsCorners: try node.int("align_corners", default: 0) != 0)
                return [try node.call(grid, node.input(0), node.input(1))]
            },
            write: { (grid: AffineGrid, node) throws(ExportError) in
                try node.require(20, for: "AffineGrid")
                if grid.alignsCorners { node.set("align_corners", 1) }
            }),
        ONNXOperator(
            "RoiAlign", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                var align = RoiAlign(
                    try node.choice("mode", default: .average), height: try node.int("output_height", default: 1),
                    width: try node.int("output_width", default: 1))
                align.samples = try node.int("sampling_ratio", default: 0)
                align.scale = try node.float("spatial_scale", default: 1)
                // Before version 16 there was one kind of coordinates.
                let coordinates = try node.string(
                    "coordinate_transformation_mode", default: node.version < 16 ? "output_half_pixel" : "half_pixel")
                guard ["half_pixel", "output_half_pixel"].contains(coordinates) else {
                    throw node.invalid(
                        "\"coordinate_transformation_mode\" must be half_pixel or output_half_pixel",
                        received: "\"\(coordinates)\"")
                }
                align.isAligned = coordinates == "half_pixel"
                return [try node.call(align, node.input(0, rank: 4), node.input(1), node.input(2))]
            },
            write: { (align: RoiAlign, node) throws(ExportError) in
                if align.mode != .average { node.set("mode", align.mode.rawValue) }
                node.set("output_height", align.height)
                node.set("output_width", align.width)
                node.set("sampling_ratio", align.samples)
                node.set("spatial_scale", align.scale)
                if align.isAligned { try node.require(16, for: "RoiAlign of pixels' middles") }
                if node.version >= 16, !align.isAligned {
                    node.set("coordinate_transformation_mode", "output_half_pixel")
                }
            }),
        ONNXOperator(
            "MaxRoiPool", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                guard let shape = try node.ints("pooled_shape"), shape.count == 2 else {
                    throw node.invalid("\"pooled_shape\" must be two numbers", received: "none or others")
                }
                let pool = MaxRoiPool(
                    height: shape[0], width: shape[1], scale: try node.float("spatial_scale", default: 1))
                return [try node.call(pool, node.input(0, rank: 4), node.input(1))]
            },
            write: { (pool: MaxRoiPool, node) throws(ExportError) in
                node.set("pooled_shape", [pool.height, pool.width])
                node.set("spatial_scale", pool.scale)
            }),
        ONNXOperator(
            "Col2Im",
            read: { (node) throws(ImportError) in
                let pads = try node.ints("pads")
                let half = (pads?.count ?? 0) / 2
                let col2im = Col2Im(
                    stride: try node.ints("strides"), dilation: try node.ints("dilations"),
                    before: pads.map { Array($0.prefix(half)) }, after: pads.map { Array($0.dropFirst(half)) })
                return [try node.call(col2im, node.input(0), node.input(1), node.input(2))]
            },
            write: { (col2im: Col2Im, node) throws(ExportError) in
                try node.require(18, for: "Col2Im")
                if let stride = col2im.stride { node.set("strides", stride) }
                if let dilation = col2im.dilation { node.set("dilations", dilation) }
                if let before = col2im.before, let after = col2im.after { node.set("pads", before + after) }
            }),
        ONNXOperator(
            "NonMaxSuppression",
            read: { (node) throws(ImportError) in
                let selection = NonMaxSuppression(isCentered: try node.int("center_point_box", default: 0) != 0)
                return [
                    try node.call(
                        selection, node.input(0), node.input(1), node.optionalInput(2), node.optionalInput(3),
                        node.optionalInput(4))
                ]
            },
            write: { (selection: NonMaxSuppression, node) throws(ExportError) in
                if selection.isCentered { node.set("center_point_box", 1) }
            }),
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

    /// GridSample, whose modes have two names each.
    private static func gridSample(versions: ClosedRange<Int>, linear: String, cubic: String) -> ONNXOperator {
        ONNXOperator(
            "GridSample", versions: versions, inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let word = try node.string("mode", default: linear)
                let modes = ["nearest": GridSample.Mode.nearest, linear: .linear, cubic: .cubic]
                guard let mode = modes[word] else {
                    throw node.invalid("\"mode\" must be nearest, \(linear) or \(cubic)", received: "\"\(word)\"")
                }
                let sample = GridSample(
                    mode, padding: try node.choice("padding_mode", default: .zeros),
                    alignsCorners: try node.int("align_corners", default: 0) != 0)
                return [try node.call(sample, node.input(0), node.input(1))]
            },
            write: { (sample: GridSample, node) throws(ExportError) in
                let isVolume = (node.inputs.first??.dimensions?.count ?? 4) != 4
                guard versions.lowerBound >= 20 || !isVolume else {
                    throw node.unsupported("GridSample of other than two axes before version 20 of the operator set")
                }
                node.set("mode", sample.mode == .nearest ? "nearest" : sample.mode == .linear ? linear : cubic)
                if sample.padding != .zeros { node.set("padding_mode", sample.padding.rawValue) }
                if sample.alignsCorners { node.set("align_corners", 1) }
            })
    }

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
            let isRead = resize.coordinates == .cropAndResize || index > 1
            if let tensor = node.constant(index) {
                inputs.append(isRead && tensor.shape.elementCount > 0 ? node.constant(tensor) : nil)
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
            try node.require(18, for: "Resize of some axes")
            node.set("axes", axes)
        }
        if resize.antialiases || resize.aspectRatio != .stretch {
            try node.require(18, for: "Resize that antialiases or keeps the aspect ratio")
            if resize.antialiases { node.set("antialias", 1) }
            if resize.aspectRatio != .stretch { node.set("keep_aspect_ratio_policy", resize.aspectRatio.rawValue) }
        }
        if resize.coordinates == .halfPixelSymmetric { try node.require(19, for: "Resize's half_pixel_symmetric") }
        guard resize.coordinates != .nearestHalfPixel else {
            throw node.unsupported("Resize's tf_half_pixel_for_nn from version 13 of the operator set")
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

extension ONNXNodeWriter {
    /// Throws where the file's version of the operator set is older than what is to be written.
    fileprivate func require(_ oldest: Int, for feature: String) throws(ExportError) {
        guard version >= oldest else { throw unsupported("\(feature) before version \(oldest) of the operator set") }
    }
}
