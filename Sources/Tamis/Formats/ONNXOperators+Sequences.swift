extension ONNXOperators {
    /// Sequences and optional values.
    static let sequences: [ONNXOperator] = [
        ONNXOperator(
            "SequenceConstruct", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let inputs = try (0..<node.inputCount).map { (index) throws(ImportError) in try node.input(index) }
                guard !inputs.isEmpty else { throw node.invalid("it must have one input or more", received: "none") }
                return try node.append(SequenceConstruct(), inputs)
            },
            write: { (_: SequenceConstruct, node) throws(ExportError) in
                guard !node.inputs.isEmpty else { throw node.unsupported("a SequenceConstruct of nothing") }
            }),
        ONNXOperator(
            "SequenceEmpty", versions: 11...versions.upperBound,
            reading: .nodes { (node) throws(ImportError) in
                let elementType = try node.elementType("dtype") ?? .float32
                return try node.append(SequenceConstruct(elementType: elementType), [])
            },
            write: { (operation, node) throws(ExportError) in
                guard let operation = operation as? SequenceConstruct, node.inputs.isEmpty else { return nil }
                var node = node
                node.set("dtype", operation.elementType.onnxNumber)
                return node
            }),
        ONNXOperator(
            "SequenceAt", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in [try node.call(SequenceAt(), node.input(0), node.input(1))] },
            write: { (_: SequenceAt, _) throws(ExportError) in }),
        ONNXOperator(
            "SequenceInsert", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                [try node.call(SequenceInsert(), node.input(0), node.input(1), node.optionalInput(2))]
            },
            write: { (_: SequenceInsert, _) throws(ExportError) in }),
        ONNXOperator(
            "SequenceErase", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                [try node.call(SequenceErase(), node.input(0), node.optionalInput(1))]
            },
            write: { (_: SequenceErase, _) throws(ExportError) in }),
        ONNXOperator(
            "SequenceLength", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in [try node.call(SequenceLength(), node.input(0))] },
            write: { (_: SequenceLength, _) throws(ExportError) in }),
        ONNXOperator(
            "SplitToSequence", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                let operation = SplitToSequence(
                    axis: try node.int("axis", default: 0), keepsAxis: try node.int("keepdims", default: 1) != 0)
                return [try node.call(operation, node.input(0), node.optionalInput(1))]
            },
            write: { (split: SplitToSequence, node) throws(ExportError) in
                node.set("axis", split.axis)
                if !split.keepsAxis { node.set("keepdims", 0) }
            }),
        ONNXOperator(
            "ConcatFromSequence", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in
                guard let axis = try node.optionalInt("axis") else {
                    throw node.invalid("it must have the attribute \"axis\"", received: "none")
                }
                let isNewAxis = try node.int("new_axis", default: 0) != 0
                return [try node.call(ConcatFromSequence(axis: axis, isNewAxis: isNewAxis), node.input(0))]
            },
            write: { (concat: ConcatFromSequence, node) throws(ExportError) in
                node.set("axis", concat.axis)
                if concat.isNewAxis { node.set("new_axis", 1) }
            }),
        ONNXOperator(
            "SequenceMap", versions: 17...versions.upperBound,
            read: { (node) throws(ImportError) in
                let inputs = try (0..<node.inputCount).map { (index) throws(ImportError) in try node.input(index) }
                let types = inputs.map { symbol -> ValueType in
                    if case .sequence(let element) = symbol.type { element } else { symbol.type }
                }
                let (body, captures) = try node.body("body", types: types)
                guard body.inputCount == inputs.count else {
                    throw node.invalid("its body must take \(inputs.count) inputs", received: "\(body.inputCount)")
                }
                return try node.append(SequenceMap(body: body.model, inputCount: inputs.count), inputs + captures)
            },
            write: { (map: SequenceMap, node) throws(ExportError) in
                node.set("body", map.body, captures: map.inputCount..<node.inputs.count)
            }),
        ONNXOperator(
            "Optional", versions: 15...versions.upperBound,
            read: { (node) throws(ImportError) in
                let input = try node.optionalInput(0)
                return try node.append(OptionalConstruct(type: node.type("type")), input.map { [$0] } ?? [])
            },
            write: { (optional: OptionalConstruct, node) throws(ExportError) in
                if let type = optional.type { node.set("type", type) }
            }),
        ONNXOperator(
            "OptionalGetElement", versions: 15...versions.upperBound,
            read: { (node) throws(ImportError) in [try node.call(OptionalGetElement(), node.input(0))] },
            write: { (_: OptionalGetElement, _) throws(ExportError) in }),
        ONNXOperator(
            "OptionalHasElement", versions: 15...versions.upperBound,
            read: { (node) throws(ImportError) in
                let input = try node.optionalInput(0)
                return try node.append(OptionalHasElement(), input.map { [$0] } ?? [])
            },
            write: { (_: OptionalHasElement, _) throws(ExportError) in }),
    ]
}

extension ONNXNodeReader {
    /// An element type by ONNX's number; nil where the node does not say.
    func elementType(_ name: String) throws(ImportError) -> ElementType? {
        guard let number = try optionalInt(name) else { return nil }
        guard let elementType = ElementType(onnxNumber: number) else {
            throw invalid("\"\(name)\" must be the number of an element type", received: "\(number)")
        }
        return elementType
    }
}
