import CTamisKernels
import TamisKernels

/// The mean of each window, channel by channel. ONNX's AveragePool on channel-last tensors.
///
/// x: N × spatial × C; y: N × spatial' × C.
public struct AveragePool: DifferentiableOperator, Hashable {
    /// How the window slides.
    public let window: WindowGeometry
    /// Whether padding counts as zeros, or not at all.
    public let countsPadding: Bool

    public init(window: WindowGeometry, countsPadding: Bool = false) {
        self.window = window
        self.countsPadding = countsPadding
    }

    public var kind: String { "AveragePool" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        return [try window.pooled(inputs, of: kind)]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let end = window.paddedEnd(x.shape)
        let countsPadding = countsPadding
        let shape = PoolShape(window, x.shape, scalarBytes: kernels.type.byteCount)
        return shape.preparedApart("sliding mean") { shape, x, rows, y, ldy in
            var window = shape.window
            withPointer(to: end) {
                kernels.average_pool(
                    &window, shape.channels, countsPadding, $0, x, rows.lowerBound, rows.count, y, ldy)
            }
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [
            try graph.call(
                AveragePoolGradient(window: window, countsPadding: countsPadding), x, dy, name: "\(node.name)/gradient")
        ]
    }
}

extension WindowGeometry {
    /// The padded extents of images of shape `x`, as the pooling kernels count them.
    func paddedEnd(_ x: Shape) -> (Int, Int, Int) {
        var ends = [Int](repeating: 1, count: 3)
        for axis in 0..<rank {
            let (before, after, _) = extents(axis: axis, input: x[axis + 1])
            ends[3 - rank + axis] = before + x[axis + 1] + after
        }
        return (ends[0], ends[1], ends[2])
    }
}

/// Lends a triple as the C array that it is.
func withPointer(to triple: (Int, Int, Int), _ body: (UnsafePointer<Int>) -> Void) {
    withUnsafeBytes(of: triple) { bytes in
        bytes.withMemoryRebound(to: Int.self) { if let base = $0.baseAddress { body(base) } }
    }
}
