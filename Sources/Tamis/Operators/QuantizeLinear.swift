import TamisKernels

/// y = round(x / scale) + zero point within the range of a small type, halves to the even neighbour. ONNX's QuantizeLinear.
///
/// Inputs: x, scale, zero point (optional). There is one scale, one for each place of an axis, or one for each block of so
/// many places. Small floats take x / scale itself, rounded to their own numbers.
public struct QuantizeLinear: Operator, Hashable {
    /// The type of the results where no zero point tells it.
    public let elementType: ElementType
    /// The axis that scales are along; negative counts from the end.
    public let axis: Int
    /// The places that have a scale in common; 0: each has its own.
    public let block: Int
    /// Whether what is too large for a small float becomes its largest number.
    public let saturates: Bool

    public init(_ elementType: ElementType = .uint8, axis: Int = 1, block: Int = 0, saturates: Bool = true) {
        self.elementType = elementType
        self.axis = axis
        self.block = block
        self.saturates = saturates
    }

    public var kind: String { "QuantizeLinear" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let (type, x) = try inputs.tensor(0, "x")
        guard type == .float32 || type.isHalf || type == .int32 else {
            throw .elementType(rule: "\(kind)'s x must be float32, float16, bfloat16 or int32", received: type)
        }
        let (scaleType, scales) = try inputs.tensor(1, "scale")
        guard scaleType == .float32 || scaleType.isHalf || scaleType == .float8e8m0 else {
            throw .elementType(
                rule: "\(kind)'s scale must be float32, float16, bfloat16 or float8e8m0", received: scaleType)
        }
        try QuantizationGrid.check(scales, of: x, axis: axis, block: block, inputs, "scale")
        var result = elementType
        if inputs.optional(2) != nil {
            let (zeroType, zeros) = try inputs.tensor(2, "zero point")
            try QuantizationGrid.check(zeros, of: x, axis: axis, block: block, inputs, "zero point")
            result = zeroType
        }
        guard result.quantizedRange != nil || result.isSmallFloat else {
            throw .elementType(
                rule: "\(kind) must give integers of 16 bits or fewer, or small floats", received: result)
        }
        return [.tensor(result, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, scale) = (try context.input(0), try context.input(1))
        let y = context.outputs[0]
        let grid = QuantizationGrid(x.shape, scales: scale.shape, axis: axis, block: block)
        let zeroGrid =
            try context.hasInput(2)
            ? QuantizationGrid(x.shape, scales: context.input(2).shape, axis: axis, block: block) : nil
        // Workspace: the scales, and the zero points, as floats. Scratch: a run of x, and of results in a wider type.
        let zeros = (grid.count * 4 + 63) / 64 * 64
        var stages = [try Prepared.Stage.readingFloats(1, scale.elementType, count: grid.count, to: 0, of: kind)]
        if let zeroGrid {
            stages.append(try .readingFloats(2, y.elementType, count: zeroGrid.count, to: zeros, of: kind))
        }
        let length = 1 << 10
        let (write, isWhole) = (try writer(y.elementType), x.elementType == .int32)
        let range = y.elementType.quantizedRange
        stages.append(
            Prepared.Stage.elements(x.shape.elementCount, bytesPerElement: 5, slowness: 60) { bindings, first, count in
                let scales = bindings.workspace.assumingMemoryBound(to: Float.self)
                let points = (bindings.workspace + zeros).assumingMemoryBound(to: Float.self)
                let codes = bindings.scratch.assumingMemoryBound(to: Float.self)
                for start in stride(from: first, to: first + count, by: length) {
                    let count = min(length, first + count - start)
                    if isWhole {
                        let x = bindings.input(0).assumingMemoryBound(to: Int32.self) + start
                        grid.forEachRun(start, count) { at, length, scale, step in
                            for index in at..<at + length {
                                codes[index] = Float(Double(x[index]) / Double(scales[scale + (index - at) * step]))
                            }
                        }
                    } else {
                        let x = bindings.input(0).assumingMemoryBound(to: Float.self) + start
                        grid.forEachRun(start, count) { at, length, scale, step in
                            for index in at..<at + length {
                                codes[index] = x[index] / scales[scale + (index - at) * step]
                            }
                        }
                    }
                    if range != nil { for index in 0..<count { codes[index] = codes[index].rounded(.toNearestOrEven) } }
                    zeroGrid?.forEachRun(start, count) { at, length, point, step in
                        for index in at..<at + length { codes[index] += points[point + (index - at) * step] }
                    }
                    if let range {
                        let (low, high) = (Float(range.lowerBound), Float(range.upperBound))
                        // What is no number becomes the lowest.
                        for index in 0..<count {
                            codes[index] = codes[index] >= low ? min(codes[index], high) : low
                        }
                    }
                    write(bindings.scratch, bindings.output(0), start, count, bindings.scratch + length * 4)
                }
            })
        return Prepared(
            "quantise", stages: stages, workspaceBytes: max(64, zeros + (zeroGrid?.count ?? 0) * 4),
            scratchBytes: 2 * length * 4)
    }

    private typealias Writer =
        @Sendable (
            _ codes: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ first: Int, _ count: Int,
            _ scratch: UnsafeMutableRawPointer
        ) -> Void

    /// What writes floats that are in range as elements of a type.
    private func writer(_ elementType: ElementType) throws(PlanError) -> Writer {
        let encoder = Encoder(Cast(elementType, saturates: saturates))
        guard let convert = Conversion.between(.float32, encoder?.type ?? elementType) else {
            throw .unsupported(operator: kind, rule: "it gives small numbers", received: elementType.rawValue)
        }
        guard let encoder else {
            let size = elementType.bitWidth / 8
            return { codes, y, first, count, _ in convert(codes, y + first * size, count) }
        }
        return { codes, y, first, count, scratch in
            convert(codes, scratch, count)
            encoder.run(scratch, y, first, count)
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let (axis, orders) = QuantizationGrid.permuted(axis: axis, block: block, by: order, inputs) else {
            return nil
        }
        return PermutedOperator(
            operation: QuantizeLinear(elementType, axis: axis, block: block, saturates: saturates), inputs: orders,
            outputs: [order])
    }
}
