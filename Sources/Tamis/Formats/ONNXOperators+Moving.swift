extension ONNXOperators {
    /// Operators that move elements: other shapes, orders and selections; constants.
    static let moving: [ONNXOperator] = shapes + selections

    /// The same elements in another shape or order, shapes themselves, and constants.
    private static let shapes: [ONNXOperator] = [
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
                let shape = try node.integers(1)
                if let shape, !allowsZero, x.isFlattened(by: shape) { return [try node.call(Flatten(axis: 1), x)] }
                return [try node.call(Reshape(to: shape, allowsZero: allowsZero), x, node.openInput(1))]
            },
            write: { (reshape: Reshape, node) throws(ExportError) in
                if let shape = reshape.shape { try node.setInput(1, shape) }
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
            "Squeeze",
            read: { (node) throws(ImportError) in
                let axes = try node.integers(1, before: 13, "axes")
                return [try node.call(Squeeze(axes: axes), node.input(0), node.openInput(1))]
            },
            write: { (squeeze: Squeeze, node) throws(ExportError) in
                if let axes = squeeze.axes { try node.setInput(1, axes) }
            }),
        ONNXOperator(
            "Unsqueeze",
            read: { (node) throws(ImportError) in
                let axes = try node.integers(1, before: 13, "axes")
                return [try node.call(Unsqueeze(axes: axes), node.input(0), node.openInput(1))]
            },
            write: { (unsqueeze: Unsqueeze, node) throws(ExportError) in
                if let axes = unsqueeze.axes { try node.setInput(1, axes) }
            }),
        ONNXOperator(
            "Shape",
            read: { (node) throws(ImportError) in
                let start = try node.int("start", default: 0)
                return [try node.call(ShapeOf(start: start, end: node.optionalInt("end")), node.input(0))]
            },
            write: { (shape: ShapeOf, node) throws(ExportError) in
                guard shape.start != 0 || shape.end != nil else { return }
                guard node.version >= 15 else {
                    throw node.unsupported("a part of a shape before version 15 of the operator set")
                }
                node.set("start", shape.start)
                if let end = shape.end { node.set("end", end) }
            }),
        ONNXOperator(
            "Size",
            read: { (node) throws(ImportError) in [try node.call(SizeOf(), node.input(0))] },
            write: { (_: SizeOf, _) throws(ExportError) in }),
        ONNXOperator(
            "Constant",
            reading: .constant { (node) throws(ImportError) in
                let kinds = ["", "_float", "_floats", "_int", "_ints", "_string", "_strings"]
                for kind in kinds {
                    if let tensor = try node.tensor("value\(kind)") { return tensor }
                }
                guard !node.hasAttribute("sparse_value") else { throw node.unsupported("sparse tensors") }
                throw node.invalid("it must have a value", received: "none")
            }),
        ONNXOperator(
            "ConstantOfShape", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                let value = try node.tensor("value")
                let operation = try node.shaped { () throws(ShapeError) in
                    let zero = try Tensor(scalar: Float(0))
                    return try ConstantOfShape(value: value ?? zero)
                }
                return [try node.call(operation, node.input(0))]
            },
            write: { (constant: ConstantOfShape, node) throws(ExportError) in
                do throws(ShapeError) { node.set("value", try constant.value.reshaped(to: [1])) } catch {
                    throw node.unsupported("its value (\(error))")
                }
            }),
        ONNXOperator(
            "Range", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                // How halves are computed: here more exactly than either choice.
                _ = try node.int("stash_type", default: 1)
                return [try node.call(NumberRange(), node.input(0), node.input(1), node.input(2))]
            },
            write: { (_: NumberRange, _) throws(ExportError) in }),
    ]

    /// Parts of tensors, tensors joined, repeated and padded.
    private static let selections: [ONNXOperator] = [
        ONNXOperator(
            "Concat",
            read: { (node) throws(ImportError) in
                let axis = try node.int("axis", default: 1)
                let inputs = try (0..<node.inputCount).map { (index) throws(ImportError) in try node.input(index) }
                return try node.append(Concat(axis: axis), inputs)
            },
            write: { (concat: Concat, node) throws(ExportError) in node.set("axis", concat.axis) }),
        ONNXOperator(
            "Split",
            read: { (node) throws(ImportError) in
                let axis = try node.int("axis", default: 0)
                let count =
                    try node.version < 18 ? node.outputCount : node.int("num_outputs", default: node.outputCount)
                let x = try node.input(0)
                if let lengths = try node.integers(1, before: 13, "split") {
                    return try node.append(Split(axis: axis, parts: .lengths(lengths)), [x])
                }
                if let lengths = try node.openInput(1) {
                    return try node.append(Split(axis: axis, parts: .input(count)), [x, lengths])
                }
                if node.version < 18, let extent = x.extent(axis), count > 0, extent % count != 0 {
                    throw node.invalid(
                        "the parts must be of one length before version 18", received: "\(extent) in \(count)")
                }
                return try node.append(Split(axis: axis, parts: .equal(count)), [x])
            },
            write: { (split: Split, node) throws(ExportError) in
                node.keepsOutputs = true
                node.set("axis", split.axis)
                switch split.parts {
                case .input: break
                case .lengths(let lengths): try node.setInput(1, lengths)
                case .equal(let count): if node.version >= 18 { node.set("num_outputs", count) }
                }
            }),
        ONNXOperator(
            "Slice", versions: versions.lowerBound...9,
            read: { (node) throws(ImportError) in
                guard let starts = try node.ints("starts"), let ends = try node.ints("ends") else {
                    throw node.invalid("it must have \"starts\" and \"ends\"", received: "neither")
                }
                return [try node.call(Slice(node.ranges(starts, ends, node.ints("axes"), nil)), node.input(0))]
            }),
        ONNXOperator(
            "Slice", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                guard try node.areConstant(1..<5), let starts = try node.integers(1), let ends = try node.integers(2)
                else {
                    let inputs = try (0..<node.inputCount).map { (index) throws(ImportError) in
                        try node.optionalInput(index)
                    }
                    return try node.append(Slice(), inputs)
                }
                let ranges = try node.ranges(starts, ends, node.integers(3), node.integers(4))
                return [try node.call(Slice(ranges), node.input(0))]
            },
            write: { (slice: Slice, node) throws(ExportError) in
                guard let ranges = slice.ranges else { return }
                try node.setInput(1, ranges.map(\.start))
                try node.setInput(2, ranges.map(\.end))
                try node.setInput(3, ranges.map(\.axis))
                if ranges.contains(where: { $0.step != 1 }) { try node.setInput(4, ranges.map(\.step)) }
            }),
        ONNXOperator(
            "Gather",
            read: { (node) throws(ImportError) in
                [try node.call(Gather(axis: node.int("axis", default: 0)), node.weight(0), node.input(1))]
            },
            write: { (gather: Gather, node) throws(ExportError) in node.set("axis", gather.axis) }),
        ONNXOperator(
            "Expand", versions: 8...versions.upperBound,
            read: { (node) throws(ImportError) in
                [try node.call(Expand(shape: node.integers(1)), node.input(0), node.openInput(1))]
            },
            write: { (expand: Expand, node) throws(ExportError) in
                if let shape = expand.shape { try node.setInput(1, shape) }
            }),
        ONNXOperator(
            "Tile",
            read: { (node) throws(ImportError) in
                [try node.call(Tile(repeats: node.integers(1)), node.input(0), node.openInput(1))]
            },
            write: { (tile: Tile, node) throws(ExportError) in
                if let repeats = tile.repeats { try node.setInput(1, repeats) }
            }),
        ONNXOperator(
            "Pad", versions: versions.lowerBound...10,
            read: { (node) throws(ImportError) in
                let (x, mode, value) = (try node.input(0), try node.padMode(), try node.float("value", default: 0))
                guard let pads = try node.ints("pads") else {
                    throw node.invalid("it must have \"pads\"", received: "none")
                }
                let constant = value == 0 ? nil : try node.scalar(value, like: x)
                return [try node.call(Pad(mode, node.amounts(pads, axes: nil, of: x)), x, nil, constant)]
            }),
        ONNXOperator(
            "Pad", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let (x, mode, constant) = (try node.input(0), try node.padMode(), try node.optionalInput(2))
                guard try node.areConstant(1..<2), try node.areConstant(3..<4), let pads = try node.integers(1) else {
                    return [try node.call(Pad(mode), x, node.input(1), constant, node.optionalInput(3))]
                }
                return [try node.call(Pad(mode, node.amounts(pads, axes: node.integers(3), of: x)), x, nil, constant)]
            },
            write: { (pad: Pad, node) throws(ExportError) in
                guard pad.mode != .wrap || node.version >= 19 else {
                    throw node.unsupported("padding that wraps around before version 19 of the operator set")
                }
                if pad.mode != .constant { node.set("mode", pad.mode.rawValue) }
                guard let amounts = pad.amounts else { return }
                if node.version >= 18 {
                    try node.setInput(1, amounts.map(\.before) + amounts.map(\.after))
                    try node.setInput(3, amounts.map(\.axis))
                    return
                }
                guard let rank = node.inputs.first??.dimensions?.count else {
                    throw node.unsupported("pads of an unknown number of axes before version 18 of the operator set")
                }
                var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
                for amount in amounts {
                    let axis = amount.axis < 0 ? amount.axis + rank : amount.axis
                    (before[axis], after[axis]) = (amount.before, amount.after)
                }
                try node.setInput(1, before + after)
            }),
        ONNXOperator(
            "CenterCropPad", versions: 18...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = CenterCropPad(axes: try node.ints("axes"), extents: try node.integers(1))
                return [try node.call(operation, node.input(0), node.openInput(1))]
            },
            write: { (operation: CenterCropPad, node) throws(ExportError) in
                if let axes = operation.axes { node.set("axes", axes) }
                if let extents = operation.extents { try node.setInput(1, extents) }
            }),
    ]
}

extension ONNXNodeReader {
    /// The whole numbers that input `index` holds, where the file says them; before a version they were an attribute.
    func integers(_ index: Int, before version: Int = 0, _ attribute: String = "") throws(ImportError) -> [Int]? {
        if self.version < version { return try ints(attribute) }
        guard let tensor = constant(index) else { return nil }
        guard tensor.elementType == .int64 || tensor.elementType == .int32 else {
            throw invalid("input \(index) must be int32 or int64", received: "\(tensor.elementType)")
        }
        return try shaped { () throws(ShapeError) in try tensor.integers() }
    }

    /// Input `index` where its value is not known before the model runs.
    func openInput(_ index: Int) throws(ImportError) -> Symbol? {
        constant(index) == nil ? try optionalInput(index) : nil
    }

    /// Whether the file holds the values of those of these inputs that are given.
    func areConstant(_ positions: Range<Int>) throws(ImportError) -> Bool {
        for index in positions where try openInput(index) != nil { return false }
        return true
    }

    /// Slice's ranges from its lists.
    fileprivate func ranges(
        _ starts: [Int], _ ends: [Int], _ axes: [Int]?, _ steps: [Int]?
    ) throws(ImportError) -> [Slice.Range] {
        let counts = [starts.count, ends.count] + [axes?.count, steps?.count].compactMap(\.self)
        guard Set(counts).count == 1 else {
            throw invalid("starts, ends, axes and steps must be as many", received: "\(counts)")
        }
        return starts.indices.map { index in
            Slice.Range(axis: axes?[index] ?? index, start: starts[index], end: ends[index], step: steps?[index] ?? 1)
        }
    }

    fileprivate func padMode() throws(ImportError) -> Pad.Mode {
        let name = try string("mode", default: "constant")
        guard let mode = Pad.Mode(rawValue: name) else {
            throw invalid("\"mode\" must be constant, edge, reflect or wrap", received: "\"\(name)\"")
        }
        return mode
    }

    /// Pad's amounts from the numbers before all axes, then after them.
    fileprivate func amounts(_ pads: [Int], axes: [Int]?, of x: Symbol) throws(ImportError) -> [Pad.Amount] {
        let count = pads.count / 2
        guard pads.count % 2 == 0, axes?.count ?? x.dimensions?.count ?? count == count else {
            throw invalid(
                "the pads must be two for each axis", received: "\(pads) for \(axes.map { "\($0)" } ?? "all")")
        }
        return (0..<count).map { Pad.Amount(axis: axes?[$0] ?? $0, before: pads[$0], after: pads[count + $0]) }
    }
}

extension Symbol {
    /// The extent of an axis, negative from the end, where it is known.
    fileprivate func extent(_ axis: Int) -> Int? {
        guard let dimensions else { return nil }
        let axis = axis < 0 ? axis + dimensions.count : axis
        return dimensions.indices.contains(axis) ? dimensions[axis].value : nil
    }

    /// Whether a Reshape to `shape` makes rows of the first axis and columns of all others, as Flatten does.
    fileprivate func isFlattened(by shape: [Int]) -> Bool {
        guard let dimensions, let first = dimensions.first, shape.count == 2 else { return false }
        let columns = dimensions.dropFirst().product.value
        let keepsColumns = shape[1] == -1 || (columns.map { $0 > 0 && shape[1] == $0 } ?? false)
        let keepsRows = shape[0] == 0 || (first.value.map { $0 > 0 && shape[0] == $0 } ?? false)
        return shape[0] == -1 ? keepsColumns && shape[1] != -1 : keepsRows && keepsColumns
    }
}
