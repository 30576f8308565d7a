import CTamisKernels

/// The extents of a pooling operator, and its work in runs of output rows.
struct PoolShape: Sendable {
    let window: tamis_window
    let images: Int
    let channels: Int
    let scalarBytes: Int

    /// A window that slides over images x: N × spatial × C.
    init(_ geometry: WindowGeometry, _ x: Shape, scalarBytes: Int) {
        window = geometry.window(input: Array(x.dimensions[1..<x.rank - 1]))
        images = x[0]
        channels = x[x.rank - 1]
        self.scalarBytes = scalarBytes
    }

    /// One window that holds all pixels, whatever the number of spatial axes.
    init(whole x: Shape, scalarBytes: Int) {
        let pixels = x.dimensions[1..<x.rank - 1].reduce(1, *)
        window = tamis_window(
            input: (1, 1, pixels), output: (1, 1, 1), kernel: (1, 1, pixels), stride: (1, 1, 1), dilation: (1, 1, 1),
            pad: (0, 0, 0))
        images = x[0]
        channels = x[x.rank - 1]
        self.scalarBytes = scalarBytes
    }

    /// Lines of output width in one image.
    var rows: Int { window.output.0 * window.output.1 }
    /// Pixels of one input image.
    var pixels: Int { window.input.0 * window.input.1 * window.input.2 }
    var imageBytes: Int { pixels * channels * scalarBytes }
    /// Scalars of one output image.
    var outputScalars: Int { rows * window.output.2 * channels }
    var outputBytes: Int { outputScalars * scalarBytes }
    /// One for each tap of each output. Windows under padding can have 2⁶⁰ taps: too many for an Int.
    var operations: Double {
        let taps = Double(window.kernel.0) * Double(window.kernel.1) * Double(window.kernel.2)
        return Double(images * outputScalars) * taps
    }

    /// The forward work: `body` gets an image's number and a run of its output rows.
    func prepared(
        _ algorithm: String, slowness: Double = 4,
        body: @escaping @Sendable (PoolShape, borrowing Bindings, _ image: Int, _ rows: Range<Int>) -> Void
    ) -> Prepared {
        let tileRows = max(1, min(rows, (1 << 14) / max(1, window.output.2 * channels)))
        let tilesPerImage = (rows + tileRows - 1) / tileRows
        let rows = rows
        return Prepared(
            algorithm, tiles: images * tilesPerImage, operations: operations, slowness: slowness,
            bytes: images * (imageBytes + outputBytes)
        ) { [self] bindings, tiles in
            for tile in tiles {
                let first = tile % tilesPerImage * tileRows
                body(self, bindings, tile / tilesPerImage, first..<min(rows, first + tileRows))
            }
            return .done
        }
    }

    /// The same with rows of output pixels that may be written apart: `body` gets where the image's results go, and their
    /// distance.
    func preparedApart(
        _ algorithm: String,
        body:
            @escaping @Sendable (
                PoolShape, _ x: UnsafeRawPointer, _ rows: Range<Int>, _ y: UnsafeMutableRawPointer, _ ldy: Int
            ) -> Void
    ) -> Prepared {
        var prepared = prepared(algorithm) { shape, bindings, image, rows in
            let ldy = bindings.rowStride(of: shape.channels)
            let imageBytes = shape.rows * shape.window.output.2 * ldy * shape.scalarBytes
            body(
                shape, bindings.input(0) + image * shape.imageBytes, rows, bindings.output(0) + image * imageBytes, ldy)
        }
        prepared.rowElements = channels
        return prepared
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
    /// The type of pooled images of floats.
    func pooled(_ inputs: Operands, of operatorName: String) throws(ShapeError) -> ValueType {
        let (elementType, x) = try inputs.floats(0, "x", rank: rank + 2...rank + 2)
        return .tensor(elementType, try pooled(x, of: operatorName))
    }

    /// The dimensions of pooled images: N × spatial × C.
    func pooled(_ x: [Dimension], of operatorName: String) throws(ShapeError) -> [Dimension] {
        let spatial = try output(for: Array(x[1..<rank + 1]), of: operatorName)
        if case .explicit(let before, let after) = padding {
            for axis in 0..<rank where max(before[axis], after[axis]) > (kernel[axis] - 1) * dilation[axis] {
                throw .mismatch(
                    rule: "\(operatorName)'s padding must be smaller than its window of \(kernel)",
                    received: "\(before) and \(after)")
            }
        }
        return [x[0]] + spatial + [x[rank + 1]]
    }
}

extension Operands {
    /// The type of the gradient with respect to x, input 0, of a pool whose output y is input 1, and whose gradient dy is
    /// input 2; throws unless both are of the type `y`.
    func poolGradient(of y: ValueType) throws(ShapeError) -> ValueType {
        try expect(y, of: 1, "y")
        try expect(y, of: 2, "dy")
        return .tensor(y.elementType ?? .float32, try tensor(0, "x").dimensions)
    }
}
