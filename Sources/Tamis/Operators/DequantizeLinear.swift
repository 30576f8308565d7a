import TamisKernels

/// y = (x − zero point) · scale, in the type of the scale. ONNX's DequantizeLinear.
///
/// Inputs: x, scale, zero point (optional). There is one scale, one for each place of an axis, or one for each block of so
/// many places.
public struct DequantizeLinear: Operator, Hashable {
    /// The axis that scales are along; negative counts from the end.
    public let axis: Int
    /// The places that have a scale in common; 0: each has its own.
    public let block: Int

    public init(axis: Int = 1, block: Int = 0) {
        self.axis = axis
        self.block = block
    }

    public var kind: String { "DequantizeLinear" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let (type, x) = try inputs.tensor(0, "x")
        guard type.quantizedRange != nil || type == .int32 || type.isSmallFloat else {
            throw .elementType(
                rule: "\(kind)'s x must be integers of 32 bits or fewer, or small floats", received: type)
        }
        let (scaleType, scales) = try inputs.tensor(1, "scale")
        guard scaleType == .float32 || scaleType.isHalf || scaleType == .float8e8m0 else {
            throw .elementType(
                rule: "\(kind)'s scale must be float32, float16, bfloat16 or float8e8m0", received: scaleType)
        }
        try QuantizationGrid.check(scales, of: x, axis: axis, block: block, inputs, "scale")
        if inputs.optional(2) != nil {
            try inputs.expect(type, of: 2, "zero point")
            let zeros = try inputs.tensor(2, "zero point").dimensions
            try QuantizationGrid.check(zeros, of: x, axis: axis, block: block, inputs, "zero point")
        }
        return [.tensor(scaleType == .float8e8m0 ? .float32 : scaleType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, scale) = (try context.input(0), try context.input(1))
        let grid = QuantizationGrid(x.shape, scales: scale.shape, axis: axis, block: block)
        let zeroGrid =
            try context.hasInput(2)
            ? QuantizationGrid(x.shape, scales: context.input(2).shape, axis: axis, block: block) : nil
        guard let read = x.elementType.readingFloats else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: x.elementType.rawValue)
        }
        // Workspace: the scales, and the zero points, as floats.
        let zeros = (grid.count * 4 + 63) / 64 * 64
        var stages = [try Prepared.Stage.readingFloats(1, scale.elementType, count: grid.count, to: 0, of: kind)]
        if let zeroGrid {
            stages.append(try .readingFloats(2, x.elementType, count: zeroGrid.count, to: zeros, of: kind))
        }
        stages.append(
            Prepared.Stage.elements(x.shape.elementCount, bytesPerElement: 5, slowness: 40) { bindings, first, count in
                let scales = bindings.workspace.assumingMemoryBound(to: Float.self)
                let points = (bindings.workspace + zeros).assumingMemoryBound(to: Float.self)
                let y = bindings.output(0).assumingMemoryBound(to: Float.self) + first
                read(bindings.input(0), first, count, y)
                zeroGrid?.forEachRun(first, count) { at, length, point, step in
                    for index in at..<at + length { y[index] -= points[point + (index - at) * step] }
                }
                grid.forEachRun(first, count) { at, length, scale, step in
                    for index in at..<at + length { y[index] *= scales[scale + (index - at) * step] }
                }
            })
        return Prepared(
            "dequantise", stages: stages, workspaceBytes: max(64, zeros + (zeroGrid?.count ?? 0) * 4))
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let (axis, orders) = QuantizationGrid.permuted(axis: axis, block: block, by: order, inputs) else {
            return nil
        }
        return PermutedOperator(
            operation: DequantizeLinear(axis: axis, block: block), inputs: orders, outputs: [order])
    }
}
