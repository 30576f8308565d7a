import CTamisKernels
import TamisKernels

/// y = (x − mean) / √(variance + epsilon) · scale + bias, channel by channel, with given statistics. ONNX's
/// BatchNormalization on channel-last tensors.
///
/// x: … × C; scale, bias, mean, variance: C; y as x. Its training form takes the statistics of the batch.
public struct BatchNormalize: DifferentiableOperator, Hashable {
    /// Added to the variance.
    public let epsilon: Double
    /// How much of a running statistic stays at each step of training.
    public let momentum: Double
    /// Applied to each output.
    public let activation: Activation

    public init(epsilon: Double = 1e-5, momentum: Double = 0.9, activation: Activation = .linear) {
        self.epsilon = epsilon
        self.momentum = momentum
        self.activation = activation
    }

    public var kind: String { "BatchNormalization" }
    public var widensHalves: Bool { true }

    public var training: TrainingForm? {
        BatchNormalizeTraining(epsilon: epsilon, momentum: momentum).training
    }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        [try Self.checkedInput(inputs)]
    }

    /// The type of x, when scale, bias, mean and variance fit it.
    static func checkedInput(_ inputs: Operands) throws(ShapeError) -> ValueType {
        try inputs.expect(count: 5...5)
        let (elementType, x) = try inputs.floats(0, "x", rank: 2...64)
        for (index, role) in ["scale", "bias", "mean", "variance"].enumerated() {
            // Beside halves the statistics may be of float32: all are computed in that.
            if try inputs.tensor(index + 1, role).elementType != .float32 || !elementType.isHalf {
                try inputs.expect(elementType, of: index + 1, role)
            }
            let dimensions = try inputs.floats(index + 1, role, rank: 1...1).dimensions
            _ = try inputs.common(x[x.count - 1], dimensions[0], "channels, the last axis of x")
        }
        return .tensor(elementType, x)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let (rows, columns, size) = (
            x.shape.elementCount / max(1, x.shape[x.shape.rank - 1]), x.shape[x.shape.rank - 1], kernels.type.byteCount
        )
        let (epsilon, activation) = (epsilon, activation.kernel)
        let rowsPerTile = max(1, (1 << 14) / max(1, columns))
        // y = x · a + b with a = scale / √(variance + epsilon), b = bias − mean · a
        let coefficients = Prepared.Stage { bindings, _ in
            kernels.type.forEachIndex(columns) { c in
                let factor = c.read(bindings.input(1)) / (c.read(bindings.input(4)) + epsilon).squareRoot()
                c.write(factor, bindings.workspace)
                c.write(
                    c.read(bindings.input(2)) - c.read(bindings.input(3)) * factor, bindings.workspace + columns * size)
            }
            return .done
        }
        let apply = Prepared.Stage(
            tiles: (rows + rowsPerTile - 1) / rowsPerTile, bytes: 2 * rows * columns * size
        ) { bindings, tiles in
            let first = tiles.lowerBound * rowsPerTile
            let count = min(rows, tiles.upperBound * rowsPerTile) - first
            kernels.scale_shift(
                count, columns, bindings.input(0) + first * columns * size, columns, bindings.workspace,
                bindings.workspace + columns * size, activation, bindings.output(0) + first * columns * size, columns)
            return .done
        }
        return Prepared(
            "scale and shift", stages: [coefficients, apply], workspaceBytes: max(1, 2 * columns * size),
            inPlace: [Prepared.InPlace(output: 0, input: 0)])
    }

    public func fused(with activation: Activation) -> (any Operator)? {
        self.activation == .linear
            ? BatchNormalize(epsilon: epsilon, momentum: momentum, activation: activation) : nil
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard
            let dy = try activation.gradient(
                of: outputs[0], through: node, unfused: BatchNormalize(epsilon: epsilon, momentum: momentum), in: graph)
        else { return node.inputs.map { _ in nil } }
        guard !wanted[3], !wanted[4] else {
            throw .mismatch(
                rule: "BatchNormalization's statistics have no gradient; they must not be trainable",
                received: "trainable")
        }
        let gradients = try graph.append(
            BatchNormalizeGradient(epsilon: epsilon, hasBatchStatistics: false),
            [node.inputs[0], node.inputs[1], node.inputs[3], node.inputs[4], dy], name: "\(node.name)/gradient")
        return [gradients[0], gradients[1], gradients[2], nil, nil]
    }
}

extension ScalarType {
    /// One place in arrays of scalars of a type known when the program runs; for short vectors, not for images.
    struct Index {
        let type: ScalarType
        let index: Int

        func read(_ base: UnsafeRawPointer) -> Double {
            type == .float
                ? Double(base.load(fromByteOffset: index * 4, as: Float.self))
                : base.load(fromByteOffset: index * 8, as: Double.self)
        }

        func write(_ value: Double, _ base: UnsafeMutableRawPointer) {
            if type == .float {
                base.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
            } else {
                base.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
            }
        }
    }

    /// Calls `body` with each place of arrays of `count` scalars; what is computed there is computed in Double.
    func forEachIndex(_ count: Int, _ body: (Index) -> Void) {
        for index in 0..<count { body(Index(type: self, index: index)) }
    }
}
