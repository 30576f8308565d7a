import CTamisKernels
import TamisKernels

/// The maximum of each window, channel by channel; padding takes no part. ONNX's MaxPool on channel-last tensors.
///
/// x: N × spatial × C of floats or integers; y: N × spatial' × C. With `indices` a second output of y's shape and int64
/// says where in x each maximum stands: the place of its element in x laid out channel-first, as ONNX counts.
public struct MaxPool: DifferentiableOperator, Hashable {
    /// How places are counted within a channel of an image.
    public enum Indices: Sendable {
        /// The last spatial axis runs fastest.
        case rowMajor
        /// The first spatial axis runs fastest.
        case columnMajor
    }

    /// How the window slides.
    public let window: WindowGeometry
    /// How the second output counts; nil: there is none.
    public let indices: Indices?

    public init(window: WindowGeometry, indices: Indices? = nil) {
        self.window = window
        self.indices = indices
    }

    public var kind: String { "MaxPool" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let rank = window.rank + 2
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: rank...rank)
        guard elementType.isInteger || elementType.isFloat else {
            throw .elementType(rule: "MaxPool's x must be floats or integers", received: elementType)
        }
        let y = try window.pooled(dimensions ?? Array(repeating: .unknown, count: rank), of: kind)
        return [.tensor(elementType, y)] + (indices == nil ? [] : [.tensor(.int64, y)])
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        indices == nil && inputs.hold(images, exactlyAt: [0])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let shape = PoolShape(window, x.shape, scalarBytes: x.elementType.bitWidth / 8)
        if x.elementType.isComputable, indices == nil {
            let kernels = try context.kernels(for: x.elementType)
            return shape.preparedApart("sliding maximum") { shape, x, rows, y, ldy in
                var window = shape.window
                kernels.max_pool(&window, shape.channels, x, rows.lowerBound, rows.count, y, ldy)
            }
        }
        guard let maximum = x.elementType.visit(WindowMaximum(indices: indices)) else {
            throw .unsupported(
                operator: kind, rule: "it compares floats and integers", received: x.elementType.rawValue)
        }
        return shape.prepared("sliding maximum, plain", slowness: 30, body: maximum)
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [
            try graph.call(MaxPoolGradient(window: window), x, node.outputs[0], dy, name: "\(node.name)/gradient")
        ]
    }
}

/// The work of MaxPool on any numeric type, with indices or without.
private struct WindowMaximum: NumericVisitor {
    let indices: MaxPool.Indices?

    func visit<Scalar: NumericScalar>(
        _ type: Scalar.Type
    ) -> @Sendable (PoolShape, borrowing Bindings, Int, Range<Int>) -> Void {
        { [indices] shape, bindings, image, rows in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + image * shape.pixels * shape.channels
            let offset = (image * shape.rows + rows.lowerBound) * shape.window.output.2 * shape.channels
            var y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + offset
            var place = indices.map { _ in bindings.output(1).assumingMemoryBound(to: Int64.self) + offset }
            for row in rows {
                for position in 0..<shape.window.output.2 {
                    reduce(shape, image, x, row, position, y, place)
                    y += shape.channels
                    place = place.map { $0 + shape.channels }
                }
            }
        }
    }

    /// All channels of one window.
    private func reduce<Scalar: NumericScalar>(
        _ shape: PoolShape, _ image: Int, _ x: UnsafePointer<Scalar>, _ row: Int, _ position: Int,
        _ y: UnsafeMutablePointer<Scalar>, _ place: UnsafeMutablePointer<Int64>?
    ) {
        let channels = shape.channels
        y.update(repeating: .lowest, count: channels)
        place?.update(repeating: -1, count: channels)
        var isFirst = true
        shape.window.forEachTap(row: row, position: position) { _, pixel in
            let values = x + pixel * channels
            guard let place else {
                for channel in 0..<channels where replaces(values[channel], y[channel]) { y[channel] = values[channel] }
                return
            }
            let index = counted(pixel, shape.window)
            for channel in 0..<channels where isFirst || replaces(values[channel], y[channel]) {
                y[channel] = values[channel]
                place[channel] = Int64((image * channels + channel) * shape.pixels + index)
            }
            isFirst = false
        }
    }

    /// Whether a value takes the place of the maximum so far. A NaN enters and stays.
    @inline(__always)
    private func replaces<Scalar: NumericScalar>(_ value: Scalar, _ maximum: Scalar) -> Bool {
        value > maximum || (value.isNotANumber && !maximum.isNotANumber)
    }

    /// The place of a pixel, given row-major, as the indices count.
    private func counted(_ pixel: Int, _ window: tamis_window) -> Int {
        guard indices == .columnMajor else { return pixel }
        let (line, width) = pixel.quotientAndRemainder(dividingBy: window.input.2)
        let (depth, height) = line.quotientAndRemainder(dividingBy: window.input.1)
        return depth + (height + width * window.input.1) * window.input.0
    }
}
