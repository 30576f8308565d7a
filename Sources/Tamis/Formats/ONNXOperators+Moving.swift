extension ONNXOperators {
    /// Operators that move elements: other shapes, orders and selections; constants.
    static let moving: [ONNXOperator] = shapes + selections + indexed

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
                if let shape = node.constant(1), !allowsZero, x.isFlattened(by: shape) {
                    return [try node.call(Flatten(axis: 1), x)]
                }
                return [try node.call(Reshape(allowsZero: allowsZero), x, node.input(1))]
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
                let axes = node.version < 13 ? try node.ints("axes") : nil
                return [try node.call(Squeeze(axes: axes), node.input(0), node.optionalInput(1))]
            },
            write: { (squeeze: Squeeze, node) throws(ExportError) in
                if let axes = squeeze.axes { try node.setInput(1, axes) }
            }),
        ONNXOperator(
            "Unsqueeze",
            read: { (node) throws(ImportError) in
                let axes = node.version < 13 ? try node.ints("axes") : nil
                return [try node.call(Unsqueeze(axes: axes), node.input(0), node.optionalInput(1))]
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
                if node.version < 13, let lengths = try node.ints("split") {
                    return try node.append(Split(axis: axis, parts: .lengths(lengths)), [x])
                }
                if let lengths = try node.optionalInput(1) {
                    return try node.append(Split(axis: axis, parts: .input(count)), [x, lengths])
                }
                if node.version < 18, let extent = x.type.extent(axis), count > 0, extent % count != 0 {
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
                case .equal(let count) where node.version >= 18: node.set("num_outputs", count)
                case .equal(let count):
                    // Before, parts that are not all of one length must be said.
                    if let extent = node.inputs.first??.extent(split.axis), extent % count != 0 {
                        try node.setInput(1, Split.equalLengths(of: extent, count: count))
                    }
                }
            }),
        ONNXOperator(
            "Slice", versions: versions.lowerBound...9,
            read: { (node) throws(ImportError) in
                [try node.call(Slice(node.ranges()), node.input(0))]
            }),
        ONNXOperator(
            "Slice", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                let inputs = try (0..<node.inputCount).map { (index) throws(ImportError) in
                    try node.optionalInput(index)
                }
                return try node.append(Slice(), inputs)
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
                [try node.call(Expand(), node.input(0), node.input(1))]
            },
            write: { (expand: Expand, node) throws(ExportError) in
                if let shape = expand.shape { try node.setInput(1, shape) }
            }),
        ONNXOperator(
            "Tile",
            read: { (node) throws(ImportError) in
                [try node.call(Tile(), node.input(0), node.input(1))]
            },
            write: { (tile: Tile, node) throws(ExportError) in
                if let repeats = tile.repeats { try node.setInput(1, repeats) }
            }),
        ONNXOperator(
            "Pad", versions: versions.lowerBound...10,
            read: { (node) throws(ImportError) in
                let (x, mode, value) = (try node.input(0), try node.padMode(), try node.float("value", default: 0))
                let constant = value == 0 ? nil : try node.scalar(value, like: x)
                return [try node.call(Pad(mode, node.amounts(of: x)), x, nil, constant)]
            }),
        ONNXOperator(
            "Pad", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let (x, mode, constant) = (try node.input(0), try node.padMode(), try node.optionalInput(2))
                return [try node.call(Pad(mode), x, node.input(1), constant, node.optionalInput(3))]
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
                [try node.call(CenterCropPad(axes: node.ints("axes")), node.input(0), node.input(1))]
            },
            write: { (operation: CenterCropPad, node) throws(ExportError) in
                if let axes = operation.axes { node.set("axes", axes) }
                if let extents = operation.extents { try node.setInput(1, extents) }
            }),
    ]

    /// Elements taken and written by indices, and places found.
    private static let indexed: [ONNXOperator] = [
        ONNXOperator(
            "GatherElements", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                [try node.call(GatherElements(axis: node.int("axis", default: 0)), node.input(0), node.input(1))]
            },
            write: { (gather: GatherElements, node) throws(ExportError) in node.set("axis", gather.axis) }),
        ONNXOperator(
            "GatherND", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = GatherND(batchDimensions: try node.int("batch_dims", default: 0))
                return [try node.call(operation, node.input(0), node.input(1))]
            },
            write: { (gather: GatherND, node) throws(ExportError) in
                if gather.batchDimensions != 0 { node.set("batch_dims", gather.batchDimensions) }
            }),
        ONNXOperator(
            "Scatter", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = ScatterElements(axis: try node.int("axis", default: 0))
                return [try node.call(operation, node.input(0), node.input(1), node.input(2))]
            }),
        ONNXOperator(
            "ScatterElements", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = ScatterElements(axis: try node.int("axis", default: 0), reduction: try node.reduction())
                return [try node.call(operation, node.input(0), node.input(1), node.input(2))]
            },
            write: { (scatter: ScatterElements, node) throws(ExportError) in
                node.set("axis", scatter.axis)
                try node.set(scatter.reduction)
            }),
        ONNXOperator(
            "ScatterND", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = ScatterND(reduction: try node.reduction())
                return [try node.call(operation, node.input(0), node.input(1), node.input(2))]
            },
            write: { (scatter: ScatterND, node) throws(ExportError) in
                guard scatter.batchDimensions == 0 else { throw node.unsupported("a ScatterND of batches") }
                try node.set(scatter.reduction)
            }),
        ONNXOperator(
            "OneHot", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = OneHot(axis: try node.int("axis", default: -1))
                return [try node.call(operation, node.input(0), node.input(1), node.input(2))]
            },
            write: { (oneHot: OneHot, node) throws(ExportError) in
                node.set("axis", oneHot.axis)
                if let depth = oneHot.depth { try node.setInput(1, [depth]) }
            }),
        ONNXOperator(
            "EyeLike", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = EyeLike(
                    diagonal: try node.int("k", default: 0), elementType: try node.elementType("dtype"))
                return [try node.call(operation, node.input(0))]
            },
            write: { (eye: EyeLike, node) throws(ExportError) in
                if eye.diagonal != 0 { node.set("k", eye.diagonal) }
                if let elementType = eye.elementType { node.set("dtype", elementType.onnxNumber) }
            }),
        ONNXOperator(
            "Trilu", versions: 14...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = Trilu(isUpper: try node.int("upper", default: 1) != 0)
                return [try node.call(operation, node.input(0), node.optionalInput(1))]
            },
            write: { (trilu: Trilu, node) throws(ExportError) in if !trilu.isUpper { node.set("upper", 0) } }),
        ONNXOperator(
            "DepthToSpace", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let operation = DepthToSpace(
                    block: try node.int("blocksize", default: 0), order: try node.channelOrder())
                return [try node.call(operation, node.input(0, rank: 4))]
            },
            write: { (operation: DepthToSpace, node) throws(ExportError) in
                node.set("blocksize", operation.block)
                if operation.order != .depthLast { node.set("mode", operation.order.rawValue) }
            }),
        ONNXOperator(
            "SpaceToDepth", inputs: [.image], outputs: [.image],
            read: { (node) throws(ImportError) in
                let operation = SpaceToDepth(
                    block: try node.int("blocksize", default: 0), order: try node.channelOrder())
                return [try node.call(operation, node.input(0, rank: 4))]
            },
            write: { (operation: SpaceToDepth, node) throws(ExportError) in
                node.set("blocksize", operation.block)
                guard operation.order != .depthLast else { return }
                guard node.version >= 28 else {
                    throw node.unsupported("a SpaceToDepth of this order before version 28 of the operator set")
                }
                node.set("mode", operation.order.rawValue)
            }),
        ONNXOperator(
            "ReverseSequence", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                let (batch, time) = (try node.int("batch_axis", default: 1), try node.int("time_axis", default: 0))
                guard [batch, time].sorted() == [0, 1] else {
                    throw node.invalid("its axes must be 0 and 1", received: "\(batch) and \(time)")
                }
                return [try node.call(ReverseSequence(isBatchFirst: batch == 0), node.input(0), node.input(1))]
            },
            write: { (reverse: ReverseSequence, node) throws(ExportError) in
                node.set("batch_axis", reverse.isBatchFirst ? 0 : 1)
                node.set("time_axis", reverse.isBatchFirst ? 1 : 0)
            }),
        ONNXOperator(
            "NonZero", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in [try node.call(NonZero(), node.input(0))] },
            write: { (_: NonZero, _) throws(ExportError) in }),
        ONNXOperator(
            "Compress", versions: 9...versions.upperBound,
            read: { (node) throws(ImportError) in
                let axis = try node.optionalInt("axis")
                guard let condition = node.constant(1), condition.elementType == .bool else {
                    return [try node.call(Compress(axis: axis), node.input(0), node.input(1))]
                }
                // Known positions need no run to be found.
                let positions = try node.shaped { () throws(ShapeError) in try Tensor(Compress.positions(condition)) }
                let x = try axis == nil ? node.call(Reshape(to: [-1]), node.input(0)) : node.input(0)
                return [try node.call(Gather(axis: axis ?? 0), x, node.constant(positions))]
            },
            write: { (compress: Compress, node) throws(ExportError) in
                if let axis = compress.axis { node.set("axis", axis) }
            }),
        ONNXOperator(
            "Unique", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = Unique(
                    axis: try node.optionalInt("axis"), isSorted: try node.int("sorted", default: 1) != 0)
                return try node.append(operation, [node.input(0)])
            },
            write: { (unique: Unique, node) throws(ExportError) in
                if let axis = unique.axis { node.set("axis", axis) }
                if !unique.isSorted { node.set("sorted", 0) }
            }),
    ]
}

extension ONNXNodeReader {
    /// Slice's ranges from its attributes before version 10.
    fileprivate func ranges() throws(ImportError) -> [Slice.Range] {
        guard let starts = try ints("starts"), let ends = try ints("ends"), starts.count == ends.count else {
            throw invalid("it must have \"starts\" and as many \"ends\"", received: "others")
        }
        let axes = try ints("axes") ?? Array(starts.indices)
        guard axes.count == starts.count else {
            throw invalid("\"starts\" and \"axes\" must be as many", received: "\(starts.count) and \(axes.count)")
        }
        return starts.indices.map { Slice.Range(axis: axes[$0], start: starts[$0], end: ends[$0]) }
    }

    /// What a scatter does to the elements it writes to.
    fileprivate func reduction() throws(ImportError) -> ScatterReduction {
        let name = try string("reduction", default: "none")
        guard let reduction = ScatterReduction(rawValue: name) else {
            throw invalid("\"reduction\" must be none, add, mul, max or min", received: "\"\(name)\"")
        }
        return reduction
    }

    /// The order of channels that hold squares of pixels.
    fileprivate func channelOrder() throws(ImportError) -> ChannelOrder {
        let name = try string("mode", default: "DCR")
        guard let order = ChannelOrder(rawValue: name) else {
            throw invalid("\"mode\" must be DCR or CRD", received: "\"\(name)\"")
        }
        return order
    }

    fileprivate func padMode() throws(ImportError) -> Pad.Mode {
        let name = try string("mode", default: "constant")
        guard let mode = Pad.Mode(rawValue: name) else {
            throw invalid("\"mode\" must be constant, edge, reflect or wrap", received: "\"\(name)\"")
        }
        return mode
    }

    /// Pad's amounts from its attribute before version 11: the pads before all axes, then those after.
    fileprivate func amounts(of x: Symbol) throws(ImportError) -> [Pad.Amount] {
        let pads = try ints("pads") ?? []
        guard pads.count == 2 * (x.dimensions?.count ?? pads.count / 2) else {
            throw invalid("\"pads\" must be two for each axis", received: "\(pads) for \(x.type)")
        }
        return (0..<pads.count / 2).map { Pad.Amount(axis: $0, before: pads[$0], after: pads[pads.count / 2 + $0]) }
    }
}

extension ONNXNodeWriter {
    /// Adds what a scatter does to the elements it writes to.
    fileprivate mutating func set(_ reduction: ScatterReduction) throws(ExportError) {
        guard reduction != .none else { return }
        guard version >= (reduction == .add || reduction == .mul ? 16 : 18) else {
            throw unsupported("a scatter that reduces before version 16 or 18 of the operator set")
        }
        set("reduction", reduction.rawValue)
    }
}

extension ValueType {
    /// The extent of an axis, negative from the end, where it is known.
    fileprivate func extent(_ axis: Int) -> Int? {
        guard let dimensions else { return nil }
        let axis = axis < 0 ? axis + dimensions.count : axis
        return dimensions.indices.contains(axis) ? dimensions[axis].value : nil
    }
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
