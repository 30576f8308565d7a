extension ONNXOperators {
    /// Whole numbers that stand for floats.
    static let quantization: [ONNXOperator] = [
        ONNXOperator(
            "QuantizeLinear", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                let number = try node.int("output_dtype", default: 0)
                guard let elementType = number == 0 ? .uint8 : ElementType(onnxNumber: number) else {
                    throw node.invalid("\"output_dtype\" must be a type", received: "\(number)")
                }
                // The division is in float32, or exact; that is as precise as any type that may be asked for.
                _ = try node.int("precision", default: 0)
                let operation = QuantizeLinear(
                    elementType, axis: try node.int("axis", default: 1), block: try node.int("block_size", default: 0),
                    saturates: try node.int("saturate", default: 1) != 0)
                return [try node.call(operation, node.input(0), node.input(1), node.optionalInput(2))]
            },
            write: { (operation: QuantizeLinear, node) throws(ExportError) in
                let isInput = node.inputs.count > 2 && node.inputs[2] != nil
                try node.setQuantization(axis: operation.axis, block: operation.block)
                if !isInput, operation.elementType != .uint8 {
                    guard node.version >= 21 else {
                        throw node.unsupported("another type than uint8 without a zero point before version 21")
                    }
                    node.set("output_dtype", operation.elementType.onnxNumber)
                }
                if !operation.saturates { node.set("saturate", 0) }
            }),
        ONNXOperator(
            "DequantizeLinear", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                let number = try node.int("output_dtype", default: 0)
                let operation = DequantizeLinear(
                    axis: try node.int("axis", default: 1), block: try node.int("block_size", default: 0))
                let y = try node.call(operation, node.input(0), node.input(1), node.optionalInput(2))
                guard number != 0 else { return [y] }
                guard let elementType = ElementType(onnxNumber: number), elementType.isFloat else {
                    throw node.invalid("\"output_dtype\" must be a float's", received: "\(number)")
                }
                return [y.type.elementType == elementType ? y : try node.call(Cast(elementType), y)]
            },
            write: { (operation: DequantizeLinear, node) throws(ExportError) in
                try node.setQuantization(axis: operation.axis, block: operation.block)
            }),
        ONNXOperator(
            "DynamicQuantizeLinear", versions: 11...versions.upperBound,
            read: { (node) throws(ImportError) in try node.append(DynamicQuantizeLinear(), [node.input(0)]) },
            write: { (_: DynamicQuantizeLinear, _) throws(ExportError) in }),
        ONNXOperator(
            "MatMulInteger", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                [
                    try node.call(
                        QuantizedMatMul.integer, node.input(0), node.input(1), node.optionalInput(2),
                        node.optionalInput(3))
                ]
            },
            write: { (_: QuantizedMatMul, _) throws(ExportError) in }),
        ONNXOperator(
            "QLinearMatMul", versions: 10...versions.upperBound,
            read: { (node) throws(ImportError) in
                try node.append(QuantizedMatMul.linear, node.inputs(8))
            },
            write: { (_: QuantizedMatMul, _) throws(ExportError) in }),
        ONNXOperator(
            "ConvInteger", versions: 10...versions.upperBound, inputs: [.image, .filters], outputs: [.image],
            read: { (node) throws(ImportError) in
                let w = try node.input(1)
                let window = try node.window(kernel: w.dimensions?.dropLast(2).compactMap(\.value))
                let operation = QuantizedConv.integer(window: window, groups: try node.int("group", default: 1))
                return [try node.call(operation, node.input(0), w, node.optionalInput(2), node.optionalInput(3))]
            },
            write: { (conv: QuantizedConv, node) throws(ExportError) in
                node.set(conv.window)
                if conv.groups != 1 { node.set("group", conv.groups) }
            }),
        ONNXOperator(
            "QLinearConv", versions: 10...versions.upperBound, inputs: [.image, .same, .same, .filters],
            outputs: [.image],
            read: { (node) throws(ImportError) in
                let kernel = try node.input(3).dimensions?.dropLast(2).compactMap(\.value)
                let window = try node.window(kernel: kernel)
                let operation = QuantizedConv.linear(window: window, groups: try node.int("group", default: 1))
                return try node.append(operation, node.inputs(8) + [node.optionalInput(8)])
            },
            write: { (conv: QuantizedConv, node) throws(ExportError) in
                node.set(conv.window)
                if conv.groups != 1 { node.set("group", conv.groups) }
            }),
    ]
}

extension ONNXNodeReader {
    /// The first `count` inputs, all given.
    fileprivate func inputs(_ count: Int) throws(ImportError) -> [Symbol?] {
        var inputs: [Symbol?] = []
        for index in 0..<count { inputs.append(try input(index)) }
        return inputs
    }
}

extension ONNXNodeWriter {
    /// Adds along what and in which blocks scales are.
    fileprivate mutating func setQuantization(axis: Int, block: Int) throws(ExportError) {
        set("axis", axis)
        guard block > 0 else { return }
        guard version >= 21 else { throw unsupported("scales of blocks before version 21 of the operator set") }
        set("block_size", block)
    }
}
