import TamisKernels

/// y = x / (bias + alpha / size · Σ x² over the `size` channels around)^beta. ONNX's LRN on channel-last tensors.
///
/// x: N × spatial × C; y as x. Of an even number of channels, one more is looked at after than before. Krizhevsky, 2012.
public struct LocalResponseNormalize: DifferentiableOperator, Hashable {
    /// The channels that are looked at.
    public let size: Int
    /// The weight of their mean square.
    public let alpha: Double
    /// The power.
    public let beta: Double
    /// Added to the mean square.
    public let bias: Double

    public init(size: Int, alpha: Double = 0.0001, beta: Double = 0.75, bias: Double = 1) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias
    }

    public var kind: String { "LRN" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.floats(0, "x", rank: 2...64)
        guard size > 0 else { throw .mismatch(rule: "\(kind)'s size must be 1 or more", received: "\(size)") }
        return [.tensor(elementType, dimensions)]
    }

    /// The channels before and after, no more than there are.
    func reach(_ channels: Int) -> (before: Int, after: Int) {
        (min((size - 1) / 2, channels), min(size / 2, channels))
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool { inputs.hold(images, exactlyAt: [0]) }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let channels = x.shape[x.shape.rank - 1]
        let rows = x.shape.elementCount / max(1, channels)
        let bytes = kernels.type.byteCount
        let (before, after) = reach(channels)
        let (alpha, beta, bias) = (alpha / Double(size), beta, bias)
        let run = max(1, (1 << 13) / max(1, channels))
        return Prepared(
            "pixel by pixel", tiles: (rows + run - 1) / run,
            operations: Double(rows * channels) * Double(before + after + 3), slowness: 8,
            scratchBytes: (before + channels + after) * bytes, inPlace: [Prepared.InPlace(output: 0, input: 0)]
        ) { bindings, tiles in
            let first = tiles.lowerBound * run
            let offset = first * channels * bytes
            kernels.local_response(
                min(tiles.upperBound * run, rows) - first, channels, before, after, alpha, beta, bias,
                bindings.input(0) + offset, bindings.output(0) + offset, bindings.scratch)
            return .done
        }
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [
            try graph.call(LocalResponseNormalizeGradient(self), node.inputs[0], dy, name: "\(node.name)/gradient")
        ]
    }
}

/// The gradient of LocalResponseNormalize with respect to x, from x and dy. With s the base of the power:
/// dx = dy · s^−beta − 2 · alpha · beta / size · x · Σ dy · x · s^(−beta − 1), the sum over the channels that look at this one.
public struct LocalResponseNormalizeGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let operation: LocalResponseNormalize

    public init(_ operation: LocalResponseNormalize) { self.operation = operation }

    public var kind: String { "LRNGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let x = try operation.outputTypes(for: Operands([inputs.all[0]], operatorName: kind))
        try inputs.expect(x[0], of: 1, "dy")
        return x
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let channels = x.shape[x.shape.rank - 1]
        let rows = x.shape.elementCount / max(1, channels)
        guard let loop = x.elementType.visit(LocalResponseGradientLoop(operation: operation, channels: channels)) else {
            throw .unsupported(operator: kind, rule: "it computes with floats", received: x.elementType.rawValue)
        }
        let run = max(1, (1 << 11) / max(1, channels))
        return Prepared(
            "pixel by pixel", tiles: (rows + run - 1) / run,
            operations: Double(rows * channels) * Double(min(operation.size, channels)), slowness: 60,
            scratchBytes: 2 * channels * MemoryLayout<Double>.stride
        ) { bindings, tiles in
            for row in tiles.lowerBound * run..<min(tiles.upperBound * run, rows) { loop(bindings, row) }
            return .done
        }
    }
}

private struct LocalResponseGradientLoop: NumericVisitor {
    let operation: LocalResponseNormalize
    let channels: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, _ row: Int) -> Void {
        let (before, after) = operation.reach(channels)
        let (alpha, beta, bias) = (operation.alpha / Double(operation.size), operation.beta, operation.bias)
        return { [channels] bindings, row in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + row * channels
            let dy = bindings.input(1).assumingMemoryBound(to: Scalar.self) + row * channels
            let dx = bindings.output(0).assumingMemoryBound(to: Scalar.self) + row * channels
            // s^−beta, and dy · x · s^(−beta − 1)
            let powers = bindings.scratch.assumingMemoryBound(to: Double.self)
            let terms = powers + channels
            for channel in 0..<channels {
                var sum = 0.0
                for other in max(0, channel - before)...min(channels - 1, channel + after) {
                    sum += x[other].double * x[other].double
                }
                let base = bias + alpha * sum
                powers[channel] = Double.exp(-beta * Double.log(base))
                terms[channel] = dy[channel].double * x[channel].double * powers[channel] / base
            }
            for channel in 0..<channels {
                var sum = 0.0
                for other in max(0, channel - after)...min(channels - 1, channel + before) { sum += terms[other] }
                dx[channel] = Scalar(
                    nearest: dy[channel].double * powers[channel] - 2 * alpha * beta * x[channel].double * sum)
            }
        }
    }
}
