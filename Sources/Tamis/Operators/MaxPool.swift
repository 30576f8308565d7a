import CTamisKernels
import TamisKernels

/// The maximum of each window, channel by channel; padding takes no part. ONNX's MaxPool on channel-last tensors.
///
/// x: N × spatial × C; y: N × spatial' × C.
public struct MaxPool: DifferentiableOperator {
    /// How the window slides.
    public let window: WindowGeometry

    public init(window: WindowGeometry) { self.window = window }

    public var kind: String { "MaxPool" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        return [try window.pooled(inputs, of: kind)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        return PoolShape(window, x.shape, kernels).prepared("sliding maximum") { shape, image, y, first, rows in
            var window = shape.window
            kernels.max_pool(&window, shape.channels, image, first, rows, y)
        }
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

/// The extents of a pooling operator, and its work in runs of output rows.
struct PoolShape: Sendable {
    let window: tamis_window
    let images: Int
    let channels: Int
    let scalarBytes: Int

    init(_ geometry: WindowGeometry, _ x: Shape, _ kernels: KernelTable) {
        window = geometry.window(input: Array(x.dimensions[1..<x.rank - 1]))
        images = x[0]
        channels = x[x.rank - 1]
        scalarBytes = kernels.type.byteCount
    }

    /// Lines of output width in one image.
    var rows: Int { window.output.0 * window.output.1 }
    var imageBytes: Int { window.input.0 * window.input.1 * window.input.2 * channels * scalarBytes }
    var outputBytes: Int { rows * window.output.2 * channels * scalarBytes }
    /// One for each tap of each output. Windows under padding can have 2⁶⁰ taps: too many for an Int.
    var operations: Double {
        let taps = Double(window.kernel.0) * Double(window.kernel.1) * Double(window.kernel.2)
        return Double(images * outputBytes / scalarBytes) * taps
    }

    /// The forward work: `body` gets an image, its output, and a run of its output rows.
    func prepared(
        _ algorithm: String,
        body: @escaping @Sendable (PoolShape, UnsafeRawPointer, UnsafeMutableRawPointer, Int, Int) -> Void
    ) -> Prepared {
        let tileRows = max(1, min(rows, (1 << 14) / max(1, window.output.2 * channels)))
        let tilesPerImage = (rows + tileRows - 1) / tileRows
        let (rows, imageBytes, outputBytes) = (rows, imageBytes, outputBytes)
        return Prepared(
            algorithm, tiles: images * tilesPerImage, operations: operations, slowness: 4,
            bytes: images * (imageBytes + outputBytes)
        ) { [self] bindings, tiles in
            for tile in tiles {
                let image = tile / tilesPerImage
                let first = tile % tilesPerImage * tileRows
                body(
                    self, bindings.input(0) + image * imageBytes, bindings.output(0) + image * outputBytes, first,
                    min(tileRows, rows - first))
            }
            return .done
        }
    }

    /// The backward work: `body` gets an image's number and its cleared gradient.
    func preparedGradient(
        _ algorithm: String,
        body: @escaping @Sendable (PoolShape, borrowing Bindings, Int, UnsafeMutableRawPointer) -> Void
    ) -> Prepared {
        Prepared(
            algorithm, tiles: images, operations: operations, slowness: 4,
            bytes: images * (2 * imageBytes + 2 * outputBytes)
        ) { [self] bindings, tiles in
            for image in tiles {
                let dx = bindings.output(0) + image * imageBytes
                dx.initializeMemory(as: UInt8.self, repeating: 0, count: imageBytes)
                body(self, bindings, image, dx)
            }
            return .done
        }
    }
}

extension WindowGeometry {
    /// The type of pooled images.
    func pooled(_ inputs: Operands, of operatorName: String) throws(ShapeError) -> ValueType {
        let rank = rank + 2
        let (elementType, x) = try inputs.floats(0, "x", rank: rank...rank)
        let spatial = try output(for: Array(x[1..<rank - 1]), of: operatorName)
        if case .explicit(let before, let after) = padding {
            for axis in 0..<self.rank where max(before[axis], after[axis]) > (kernel[axis] - 1) * dilation[axis] {
                throw .mismatch(
                    rule: "\(operatorName)'s padding must be smaller than its window of \(kernel)",
                    received: "\(before) and \(after)")
            }
        }
        return .tensor(elementType, [x[0]] + spatial + [x[rank - 1]])
    }
}
