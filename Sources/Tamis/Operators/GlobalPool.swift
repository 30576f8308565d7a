import CTamisKernels
import TamisKernels

/// The mean, maximum or p-norm of all pixels of an image, channel by channel. ONNX's GlobalAveragePool, GlobalMaxPool and
/// GlobalLpPool on channel-last tensors.
///
/// x: N × spatial × C; y: N × 1 … 1 × C.
public struct GlobalPool: DifferentiableOperator, Hashable {
    /// What is made of the pixels.
    public enum Function: Hashable, Sendable {
        /// Σ x / pixels
        case average
        /// max x
        case maximum
        /// (Σ |x|ᵖ)^(1/p)
        case norm(p: Int)
    }

    /// What is made of the pixels.
    public let function: Function

    public init(_ function: Function) { self.function = function }

    public var kind: String {
        switch function {
        case .average: "GlobalAveragePool"
        case .maximum: "GlobalMaxPool"
        case .norm: "GlobalLpPool"
        }
    }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        return [try pooled(inputs, of: kind)]
    }

    /// The type of the pooled images that are input 0.
    func pooled(_ inputs: Operands, of operatorName: String) throws(ShapeError) -> ValueType {
        if case .norm(let p) = function { try LpPool.checkPower(p, of: operatorName) }
        let (elementType, x) = try inputs.tensor(0, "x", rank: 2...64)
        guard elementType.isFloat else {
            throw .elementType(rule: "\(operatorName)'s x must be floats", received: elementType)
        }
        return .tensor(elementType, x.map { [$0[0]] + Array(repeating: 1, count: $0.count - 2) + [$0[$0.count - 1]] })
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let shape = PoolShape(whole: x.shape, scalarBytes: kernels.type.byteCount)
        switch function {
        case .average: return mean(shape, kernels)
        case .norm(let p): return shape.norm(p, kernels)
        case .maximum:
            return shape.preparedApart("maximum of all pixels") { shape, x, rows, y, ldy in
                var window = shape.window
                kernels.max_pool(&window, shape.channels, x, rows.lowerBound, rows.count, y, ldy)
            }
        }
    }

    /// Sums of chunks of pixels, then their sums in order over the number of pixels.
    private func mean(_ shape: PoolShape, _ kernels: KernelTable) -> Prepared {
        let (pixels, channels) = (shape.pixels, shape.channels)
        let reduction = RowReduction(rows: pixels, columns: channels)
        let (chunks, rowBytes) = (reduction.chunks, channels * kernels.type.byteCount)
        let sum = Prepared.Stage(
            tiles: shape.images * chunks, operations: shape.operations, bytes: shape.images * shape.imageBytes
        ) { bindings, tiles in
            for tile in tiles {
                let (first, count) = reduction.rows(of: tile % chunks)
                kernels.sum_rows(
                    count, channels, bindings.input(0) + tile / chunks * shape.imageBytes + first * rowBytes, channels,
                    bindings.workspace + tile * rowBytes)
            }
            return .done
        }
        let finish = Prepared.Stage(bytes: shape.images * (chunks + 1) * rowBytes) { bindings, _ in
            for image in 0..<shape.images {
                let y = bindings.output(0) + image * rowBytes
                kernels.sum_rows(chunks, channels, bindings.workspace + image * chunks * rowBytes, channels, y)
                kernels.type.forEachIndex(channels) { $0.write($0.read(y) / Double(pixels), y) }
            }
            return .done
        }
        return Prepared(
            "mean of all pixels", stages: [sum, finish], workspaceBytes: max(1, shape.images * chunks * rowBytes))
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [
            try graph.call(GlobalPoolGradient(function), x, node.outputs[0], dy, name: "\(node.name)/gradient")
        ]
    }
}
