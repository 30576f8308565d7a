import TamisKernels

/// The partial inverse of MaxPool: each element goes to the place its index names, all others are zero. ONNX's MaxUnpool
/// on channel-last tensors.
///
/// x and indices (int64, as MaxPool counts them): N × spatial × C; y: N × spatial' × C with
/// spatial' = (spatial − 1) · stride + kernel − padding. A third input, the shape N, C, spatial″ in ONNX's channel-first
/// order, adds zeros behind that.
public struct MaxUnpool: DifferentiableOperator, Hashable {
    /// The window of the pooling.
    public let window: WindowGeometry

    public init(window: WindowGeometry) { self.window = window }

    public var kind: String { "MaxUnpool" }
    public var valueOperands: [Int] { [2] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...3)
        let rank = window.rank + 2
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: rank...rank)
        guard elementType.bitWidth >= 8 else {
            throw .elementType(rule: "MaxUnpool moves elements of whole bytes", received: elementType)
        }
        let x = dimensions ?? Array(repeating: .unknown, count: rank)
        try inputs.expect(.tensor(.int64, x), of: 1, "indices")
        let inferred = try unpooled(x)
        guard inputs.optional(2) != nil else { return [.tensor(elementType, inferred)] }
        let (shapeType, _) = try inputs.tensor(2, "shape", rank: 1...1)
        guard shapeType == .int64 else {
            throw .elementType(rule: "MaxUnpool's shape must be int64", received: shapeType)
        }
        guard let shape = try inputs.optional(2)?.constant?.scalars(as: Int64.self) else {
            return [.tensor(elementType, [x[0]] + Array(repeating: .unknown, count: rank - 2) + [x[rank - 1]])]
        }
        guard shape.count == rank else {
            throw .mismatch(rule: "MaxUnpool's shape must have \(rank) extents", received: "\(shape)")
        }
        let output = ([0] + Array(2..<rank) + [1]).map { Int(shape[$0]) }
        for axis in 0..<rank {
            let isSpatial = axis > 0 && axis < rank - 1
            guard let least = inferred[axis].value else { continue }
            guard isSpatial ? output[axis] >= least : output[axis] == least else {
                throw .mismatch(
                    rule: "MaxUnpool's shape must hold the \(least) elements of axis \(axis)",
                    received: "\(output[axis])")
            }
        }
        return [.tensor(elementType, try Shape(output))]
    }

    /// The dimensions that the window alone gives.
    private func unpooled(_ x: [Dimension]) throws(ShapeError) -> [Dimension] {
        var output = [x[0]]
        for axis in 0..<window.rank {
            guard let extent = x[axis + 1].value else {
                output.append(.unknown)
                continue
            }
            let unpooled = try window.unpooledExtent(axis: axis, input: extent, of: kind)
            output.append(.fixed(unpooled))
        }
        return output + [x[window.rank + 1]]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let y = context.outputs[0]
        let (size, byteCount) = (x.elementType.bitWidth / 8, y.shape.elementCount * x.elementType.bitWidth / 8)
        let places = try UnpoolPlaces(window, x.shape, y.shape)
        // Where two indices are equal, the later element stays: one tile, in ONNX's order.
        var prepared = Prepared("scatter", bytes: 4 * byteCount) { bindings, _ in
            let (x, y) = (bindings.input(0), bindings.output(0))
            y.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            return places.forEach(bindings.input(1)) { source, target in
                (y + target * size).copyMemory(from: x + source * size, byteCount: size)
            }
        }
        prepared.unreadInputs = [2]
        return prepared
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard wanted[0], let dy = outputs[0], let indices = node.inputs[1] else { return gradients }
        gradients[0] = try graph.call(MaxUnpoolGradient(window: window), dy, indices, name: "\(node.name)/gradient")
        return gradients
    }
}

/// The gradient of MaxUnpool: each element takes that of the place its index names.
///
/// dy: N × spatial' × C, indices: N × spatial × C; dx: as indices.
public struct MaxUnpoolGradient: Operator {
    /// The window of the pooling.
    public let window: WindowGeometry

    public init(window: WindowGeometry) { self.window = window }

    public var kind: String { "MaxUnpoolGradient" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let rank = window.rank + 2
        let elementType = try inputs.floats(0, "dy", rank: rank...rank).elementType
        try inputs.expect(.int64, of: 1, "indices")
        return [.tensor(elementType, try inputs.tensor(1, "indices", rank: rank...rank).dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let dy = try context.input(0)
        let size = dy.elementType.bitWidth / 8
        let places = try UnpoolPlaces(window, context.outputs[0].shape, dy.shape)
        return Prepared("gather", bytes: 3 * dy.shape.elementCount * size) { bindings, _ in
            let (dy, dx) = (bindings.input(0), bindings.output(0))
            return places.forEach(bindings.input(1)) { source, target in
                (dx + source * size).copyMemory(from: dy + target * size, byteCount: size)
            }
        }
    }
}

/// Where the elements of pooled images go, by indices that count through unpooled channel-first images.
private struct UnpoolPlaces: Sendable {
    let images: Int
    let channels: Int
    /// Pixels of a pooled image.
    let pixels: Int
    /// The extents the indices count through, and those of the images that are written; absent axes lead with 1.
    let counted: [Int]
    let written: [Int]

    init(_ window: WindowGeometry, _ x: Shape, _ y: Shape) throws(PlanError) {
        let rank = x.rank
        (images, channels) = (x[0], x[rank - 1])
        pixels = x.dimensions[1..<rank - 1].reduce(1, *)
        let leading = [Int](repeating: 1, count: 3 - window.rank)
        var counted: [Int] = []
        do throws(ShapeError) {
            for axis in 0..<window.rank {
                counted.append(try window.unpooledExtent(axis: axis, input: x[axis + 1], of: "MaxUnpool"))
            }
        } catch {
            throw .shape(error)
        }
        (self.counted, written) = (leading + counted, leading + y.dimensions[1..<rank - 1])
    }

    /// Calls `body` with the places of all elements, channel by channel: in the pooled and in the unpooled tensor.
    func forEach(_ indices: UnsafeRawPointer, _ body: (_ source: Int, _ target: Int) -> Void) -> KernelStatus {
        let indices = indices.assumingMemoryBound(to: Int64.self)
        let area = counted[1] * counted[2]
        let volume = counted[0] * area
        let limit = images * channels * volume
        for image in 0..<images {
            for channel in 0..<channels {
                for pixel in 0..<pixels {
                    let source = (image * pixels + pixel) * channels + channel
                    let index = Int(indices[source])
                    guard (0..<limit).contains(index) else {
                        return .indexOutOfRange(position: source, index: index, limit: limit)
                    }
                    let (plane, place) = index.quotientAndRemainder(dividingBy: volume)
                    let (depth, rest) = place.quotientAndRemainder(dividingBy: area)
                    let (height, width) = rest.quotientAndRemainder(dividingBy: counted[2])
                    let line = (plane / channels * written[0] + depth) * written[1] + height
                    body(source, (line * written[2] + width) * channels + plane % channels)
                }
            }
        }
        return .done
    }
}

extension WindowGeometry {
    /// The extent of an axis whose pooling gave `input` elements.
    fileprivate func unpooledExtent(axis: Int, input: Int, of operatorName: String) throws(ShapeError) -> Int {
        // A shape has at most 2⁴⁸ elements, and a stride is below 2²⁰: the product must be looked at.
        let (steps, overflow) = max(0, input - 1).multipliedReportingOverflow(by: stride[axis])
        var extent = input == 0 ? 0 : kernel[axis]
        if case .explicit(let before, let after) = padding, input > 0 { extent -= before[axis] + after[axis] }
        guard !overflow, steps <= Shape.largest, steps + extent > 0 || input == 0 else {
            throw .mismatch(
                rule: "\(operatorName)'s window of \(kernel) must leave 1 to 2^48 pixels",
                received: "\(input) on spatial axis \(axis)")
        }
        return steps + extent
    }
}
