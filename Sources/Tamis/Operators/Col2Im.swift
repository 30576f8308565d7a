import TamisKernels

/// Images put together from their windows: what overlaps is added. ONNX's Col2Im, PyTorch's fold.
///
/// x: N × (C · taps) × windows, the image's and the window's extents: constants of int64; y: N × C × image.
public struct Col2Im: DifferentiableOperator, Hashable {
    /// The distance of two taps, and of two windows, on each axis; nil: 1.
    public let dilation: [Int]?
    public let stride: [Int]?
    /// Pixels around the image that the windows cover too, before and after; nil: none.
    public let before: [Int]?
    public let after: [Int]?

    public init(
        stride: [Int]? = nil, dilation: [Int]? = nil, before: [Int]? = nil, after: [Int]? = nil
    ) {
        self.stride = stride
        self.dilation = dilation
        self.before = before
        self.after = after
    }

    public var kind: String { "Col2Im" }
    public var valueOperands: [Int] { [1, 2] }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        return [try image(inputs, x: 0)]
    }

    /// The type of the image for the windows at position `x`, behind which the extents stand.
    func image(_ inputs: Operands, x: Int) throws(ShapeError) -> ValueType {
        let (elementType, dimensions) = try inputs.tensor(x, "x", rank: 3...3)
        guard elementType.isFloat || elementType.isInteger else {
            throw .elementType(rule: "Col2Im adds numbers", received: elementType)
        }
        let columns = dimensions ?? Array(repeating: .unknown, count: 3)
        let (image, block) = (
            try inputs.integers(x + 1, "image's extents"), try inputs.integers(x + 2, "window's extents")
        )
        guard let image, let block else {
            let known = inputs.optional(x + 1)?.type.dimensions?.first?.value
            return .tensor(elementType, known.map { [columns[0]] + Array(repeating: .unknown, count: min($0, 62) + 1) })
        }
        let shape = try ColumnShape(self, image: image, block: block)
        try inputs.expect(columns[2], equals: shape.windows, "windows, the last axis of x,")
        var channels = Dimension.unknown
        if let rows = columns[1].value {
            guard rows % shape.taps == 0 else {
                throw .mismatch(
                    rule: "Col2Im's rows must be the window's \(shape.taps) taps for each channel", received: "\(rows)")
            }
            channels = .fixed(rows / shape.taps)
        }
        return .tensor(elementType, [columns[0], channels] + image.map(Dimension.fixed))
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let shape = try context.shaped { () throws(ShapeError) in
            try ColumnShape(
                self, image: Array(context.outputs[0].shape.dimensions[2...]),
                block: context.operands.integers(2, "window's extents") ?? [])
        }
        let planes = context.outputs[0].shape[0] * context.outputs[0].shape[1]
        guard var prepared = x.elementType.visit(ColumnSum(shape: shape, planes: planes)) else {
            throw .unsupported(operator: kind, rule: "it adds numbers", received: x.elementType.rawValue)
        }
        prepared.unreadInputs = [1, 2]
        return prepared
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil, nil, nil] }
        return [
            try graph.append(Col2ImGradient(col2im: self), [dy] + node.inputs, name: "\(node.name)/gradient")[0], nil,
            nil,
        ]
    }
}

/// The gradient of Col2Im: each entry of a window takes that of its pixel.
///
/// Inputs: dy, then those of Col2Im, x for its shape alone; dx: as x.
public struct Col2ImGradient: Operator {
    /// What was done.
    public let col2im: Col2Im

    public init(col2im: Col2Im) { self.col2im = col2im }

    public var kind: String { "Col2ImGradient" }
    public var valueOperands: [Int] { [2, 3] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 4...4)
        try inputs.expect(col2im.image(inputs, x: 1), of: 0, "dy")
        let (elementType, x) = try inputs.tensor(1, "x")
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let dy = try context.input(0)
        let shape = try context.shaped { () throws(ShapeError) in
            try ColumnShape(
                col2im, image: Array(dy.shape.dimensions[2...]),
                block: context.operands.integers(3, "window's extents") ?? [])
        }
        let size = try context.elementBytes(0)
        let planes = dy.shape[0] * dy.shape[1]
        var prepared = Prepared("gather", tiles: planes, bytes: 2 * planes * shape.entries * size) { bindings, tiles in
            for plane in tiles {
                let dy = bindings.input(0) + plane * shape.pixels * size
                let dx = bindings.output(0) + plane * shape.entries * size
                dx.initializeMemory(as: UInt8.self, repeating: 0, count: shape.entries * size)
                shape.forEach { entry, pixel in
                    (dx + entry * size).copyMemory(from: dy + pixel * size, byteCount: size)
                }
            }
            return .done
        }
        prepared.unreadInputs = [1, 2, 3]
        return prepared
    }
}

/// How the windows of one channel cover its image.
private struct ColumnShape: Sendable {
    let image: [Int]
    let block: [Int]
    private let stride: [Int]
    private let dilation: [Int]
    private let before: [Int]
    /// Windows along each axis.
    private let counts: [Int]
    /// Taps of a window, windows, entries of all windows, pixels of the image.
    let taps: Int
    let windows: Int
    let entries: Int
    let pixels: Int

    init(_ operation: Col2Im, image: [Int], block: [Int]) throws(ShapeError) {
        let rank = image.count
        let ones = [Int](repeating: 1, count: rank)
        let zeros = [Int](repeating: 0, count: rank)
        (stride, dilation) = (operation.stride ?? ones, operation.dilation ?? ones)
        (self.image, self.block, before) = (image, block, operation.before ?? zeros)
        let after = operation.after ?? zeros
        let all = [block, stride, dilation, before, after]
        guard rank > 0, all.allSatisfy({ $0.count == rank }), (image + before + after).allSatisfy({ $0 >= 0 }),
            (block + stride + dilation).allSatisfy({ $0 > 0 }),
            all.allSatisfy({ $0.allSatisfy { $0 < 1 << 20 } })
        else {
            throw .mismatch(
                rule: "Col2Im's numbers must be \(rank) for the axes of the image, none negative, below 2^20",
                received: "\(image), \(block), \(stride), \(dilation), \(before), \(after)")
        }
        _ = try Shape(image)
        counts = (0..<rank).map { [stride, dilation, before] axis in
            let room = image[axis] + before[axis] + after[axis] - dilation[axis] * (block[axis] - 1) - 1
            return room < 0 ? 0 : room / stride[axis] + 1
        }
        pixels = image.reduce(1, *)
        taps = try Shape(block).elementCount
        windows = try Shape(counts).elementCount
        entries = try Shape([taps, windows]).elementCount
    }

    /// Calls `body` with each entry of the windows that meets a pixel, tap by tap, window by window.
    @inline(__always)
    func forEach(_ body: (_ entry: Int, _ pixel: Int) -> Void) {
        let last = image.count - 1
        let lines = windows / max(1, counts[last])
        for tap in 0..<taps {
            let column = tap % block[last] * dilation[last] - before[last]
            for line in 0..<lines {
                // The image's line that this line of windows meets by the tap.
                var (restOfTap, restOfLine, pixel, step, isInside) = (tap / block[last], line, 0, image[last], true)
                for axis in (0..<last).reversed() {
                    let place =
                        restOfLine % counts[axis] * stride[axis] + restOfTap % block[axis] * dilation[axis]
                        - before[axis]
                    isInside = isInside && place >= 0 && place < image[axis]
                    pixel += place * step
                    step *= image[axis]
                    restOfLine /= counts[axis]
                    restOfTap /= block[axis]
                }
                guard isInside else { continue }
                let entry = (tap * lines + line) * counts[last]
                for position in 0..<counts[last] {
                    let place = column + position * stride[last]
                    if place >= 0, place < image[last] { body(entry + position, pixel + place) }
                }
            }
        }
    }
}

/// The sums of all entries at their pixels.
private struct ColumnSum: NumericVisitor {
    let shape: ColumnShape
    let planes: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        Prepared(
            "scatter", tiles: planes, operations: Double(planes * shape.entries), slowness: 30,
            bytes: planes * (shape.entries + shape.pixels) * MemoryLayout<Scalar>.size
        ) { [shape] bindings, tiles in
            for plane in tiles {
                let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + plane * shape.entries
                let y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + plane * shape.pixels
                y.update(repeating: Scalar(wrapping: 0), count: shape.pixels)
                shape.forEach { entry, pixel in y[pixel] = Scalar.sum(y[pixel], x[entry]) }
            }
            return .done
        }
    }
}
